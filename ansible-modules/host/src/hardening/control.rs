//! What a control is: data, from which observing and changing follow.

/// One control of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// Stable name: kind, dot, subject, in lower case with dashes: `sysctl.kernel-kptr-restrict`.
    pub id: String,
    /// What it does, in a few words.
    pub title: String,
    /// Why one wants it: one sentence.
    pub why: &'static str,
    /// Rules of ANSSI-BP-028 v2.0 that it meets, by number.
    pub anssi: &'static [u8],
    /// Items of the CIS Debian 12 Benchmark v1.1 that it meets.
    pub cis: &'static [&'static str],
    /// Whether it is part of the profile `baseline`.
    pub baseline: bool,
    /// What must be so.
    pub wanted: Wanted,
    /// Whether a profile alone turns it on.
    pub consent: Consent,
    /// When a change takes effect.
    pub effect: Effect,
    /// What becomes of it on a Kubernetes node.
    pub on_node: OnNode,
}

/// What must be so on the host. One kind is one way of observing and changing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// A kernel parameter, now and after a boot.
    Sysctl {
        /// With dots: `net.ipv4.ip_forward`.
        key: &'static str,
        /// Fields apart by one space.
        value: &'static str,
    },
    /// A kernel module that must not load.
    ModuleBlocked {
        /// As `modprobe` knows it.
        module: &'static str,
    },
    /// A keyword of sshd's effective configuration.
    Sshd {
        /// In `sshd_config`'s spelling.
        keyword: &'static str,
        /// Its arguments; lists apart by commas.
        value: &'static str,
    },
    /// A key of a configuration file that has one value a key.
    Setting {
        /// Which file, and its form.
        file: SettingsFile,
        /// The key.
        key: &'static str,
        /// The value.
        value: &'static str,
    },
    /// A file or folder that, where it exists, belongs to its owner and has no permission bits beyond these.
    Permissions {
        /// Absolute; a last part with `*` is every match.
        path: &'static str,
        /// The widest mode allowed.
        mode: u32,
        /// The user.
        owner: &'static str,
        /// The groups it may belong to; a change takes the first.
        group: &'static [&'static str],
    },
    /// A file with exactly this text.
    Text {
        /// Absolute.
        path: &'static str,
        /// The whole content.
        text: &'static str,
        /// Its mode.
        mode: u32,
    },
    /// A step in the stacks of PAM, made by `pam-auth-update`.
    Pam(PamStep),
    /// Rules for the kernel's audit, one `auditctl` line each.
    AuditRules {
        /// The file's name below `/etc/audit/rules.d`, which orders it.
        file: &'static str,
        /// The rules.
        rules: &'static [&'static str],
    },
    /// Rules that watch every program with the set-user-ID or set-group-ID bit; the list is made from the host.
    AuditPrivilegedPrograms,
    /// Packages that must be installed.
    Installed {
        /// Debian's names.
        packages: &'static [&'static str],
    },
    /// Packages that must not be installed.
    Removed {
        /// Debian's names.
        packages: &'static [&'static str],
    },
    /// A unit of systemd.
    Unit {
        /// With its suffix.
        unit: &'static str,
        /// How it must be.
        state: UnitState,
    },
    /// Options of a mount; unsupported where nothing is mounted there.
    MountOptions {
        /// The mount point.
        path: &'static str,
        /// Options that must be among its own.
        options: &'static [&'static str],
    },
    /// A line of `Defaults` in our file below `/etc/sudoers.d`.
    SudoDefault {
        /// `use_pty`, `logfile="/var/log/sudo.log"`.
        option: &'static str,
    },
    /// Words of the kernel's command line.
    KernelArguments {
        /// Each as it stands on the command line.
        words: &'static [&'static str],
    },
    /// A resource limit of every session.
    Limit {
        /// `*`, `root`.
        domain: &'static str,
        /// `hard`, `soft`, `-`.
        kind: &'static str,
        /// `core`.
        item: &'static str,
        /// The value.
        value: &'static str,
    },
    /// Something about accounts that can be made so.
    Accounts(AccountRule),
    /// Something that only a person can decide: it is observed in the separate `audit` pass, never changed.
    Finding(Scan),
}

/// A file with one value a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SettingsFile {
    /// `/etc/login.defs`: `KEY value`.
    LoginDefs,
    /// `/etc/default/useradd`: `KEY=value`.
    UseraddDefaults,
    /// `/etc/adduser.conf`: `KEY=value`.
    Adduser,
    /// `/etc/security/faillock.conf`: `key = value`, or a key alone.
    Faillock,
    /// `/etc/security/pwquality.conf`: `key = value`, or a key alone.
    Pwquality,
    /// `/etc/security/pwhistory.conf`: `key = value`, or a key alone.
    Pwhistory,
    /// `/etc/audit/auditd.conf`: `key = value`.
    Auditd,
    /// `[Journal]` of a drop-in for journald.
    Journald,
    /// `[Coredump]` of a drop-in for systemd-coredump.
    Coredump,
    /// `[Login]` of a drop-in for logind.
    Logind,
    /// A drop-in of apt: `key "value";`.
    Apt,
    /// `/etc/postfix/main.cf`: `key = value`; unsupported where Postfix is not installed.
    Postfix,
}

