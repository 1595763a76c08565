output "objects" {
  description = "What runs, and whether it is ready."
  value       = { for name, object in socle_manifests.observability.objects : name => object.ready }
}
