output "records" {
  description = "The names of the environment, for whoever owns the zone: a map as `records` takes it."
  value = length(local.entries) == 0 ? {} : {
    "${var.hostname} A" = {
      name   = var.hostname
      type   = "A"
      ttl    = 300
      values = sort([for server in local.entries : server.address])
    }
  }
}

output "servers" {
  description = "Every server, as the inventory plugin of the Ansible collection reads it."
  value       = terraform_data.servers.output
}

output "database" {
  description = "Where the database's server is, for its backups; null without one."
  value = try(one([
    for name, server in local.database : { address = server.address, host_key = local.host_keys[name], user = var.user }
  ]), null)
}

output "access" {
  description = "How to reach the cluster: no secret is in it; null without one."
  value       = one(socle_cluster.main[*].access)
}
