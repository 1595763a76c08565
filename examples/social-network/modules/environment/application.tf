# The social network itself. A rollback is a revert of the commit that changed `release`: Terraform then wants the old
# image again.

locals {
  deployed = length(local.nodes) > 0 && var.release != null
}

resource "socle_manifests" "social" {
  count = local.deployed ? 1 : 0

  name      = "social"
  access    = socle_cluster.main[0].access
  namespace = "social"
  documents = templatefile("${path.module}/social.yaml.tftpl", {
    tracks = merge(
      { stable = { image = var.release.image, replicas = var.release.replicas } },
      var.release.canary == null ? {} : { canary = var.release.canary },
    )
    database = try(one(values(local.database)).address, "localhost")
  })

  # Name and password of the database's user: written into Vault by whoever made the database, and read from there.
  secret {
    name = "database"
    data_vault {
      mount = "secret"
      path  = "${var.name}/database"
    }
  }
}
