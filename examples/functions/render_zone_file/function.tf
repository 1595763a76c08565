# A copy of the zone that any name server can load.
resource "local_file" "zone" {
  filename = "${path.module}/example.social.zone"
  content  = provider::socle::render_zone_file(socle_dns_zone.main.records, "example.social")
}
