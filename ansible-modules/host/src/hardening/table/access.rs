//! Accounts, passwords, PAM, sudo, sessions.

use crate::hardening::control::{AccountRule, Control, PamStep, SettingsFile, Wanted};

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

fn pam(id: &str, step: PamStep, title: &str, why: &'static str) -> Control {
    Control::new(format!("pam.{id}"), title.to_owned(), why, Wanted::Pam(step))
}

fn sudo(id: &str, option: &'static str, why: &'static str) -> Control {
    Control::new(
        format!("sudo.{id}"),
        format!("sudo: Defaults {option}"),
        why,
        Wanted::SudoDefault { option },
    )
}

fn accounts(id: &str, rule: AccountRule, title: &str, why: &'static str) -> Control {
    Control::new(format!("accounts.{id}"), title.to_owned(), why, Wanted::Accounts(rule))
}

pub(super) fn controls() -> Vec<Control> {
    let mut all = lockout();
    all.extend(strength());
    all.extend(history());
    all.extend(hashing());
    all.extend(ageing());
    all.extend(sudo_rules());
    all.extend(sessions());
    all.extend(people());
    all
}

fn lockout() -> Vec<Control> {
    use SettingsFile::Faillock;
    const WHY: &str = "A password cannot be guessed at one's leisure.";
    vec![
        pam("faillock", PamStep::Faillock, "Failed passwords lock the account for a while", WHY)
            .anssi(&[31])
            .cis(&["5.3.2.2"]),
        setting("faillock.deny", Faillock, "deny", "3", WHY).anssi(&[31]).cis(&["5.3.3.1.1"]),
        setting("faillock.fail-interval", Faillock, "fail_interval", "900", WHY).anssi(&[31]),
        setting(
            "faillock.unlock-time",
            Faillock,
            "unlock_time",
            "900",
            "The lock opens by itself: a lock for ever would let anybody shut an administrator out.",
        )
        .anssi(&[31])
        .cis(&["5.3.3.1.2"]),
        setting(
            "faillock.even-deny-root",
            Faillock,
            "even_deny_root",
            "",
            "root's password is guessed first.",
        )
        .anssi(&[31])
        .cis(&["5.3.3.1.3"])
        .by_name("whoever can reach a console can lock root out of it for the unlock time"),
    ]
}

fn strength() -> Vec<Control> {
    use SettingsFile::Pwquality;
    const WHY: &str = "Short and simple passwords are guessed from lists.";
    vec![
        pam("pwquality", PamStep::Pwquality, "New passwords are checked for strength", WHY)
            .anssi(&[31, 68])
            .cis(&["5.3.2.3"]),
        setting("pwquality.minlen", Pwquality, "minlen", "15", WHY).anssi(&[31, 68]).cis(&["5.3.3.2.2"]),
        setting("pwquality.minclass", Pwquality, "minclass", "4", WHY).anssi(&[31, 68]).cis(&["5.3.3.2.3"]),
        setting("pwquality.dcredit", Pwquality, "dcredit", "-1", WHY).anssi(&[31]).cis(&["5.3.3.2.3"]),
        setting("pwquality.ucredit", Pwquality, "ucredit", "-1", WHY).anssi(&[31]).cis(&["5.3.3.2.3"]),
        setting("pwquality.lcredit", Pwquality, "lcredit", "-1", WHY).anssi(&[31]).cis(&["5.3.3.2.3"]),
        setting("pwquality.ocredit", Pwquality, "ocredit", "-1", WHY).anssi(&[31]).cis(&["5.3.3.2.3"]),
        setting("pwquality.difok", Pwquality, "difok", "2", WHY).cis(&["5.3.3.2.1"]),
        setting("pwquality.maxrepeat", Pwquality, "maxrepeat", "3", WHY).cis(&["5.3.3.2.4"]),
        setting("pwquality.maxsequence", Pwquality, "maxsequence", "3", WHY).cis(&["5.3.3.2.5"]),
        setting("pwquality.dictcheck", Pwquality, "dictcheck", "1", WHY).cis(&["5.3.3.2.6"]),
        setting("pwquality.enforcing", Pwquality, "enforcing", "1", WHY).cis(&["5.3.3.2.7"]),
        setting("pwquality.enforce-for-root", Pwquality, "enforce_for_root", "", WHY).cis(&["5.3.3.2.8"]),
        setting("pwquality.retry", Pwquality, "retry", "3", WHY).anssi(&[68]),
    ]
}

