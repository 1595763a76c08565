# A domain as its registrar exported it, with the names of this platform in place of those that moved.

terraform {
  required_version = ">= 1.11"
  required_providers {
    socle = {
      source  = "socle-platform/socle"
      version = "~> 0.1"
    }
  }
}

resource "socle_dns_zone" "this" {
  name = var.domain

  records = merge(
    var.zone_file == null ? {} : provider::socle::parse_zone_file(var.zone_file, var.domain),
    var.records,
  )

  # Other environments add names of their own (`socle_dns_records`); certificate issuers write theirs.
  unmanaged_records = "keep"
  ignore_records    = ["_acme-challenge.*"]
}
