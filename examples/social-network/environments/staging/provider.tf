terraform {
  required_version = ">= 1.11"
  required_providers {
    socle = {
      source  = "socle-platform/socle"
      version = "~> 0.1"
    }
  }
}

variable "identity" {
  description = "Who this run is to the servers, and a job to Vault: `staging-plan` may only look, `staging` may change."
  type        = string
  default     = "staging-plan"
  ephemeral   = true # a plan made by one is applied by the other

  validation {
    condition     = contains(["staging", "staging-plan"], var.identity)
    error_message = "`staging` or `staging-plan`."
  }
}

variable "login" {
  description = "How Vault is logged in to: by `token`, as a person, or by `jwt`, as a job of the pipeline."
  type        = string
  default     = "token"
  ephemeral   = true

  validation {
    condition     = contains(["token", "jwt"], var.login)
    error_message = "`token` or `jwt`."
  }
}

# AWS and Vault are found by the environment: AWS_*, VAULT_ADDR, and VAULT_TOKEN or VAULT_ID_TOKEN.
provider "socle" {
  vault {
    dynamic "auth" {
      for_each = var.login == "jwt" ? [var.identity] : []
      content {
        jwt { role = auth.value }
      }
    }
  }

  # A key that is made for the run, with a certificate of Vault's for a few minutes.
  ssh {
    known_hosts = var.known_hosts
    vault { role = var.identity }
  }
}
