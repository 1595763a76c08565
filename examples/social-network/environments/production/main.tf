# Production owns the zone: the other environments add names of their own to it.

locals {
  zone_file = "${path.module}/${var.domain}.zone"
}

module "zone" {
  source = "../../modules/zone"

  domain    = var.domain
  zone_file = fileexists(local.zone_file) ? file(local.zone_file) : null
  records   = merge(module.environment.records, var.records)
}

module "environment" {
  source = "../../modules/environment"

  name           = "production"
  hostname       = "@"
  servers        = var.servers
  prepared_by    = var.prepared_by
  administrators = var.administrators
  kubernetes     = var.kubernetes
  release        = var.release
}

module "backup" {
  source = "../../modules/backup"
  count  = var.backup_bucket == null ? 0 : 1

  environment = "production"
  bucket      = var.backup_bucket
  host        = module.environment.database
}

output "name_servers" {
  description = "What to enter at the registrar, once the zone answers as the old one did."
  value       = module.zone.name_servers
}

output "servers" {
  description = "The servers, for the inventory of Ansible."
  value       = module.environment.servers
}
