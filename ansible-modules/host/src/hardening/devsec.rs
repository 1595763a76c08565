//! What the roles of dev-sec's collection `devsec.hardening` 10 do to a server, and what does it here: for those who come
//! from there.

use super::reference::Gap::{self, OutOfScope, Unsupported};

/// Something that one of the roles does.
#[derive(Debug, Clone, Copy)]
pub struct Item {
    /// The role.
    pub role: &'static str,
    /// What it does, with the name of its file of tasks or of a variable.
    pub what: &'static str,
    /// The controls that do it here. `kind.*` is every control of a kind.
    pub controls: &'static [&'static str],
    /// Why all of it, or a part, is not done.
    pub gap: Option<Gap>,
}

const fn os(what: &'static str, controls: &'static [&'static str]) -> Item {
    Item { role: "os_hardening", what, controls, gap: None }
}

const fn ssh(what: &'static str, controls: &'static [&'static str]) -> Item {
    Item { role: "ssh_hardening", what, controls, gap: None }
}

impl Item {
    const fn but(self, gap: Gap) -> Self {
        Self { gap: Some(gap), ..self }
    }
}

/// All of it.
pub const ITEMS: &[Item] = &[
    os("`sysctl`: kernel parameters", &["sysctl.*"]),
    os("`modprobe`: file systems and protocols that nobody uses", &["module.*"])
        .but(Unsupported("`vfat`: a server that boots by UEFI needs it")),
    os("`apt`: packages that are dangerous", &["package.no-xinetd", "package.no-nis", "package.no-telnet", "package.no-rsh", "package.no-prelink"]),
    os("`auditd`", &["package.auditd", "unit.auditd", "auditd.*", "audit.*", "file.audit-log-files", "file.audit-config"]),
    os("`cron`: permissions", &["file.crontab", "file.cron-hourly", "file.cron-daily", "file.cron-weekly", "file.cron-monthly", "file.cron-d"]),
    os("`ctrlaltdel`", &["unit.ctrl-alt-del"]),
    os("`limits`: no core dumps", &["limits.core", "coredump.storage", "coredump.size"]),
    os(
        "`login_defs`: umask, ageing, retries, hashes of passwords",
        &[
            "login-defs.umask", "login-defs.pass-max-days", "login-defs.pass-min-days", "login-defs.pass-warn-age",
            "login-defs.login-retries", "login-defs.login-timeout", "login-defs.encrypt-method", "login-defs.yescrypt-cost",
            "login-defs.default-home", "login-defs.chfn-restrict",
        ],
    )
    .but(OutOfScope("rounds of SHA-512: passwords are hashed by yescrypt here")),
    os(
        "`minimize_access`: system folders, `shadow`, `passwd`, `su`",
        &["file.shadow", "file.passwd", "pam.su-group", "audit-pass.shared-folders", "audit-pass.root-path"],
    ),
    os(
        "`minimize_access_fs`: options of mounts, `hidepid`",
        &["mount.dev-shm", "mount.tmp", "mount.tmp-noexec", "mount.home", "mount.var", "mount.var-tmp", "mount.var-log", "mount.boot", "mount.proc-hidepid"],
    ),
    os(
        "`pam`: strength, history and lockout",
        &["package.pwquality", "pam.pwquality", "pwquality.*", "pam.pwhistory", "pwhistory.*", "pam.faillock", "faillock.*"],
    ),
    os("`pam`: keys go on logging in when a password has expired", &[])
        .but(OutOfScope("ageing is opt-in here, and is not set for accounts that log in by a key (`accounts.password-ageing`)")),
    os("`profile`: core dumps, idle shells", &["limits.core", "session.timeout"]),
    os("`rhosts`, `netrc`", &["accounts.no-trust-files"]),
    os("`securetty`", &[]).but(Unsupported("Debian's `login` reads no `/etc/securetty` since Debian 11")),
    os("`selinux`", &["package.apparmor", "boot.apparmor", "unit.apparmor"])
        .but(OutOfScope("Debian confines with AppArmor")),
    os("`suid_sgid`", &["audit-pass.set-id", "audit.privileged-programs"])
        .but(OutOfScope("the bits are reported and never taken away: packages bring them again")),
    os(
        "`user_accounts`: shells and passwords of system accounts, home folders, ageing, doubles of root",
        &[
            "accounts.system-without-shell", "accounts.shellless-locked", "accounts.home-mode", "file.root-home",
            "accounts.password-ageing", "audit-pass.root-doubles",
        ],
    )
    .but(OutOfScope("doubles of root are reported and never removed")),
    os("`ufw`", &[]).but(OutOfScope("the module `firewall`")),
    os("`yum`", &[]).but(OutOfScope("another family of systems")),
    ssh(
        "server: algorithms",
        &["ssh.ciphers", "ssh.macs", "ssh.kex-algorithms", "ssh.host-key-algorithms"],
    )
    .but(OutOfScope("host keys are not made anew: whoever knows the server would refuse it")),
    ssh(
        "server: who may log in, and how",
        &[
            "ssh.permit-root-login", "ssh.permit-root-login-by-key", "ssh.password-authentication", "ssh.permit-empty-passwords",
            "ssh.kbd-interactive-authentication", "ssh.hostbased-authentication", "ssh.ignore-rhosts",
            "ssh.ignore-user-known-hosts", "ssh.gssapi-authentication", "ssh.kerberos-authentication", "ssh.use-pam",
            "ssh.strict-modes", "ssh.permit-user-environment", "ssh.use-dns",
        ],
    ),
    ssh(
        "server: limits",
        &[
            "ssh.login-grace-time", "ssh.max-auth-tries", "ssh.max-sessions", "ssh.max-startups", "ssh.client-alive-interval",
            "ssh.client-alive-count-max", "ssh.tcp-keep-alive", "ssh.compression",
        ],
    ),
    ssh(
        "server: forwarding",
        &["ssh.tcp-forwarding", "ssh.agent-forwarding", "ssh.x11-forwarding", "ssh.permit-tunnel", "ssh.gateway-ports", "ssh.disable-forwarding"],
    ),
    ssh(
        "server: what it says",
        &["ssh.banner", "ssh.debian-banner", "ssh.print-last-log", "ssh.log-level", "banner.issue-net", "banner.motd"],
    ),
    ssh("server: permissions of its files", &["file.sshd-config", "file.sshd-config-d", "file.ssh-host-keys", "file.ssh-host-public-keys"]),
    ssh("server: short `moduli`", &[]).but(Unsupported("Debian's own have 2048 bits and more")),
    ssh("server: ports, addresses, allowed users, authorities of users, `chroot` of SFTP", &[])
        .but(OutOfScope("choices of a site, for a file of its own in `/etc/ssh/sshd_config.d`")),
    ssh("client: algorithms, no forwarding", &["ssh-client.defaults"])
        .but(OutOfScope("passwords: another server may ask for one")),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hardening::table::controls;

    /// The kernel parameters among the defaults of `os_hardening`.
    const SYSCTLS: &[&str] = &[
        "fs.protected_fifos",
        "fs.protected_hardlinks",
        "fs.protected_regular",
        "fs.protected_symlinks",
        "fs.suid_dumpable",
        "kernel.core_uses_pid",
        "kernel.kexec_load_disabled",
        "kernel.kptr_restrict",
        "kernel.randomize_va_space",
        "kernel.sysrq",
        "kernel.yama.ptrace_scope",
        "net.ipv4.conf.all.accept_redirects",
        "net.ipv4.conf.all.accept_source_route",
        "net.ipv4.conf.all.arp_announce",
        "net.ipv4.conf.all.arp_ignore",
        "net.ipv4.conf.all.log_martians",
        "net.ipv4.conf.all.rp_filter",
        "net.ipv4.conf.all.secure_redirects",
        "net.ipv4.conf.all.send_redirects",
        "net.ipv4.conf.all.shared_media",
        "net.ipv4.conf.default.accept_redirects",
        "net.ipv4.conf.default.accept_source_route",
        "net.ipv4.conf.default.log_martians",
        "net.ipv4.conf.default.rp_filter",
        "net.ipv4.conf.default.secure_redirects",
        "net.ipv4.conf.default.send_redirects",
        "net.ipv4.conf.default.shared_media",
        "net.ipv4.icmp_echo_ignore_broadcasts",
        "net.ipv4.icmp_ignore_bogus_error_responses",
        "net.ipv4.icmp_ratelimit",
        "net.ipv4.icmp_ratemask",
        "net.ipv4.ip_forward",
        "net.ipv4.tcp_rfc1337",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_timestamps",
        "net.ipv6.conf.all.accept_ra",
        "net.ipv6.conf.all.accept_redirects",
        "net.ipv6.conf.all.accept_source_route",
        "net.ipv6.conf.all.autoconf",
        "net.ipv6.conf.all.forwarding",
        "net.ipv6.conf.all.router_solicitations",
        "net.ipv6.conf.default.accept_ra_defrtr",
        "net.ipv6.conf.default.accept_ra_pinfo",
        "net.ipv6.conf.default.accept_ra_rtr_pref",
        "net.ipv6.conf.default.accept_redirects",
        "net.ipv6.conf.default.accept_source_route",
        "net.ipv6.conf.default.autoconf",
        "net.ipv6.conf.default.dad_transmits",
        "net.ipv6.conf.default.max_addresses",
        "net.ipv6.conf.default.router_solicitations",
        "vm.mmap_min_addr",
        "vm.mmap_rnd_bits",
        "vm.mmap_rnd_compat_bits",
    ];

    /// Kernel modules that `os_hardening` blocks.
    const MODULES: &[&str] =
        &["cramfs", "dccp", "freevxfs", "hfs", "hfsplus", "jffs2", "rds", "sctp", "squashfs", "tipc", "udf"];

    fn is_there(id: &str) -> bool {
        match id.strip_suffix('*') {
            Some(kind) => controls().iter().any(|control| control.id.starts_with(kind)),
            None => controls().iter().any(|control| control.id == id),
        }
    }

    #[test]
    fn every_item_has_a_control_or_a_reason() {
        for item in ITEMS {
            assert!(!item.controls.is_empty() || item.gap.is_some(), "{}", item.what);
            for id in item.controls {
                assert!(is_there(id), "{}: {id} is no control", item.what);
            }
        }
    }

    #[test]
    fn every_parameter_and_every_module_has_a_control() {
        let sysctls = SYSCTLS.iter().map(|key| format!("sysctl.{}", key.replace(['.', '_'], "-")));
        for id in sysctls.chain(MODULES.iter().map(|module| format!("module.{module}"))) {
            assert!(is_there(&id), "{id}");
        }
    }
}
