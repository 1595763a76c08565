# By the name of the bucket. What it lacks to be safe shows in the next plan.
terraform import socle_backup_store.main example-social-backups
