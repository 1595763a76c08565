# For what watches and controls the other environments.

data "socle_dns_zone" "production" {
  name = var.domain
}

resource "socle_dns_records" "technical" {
  zone_id = data.socle_dns_zone.production.id
  records = merge(module.environment.records, var.records)
}

module "environment" {
  source = "../../modules/environment"

  name           = "technical"
  hostname       = "technical"
  servers        = var.servers
  prepared_by    = var.prepared_by
  administrators = var.administrators
  kubernetes     = var.kubernetes
}

module "observability" {
  source = "../../modules/technical"
  count  = length(var.servers) > 0 ? 1 : 0

  access  = module.environment.access
  targets = var.targets
}

output "servers" {
  description = "The servers, for the inventory of Ansible."
  value       = module.environment.servers
}
