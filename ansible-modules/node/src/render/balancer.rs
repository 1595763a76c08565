//! The balancer on each node's loopback: every node reaches all control planes by itself.

use std::fmt::Write;

use super::Place;
use crate::specification::{API_PORT, BALANCER_PORT};

/// Its configuration.
pub const PATH: &str = "/etc/socle/api-balancer.cfg";
/// Its unit.
pub const UNIT: &str = "socle-api-balancer.service";

/// haproxy's configuration. None where the cluster has an endpoint of the user's own.
///
/// Health is asked of the API server itself, so that one that starts or ends gets no connection; the node's own comes
/// first, and all others stand in.
pub fn configuration(place: &Place<'_>) -> Option<String> {
    if place.cluster.endpoint.is_some() {
        return None;
    }
    let mut text = format!(
        "# Written by socle-node: changes are lost.
global
    log stdout format raw daemon warning
    maxconn 400

defaults
    mode tcp
    log global
    timeout connect 5s
    timeout client 1h
    timeout server 1h
    timeout check 3s
    retries 2
    option redispatch

frontend api
    bind 127.0.0.1:{BALANCER_PORT}
    default_backend control-planes

backend control-planes
    balance leastconn
    option httpchk GET /readyz
    http-check expect status 200
    default-server check check-ssl verify none inter 2s fall 2 rise 1 on-marked-down shutdown-sessions
"
    );
    for (name, address) in place.control_planes() {
        let _ = writeln!(text, "    server {name} {address}:{API_PORT}");
    }
    Some(text)
}

/// The unit that runs it.
pub fn unit() -> String {
    format!(
        "# Written by socle-node: changes are lost.
[Unit]
Description=Balances connections to the API servers of this node's cluster
After=network-online.target wg-quick@socle0.service
Wants=network-online.target
Before=kubelet.service

[Service]
Type=notify
ExecStart=/usr/sbin/haproxy -Ws -f {PATH} -p /run/socle-api-balancer.pid
ExecReload=/bin/kill -USR2 $MAINPID
KillMode=mixed
SuccessExitStatus=143
Restart=always
RestartSec=2s
NoNewPrivileges=yes
ProtectHome=yes
ProtectSystem=full
PrivateTmp=yes

[Install]
WantedBy=multi-user.target
"
    )
}