fn history() -> Vec<Control> {
    use SettingsFile::Pwhistory;
    const WHY: &str = "A password that leaked must not come back.";
    vec![
        pam("pwhistory", PamStep::Pwhistory, "New passwords differ from the last ones", WHY)
            .anssi(&[31])
            .cis(&["5.3.2.4", "5.3.3.3.3", "5.3.3.4.2", "5.3.3.4.4"]),
        setting("pwhistory.remember", Pwhistory, "remember", "24", WHY).anssi(&[31]).cis(&["5.3.3.3.1"]),
        setting("pwhistory.enforce-for-root", Pwhistory, "enforce_for_root", "", WHY).cis(&["5.3.3.3.2"]),
    ]
}

fn hashing() -> Vec<Control> {
    const WHY: &str = "Stolen hashes must be slow to guess.";
    vec![
        pam("yescrypt", PamStep::Yescrypt, "Passwords are hashed with yescrypt", WHY)
            .anssi(&[68])
            .cis(&["5.3.2.1", "5.3.3.4.3"])
            .baseline(),
        pam(
            "no-empty-passwords",
            PamStep::NoEmptyPasswords,
            "Empty passwords are refused",
            "An empty password is none.",
        )
        .cis(&["5.3.3.4.1"])
        .baseline(),
        setting("login-defs.encrypt-method", SettingsFile::LoginDefs, "ENCRYPT_METHOD", "YESCRYPT", WHY)
            .anssi(&[68])
            .cis(&["5.4.1.4"])
            .baseline(),
        setting("login-defs.yescrypt-cost", SettingsFile::LoginDefs, "YESCRYPT_COST_FACTOR", "11", WHY)
            .anssi(&[68]),
    ]
}

/// Ageing is two things: what new accounts get, and what accounts have. An expired password refuses a login by key too,
/// so accounts that log in by key are left out of the second.
fn ageing() -> Vec<Control> {
    use SettingsFile::{LoginDefs, UseraddDefaults};
    const WHY: &str = "A password that leaked unnoticed must end some day.";
    const LATER: &str =
        "accounts made later get passwords that run out; once run out, they refuse logins by key too";
    let existing = AccountRule::PasswordAgeing { maximum: 365, minimum: 1, warning: 7 };
    vec![
        setting("login-defs.pass-max-days", LoginDefs, "PASS_MAX_DAYS", "365", WHY).anssi(&[31]).cis(&["5.4.1.1"]).by_name(LATER),
        setting("login-defs.pass-min-days", LoginDefs, "PASS_MIN_DAYS", "1", "The history must not be run through in a minute.").cis(&["5.4.1.2"]),
        setting("login-defs.pass-warn-age", LoginDefs, "PASS_WARN_AGE", "7", "Who must change a password should know in time.").cis(&["5.4.1.3"]).baseline(),
        setting("useradd.inactive", UseraddDefaults, "INACTIVE", "45", "An account that nobody uses must close.").cis(&["5.4.1.5"]).by_name(LATER),
        accounts("password-ageing", existing, "Passwords of existing accounts run out", WHY)
            .anssi(&[31])
            .cis(&["5.4.1.1", "5.4.1.2", "5.4.1.3"])
            .by_name("people who log in with a password must change it in time; accounts with an authorised key and locked ones are left out"),
    ]
}

fn sudo_rules() -> Vec<Control> {
    const AUTOMATION: &str =
        "automation that calls sudo without a terminal, or needs readable files, stops working";
    vec![
        sudo("use-pty", "use_pty", "A program started by sudo must not keep the terminal after it ends.").anssi(&[39]).cis(&["5.2.2"]).baseline(),
        sudo("env-reset", "env_reset", "Variables of the caller must not steer a program that runs as root.").anssi(&[39]).baseline(),
        sudo("ignore-dot", "ignore_dot", "A program in the current folder must not be taken for the system's.").anssi(&[39]).baseline(),
        sudo("requiretty", "requiretty", "A program without a terminal must not become root.").anssi(&[39]).by_name(AUTOMATION),
        sudo("umask", "umask=0077", "Files that root makes are root's.").anssi(&[39]).by_name(AUTOMATION),
        sudo("noexec", "noexec", "An allowed editor must not start a shell.")
            .anssi(&[39])
            .by_name("no program started by sudo can start another: package managers, service managers and automation stop working"),
        sudo("logfile", "logfile=\"/var/log/sudo.log\"", "Who became root is read in one place.").cis(&["5.2.3"]).baseline(),
        sudo("timestamp-timeout", "timestamp_timeout=5", "A terminal left open must not stay root.").cis(&["5.2.5", "5.2.6"]).baseline(),
        Control::new(
            "sudo.group".into(),
            "Only the group sudo may run sudo".into(),
            "A hole in sudo then helps only those who have it anyway.",
            Wanted::Permissions { path: "/usr/bin/sudo", mode: 0o4750, owner: "root", group: &["sudo"] },
        )
        .anssi(&[38])
        .by_name("accounts with a rule of sudo that are not in the group sudo can no longer run it"),
        pam("su-group", PamStep::SuGroup("sudo"), "Only the group sudo may run su", "Who becomes another does it under a rule.").cis(&["5.2.7"]),
    ]
}

