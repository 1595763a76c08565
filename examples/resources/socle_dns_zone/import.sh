# By the id of the zone. Every record set in it is taken over.
terraform import socle_dns_zone.main Z0123456789ABCDEFGHIJ

# With an `import` block, Terraform writes the configuration of the zone itself. OpenTofu leaves out the quotes that map keys
# such as "www A" need (opentofu/opentofu#3978): there, put them in by hand.
terraform plan -generate-config-out=zone.tf
