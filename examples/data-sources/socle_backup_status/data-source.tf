data "socle_backup_status" "database" {
  name = "social-db"

  host {
    address  = "203.0.113.11"
    host_key = null # `known_hosts` of the provider's `ssh` block knows it
  }

  # The plan fails, and with it the pipeline, when the newest backup is too old.
  lifecycle {
    postcondition {
      condition     = timecmp(timeadd(coalesce(self.last_success_at, "1970-01-01T00:00:00Z"), "26h"), plantimestamp()) > 0
      error_message = "The newest backup of social-db is older than 26 hours: ${jsonencode(self.last_run)}"
    }
  }
}
