# A cluster is imported by its name and its hosts, NAME@[USER@]ADDRESS[:PORT],…: all of them, and their host keys stand
# in known_hosts of the provider's ssh block.
terraform import socle_cluster.prod prod@203.0.113.11,203.0.113.12,203.0.113.13,203.0.113.21
