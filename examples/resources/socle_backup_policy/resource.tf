resource "socle_backup_policy" "database" {
  name      = "social-db"
  location  = socle_backup_store.main.location
  schedule  = "15 2 * * *"
  time_zone = "Europe/Paris"

  host {
    address  = "203.0.113.11"
    host_key = null # `known_hosts` of the provider's `ssh` block knows it
  }

  postgresql {
    databases = ["social"]
  }

  retention {
    last    = 3
    daily   = 7
    weekly  = 5
    monthly = 12
  }

  # A rotation in Vault shows as a change; the next apply gives the repository its new key, then removes the old one.
  encryption_password_vault {
    mount = "secret"
    path  = "backup/social-db"
    field = "password"
  }

  # A key of its own. Keep a copy of this password offline, for the day on which Vault itself is lost.
  recovery_password_vault {
    mount = "secret"
    path  = "backup/offline"
    field = "password"
  }

  credentials_vault {
    mount            = "secret"
    path             = "backup/s3"
    access_key_field = "id"
    secret_key_field = "key"
  }

  drill {
    schedule = "0 5 * * 0"
    max_rpo  = "26h"
    max_rto  = "2h"

    query {
      sql    = "select count(*) > 0 from users"
      expect = "t"
    }
  }
}
