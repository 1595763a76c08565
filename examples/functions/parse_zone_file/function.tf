# Each record set of the file, by its label: "www A", "@ MX".
output "records" {
  value = provider::socle::parse_zone_file(file("${path.module}/example.social.zone"), "example.social")
}
