# The quickstart: one root module. `make quickstart` applies it to a sandbox on this machine; with credentials of your own
# and your domain in a variables file it is the same on AWS.

terraform {
  required_version = ">= 1.11"
  required_providers {
    socle = {
      source = "socle-platform/socle"
    }
  }
}

# How to reach AWS comes from the environment: the sandbox prints it, a real account has its own.
provider "socle" {}

variable "domain" {
  description = "The domain, bought anywhere."
  type        = string
  default     = "example.social"
}

variable "zone_file" {
  description = "What its registrar exports: a zone file. Default: the one beside this module."
  type        = string
  default     = null
}

variable "web_address" {
  description = "The address that the site is served from."
  type        = string
  default     = "203.0.113.10"
}

locals {
  zone_file = file(coalesce(var.zone_file, "${path.module}/example.social.zone"))
}

# The domain moves to Route 53 with all that it had; the names of the site point at the new server.
resource "socle_dns_zone" "main" {
  name = var.domain

  records = merge(
    provider::socle::parse_zone_file(local.zone_file, var.domain),
    {
      "@ A"   = { name = "@", type = "A", ttl = 300, values = [var.web_address] }
      "www A" = { name = "www", type = "A", ttl = 300, values = [var.web_address] }
    }
  )

  # What certificate issuers write is never touched.
  ignore_records = ["_acme-challenge.*"]
}

check "site" {
  assert {
    condition     = contains(keys(socle_dns_zone.main.record_sets), "www A")
    error_message = "The zone ${var.domain} has no name www."
  }
}

output "name_servers" {
  description = "To be set at the registrar, when the zone answers as the old one did."
  value       = socle_dns_zone.main.name_servers
}

output "records" {
  description = "What the zone answers."
  value       = sort(keys(socle_dns_zone.main.record_sets))
}

output "zone_file" {
  description = "The zone as a file that any other name server can load."
  value       = provider::socle::render_zone_file(socle_dns_zone.main.record_sets, var.domain)
}
