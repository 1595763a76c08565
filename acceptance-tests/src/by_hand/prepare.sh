#!/bin/sh
# prepare.sh BUNDLE ADDRESS NESTED: makes a server ready for kubeadm, from the bundle in the folder BUNDLE alone. ADDRESS is
# the one by which other nodes reach it; NESTED is `true` on a server that is a container.
set -eu
bundle=$1 address=$2 nested=$3
release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)

cd "$bundle"
sha256sum --check --quiet SHA256SUMS
# No list of packages is there, so whatever the bundle lacks is missed here.
DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
    -o Dir::State::lists=/nonexistent "./packages/$release"/*.deb >/dev/null
install -m 755 bin/* /usr/local/bin/
install -D -m 755 -t /opt/cni/bin cni/*

printf 'net.ipv4.ip_forward = 1\n' >/etc/sysctl.d/90-kubernetes.conf
sysctl --quiet --load /etc/sysctl.d/90-kubernetes.conf

mkdir -p /etc/containerd
containerd config default |
    sed -e 's/SystemdCgroup = false/SystemdCgroup = true/' \
        -e "s/restrict_oom_score_adj = false/restrict_oom_score_adj = $nested/" >/etc/containerd/config.toml
grep -q 'SystemdCgroup = true' /etc/containerd/config.toml

cat >/etc/systemd/system/containerd.service <<'UNIT'
[Unit]
After=network.target
[Service]
Type=notify
ExecStart=/usr/local/bin/containerd
Delegate=yes
KillMode=process
Restart=always
LimitNOFILE=infinity
[Install]
WantedBy=multi-user.target
UNIT
cat >/etc/systemd/system/kubelet.service <<'UNIT'
[Unit]
After=containerd.service
[Service]
Environment="KUBECONFIGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=/usr/local/bin/kubelet $KUBECONFIGS --config=/var/lib/kubelet/config.yaml $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
Restart=always
RestartSec=1
[Install]
WantedBy=multi-user.target
UNIT
echo "KUBELET_EXTRA_ARGS=--node-ip=$address" >/etc/default/kubelet
systemctl daemon-reload
systemctl enable --quiet kubelet
systemctl enable --quiet --now containerd

for image in images/*.tar; do ctr --namespace=k8s.io images import "$image" >/dev/null; done
