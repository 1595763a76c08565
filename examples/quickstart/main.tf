# The quickstart: from two servers and a domain to a published service with a database whose backups are proved.
# `make quickstart` applies it to a sandbox on this machine; README.md beside it tells what real servers need.

terraform {
  required_version = ">= 1.11"
  required_providers {
    socle = { source = "socle-platform/socle" }
  }
}

# AWS and Vault are found by their usual variables (AWS_PROFILE, AWS_ENDPOINT_URL, VAULT_ADDR, VAULT_TOKEN, …).
provider "socle" {
  ssh {
    user        = var.ssh_user
    private_key = file(var.private_key_file)
  }
}

locals {
  web      = var.servers["server-1"]
  database = var.servers["server-2"]
  open = {
    server-1 = { http = { port = 80, from = ["0.0.0.0/0"] } }
    server-2 = { postgresql = { port = 5432, from = ["${local.web.address}/32"] } }
  }
}

# Both servers are hardened and closed; one stays fit to be a node of Kubernetes, the other lets that node in.
resource "socle_host" "server" {
  for_each = var.servers
  address  = each.value.address
  host_key = each.value.host_key
  hardening {
    profile         = var.hardening_profile
    kubernetes_node = each.key == "server-1"
  }
  firewall {
    ssh_from = var.admin_networks
    open     = local.open[each.key]
  }
}

resource "socle_cluster" "main" {
  depends_on         = [socle_host.server]
  name               = "quickstart"
  kubernetes_version = var.kubernetes_version
  bundles            = var.bundles
  nodes = {
    web = { role = "control-plane", address = local.web.address, host_key = local.web.host_key, taints = [] }
  }
  api_from                = var.admin_networks
  deletion_protection     = false
  ignore_preflight_errors = try(var.nested_kubernetes.ignore_preflight_errors, [])
  kubelet { extra_config = try(var.nested_kubernetes.kubelet, {}) }
  kube_proxy { extra_config = try(var.nested_kubernetes.kube_proxy, {}) }
  container_runtime { extra_config = try(var.nested_kubernetes.container_runtime, {}) }
}

# Ansible makes the database server: the role `postgresql` of the collection, and a few users in a table.
resource "terraform_data" "database" {
  triggers_replace = [local.database.address, filesha256("${path.module}/database.yml"), socle_host.server["server-2"].id]
  provisioner "local-exec" {
    command = "${path.module}/database.sh"
    environment = {
      ADDRESS     = local.database.address
      HOST_KEY    = local.database.host_key
      SSH_USER    = var.ssh_user
      PRIVATE_KEY = var.private_key_file
      CLIENTS     = "${local.web.address}/32"
    }
  }
}

resource "socle_backup_store" "main" {
  bucket           = "${replace(var.domain, ".", "-")}-backups"
  keep_deleted_for = "30d"
  force_destroy    = var.sandbox
  tls_only         = !var.sandbox
}

resource "socle_backup_policy" "database" {
  depends_on     = [terraform_data.database]
  name           = "social"
  location       = socle_backup_store.main.location
  schedule       = "15 2 * * *"
  time_zone      = "Europe/Paris"
  initial_backup = "wait"
  retention {
    daily  = 7
    weekly = 5
  }
  encryption_password_vault {
    mount = "secret"
    path  = "quickstart/backup"
    field = "password"
  }
  credentials_vault {
    mount            = "secret"
    path             = "quickstart/backup"
    access_key_field = "access_key"
    secret_key_field = "secret_key"
  }
  host {
    address  = local.database.address
    host_key = local.database.host_key
  }
  postgresql {
    databases = ["social"]
  }
  drill {
    schedule = "0 5 * * 0"
    query {
      sql    = "select count(*) > 0 from users"
      expect = "t"
    }
  }
}

# The web service: two replicas behind a name, which read the database. Its password comes from Vault, by version.
resource "socle_manifests" "web" {
  depends_on = [terraform_data.database]
  name       = "web"
  access     = socle_cluster.main.access
  namespace  = "social"
  documents = templatefile("${path.module}/web.yaml", {
    images   = var.images
    host     = "www.${var.domain}"
    database = local.database.address
  })
  secret {
    name = "database"
    data_vault {
      mount = "secret"
      path  = "quickstart/database"
    }
  }
}

# The domain moves to Route 53 with all that its registrar had; the names of the site point at the server.
resource "socle_dns_zone" "main" {
  name = var.domain
  records = merge(
    provider::socle::parse_zone_file(file(coalesce(var.zone_file, "${path.module}/example.social.zone")), var.domain),
    { for name in ["@", "www"] : "${name} A" => { name = name, type = "A", ttl = 300, values = [local.web.address] } },
  )
  ignore_records = ["_acme-challenge.*"] # what certificate issuers write is never touched
}
