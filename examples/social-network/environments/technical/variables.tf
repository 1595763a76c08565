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

variable "targets" {
  description = "Where Prometheus reads metrics, by the name of the job: see `modules/technical`."
  type        = map(list(string))
  default     = {}
}

variable "records" {
  description = "Record sets of the control tools, by the label `NAME TYPE`, each with `name`, `type`, `ttl` and `values`."
  type        = any
  default     = {}
}
