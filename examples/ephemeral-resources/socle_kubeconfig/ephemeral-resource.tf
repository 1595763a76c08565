ephemeral "socle_kubeconfig" "deploy" {
  access = socle_cluster.prod.access
  user   = "deploy"
  groups = ["kubeadm:cluster-admins"]
  ttl    = "4h"
}
