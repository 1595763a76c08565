# Staging adds its names to the zone that production's state owns.
data "socle_dns_zone" "main" {
  name = "example.social"
}

resource "socle_dns_records" "staging" {
  zone_id = data.socle_dns_zone.main.id

  records = {
    "staging"     = { type = "A", values = ["203.0.113.40"] }
    "api.staging" = { type = "CNAME", ttl = 60, values = ["staging.example.social."] }
  }
}
