variable "domain" {
  description = "The domain of the whole network."
  type        = string
}

variable "servers" {
  description = "The rented servers of this environment: see `modules/environment`."
  type        = any
  default     = {}
}

variable "prepared_by" {
  description = "Who hardens the servers: `terraform`, or `ansible`, run before."
  type        = string
  default     = "terraform"
}

variable "administrators" {
  description = "The networks from which administrators and the pipeline come."
  type        = list(string)
  default     = []
}

variable "known_hosts" {
  description = "The text of a `known_hosts` file, for servers without a `host_key`. Default: none."
  type        = string
  default     = ""
}

variable "kubernetes" {
  description = "The release of Kubernetes and how its nodes are joined: see `modules/environment`."
  type        = any
  default     = { version = "1.37.2" }
}

variable "release" {
  description = "The application that runs, and a canary beside it: see `modules/environment`. Default: none runs yet."
  type        = any
  default     = null
}

variable "backup_bucket" {
  description = "The bucket that is made for the backups of the database. Default: no backups."
  type        = string
  default     = null
}

variable "records" {
  description = "Further record sets, by the label `NAME TYPE`, each with `name`, `type`, `ttl` and `values`."
  type        = any
  default     = {}
}
