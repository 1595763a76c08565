//! The timer by which a node lives between applies.

/// The unit that the timer starts.
pub const SERVICE: &str = "socle-node.service";
/// The timer.
pub const TIMER: &str = "socle-node.timer";

/// The unit: certificates renewed, kubelets' requests approved.
pub fn service(program: &str) -> String {
    format!(
        "# Written by socle-node: changes are lost.
[Unit]
Description=Renews the certificates of this node, and approves those of its cluster's kubelets

[Service]
Type=oneshot
ExecStart={program} tend
TimeoutStartSec=10min
NoNewPrivileges=yes
ProtectHome=yes
PrivateTmp=yes
"
    )
}

/// The timer: often, because a new kubelet waits for its certificate, and at no fixed second, so that nodes take turns.
pub fn timer() -> String {
    "# Written by socle-node: changes are lost.
[Unit]
Description=Looks after the certificates of this node

[Timer]
OnBootSec=1min
OnUnitActiveSec=2min
RandomizedDelaySec=20s

[Install]
WantedBy=timers.target
"
    .to_owned()
}
