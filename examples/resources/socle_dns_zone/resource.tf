resource "socle_dns_zone" "main" {
  name = "example.social"

  # What the registrar exported comes first; an entry of the same label replaces one of it.
  records = merge(
    provider::socle::parse_zone_file(file("${path.module}/example.social.zone"), "example.social"),
    {
      "@ A"    = { name = "@", type = "A", ttl = 300, values = ["203.0.113.10"] }
      "@ MX"   = { name = "@", type = "MX", values = ["10 mx.example.social."] }
      "api-eu" = { name = "api", type = "A", values = ["203.0.113.20"], set_identifier = "eu", routing = { weight = 90 } }
      "api-us" = { name = "api", type = "A", values = ["198.51.100.20"], set_identifier = "us", routing = { weight = 10 } }
      "cdn"    = { type = "A", alias = { name = "d1.cloudfront.net.", zone_id = "Z2FDTNDATAQYW2" } }
    }
  )

  # What certificate issuers write is never touched.
  ignore_records = ["_acme-challenge.*"]

  tags = {
    environment = "production"
  }
}

# To be set at the registrar.
output "name_servers" {
  value = socle_dns_zone.main.name_servers
}
