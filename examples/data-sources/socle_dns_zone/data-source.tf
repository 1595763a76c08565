data "socle_dns_zone" "main" {
  name = "example.social"
}

output "mail_servers" {
  value = data.socle_dns_zone.main.record_sets["@ MX"].values
}
