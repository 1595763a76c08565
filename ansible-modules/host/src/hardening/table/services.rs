//! Packages, units, cron, time, journal.

use crate::hardening::control::{Control, SettingsFile, UnitState, Wanted};

fn removed(id: &str, packages: &'static [&'static str], why: &'static str) -> Control {
    let title = format!("Not installed: {}", packages.join(", "));
    Control::new(format!("package.no-{id}"), title, why, Wanted::Removed { packages })
}

fn installed(id: &str, packages: &'static [&'static str], why: &'static str) -> Control {
    let title = format!("Installed: {}", packages.join(", "));
    Control::new(format!("package.{id}"), title, why, Wanted::Installed { packages })
}

/// A service that may well be what the server is for.
fn server(id: &str, packages: &'static [&'static str]) -> Control {
    removed(id, packages, "A service that nobody uses is a way in that nobody watches.")
        .by_name("the packages are removed, also where they are what this server is for")
}

fn unit(id: &str, unit: &'static str, state: UnitState, why: &'static str) -> Control {
    let title =
        format!("{unit} is {}", if state == UnitState::Enabled { "enabled and running" } else { "masked" });
    Control::new(format!("unit.{id}"), title, why, Wanted::Unit { unit, state })
}

fn setting(
    id: &str,
    file: SettingsFile,
    key: &'static str,
    value: &'static str,
    why: &'static str,
) -> Control {
    Control::new(
        id.to_owned(),
        format!("{key} = {value} in {}", file.path()),
        why,
        Wanted::Setting { file, key, value },
    )
}

const CLEAR_TEXT: &str = "It sends passwords in clear text, and nothing on a server needs it.";

pub(super) fn controls() -> Vec<Control> {
    let mut all = clients();
    all.extend(servers());
    all.extend(units());
    all.extend(schedules());
    all.extend(journal());
    all.extend(packages());
    all
}

fn clients() -> Vec<Control> {
    vec![
        removed("nis", &["nis"], CLEAR_TEXT).anssi(&[62, 69]).cis(&["2.2.1"]).baseline(),
        removed("rsh", &["rsh-client", "rsh-redone-client", "rsh-server"], CLEAR_TEXT)
            .anssi(&[62])
            .cis(&["2.2.2"])
            .baseline(),
        removed("talk", &["talk", "inetutils-talk", "talkd"], CLEAR_TEXT)
            .anssi(&[62])
            .cis(&["2.2.3"])
            .baseline(),
        removed("telnet", &["telnet", "inetutils-telnet", "telnetd", "inetutils-telnetd"], CLEAR_TEXT)
            .anssi(&[62])
            .cis(&["2.2.4"])
            .baseline(),
        removed("ldap-client", &["ldap-utils"], "A server that asks no directory needs no tools for it.")
            .cis(&["2.2.5"]),
        removed("ftp-client", &["ftp", "tnftp"], CLEAR_TEXT).cis(&["2.2.6"]),
        removed(
            "xinetd",
            &["xinetd", "openbsd-inetd", "inetutils-inetd", "rlinetd"],
            "systemd starts services on demand; the old super-servers start what nobody remembers.",
        )
        .anssi(&[62])
        .cis(&["2.1.19"])
        .baseline(),
        removed("prelink", &["prelink"], "It undoes the randomisation of addresses.").baseline(),
        removed("gdm", &["gdm3"], "A server has no screen to log in at.").cis(&["1.7.1"]),
    ]
}

fn servers() -> Vec<Control> {
    vec![
        server("autofs", &["autofs"]).cis(&["2.1.1"]),
        server("avahi", &["avahi-daemon"]).cis(&["2.1.2"]),
        server("dhcp-server", &["isc-dhcp-server", "kea-dhcp4-server", "kea-dhcp6-server"])
            .anssi(&[62])
            .cis(&["2.1.3"]),
        server("dns-server", &["bind9"]).cis(&["2.1.4"]),
        server("dnsmasq", &["dnsmasq"]).cis(&["2.1.5"]),
        server("ftp-server", &["vsftpd", "proftpd-core", "pure-ftpd"]).cis(&["2.1.6"]),
        server("ldap-server", &["slapd"]).cis(&["2.1.7"]),
        server("imap-server", &["dovecot-imapd", "dovecot-pop3d"]).cis(&["2.1.8"]),
        server("nfs-server", &["nfs-kernel-server"]).cis(&["2.1.9"]),
        server("nis-server", &["ypserv"]).anssi(&[62]).cis(&["2.1.10"]),
        server("print-server", &["cups"]).cis(&["2.1.11"]),
        server("rpcbind", &["rpcbind"]).cis(&["2.1.12"]),
        server("rsync", &["rsync"]).cis(&["2.1.13"]),
        server("samba", &["samba"]).cis(&["2.1.14"]),
        server("snmp-server", &["snmpd"]).cis(&["2.1.15"]),
        server("tftp-server", &["tftpd-hpa", "atftpd"]).anssi(&[62]).cis(&["2.1.16"]),
        server("web-proxy", &["squid"]).cis(&["2.1.17"]),
        server("web-server", &["apache2", "nginx"]).cis(&["2.1.18"]),
        server("x-server", &["xserver-xorg", "xserver-common"]).cis(&["2.1.20"]),
        server("sendmail", &["sendmail-bin"]).anssi(&[62]),
    ]
}

