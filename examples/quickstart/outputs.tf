data "socle_backup_status" "database" {
  depends_on = [socle_backup_policy.database]
  name       = "social"
  host {
    address  = local.database.address
    host_key = local.database.host_key
  }
}

check "healthy" {
  assert {
    condition     = alltrue([for node in socle_cluster.main.node_status : node.ready])
    error_message = "A node of the cluster is not ready."
  }
  assert {
    condition     = alltrue([for object in socle_manifests.web.objects : object.ready])
    error_message = "Something of the web service is not ready."
  }
  assert {
    condition     = data.socle_backup_status.database.last_drill.ok
    error_message = "The last drill did not prove the backup: ${data.socle_backup_status.database.name}."
  }
  assert {
    condition     = !contains(concat([for host in socle_host.server : values(host.controls)]...), "drifted")
    error_message = "A server is not as hardened as it should be."
  }
}

output "site" {
  description = "The site, once the domain is delegated."
  value       = "http://www.${var.domain}/"
}

output "address" {
  description = "Where the site answers."
  value       = local.web.address
}

output "name_servers" {
  description = "To be set at the registrar, when the zone answers as the old one did."
  value       = socle_dns_zone.main.name_servers
}

output "records" {
  description = "What the zone answers."
  value       = sort(keys(socle_dns_zone.main.record_sets))
}

output "backup" {
  description = "The newest backup, and what the last drill measured."
  value       = data.socle_backup_status.database
}

output "hardening" {
  description = "How many controls of each server are in which state."
  value = { for name, host in socle_host.server :
    name => { for state in distinct(values(host.controls)) : state => length([for s in values(host.controls) : s if s == state]) }
  }
}
