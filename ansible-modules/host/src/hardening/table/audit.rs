//! The kernel's audit: auditd's own settings, what is recorded, and last whether that may still be changed.

use super::slug;
use crate::hardening::control::{Control, SettingsFile, Wanted};

fn rules(
    id: &str,
    file: &'static str,
    title: &str,
    why: &'static str,
    rules: &'static [&'static str],
) -> Control {
    Control::new(format!("audit.{id}"), title.to_owned(), why, Wanted::AuditRules { file, rules })
}

fn auditd(key: &'static str, value: &'static str, why: &'static str) -> Control {
    let wanted = Wanted::Setting { file: SettingsFile::Auditd, key, value };
    Control::new(format!("auditd.{}", slug(key)), format!("{key} = {value} in auditd.conf"), why, wanted)
}

const TRACE: &str = "An attacker changes this first, and the record shows when and by whom.";

pub(super) fn controls() -> Vec<Control> {
    let mut all = daemon();
    all.extend(accounts());
    all.extend(system());
    all.extend(files());
    all.extend(privileged());
    all.push(immutable());
    all
}

/// None of these ever halts the host or takes it to single user: a full disk must not become an outage.
fn daemon() -> Vec<Control> {
    const KEPT: &str = "The oldest records must be there when an incident is noticed late.";
    const FULL: &str = "Somebody must know before records are lost, and the host must keep running.";
    const HALT: &str = "the host halts or goes to single user when the audit partition is full or fails";
    let service =
        Wanted::Unit { unit: "auditd.service", state: crate::hardening::control::UnitState::Enabled };
    vec![
        Control::new(
            "unit.auditd".into(),
            "auditd.service is enabled and running".into(),
            "Without it nothing is recorded.",
            service,
        )
        .anssi(&[33, 73])
        .cis(&["6.2.1.2"]),
        auditd("max_log_file", "32", KEPT).cis(&["6.2.2.1"]),
        auditd("num_logs", "10", KEPT).anssi(&[73]),
        auditd(
            "max_log_file_action",
            "rotate",
            "Rotation keeps the newest records without filling the disk.",
        )
        .anssi(&[73]),
        keep_logs(),
        auditd("space_left_action", "syslog", FULL).anssi(&[73]).cis(&["6.2.2.4"]),
        auditd("admin_space_left_action", "syslog", FULL).anssi(&[73]).cis(&["6.2.2.4"]),
        auditd("disk_full_action", "suspend", FULL).anssi(&[73]),
        auditd("disk_error_action", "suspend", FULL).anssi(&[73]),
        variant(
            "auditd.halt-on-full-disk",
            "disk_full_action",
            "halt",
            "Rather no service than a service without a record.",
        )
        .cis(&["6.2.2.3"])
        .by_name(HALT),
        variant(
            "auditd.halt-on-disk-error",
            "disk_error_action",
            "halt",
            "Rather no service than a service without a record.",
        )
        .cis(&["6.2.2.3"])
        .by_name(HALT),
    ]
}

/// A second value for a key of auditd, which replaces the first where its name is enabled.
fn variant(id: &str, key: &'static str, value: &'static str, why: &'static str) -> Control {
    Control { id: id.to_owned(), ..auditd(key, value, why) }
}

fn keep_logs() -> Control {
    variant("auditd.keep-logs", "max_log_file_action", "keep_logs", "No record is ever deleted by the host itself.")
        .cis(&["6.2.2.2"])
        .by_name("the audit partition fills up unless somebody moves the records away; it replaces auditd.max-log-file-action")
}

