terraform {
  required_version = ">= 1.11"
  required_providers {
    socle = {
      source = "socle-platform/socle"
    }
  }
}

# Each block is needed only when a resource that uses it does something.
provider "socle" {
  aws {
    region = "eu-west-3"
  }

  ssh {
    user        = "admin"
    private_key = file("~/.ssh/id_ed25519")
    known_hosts = file("known_hosts")
  }

  vault {
    address = "https://vault.example.social"
    auth {
      jwt {
        role = "production"
      }
    }
  }
}
