variable "domain" {
  description = "The domain, such as `example.social`; bought anywhere."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.domain))
    error_message = "A domain in lower case without a dot at its end, such as `example.social`."
  }
}

variable "zone_file" {
  description = "The text of the zone file that the registrar exported. Default: the zone begins empty."
  type        = string
  default     = null
}

variable "records" {
  description = "The record sets of this platform, by the label `NAME TYPE`: each replaces the set of that label in the zone file."
  type = map(object({
    name   = optional(string)
    type   = string
    ttl    = optional(number)
    values = list(string)
  }))
  default = {}
}
