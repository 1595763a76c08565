resource "socle_host" "web" {
  address = "203.0.113.11"
  user    = "admin"

  # A freshly rented server: its key is taken on trust at the first contact, and is the only one from then on.
  host_key = null
  bootstrap {
    user                = "root"
    accept_new_host_key = true
  }

  hardening {
    profile = "anssi-intermediary"
    exceptions = {
      "ssh.tcp-forwarding" = "bastion host"
    }
  }

  firewall {
    ssh_from = ["198.51.100.0/24"]
    open = {
      https = { port = 443, from = ["0.0.0.0/0"] }
    }
  }
}

# What was found changed by hand at the last refresh.
output "drifted" {
  value = [for id, state in socle_host.web.controls : id if state == "drifted"]
}
