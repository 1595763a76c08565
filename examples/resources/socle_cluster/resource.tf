resource "socle_cluster" "prod" {
  name               = "prod"
  kubernetes_version = "1.37.2"

  nodes = {
    "prod-cp-1" = { role = "control-plane", address = "203.0.113.11", host_key = null }
    "prod-cp-2" = { role = "control-plane", address = "203.0.113.12", host_key = null }
    "prod-cp-3" = { role = "control-plane", address = "203.0.113.13", host_key = null }
    "prod-w-1" = {
      role     = "worker"
      address  = "203.0.113.21"
      host_key = null
      labels   = { disk = "ssd" }
    }
  }

  network {
    mode = "wireguard"
    pods = "routed"
  }

  api_server {
    extra_args = { "event-ttl" = "2h" }
  }
}
