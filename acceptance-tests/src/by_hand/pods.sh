#!/bin/sh
# pods.sh RANGE [RANGE ADDRESS]...: gives the pods of this node addresses in the first RANGE, and a route to those of each
# other node.
set -eu
mkdir -p /etc/cni/net.d
cat >/etc/cni/net.d/10-pods.conflist <<CONFIGURATION
{
  "cniVersion": "1.0.0",
  "name": "pods",
  "plugins": [
    {
      "type": "bridge",
      "bridge": "pods",
      "isGateway": true,
      "hairpinMode": true,
      "ipam": { "type": "host-local", "ranges": [[{ "subnet": "$1" }]], "routes": [{ "dst": "0.0.0.0/0" }] }
    },
    { "type": "portmap", "capabilities": { "portMappings": true } }
  ]
}
CONFIGURATION
shift
while [ $# -gt 0 ]; do
    ip route replace "$1" via "$2"
    shift 2
done
# A server of the sandbox has no default route. Without any, the kernel refuses a Service's address before kube-proxy's
# rules can send it to a pod.
own=$(ip -o -4 address show scope global up | sed -n '1s/.* inet \([0-9.]*\).*/\1/p')
ip route replace 10.96.0.0/12 dev lo src "$own"
