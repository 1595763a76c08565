output "bucket" {
  description = "Where the backups are."
  value       = socle_backup_store.main.bucket
}