impl SettingsFile {
    /// Where we write it.
    pub const fn path(self) -> &'static str {
        match self {
            SettingsFile::LoginDefs => "/etc/login.defs",
            SettingsFile::UseraddDefaults => "/etc/default/useradd",
            SettingsFile::Adduser => "/etc/adduser.conf",
            SettingsFile::Faillock => "/etc/security/faillock.conf",
            SettingsFile::Pwquality => "/etc/security/pwquality.conf",
            SettingsFile::Pwhistory => "/etc/security/pwhistory.conf",
            SettingsFile::Auditd => "/etc/audit/auditd.conf",
            SettingsFile::Journald => "/etc/systemd/journald.conf.d/60-socle.conf",
            SettingsFile::Coredump => "/etc/systemd/coredump.conf.d/60-socle.conf",
            SettingsFile::Logind => "/etc/systemd/logind.conf.d/60-socle.conf",
            SettingsFile::Apt => "/etc/apt/apt.conf.d/60-socle",
            SettingsFile::Postfix => "/etc/postfix/main.cf",
        }
    }
}

/// A step in PAM's stacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PamStep {
    /// Accounts are locked for a while after failed passwords. Logins by key never pass through it.
    Faillock,
    /// New passwords are checked for strength.
    Pwquality,
    /// New passwords differ from the last ones.
    Pwhistory,
    /// Passwords are hashed with yescrypt.
    Yescrypt,
    /// Empty passwords are refused.
    NoEmptyPasswords,
    /// Only members of this group may use `su`.
    SuGroup(&'static str),
}

/// How a unit must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitState {
    /// Enabled and running.
    Enabled,
    /// Not running, and not startable.
    Masked,
}

/// Something about accounts that can be made so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountRule {
    /// System accounts (UID below 1000, not root) have no login shell.
    SystemAccountsWithoutShell,
    /// Accounts without a login shell have a locked password.
    ShelllessAccountsLocked,
    /// Home folders of people have at most this mode.
    HomeFolderMode(u32),
    /// No `.rhosts`, `.netrc`, `hosts.equiv` in home folders.
    NoTrustFiles,
    /// root's password is locked; `sudo` is how one becomes root.
    RootPasswordLocked,
    /// Ageing of passwords of existing accounts, in days. Accounts that log in by key, and locked ones, are left out,
    /// because an expired password refuses a login by key too.
    PasswordAgeing {
        /// Days until a password must be changed.
        maximum: u32,
        /// Days before which it must not be changed.
        minimum: u32,
        /// Days of warning.
        warning: u32,
    },
}

/// What the `audit` pass looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scan {
    /// Files and folders that everybody may write, without the sticky bit on folders.
    WorldWritable,
    /// Files and folders whose user or group does not exist.
    Unowned,
    /// Programs with the set-user-ID or set-group-ID bit that no package brought.
    SetId,
    /// Folders that everybody may write and that do not belong to root.
    SharedFolders,
    /// Passwords in `/etc/passwd`, empty passwords, groups that do not exist, doubled names and numbers.
    AccountFiles,
    /// More than one account with UID 0, or more than one group with GID 0.
    RootDoubles,
    /// Dot files and home folders of people.
    HomeFolders,
    /// Rules of sudo: negation, commands without arguments, root as target.
    SudoRules,
    /// Sockets that listen on other addresses than loopback.
    ListeningSockets,
    /// Accounts of people that were not used for a long time.
    UnusedAccounts,
    /// Package sources and their keys.
    PackageSources,
    /// Pending security updates, from apt's lists as they are.
    SecurityUpdates,
    /// Log files that others may read or write.
    LogFiles,
    /// root's `PATH`.
    RootPath,
    /// `AppArmor` profiles that do not enforce.
    ApparmorProfiles,
    /// Options that the kernel was built with.
    KernelBuild,
}

/// Whether a profile alone turns a control on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// A profile that has it applies it.
    ByProfile,
    /// It can lock people out or stop the host: only `enable` with its name applies it; the text says what can happen.
    ByName(&'static str),
}

/// When a change takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// At once.
    Immediate,
    /// With the next boot.
    Reboot,
}

