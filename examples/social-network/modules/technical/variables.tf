variable "access" {
  description = "How to reach the technical cluster: the output `access` of the module `environment`."
  type        = any
}

variable "image" {
  description = "The image of Prometheus, by digest or immutable tag."
  type        = string
  default     = "quay.io/prometheus/prometheus:v3.5.0"
}

variable "targets" {
  description = "Where Prometheus reads metrics, as `host:port`, by the name of the job."
  type        = map(list(string))
  default     = {}

  validation {
    condition     = alltrue([for target in flatten(values(var.targets)) : can(regex(":[0-9]+$", target))])
    error_message = "Each target is a host and a port, such as `203.0.113.31:9100`."
  }
}
