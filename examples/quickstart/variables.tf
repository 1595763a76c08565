variable "servers" {
  description = "Two servers with Debian, `server-1` for the cluster and `server-2` for the database: address and host key."
  type        = map(object({ address = string, host_key = string }))
}

variable "private_key_file" {
  description = "The private key that `ssh_user` logs in by."
  type        = string
}

variable "ssh_user" {
  description = "Who logs in to the servers: root, or a user with sudo."
  type        = string
  default     = "admin"
}

variable "admin_networks" {
  description = "The networks from which you reach ssh and the Kubernetes API."
  type        = list(string)
}

variable "domain" {
  description = "The domain, bought anywhere."
  type        = string
  default     = "example.social"
}

variable "zone_file" {
  description = "What its registrar exports: a zone file. Default: the one beside this module."
  type        = string
  default     = null
}

variable "hardening_profile" {
  description = "How far the servers are hardened."
  type        = string
  default     = "anssi-intermediary"
}

variable "kubernetes_version" {
  description = "The release of Kubernetes."
  type        = string
  default     = "1.37.2"
}

variable "bundles" {
  description = "A folder of air-gap bundles (docs/guides/bundles.md). Null: the official release sites."
  type        = string
  default     = null
}

variable "images" {
  description = "The web server, and a PostgreSQL whose psql reads the database."
  type        = object({ nginx = string, postgresql = string })
  default     = { nginx = "docker.io/library/nginx:1.28", postgresql = "docker.io/library/postgres:15" }
}

variable "nested_kubernetes" {
  description = "What Kubernetes must be told on servers that are containers: the sandbox's. Null on real ones."
  type        = any
  default     = null
}

variable "sandbox" {
  description = "Whether the backups go to a sandbox: its S3 speaks no TLS, and a destroy may remove them."
  type        = bool
  default     = false
}
