# The cluster on those servers that are nodes.

resource "socle_cluster" "main" {
  count = length(local.nodes) > 0 ? 1 : 0

  name               = var.name
  kubernetes_version = var.kubernetes.version
  bundles            = var.kubernetes.bundles

  nodes = {
    for name, server in local.nodes : name => {
      role            = server.role
      address         = server.address
      private_address = server.private_address
      host_key        = local.host_keys[name]
      user            = var.user
      labels          = server.labels
      # Without workers, the control planes take the workloads.
      taints = server.role == "control-plane" && length(local.workers) == 0 ? [] : null
    }
  }

  network {
    mode = var.kubernetes.network
  }

  # The application is published on port 80 of every node; none of the node's own ports is in this range.
  api_server {
    extra_args = { "service-node-port-range" = "80-443" }
  }

  api_from            = length(var.administrators) > 0 ? var.administrators : null
  deletion_protection = var.kubernetes.protected
}
