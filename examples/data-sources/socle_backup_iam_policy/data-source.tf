data "socle_backup_iam_policy" "database" {
  location = socle_backup_store.main.location
  prefix   = "social-db"
}

resource "aws_iam_user_policy" "database" {
  name   = "backup-social-db"
  user   = aws_iam_user.backup.name
  policy = data.socle_backup_iam_policy.database.json
}
