resource "socle_backup_store" "main" {
  bucket           = "example-social-backups"
  keep_deleted_for = "30d"

  tags = {
    environment = "production"
  }
}
