//! The kubelet's unit, and kubeadm's drop-in for it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::IpAddr;

use super::UNIT;
use crate::Fault;

/// Where the unit is.
pub(super) fn path() -> String {
    format!("/etc/systemd/system/{UNIT}")
}

/// Where the drop-in is. The name is that of Kubernetes' own packages, so that ours stands for theirs where both are.
pub(super) fn drop_in_path() -> String {
    format!("/etc/systemd/system/{UNIT}.d/10-kubeadm.conf")
}

/// As Kubernetes' packages have it (`kubelet.service` of kubernetes/release).
pub(super) const TEXT: &str = "# Written by Socle: changes are lost.
[Unit]
Description=kubelet: The Kubernetes Node Agent
Documentation=https://kubernetes.io/docs/
Wants=network-online.target
After=network-online.target containerd.service
StartLimitIntervalSec=0

[Service]
ExecStart=/usr/local/bin/kubelet
Restart=always
RestartSec=10

[Install]
WantedBy=multi-user.target
";

/// As Kubernetes' packages have it (`10-kubeadm.conf`), with a folder of configuration and flags of this node's own.
///
/// Before kubeadm has written the configuration there is nothing to start by, so a start is left out, instead of
/// tried for ever.
pub(super) fn drop_in(configurations: &str, flags: &[String]) -> String {
    let mut text = format!(
        "# Written by Socle: changes are lost.
[Unit]
ConditionPathExists=/var/lib/kubelet/config.yaml

[Service]
Environment=\"KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf\"
Environment=\"KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml --config-dir={configurations}\"
# kubeadm writes this one,
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
# and this one is an administrator's.
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/local/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS"
    );
    for flag in flags {
        // Writing to a string cannot fail.
        let _ = write!(text, " {flag}");
    }
    text + " $KUBELET_EXTRA_ARGS\n"
}

/// Flags as they stand in a unit, where `%` and `$` mean something.
pub(super) fn flags(node_ip: Option<IpAddr>, extra: &BTreeMap<String, String>) -> Result<Vec<String>, Fault> {
    let address = node_ip.map(|address| ("node-ip".to_owned(), address.to_string()));
    let all = address.into_iter().chain(extra.iter().map(|(name, value)| (name.clone(), value.clone())));
    all.map(|(name, value)| flag(&name, &value)).collect()
}

fn flag(name: &str, value: &str) -> Result<String, Fault> {
    let is_name = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if name.is_empty() || name.starts_with('-') || !is_name {
        return Err(Fault::refused(format!(
            "{name:?} is no flag of the kubelet: give it without dashes, as in `v`"
        )));
    }
    let fits = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '\\');
    if !value.chars().all(fits) {
        return Err(Fault::refused(format!(
            "the value of --{name} has spaces, quotes or letters that a unit cannot carry: put it into the configuration"
        )));
    }
    Ok(format!("--{name}={}", value.replace('%', "%%").replace('$', "$$")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_says_in_the_unit_what_was_meant() {
        assert_eq!(flag("v", "2").unwrap(), "--v=2");
        assert_eq!(flag("x", "50%$A").unwrap(), "--x=50%%$$A");
        for (name, value) in [("--v", "2"), ("v", "2 --x=y"), ("", "1"), ("v", "\"")] {
            assert!(flag(name, value).is_err(), "{name} {value}");
        }
    }
}
