# What production is, smaller. Another environment is a copy of this folder with another name in it: see the README.

data "socle_dns_zone" "production" {
  name = var.domain
}

# In production's zone, and only its own names in it.
resource "socle_dns_records" "staging" {
  zone_id = data.socle_dns_zone.production.id
  records = merge(module.environment.records, var.records)
}

module "environment" {
  source = "../../modules/environment"

  name           = "staging"
  hostname       = "staging"
  servers        = var.servers
  prepared_by    = var.prepared_by
  administrators = var.administrators
  kubernetes     = var.kubernetes
  release        = var.release
}

module "backup" {
  source = "../../modules/backup"
  count  = var.backup_bucket == null ? 0 : 1

  environment = "staging"
  bucket      = var.backup_bucket
  host        = module.environment.database
}

output "servers" {
  description = "The servers, for the inventory of Ansible."
  value       = module.environment.servers
}