fn accounts() -> Vec<Control> {
    vec![
        rules(
            "sudoers",
            "60-socle-sudoers.rules",
            "Changes of sudo's rules are recorded",
            TRACE,
            &["-w /etc/sudoers -p wa -k scope", "-w /etc/sudoers.d -p wa -k scope"],
        )
        .anssi(&[73])
        .cis(&["6.2.3.1"]),
        rules(
            "user-emulation",
            "60-socle-user-emulation.rules",
            "What is done as another user is recorded",
            "Who was root must be known by name.",
            &[
                "-a always,exit -F arch=b64 -S execve -C euid!=uid -F auid!=unset -k user_emulation",
                "-a always,exit -F arch=b32 -S execve -C euid!=uid -F auid!=unset -k user_emulation",
            ],
        )
        .cis(&["6.2.3.2"]),
        rules(
            "sudo-log",
            "60-socle-sudo-log.rules",
            "Changes of sudo's log are recorded",
            TRACE,
            &["-w /var/log/sudo.log -p wa -k sudo_log_file"],
        )
        .anssi(&[73])
        .cis(&["6.2.3.3"]),
        rules(
            "identity",
            "60-socle-identity.rules",
            "Changes of accounts and groups are recorded",
            TRACE,
            &[
                "-w /etc/group -p wa -k identity",
                "-w /etc/passwd -p wa -k identity",
                "-w /etc/gshadow -p wa -k identity",
                "-w /etc/shadow -p wa -k identity",
                "-w /etc/security/opasswd -p wa -k identity",
                "-w /etc/nsswitch.conf -p wa -k identity",
                "-w /etc/pam.conf -p wa -k identity",
                "-w /etc/pam.d -p wa -k identity",
            ],
        )
        .anssi(&[73])
        .cis(&["6.2.3.8"]),
        rules(
            "session",
            "60-socle-session.rules",
            "Sessions are recorded",
            "Who was on the host must be known.",
            &[
                "-w /var/run/utmp -p wa -k session",
                "-w /var/log/wtmp -p wa -k session",
                "-w /var/log/btmp -p wa -k session",
            ],
        )
        .anssi(&[73])
        .cis(&["6.2.3.11"]),
        rules(
            "logins",
            "60-socle-logins.rules",
            "Logins and locks are recorded",
            "Attempts to guess a password show here.",
            &["-w /var/log/lastlog -p wa -k logins", "-w /var/run/faillock -p wa -k logins"],
        )
        .anssi(&[73])
        .cis(&["6.2.3.12"]),
    ]
}

fn system() -> Vec<Control> {
    vec![
        rules(
            "time-change",
            "60-socle-time.rules",
            "Changes of the clock are recorded",
            "A wrong clock hides when something happened.",
            &[
                "-a always,exit -F arch=b64 -S adjtimex,settimeofday -k time-change",
                "-a always,exit -F arch=b32 -S adjtimex,settimeofday -k time-change",
                "-a always,exit -F arch=b64 -S clock_settime -F a0=0x0 -k time-change",
                "-a always,exit -F arch=b32 -S clock_settime -F a0=0x0 -k time-change",
                "-w /etc/localtime -p wa -k time-change",
            ],
        )
        .anssi(&[73])
        .cis(&["6.2.3.4"]),
        rules(
            "network",
            "60-socle-network.rules",
            "Changes of the network's settings are recorded",
            TRACE,
            &[
                "-a always,exit -F arch=b64 -S sethostname,setdomainname -k system-locale",
                "-a always,exit -F arch=b32 -S sethostname,setdomainname -k system-locale",
                "-w /etc/issue -p wa -k system-locale",
                "-w /etc/issue.net -p wa -k system-locale",
                "-w /etc/hosts -p wa -k system-locale",
                "-w /etc/networks -p wa -k system-locale",
                "-w /etc/network -p wa -k system-locale",
            ],
        )
        .anssi(&[73])
        .cis(&["6.2.3.5"]),
        rules("mac-policy", "60-socle-mac-policy.rules", "Changes of confinement are recorded", TRACE, &["-w /etc/apparmor -p wa -k MAC-policy", "-w /etc/apparmor.d -p wa -k MAC-policy"])
            .anssi(&[73])
            .cis(&["6.2.3.14"]),
        rules(
            "modules",
            "60-socle-modules.rules",
            "Loading of kernel modules is recorded",
            "Code in the kernel can hide everything else.",
            &[
                "-a always,exit -F arch=b64 -S init_module,finit_module,delete_module -F auid>=1000 -F auid!=unset -k kernel_modules",
                "-a always,exit -F path=/usr/bin/kmod -F perm=x -F auid>=1000 -F auid!=unset -k kernel_modules",
            ],
        )
        .anssi(&[73])
        .cis(&["6.2.3.19"]),
    ]
}

