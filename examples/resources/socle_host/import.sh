# By user, address and port; the key must be in known_hosts of the provider's ssh block.
terraform import socle_host.web admin@203.0.113.11
