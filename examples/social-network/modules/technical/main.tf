# What watches the other environments: Prometheus with the alerts that matter, on the technical cluster.

terraform {
  required_version = ">= 1.11"
  required_providers {
    socle = {
      source  = "socle-platform/socle"
      version = "~> 0.1"
    }
  }
}

resource "socle_manifests" "observability" {
  name      = "observability"
  access    = var.access
  namespace = "observability"
  documents = templatefile("${path.module}/prometheus.yaml.tftpl", {
    image   = var.image
    targets = var.targets
    alerts  = file("${path.module}/alerts.yaml")
  })
}
