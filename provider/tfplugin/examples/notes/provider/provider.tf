terraform {
  required_providers {
    notes = {
      source = "example.social/socle/notes"
    }
  }
}

provider "notes" {
  folder = "/tmp"
}
