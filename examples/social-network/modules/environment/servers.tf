# The servers: hardened, and closed but for what their role needs.

terraform {
  required_version = ">= 1.11"
  required_providers {
    socle = {
      source  = "socle-platform/socle"
      version = "~> 0.1"
    }
  }
}

locals {
  nodes    = { for name, server in var.servers : name => server if server.role != "database" }
  workers  = { for name, server in local.nodes : name => server if server.role == "worker" }
  database = { for name, server in var.servers : name => server if server.role == "database" }

  # The servers that the public reaches; a small environment has no workers.
  entries = length(local.workers) > 0 ? local.workers : local.nodes

  # From here on each server is used by the one key that its first contact, or its owner, said.
  host_keys = {
    for name, server in var.servers :
    name => var.prepared_by == "terraform" ? socle_host.server[name].accepted_host_key : server.host_key
  }

  everywhere = ["0.0.0.0/0", "::/0"]
  peers      = [for server in local.nodes : "${coalesce(server.private_address, server.address)}/32"]
}

resource "socle_host" "server" {
  for_each = var.prepared_by == "terraform" ? var.servers : {}

  address         = each.value.address
  host_key        = each.value.host_key
  private_address = each.value.private_address
  user            = var.user

  bootstrap {
    accept_new_host_key = each.value.host_key == null
  }

  hardening {
    profile         = var.hardening.profile
    exceptions      = var.hardening.exceptions
    kubernetes_node = each.value.role != "database"
  }

  firewall {
    ssh_from = var.administrators
    open = merge(
      contains(keys(local.entries), each.key) ? { http = { port = 80, from = local.everywhere } } : {},
      each.value.role == "database" && length(local.peers) > 0 ? { postgresql = { port = 5432, from = local.peers } } : {},
    )
  }
}

# A resource, so that Ansible's inventory can be had before there is anything else: see the README.
resource "terraform_data" "servers" {
  input = {
    for name, server in var.servers : name => {
      address         = server.address
      user            = var.user
      host_key        = local.host_keys[name]
      private_address = server.private_address
      groups          = [replace(var.name, "-", "_"), replace(server.role, "-", "_")]
    }
  }
}
