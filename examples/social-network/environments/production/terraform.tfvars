# Production, in public documentation addresses: put yours in their place. Nothing here is secret.
domain         = "example.social"
administrators = ["198.51.100.0/24"]

servers = {
  "production-cp-1" = { role = "control-plane", address = "203.0.113.11" }
  "production-cp-2" = { role = "control-plane", address = "203.0.113.12" }
  "production-cp-3" = { role = "control-plane", address = "203.0.113.13" }
  "production-w-1"  = { role = "worker", address = "203.0.113.21" }
  "production-w-2"  = { role = "worker", address = "203.0.113.22" }
  "production-db"   = { role = "database", address = "203.0.113.31" }
}

release = {
  image    = "registry.example.social/social:1.4.2"
  replicas = 4
}

backup_bucket = "example-social-production-backups"
