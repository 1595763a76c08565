//! Owners and permissions of files, banners, and what the `audit` pass looks for.

use crate::hardening::control::{Control, Scan, Wanted};

fn permissions(id: &str, path: &'static str, mode: u32, group: &'static [&'static str]) -> Control {
    let why = "Whoever can read or write this file can learn or change who may do what.";
    let title = format!("{path} has at most mode {mode:04o}");
    let wanted = Wanted::Permissions { path, mode, owner: "root", group };
    Control::new(format!("file.{id}"), title, why, wanted)
}

fn banner(id: &str, path: &'static str) -> Control {
    let text = "Access is for authorised users only. What happens here is recorded.\n";
    let why = "Who logs in must know the rules, and must not learn the system's version.";
    Control::new(
        format!("banner.{id}"),
        format!("{path} says the rules and no version"),
        why,
        Wanted::Text { path, text, mode: 0o644 },
    )
}

fn finding(id: &str, scan: Scan, title: &str, why: &'static str) -> Control {
    Control::new(format!("audit-pass.{id}"), title.to_owned(), why, Wanted::Finding(scan))
}

const ROOT: &[&str] = &["root"];
const SHADOW: &[&str] = &["shadow", "root"];

pub(super) fn controls() -> Vec<Control> {
    let mut all = owned();
    all.extend(banners());
    all.extend(findings());
    all.extend(findings_of_system());
    all
}

fn owned() -> Vec<Control> {
    vec![
        permissions("passwd", "/etc/passwd", 0o644, ROOT).anssi(&[50]).cis(&["7.1.1"]).baseline(),
        permissions("passwd-backup", "/etc/passwd-", 0o644, ROOT).cis(&["7.1.2"]).baseline(),
        permissions("group", "/etc/group", 0o644, ROOT).anssi(&[50]).cis(&["7.1.3"]).baseline(),
        permissions("group-backup", "/etc/group-", 0o644, ROOT).cis(&["7.1.4"]).baseline(),
        permissions("shadow", "/etc/shadow", 0o640, SHADOW).anssi(&[50]).cis(&["7.1.5"]).baseline(),
        permissions("shadow-backup", "/etc/shadow-", 0o640, SHADOW).cis(&["7.1.6"]).baseline(),
        permissions("gshadow", "/etc/gshadow", 0o640, SHADOW).anssi(&[50]).cis(&["7.1.7"]).baseline(),
        permissions("gshadow-backup", "/etc/gshadow-", 0o640, SHADOW).cis(&["7.1.8"]).baseline(),
        permissions("shells", "/etc/shells", 0o644, ROOT).anssi(&[50]).cis(&["7.1.9"]).baseline(),
        permissions("opasswd", "/etc/security/opasswd", 0o600, ROOT).cis(&["7.1.10"]).baseline(),
        permissions("crontab", "/etc/crontab", 0o600, ROOT).cis(&["2.4.1.2"]).baseline(),
        permissions("cron-hourly", "/etc/cron.hourly", 0o700, ROOT).cis(&["2.4.1.3"]).baseline(),
        permissions("cron-daily", "/etc/cron.daily", 0o700, ROOT).cis(&["2.4.1.4"]).baseline(),
        permissions("cron-weekly", "/etc/cron.weekly", 0o700, ROOT).cis(&["2.4.1.5"]).baseline(),
        permissions("cron-monthly", "/etc/cron.monthly", 0o700, ROOT).cis(&["2.4.1.6"]).baseline(),
        permissions("cron-d", "/etc/cron.d", 0o700, ROOT).cis(&["2.4.1.7"]).baseline(),
        permissions("grub-cfg", "/boot/grub/grub.cfg", 0o600, ROOT).anssi(&[29]).cis(&["1.4.2"]).baseline(),
        permissions("boot-system-map", "/boot/System.map-*", 0o600, ROOT).anssi(&[29]),
        permissions("sshd-config", "/etc/ssh/sshd_config", 0o600, ROOT)
            .anssi(&[50])
            .cis(&["5.1.1"])
            .baseline(),
        permissions("sshd-config-d", "/etc/ssh/sshd_config.d/*", 0o600, ROOT).cis(&["5.1.1"]).baseline(),
        permissions("ssh-host-keys", "/etc/ssh/ssh_host_*_key", 0o600, ROOT)
            .anssi(&[50])
            .cis(&["5.1.2"])
            .baseline(),
        permissions("ssh-host-public-keys", "/etc/ssh/ssh_host_*_key.pub", 0o644, ROOT)
            .anssi(&[50])
            .cis(&["5.1.3"])
            .baseline(),
        permissions("sudoers", "/etc/sudoers", 0o440, ROOT).anssi(&[50]).baseline(),
        permissions("sudoers-d", "/etc/sudoers.d", 0o750, ROOT).anssi(&[50]).baseline(),
        permissions("sysctl-d", "/etc/sysctl.d", 0o755, ROOT).anssi(&[50]).baseline(),
        permissions("nftables", "/etc/nftables.conf", 0o755, ROOT).anssi(&[50]).baseline(),
        permissions("crypttab", "/etc/crypttab", 0o600, ROOT).anssi(&[50]).baseline(),
        permissions("chrony-keys", "/etc/chrony/chrony.keys", 0o640, &["root", "_chrony"])
            .anssi(&[50])
            .baseline(),
        permissions("ipsec-secrets", "/etc/ipsec.secrets", 0o600, ROOT).anssi(&[50]).baseline(),
        permissions("root-home", "/root", 0o700, ROOT).anssi(&[50]).baseline(),
        permissions("audit-logs", "/var/log/audit", 0o750, &["adm", "root"]).cis(&["6.2.4.4"]).baseline(),
        permissions("audit-log-files", "/var/log/audit/*", 0o640, &["adm", "root"])
            .cis(&["6.2.4.1", "6.2.4.2", "6.2.4.3"])
            .baseline(),
        permissions("audit-config", "/etc/audit/*.conf", 0o640, ROOT)
            .cis(&["6.2.4.5", "6.2.4.6", "6.2.4.7"])
            .baseline(),
        permissions("audit-rules", "/etc/audit/rules.d/*", 0o640, ROOT)
            .cis(&["6.2.4.5", "6.2.4.6", "6.2.4.7"])
            .baseline(),
        permissions("audit-tool-auditctl", "/sbin/auditctl", 0o755, ROOT)
            .cis(&["6.2.4.8", "6.2.4.9", "6.2.4.10"])
            .baseline(),
        permissions("audit-tool-auditd", "/sbin/auditd", 0o755, ROOT)
            .cis(&["6.2.4.8", "6.2.4.9", "6.2.4.10"])
            .baseline(),
        permissions("audit-tool-augenrules", "/sbin/augenrules", 0o755, ROOT)
            .cis(&["6.2.4.8", "6.2.4.9", "6.2.4.10"])
            .baseline(),
        permissions("audit-tool-aureport", "/sbin/aureport", 0o755, ROOT)
            .cis(&["6.2.4.8", "6.2.4.9", "6.2.4.10"])
            .baseline(),
        permissions("audit-tool-ausearch", "/sbin/ausearch", 0o755, ROOT)
            .cis(&["6.2.4.8", "6.2.4.9", "6.2.4.10"])
            .baseline(),
    ]
}

fn banners() -> Vec<Control> {
    vec![
        banner("issue", "/etc/issue").cis(&["1.6.2"]),
        banner("issue-net", "/etc/issue.net").cis(&["1.6.3"]),
        banner("motd", "/etc/motd").cis(&["1.6.1"]),
        permissions("issue", "/etc/issue", 0o644, ROOT).cis(&["1.6.5"]).baseline(),
        permissions("issue-net", "/etc/issue.net", 0o644, ROOT).cis(&["1.6.6"]).baseline(),
        permissions("motd", "/etc/motd", 0o644, ROOT).cis(&["1.6.4"]).baseline(),
    ]
}

fn findings() -> Vec<Control> {
    vec![
        finding(
            "world-writable",
            Scan::WorldWritable,
            "No file is writable for everybody",
            "What everybody may write, an attacker writes.",
        )
        .anssi(&[54])
        .cis(&["7.1.11"]),
        finding(
            "shared-folders",
            Scan::SharedFolders,
            "Folders for everybody belong to root",
            "The owner of a shared folder can replace the files of others in it.",
        )
        .anssi(&[54]),
        finding(
            "unowned",
            Scan::Unowned,
            "Every file has a user and a group",
            "The next account with a free number inherits these files.",
        )
        .anssi(&[53])
        .cis(&["7.1.12"]),
        finding(
            "set-id",
            Scan::SetId,
            "Programs with set-ID bits come from packages",
            "A program that runs as root for everybody must be known.",
        )
        .anssi(&[56, 57])
        .cis(&["7.1.13"]),
        finding(
            "account-files",
            Scan::AccountFiles,
            "Account files are sound",
            "Doubled numbers and empty passwords give one person the power of another.",
        )
        .anssi(&[30])
        .cis(&["7.2.1", "7.2.2", "7.2.3", "7.2.4", "7.2.5", "7.2.6", "7.2.7", "7.2.8", "5.4.1.6", "5.4.3.1"]),
        finding(
            "root-doubles",
            Scan::RootDoubles,
            "root alone has UID 0 and GID 0",
            "A second root is a way in that nobody looks after.",
        )
        .cis(&["5.4.2.1", "5.4.2.2", "5.4.2.3"]),
        finding(
            "home-folders",
            Scan::HomeFolders,
            "Home folders and dot files belong to their users",
            "A dot file that others may write runs their commands.",
        )
        .anssi(&[50])
        .cis(&["7.2.9", "7.2.10"]),
        finding(
            "sudo-rules",
            Scan::SudoRules,
            "Rules of sudo are narrow",
            "Negations and commands without arguments can be walked around.",
        )
        .anssi(&[40, 41, 42, 43, 44])
        .cis(&["5.2.4"]),
        finding(
            "listening-sockets",
            Scan::ListeningSockets,
            "What listens on the network is known",
            "Every open port is a way in.",
        )
        .anssi(&[80])
        .cis(&["2.1.22"]),
    ]
}

fn findings_of_system() -> Vec<Control> {
    vec![
        finding(
            "unused-accounts",
            Scan::UnusedAccounts,
            "Accounts that nobody uses are known",
            "Nobody notices when a forgotten account is used.",
        )
        .anssi(&[30]),
        finding(
            "package-sources",
            Scan::PackageSources,
            "Package sources are signed and known",
            "A package's scripts run as root.",
        )
        .anssi(&[59])
        .cis(&["1.2.1.1", "1.2.1.2"]),
        finding(
            "security-updates",
            Scan::SecurityUpdates,
            "No security update is waiting",
            "Known holes are tried first.",
        )
        .anssi(&[61])
        .cis(&["1.2.2.1"]),
        finding(
            "log-files",
            Scan::LogFiles,
            "Log files are not for everybody",
            "Logs hold names, addresses and at times passwords.",
        )
        .anssi(&[71])
        .cis(&["6.1.4.1"]),
        finding(
            "root-path",
            Scan::RootPath,
            "root's PATH has only folders of root",
            "A program put into root's path runs as root.",
        )
        .cis(&["5.4.2.5"]),
        finding(
            "apparmor-profiles",
            Scan::ApparmorProfiles,
            "AppArmor profiles enforce",
            "A profile that complains stops nobody.",
        )
        .anssi(&[45])
        .cis(&["1.3.1.3", "1.3.1.4"]),
        finding(
            "kernel-build",
            Scan::KernelBuild,
            "Options that the kernel was built with",
            "They cannot be changed without another kernel, and are worth knowing.",
        )
        .anssi(&[15, 16, 17, 18, 19, 20, 21, 22, 23, 25, 27]),
    ]
}
