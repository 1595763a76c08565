# Everything of an application is one resource: the plan shows each object, and the apply waits until all are ready.
variable "database_password" {
  type      = string
  ephemeral = true
}

resource "socle_manifests" "web" {
  name            = "web"
  kubeconfig_path = "~/.kube/config"
  namespace       = "social"
  documents       = file("${path.module}/web.yaml")

  secret {
    name            = "database"
    data_wo         = { password = var.database_password }
    data_wo_version = 1
  }

  timeouts {
    create = "15m"
  }
}
