# By the id of the zone and the labels of the record sets, separated by commas.
terraform import socle_dns_records.staging 'Z0123456789ABCDEFGHIJ,staging A,api.staging CNAME'
