# `access` comes from the configuration that owns the cluster; no secret is in it.
data "terraform_remote_state" "platform" {
  backend = "local"
  config  = { path = "../platform/terraform.tfstate" }
}

data "socle_cluster" "prod" {
  access = data.terraform_remote_state.platform.outputs.access

  lifecycle {
    postcondition {
      condition     = alltrue([for status in values(self.node_status) : status.ready])
      error_message = "A node of the cluster is not ready."
    }
  }
}
