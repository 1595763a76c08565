variable "name" {
  description = "The name of the environment, of its cluster, and of its folder in Vault: a DNS label."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$", var.name))
    error_message = "A DNS label of at most 32 characters, such as `staging`."
  }
}

variable "servers" {
  description = <<-TEXT
    The rented servers, by name (a DNS label). `role` is `control-plane`, `worker` or `database`. `host_key` is the
    server's public host key; null means that `known_hosts` knows it or, where Terraform prepares the servers, that the
    first contact is trusted. Without servers the environment has names only.
  TEXT
  type = map(object({
    role            = string
    address         = string
    host_key        = optional(string)
    private_address = optional(string)
    labels          = optional(map(string), {})
  }))
  default = {}

  validation {
    condition     = alltrue([for server in var.servers : contains(["control-plane", "worker", "database"], server.role)])
    error_message = "The role of each server is `control-plane`, `worker` or `database`."
  }

  validation {
    condition = contains([0, 1, 3, 5], length([
      for server in var.servers : server if server.role == "control-plane"
    ]))
    error_message = "One, three or five control planes: etcd needs an odd number to keep its quorum when one is lost."
  }

  validation {
    condition     = length(distinct([for server in var.servers : server.address])) == length(var.servers)
    error_message = "Each server has an address of its own."
  }
}

variable "prepared_by" {
  description = "Who hardens the servers: `terraform` (`socle_host`), or `ansible` (the playbooks beside this, run first)."
  type        = string
  default     = "terraform"

  validation {
    condition     = contains(["terraform", "ansible"], var.prepared_by)
    error_message = "`terraform` or `ansible`."
  }
}

variable "hardening" {
  description = "The profile of controls, and the controls that are left alone, by id, each with its reason."
  type = object({
    profile    = optional(string, "anssi-intermediary")
    exceptions = optional(map(string), {})
  })
  default = {}
}

variable "administrators" {
  description = "The networks from which administrators and the pipeline reach SSH and the API, such as `198.51.100.0/24`."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for range in var.administrators : can(cidrhost(range, 0)) && !endswith(range, "/0")])
    error_message = "Ranges of addresses, such as `198.51.100.0/24`; not the whole world."
  }

  validation {
    condition     = length(var.servers) == 0 || length(var.administrators) > 0
    error_message = "Servers that nobody may reach cannot be administered: name your network."
  }
}

variable "user" {
  description = "The user by which the servers are administered; it has sudo."
  type        = string
  default     = "admin"
}

variable "kubernetes" {
  description = <<-TEXT
    The release of Kubernetes. `network` joins the servers by `wireguard`, or by the `private` network of their provider,
    which needs `private_address` on each. `bundles` is a folder of air-gap bundles; null downloads from the official release sites.
    `protected` must be `false`, and applied, before the cluster can be destroyed.
  TEXT
  type = object({
    version   = string
    network   = optional(string, "wireguard")
    bundles   = optional(string)
    protected = optional(bool, true)
  })
  default = { version = "1.37.2" }

  validation {
    condition     = can(regex("^1\\.[0-9]+\\.[0-9]+$", var.kubernetes.version))
    error_message = "A release, such as `1.37.2`."
  }
}

variable "hostname" {
  description = "The name under which the network is published, relative to the domain: `@` for the domain itself, `staging` below it."
  type        = string
  default     = "@"
}

variable "release" {
  description = <<-TEXT
    The application: the image that serves everybody, by digest or immutable tag, and how many replicas. While `canary`
    is set, that image serves beside it, with so many replicas.
  TEXT
  type = object({
    image    = string
    replicas = optional(number, 2)
    canary   = optional(object({ image = string, replicas = optional(number, 1) }))
  })
  default = null

  validation {
    condition     = var.release == null ? true : !endswith(var.release.image, ":latest")
    error_message = "An image that stays what it is: a digest or an immutable tag, not `latest`. A rollback needs it."
  }
}
