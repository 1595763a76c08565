output "id" {
  description = "The id of the hosted zone."
  value       = socle_dns_zone.this.id
}

output "name_servers" {
  description = "What to enter at the registrar, once the zone answers as the old one did."
  value       = socle_dns_zone.this.name_servers
}

output "record_sets" {
  description = "What the zone answers for."
  value       = socle_dns_zone.this.record_sets
}
