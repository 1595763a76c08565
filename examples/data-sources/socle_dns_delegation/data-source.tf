# The zone as it stood at the old provider, now also in Route 53.
resource "socle_dns_zone" "main" {
  name    = "example.social"
  records = provider::socle::parse_zone_file(file("example.social.zone"), "example.social")
}

# Is the registrar already pointing at Route 53, and would anybody notice the move?
data "socle_dns_delegation" "main" {
  name         = socle_dns_zone.main.name
  name_servers = socle_dns_zone.main.name_servers
  records      = socle_dns_zone.main.record_sets
}

check "ready_to_move" {
  assert {
    condition     = !data.socle_dns_delegation.main.ds_present
    error_message = "Have the registrar remove the DS record first: behind it, the moved zone would answer SERVFAIL."
  }

  assert {
    condition     = length(data.socle_dns_delegation.main.differences) == 0
    error_message = "Old and new servers differ: ${jsonencode(data.socle_dns_delegation.main.differences)}"
  }
}

output "moved" {
  value = data.socle_dns_delegation.main.delegated
}
