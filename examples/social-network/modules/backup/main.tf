# The database, backed up by a timer of its own server, and proved by drills.

terraform {
  required_version = ">= 1.11"
  required_providers {
    socle = {
      source  = "socle-platform/socle"
      version = "~> 0.1"
    }
  }
}

resource "socle_backup_store" "main" {
  bucket           = var.bucket
  keep_deleted_for = var.keep_deleted_for
}

resource "socle_backup_policy" "database" {
  name           = "${var.environment}-database"
  location       = socle_backup_store.main.location
  prefix         = "database"
  schedule       = var.schedule
  time_zone      = var.time_zone
  initial_backup = "start"

  retention {
    last    = 3
    daily   = 7
    weekly  = 5
    monthly = 12
  }

  # Both are made by hand, once, in Vault; the guide "GitLab and Vault" says how.
  encryption_password_vault {
    mount = "secret"
    path  = "${var.environment}/backup"
    field = "password"
  }
  credentials_vault {
    mount            = "secret"
    path             = "${var.environment}/backup"
    access_key_field = "access_key"
    secret_key_field = "secret_key"
  }

  host {
    address  = var.host.address
    host_key = var.host.host_key
    user     = var.host.user
  }

  postgresql {
    databases = var.databases
  }

  drill {
    schedule = var.drill_schedule
    query {
      sql    = var.drill_query
      expect = "t"
    }
  }
}

# A warning in every plan while the newest backup is too old; a `postcondition` in its place would fail the plan.
check "backed_up" {
  data "socle_backup_status" "database" {
    name = socle_backup_policy.database.name
    host {
      address  = var.host.address
      host_key = var.host.host_key
      user     = var.host.user
    }
  }

  assert {
    condition = timecmp(
      timeadd(coalesce(data.socle_backup_status.database.last_success_at, "1970-01-01T00:00:00Z"), "26h"), plantimestamp()
    ) > 0
    error_message = "The newest backup of ${var.environment} is older than 26 hours."
  }
}
