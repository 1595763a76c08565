variable "environment" {
  description = "The name of the environment; its folder in Vault holds `backup` with `password`, `access_key` and `secret_key`."
  type        = string
}

variable "bucket" {
  description = "The bucket that is made for the backups; its name is unique in the world."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "3 to 63 lower-case letters, digits and hyphens, such as `example-social-staging-backups`."
  }
}

variable "host" {
  description = "The database's server."
  type = object({
    address  = string
    host_key = optional(string)
    user     = optional(string)
  })
}

variable "databases" {
  description = "The databases to back up."
  type        = list(string)
  default     = ["social"]
}

variable "keep_deleted_for" {
  description = "How long what was deleted or overwritten stays readable, such as `30d`."
  type        = string
  default     = "30d"
}

variable "schedule" {
  description = "When a backup is made: five fields of cron, in `time_zone`."
  type        = string
  default     = "15 2 * * *"
}

variable "drill_schedule" {
  description = "When a backup is restored into a throwaway place and asked: five fields of cron, in `time_zone`."
  type        = string
  default     = "0 5 * * 0"
}

variable "drill_query" {
  description = "What the restored database is asked; it must answer `t`."
  type        = string
  default     = "select count(*) > 0 from users"
}

variable "time_zone" {
  description = "The time zone of schedules and retention, by its IANA name."
  type        = string
  default     = "Europe/Paris"
}
