# By the id of the zone. Every record set in it is taken over.
terraform import socle_dns_zone.main Z0123456789ABCDEFGHIJ
