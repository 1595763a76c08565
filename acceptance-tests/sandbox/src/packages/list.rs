//! Which packages servers can install.

/// Packages that can all be installed together; what they depend on comes with them. `debootstrap` can also make a
/// server's root from them.
pub(super) const TOGETHER: &[&str] = &[
    // The root: what `debootstrap` takes, and what a server is reached by.
    "?priority(required)",
    "usr-is-merged",
    "systemd",
    "systemd-sysv",
    "systemd-resolved",
    "dbus",
    "libpam-systemd",
    "openssh-server",
    "openssh-client",
    "sudo",
    // Ansible's modules run on Python, and use these two.
    "python3",
    "python3-apt",
    "acl",
    // Everyday tools.
    "apt-utils",
    "ca-certificates",
    "curl",
    "file",
    "gnupg",
    "less",
    "lsof",
    "procps",
    "psmisc",
    "rsync",
    "xz-utils",
    "zstd",
    // The network of a host and of a Kubernetes node.
    "bind9-dnsutils",
    // Its program waits for nothing in the image that holds a pod together.
    "catatonit",
    "conntrack",
    "ebtables",
    "ethtool",
    "haproxy",
    "ipset",
    "iproute2",
    "iptables",
    "iputils-ping",
    "ipvsadm",
    "keepalived",
    "kmod",
    "nftables",
    "nginx",
    "runc",
    "socat",
    "tcpdump",
    "wireguard-tools",
    // Hardening, and what audits it.
    "acct",
    "aide",
    "aide-common",
    "apparmor",
    "apparmor-profiles",
    "apparmor-utils",
    "audispd-plugins",
    "auditd",
    "chrony",
    "cron",
    "debsums",
    "fail2ban",
    "libcap2-bin",
    "libpam-modules",
    "libpam-modules-bin",
    "libpam-pwquality",
    "libpam-tmpdir",
    "logrotate",
    "lynis",
    "needrestart",
    "rsyslog",
    "sysstat",
    "unattended-upgrades",
    // The machine's clock is never set: tests of time give a program a false one.
    "faketime",
    "libfaketime",
    // Data and its backups. PostgreSQL is version 15 in Debian 12, 17 in Debian 13.
    "pgbackrest",
    "postgresql",
    "postgresql-client",
    "restic",
    // What watches all of it, as an image.
    "prometheus",
];

/// Packages that cannot be installed beside one of [`TOGETHER`].
pub(super) const APART: &[&str] = &[
    // In the place of chrony.
    "systemd-timesyncd",
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_no_package_twice() {
        let names: HashSet<_> = TOGETHER.iter().chain(APART).collect();
        assert_eq!(names.len(), TOGETHER.len() + APART.len());
    }
}
