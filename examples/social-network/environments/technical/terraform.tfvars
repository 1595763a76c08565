# Technical: one node for observability and control tools.
domain         = "example.social"
administrators = ["198.51.100.0/24"]

servers = {
  "technical-cp-1" = { role = "control-plane", address = "203.0.113.51" }
}

targets = {
  node = ["203.0.113.31:9100", "203.0.113.42:9100"]
}