fn sessions() -> Vec<Control> {
    const UMASK: &str = "What one user writes is not for everybody.";
    let profile = |text| Wanted::Text { path: "/etc/profile.d/60-socle-timeout.sh", text, mode: 0o644 };
    let shells = Wanted::Text { path: "/etc/profile.d/60-socle-umask.sh", text: "umask 027\n", mode: 0o644 };
    vec![
        Control::new("session.timeout".into(), "Shells end after ten idle minutes".into(), "A terminal left open is open to everybody.", profile("readonly TMOUT=600\nexport TMOUT\n"))
            .anssi(&[32])
            .cis(&["5.4.3.2"]),
        setting("logind.stop-idle-session", SettingsFile::Logind, "StopIdleSessionSec", "600", "A session left open is open to everybody.").anssi(&[32]),
        setting("login-defs.umask", SettingsFile::LoginDefs, "UMASK", "027", UMASK).cis(&["5.4.3.3", "5.4.2.6"]).baseline(),
        setting("login-defs.umask-strict", SettingsFile::LoginDefs, "UMASK", "077", UMASK)
            .anssi(&[36])
            .by_name("files that administrators write are then unreadable for the services that should read them; it replaces login-defs.umask"),
        Control::new("session.umask".into(), "Shells start with umask 027".into(), UMASK, shells).cis(&["5.4.3.3", "5.4.2.6"]),
        setting("login-defs.login-retries", SettingsFile::LoginDefs, "LOGIN_RETRIES", "5", "A console gives only so many tries.").baseline(),
        setting("login-defs.login-timeout", SettingsFile::LoginDefs, "LOGIN_TIMEOUT", "60", "A console does not wait for ever.").baseline(),
        setting("login-defs.default-home", SettingsFile::LoginDefs, "DEFAULT_HOME", "no", "Whoever has no home folder is not to land in the root of the file system.").baseline(),
        setting("login-defs.chfn-restrict", SettingsFile::LoginDefs, "CHFN_RESTRICT", "rwh", "A user may change his room and telephone numbers, and not his name.").baseline(),
        setting("adduser.dir-mode", SettingsFile::Adduser, "DIR_MODE", "0750", "New home folders are not for everybody.").anssi(&[50]).baseline(),
    ]
}

fn people() -> Vec<Control> {
    const SERVICE: &str = "A service's account is for no person to log in with.";
    vec![
        accounts("system-without-shell", AccountRule::SystemAccountsWithoutShell, "System accounts have no login shell", SERVICE).anssi(&[34]).cis(&["5.4.2.7"]).baseline(),
        accounts("shellless-locked", AccountRule::ShelllessAccountsLocked, "Accounts without a shell are locked", SERVICE).anssi(&[34]).cis(&["5.4.2.8"]).baseline(),
        accounts("home-mode", AccountRule::HomeFolderMode(0o750), "Home folders are not for everybody", "Keys and histories are in home folders.").anssi(&[50]).cis(&["7.2.9"]),
        accounts("no-trust-files", AccountRule::NoTrustFiles, "No files that trust other hosts without a key", "Old programs let everybody in whom such a file names.").baseline(),
        accounts("root-password-locked", AccountRule::RootPasswordLocked, "root has no password", "Administrators act under their own names.")
            .anssi(&[33])
            .cis(&["5.4.2.4"])
            .by_name("where no other account has sudo and a password, nobody can log in at the console, nor in the rescue mode"),
    ]
}