fn files() -> Vec<Control> {
    vec![
        rules(
            "access",
            "60-socle-access.rules",
            "Refused access to files is recorded",
            "Somebody who tries doors leaves refusals.",
            &[
                "-a always,exit -F arch=b64 -S creat,open,openat,truncate,ftruncate -F exit=-EACCES -F auid>=1000 -F auid!=unset -k access",
                "-a always,exit -F arch=b64 -S creat,open,openat,truncate,ftruncate -F exit=-EPERM -F auid>=1000 -F auid!=unset -k access",
                "-a always,exit -F arch=b32 -S creat,open,openat,truncate,ftruncate -F exit=-EACCES -F auid>=1000 -F auid!=unset -k access",
                "-a always,exit -F arch=b32 -S creat,open,openat,truncate,ftruncate -F exit=-EPERM -F auid>=1000 -F auid!=unset -k access",
            ],
        )
        .anssi(&[73])
        .cis(&["6.2.3.7"]),
        rules(
            "permissions",
            "60-socle-permissions.rules",
            "Changes of permissions are recorded",
            TRACE,
            &[
                "-a always,exit -F arch=b64 -S chmod,fchmod,fchmodat -F auid>=1000 -F auid!=unset -k perm_mod",
                "-a always,exit -F arch=b64 -S chown,fchown,lchown,fchownat -F auid>=1000 -F auid!=unset -k perm_mod",
                "-a always,exit -F arch=b32 -S chmod,fchmod,fchmodat -F auid>=1000 -F auid!=unset -k perm_mod",
                "-a always,exit -F arch=b32 -S lchown,fchown,chown,fchownat -F auid>=1000 -F auid!=unset -k perm_mod",
                "-a always,exit -F arch=b64 -S setxattr,lsetxattr,fsetxattr,removexattr,lremovexattr,fremovexattr -F auid>=1000 -F auid!=unset -k perm_mod",
                "-a always,exit -F arch=b32 -S setxattr,lsetxattr,fsetxattr,removexattr,lremovexattr,fremovexattr -F auid>=1000 -F auid!=unset -k perm_mod",
            ],
        )
        .anssi(&[73])
        .cis(&["6.2.3.9"]),
        rules(
            "mounts",
            "60-socle-mounts.rules",
            "Mounts by users are recorded",
            "A mount brings files in and takes files out.",
            &[
                "-a always,exit -F arch=b64 -S mount,umount2 -F auid>=1000 -F auid!=unset -k mounts",
                "-a always,exit -F arch=b32 -S mount,umount2 -F auid>=1000 -F auid!=unset -k mounts",
            ],
        )
        .anssi(&[73])
        .cis(&["6.2.3.10"]),
        rules(
            "deletion",
            "60-socle-deletion.rules",
            "Deleting and renaming by users is recorded",
            "Traces are removed last.",
            &[
                "-a always,exit -F arch=b64 -S rename,unlink,rmdir,unlinkat,renameat,renameat2 -F auid>=1000 -F auid!=unset -k delete",
                "-a always,exit -F arch=b32 -S rename,unlink,rmdir,unlinkat,renameat,renameat2 -F auid>=1000 -F auid!=unset -k delete",
            ],
        )
        .anssi(&[73])
        .cis(&["6.2.3.13"]),
    ]
}

fn privileged() -> Vec<Control> {
    let every = Control::new(
        "audit.privileged-programs".into(),
        "Every use of a set-ID program is recorded".into(),
        "These programs are how an account becomes root.",
        Wanted::AuditPrivilegedPrograms,
    );
    vec![
        every.anssi(&[33, 73]).cis(&["6.2.3.6"]),
        program(
            "chcon",
            "/usr/bin/chcon",
            &["-a always,exit -F path=/usr/bin/chcon -F perm=x -F auid>=1000 -F auid!=unset -k perm_chng"],
        )
        .cis(&["6.2.3.15"]),
        program(
            "setfacl",
            "/usr/bin/setfacl",
            &["-a always,exit -F path=/usr/bin/setfacl -F perm=x -F auid>=1000 -F auid!=unset -k perm_chng"],
        )
        .cis(&["6.2.3.16"]),
        program(
            "chacl",
            "/usr/bin/chacl",
            &["-a always,exit -F path=/usr/bin/chacl -F perm=x -F auid>=1000 -F auid!=unset -k perm_chng"],
        )
        .cis(&["6.2.3.17"]),
        program(
            "usermod",
            "/usr/sbin/usermod",
            &["-a always,exit -F path=/usr/sbin/usermod -F perm=x -F auid>=1000 -F auid!=unset -k usermod"],
        )
        .cis(&["6.2.3.18"]),
    ]
}

fn program(id: &'static str, path: &str, lines: &'static [&'static str]) -> Control {
    let file = match id {
        "chcon" => "60-socle-chcon.rules",
        "setfacl" => "60-socle-setfacl.rules",
        "chacl" => "60-socle-chacl.rules",
        _ => "60-socle-usermod.rules",
    };
    rules(id, file, &format!("Uses of {path} are recorded"), TRACE, lines)
}

/// Last of all controls: from here on no rule changes before the next boot.
fn immutable() -> Control {
    rules(
        "immutable",
        "99-socle-finalize.rules",
        "Audit rules cannot be changed before the next boot",
        "An attacker who is root cannot switch the record off unseen.",
        &["-e 2"],
    )
    .anssi(&[73])
    .cis(&["6.2.3.20", "6.2.3.21"])
    .reboot()
}
