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

resource "notes_note" "hello" {
  title = provider::notes::slug("Hello world")
  text  = "How are you?"
}