fn units() -> Vec<Control> {
    const CLOCK: &str = "Logs of two hosts can be laid side by side only when their clocks agree.";
    vec![
        unit("timesyncd", "systemd-timesyncd.service", UnitState::Enabled, CLOCK)
            .anssi(&[71])
            .cis(&["2.3.1.1", "2.3.2.2"])
            .baseline(),
        unit(
            "cron",
            "cron.service",
            UnitState::Enabled,
            "What should run by the clock (rotation of logs, checks) must run.",
        )
        .cis(&["2.4.1.1"]),
        unit(
            "journald",
            "systemd-journald.service",
            UnitState::Enabled,
            "Without a journal nobody knows what happened.",
        )
        .anssi(&[71, 72])
        .cis(&["6.1.1.1"])
        .baseline(),
        unit(
            "journal-remote",
            "systemd-journal-remote.socket",
            UnitState::Masked,
            "A server that collects no logs must not take any.",
        )
        .cis(&["6.1.2.1.4"]),
        unit("logrotate", "logrotate.timer", UnitState::Enabled, "Logs that grow for ever fill the disk.")
            .anssi(&[71])
            .cis(&["6.1.3.8"]),
        unit(
            "bluetooth",
            "bluetooth.service",
            UnitState::Masked,
            "A server has nobody to talk to over Bluetooth.",
        )
        .cis(&["3.1.3"]),
        unit(
            "ctrl-alt-del",
            "ctrl-alt-del.target",
            UnitState::Masked,
            "Three keys at a console must not restart a server.",
        )
        .baseline(),
        unit("apparmor", "apparmor.service", UnitState::Enabled, "Confinement must be loaded at every boot.")
            .anssi(&[37, 45])
            .cis(&["1.3.1.3"])
            .baseline(),
        unit(
            "aide-check",
            "dailyaidecheck.timer",
            UnitState::Enabled,
            "A fingerprint is worth something only when it is compared.",
        )
        .anssi(&[76])
        .cis(&["6.3.2"]),
    ]
}

fn schedules() -> Vec<Control> {
    const WHY: &str = "A job that a stolen account plans runs long after the account was closed.";
    let allow = |path| Wanted::Text { path, text: "root\n", mode: 0o640 };
    vec![
        Control::new(
            "cron.allow".into(),
            "Only root plans jobs with cron".into(),
            WHY,
            allow("/etc/cron.allow"),
        )
        .cis(&["2.4.1.8"]),
        Control::new("at.allow".into(), "Only root plans jobs with at".into(), WHY, allow("/etc/at.allow"))
            .cis(&["2.4.2.1"]),
    ]
}

fn journal() -> Vec<Control> {
    use SettingsFile::Journald;
    const KEPT: &str = "The journal must survive a boot, and must not fill the disk.";
    vec![
        setting("journald.storage", Journald, "Storage", "persistent", KEPT)
            .anssi(&[71])
            .cis(&["6.1.2.4"])
            .baseline(),
        setting("journald.compress", Journald, "Compress", "yes", KEPT).cis(&["6.1.2.3"]).baseline(),
        setting("journald.system-max-use", Journald, "SystemMaxUse", "1G", KEPT).cis(&["6.1.1.3"]).baseline(),
        setting("journald.system-keep-free", Journald, "SystemKeepFree", "500M", KEPT)
            .cis(&["6.1.1.3"])
            .baseline(),
        setting("journald.runtime-max-use", Journald, "RuntimeMaxUse", "200M", KEPT)
            .cis(&["6.1.1.3"])
            .baseline(),
        setting("journald.runtime-keep-free", Journald, "RuntimeKeepFree", "50M", KEPT)
            .cis(&["6.1.1.3"])
            .baseline(),
        setting("journald.max-file-sec", Journald, "MaxFileSec", "1month", KEPT).cis(&["6.1.1.3"]).baseline(),
        setting(
            "journald.forward-to-syslog",
            Journald,
            "ForwardToSyslog",
            "no",
            "Two logs of one thing take twice the room and disagree.",
        )
        .cis(&["6.1.2.2", "6.1.1.4"]),
    ]
}

fn packages() -> Vec<Control> {
    vec![
        installed(
            "apparmor",
            &["apparmor", "apparmor-utils"],
            "Confined services can do less when they are taken over.",
        )
        .anssi(&[37, 45])
        .cis(&["1.3.1.1"]),
        installed("sudo", &["sudo"], "Administrators act under their own names.")
            .anssi(&[33])
            .cis(&["5.2.1"])
            .baseline(),
        installed("pam-modules", &["libpam-modules", "libpam-runtime"], "Logins depend on them.")
            .cis(&["5.3.1.1", "5.3.1.2"])
            .baseline(),
        installed("pwquality", &["libpam-pwquality"], "Weak passwords are refused when they are chosen.")
            .anssi(&[31, 68])
            .cis(&["5.3.1.3"]),
        installed("auditd", &["auditd", "audispd-plugins"], "Who did what must be known afterwards.")
            .anssi(&[33, 73])
            .cis(&["6.2.1.1"]),
        installed("aide", &["aide", "aide-common"], "Files that were changed unseen must be found.")
            .anssi(&[76])
            .cis(&["6.3.1"]),
        installed(
            "unattended-upgrades",
            &["unattended-upgrades"],
            "Known holes are closed the day a fix is there.",
        )
        .anssi(&[61]),
        setting(
            "apt.no-recommends",
            SettingsFile::Apt,
            "APT::Install-Recommends",
            "false",
            "Packages that nobody asked for bring services that nobody watches.",
        )
        .anssi(&[58]),
        setting(
            "apt.no-unauthenticated",
            SettingsFile::Apt,
            "APT::Get::AllowUnauthenticated",
            "false",
            "A package without a signature can be anybody's.",
        )
        .anssi(&[59])
        .baseline(),
        setting(
            "postfix.local-only",
            SettingsFile::Postfix,
            "inet_interfaces",
            "loopback-only",
            "A server that only sends reports takes no mail from the network.",
        )
        .anssi(&[74])
        .cis(&["2.1.21"]),
    ]
}
