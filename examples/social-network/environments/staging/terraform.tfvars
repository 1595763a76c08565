# Staging: production on one node, and a database.
domain         = "example.social"
administrators = ["198.51.100.0/24"]

servers = {
  "staging-cp-1" = { role = "control-plane", address = "203.0.113.41" }
  "staging-db"   = { role = "database", address = "203.0.113.42" }
}

release = {
  image    = "registry.example.social/social:1.5.0"
  replicas = 1
}

backup_bucket = "example-social-staging-backups"