/// Whether a control can be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undo {
    /// What we wrote stands in a file of our own. Once it is wanted no more it goes, and the host is as before; live kernel
    /// parameters stay until the next boot.
    Reversible,
    /// It changes what is others' too, and what was there is not put back (a package's data, an old mode, a line of
    /// `/etc/login.defs`).
    OneWay,
}

/// What becomes of a control with `kubernetes_node`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnNode {
    /// It does no harm there.
    Same,
    /// It is left out, for this reason.
    LeftOut(&'static str),
    /// Another value is wanted, for this reason.
    Value(&'static str, &'static str),
    /// It is only wanted on a node.
    Only,
    /// A node needs this value, so it is wanted there in every profile, for this reason.
    Needed(&'static str, &'static str),
}

impl Control {
    /// A control that takes effect at once, and is in no profile until a rule is named.
    pub(super) fn new(id: String, title: String, why: &'static str, wanted: Wanted) -> Control {
        Control {
            id,
            title,
            why,
            anssi: &[],
            cis: &[],
            baseline: false,
            wanted,
            consent: Consent::ByProfile,
            effect: Effect::Immediate,
            on_node: OnNode::Same,
        }
    }

    pub(super) fn anssi(self, anssi: &'static [u8]) -> Control {
        Control { anssi, ..self }
    }

    pub(super) fn cis(self, cis: &'static [&'static str]) -> Control {
        Control { cis, ..self }
    }

    pub(super) fn baseline(self) -> Control {
        Control { baseline: true, ..self }
    }

    pub(super) fn by_name(self, risk: &'static str) -> Control {
        Control { consent: Consent::ByName(risk), ..self }
    }

    pub(super) fn reboot(self) -> Control {
        Control { effect: Effect::Reboot, ..self }
    }

    pub(super) fn not_on_node(self, reason: &'static str) -> Control {
        Control { on_node: OnNode::LeftOut(reason), ..self }
    }

    pub(super) fn on_node(self, value: &'static str, reason: &'static str) -> Control {
        Control { on_node: OnNode::Value(value, reason), ..self }
    }

    pub(super) fn needed_on_node(self, value: &'static str, reason: &'static str) -> Control {
        Control { on_node: OnNode::Needed(value, reason), ..self }
    }

    pub(super) fn only_on_node(self) -> Control {
        Control { on_node: OnNode::Only, ..self }
    }

    /// Whether it is taken back where it is wanted no more.
    pub fn undo(&self) -> Undo {
        self.wanted.undo()
    }

    /// Whether it only looks, in the `audit` pass.
    pub fn is_finding(&self) -> bool {
        matches!(self.wanted, Wanted::Finding(_))
    }
}

/// How the names of files of ours begin, in folders that others use too.
pub(super) const OURS: &str = "/60-socle";

impl Wanted {
    /// What stands in a file of our own goes out of it again.
    fn undo(&self) -> Undo {
        let is_in_ours = match self {
            Wanted::Setting { file, .. } => file.path().contains(OURS),
            Wanted::Text { path, .. } => path.contains(OURS),
            Wanted::Sysctl { .. }
            | Wanted::ModuleBlocked { .. }
            | Wanted::Sshd { .. }
            | Wanted::AuditRules { .. }
            | Wanted::AuditPrivilegedPrograms
            | Wanted::SudoDefault { .. }
            | Wanted::KernelArguments { .. }
            | Wanted::Limit { .. } => true,
            _ => false,
        };
        if is_in_ours { Undo::Reversible } else { Undo::OneWay }
    }

    /// The value that an override may replace; none for kinds that have no single value.
    pub fn value(&self) -> Option<&'static str> {
        match self {
            Wanted::Sysctl { value, .. }
            | Wanted::Sshd { value, .. }
            | Wanted::Setting { value, .. }
            | Wanted::Limit { value, .. } => Some(value),
            Wanted::Text { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The kind as it stands in the table of the documentation.
    pub fn kind(&self) -> &'static str {
        match self {
            Wanted::Sysctl { .. } => "sysctl",
            Wanted::ModuleBlocked { .. } => "kernel module",
            Wanted::Sshd { .. } => "sshd",
            Wanted::Setting { .. } => "setting",
            Wanted::Permissions { .. } => "permissions",
            Wanted::Text { .. } => "file",
            Wanted::Pam(_) => "PAM",
            Wanted::AuditRules { .. } | Wanted::AuditPrivilegedPrograms => "audit rules",
            Wanted::Installed { .. } | Wanted::Removed { .. } => "packages",
            Wanted::Unit { .. } => "unit",
            Wanted::MountOptions { .. } => "mount",
            Wanted::SudoDefault { .. } => "sudo",
            Wanted::KernelArguments { .. } => "kernel command line",
            Wanted::Limit { .. } => "limits",
            Wanted::Accounts(_) => "accounts",
            Wanted::Finding(_) => "audit pass",
        }
    }
}
