//! Files of settings: which of them is whose, in which form, and which program must be told.

use super::group::{Found, Group, Part, lines};
use super::{Hardening, kernel_of_another};
use crate::edit::{Edit, EditedFile, Separator, WhenMissing, value_of};
use crate::file::{Backup, File};
use crate::hardening::control::{OURS, SettingsFile, Wanted};
use crate::hardening::table;
use crate::pending::Triggering;
use crate::{Fault, Host, Item, Managed, Mode, Outcome, Program, unit};

const MODULES: &str = "/etc/modprobe.d/socle-hardening.conf";
const SUDO: &str = "/etc/sudoers.d/socle-hardening";
const GRUB: &str = "/etc/default/grub.d/60-socle.cfg";
const SSH_CLIENT: &str = "/etc/ssh/ssh_config.d/";
const LIMITS: &str = "/etc/security/limits.d/60-socle.conf";

/// Files that are ours alone: what no control wants any more goes out of them.
pub(super) const OWN_FILES: [&str; 8] = [
    MODULES,
    SUDO,
    GRUB,
    LIMITS,
    SettingsFile::Journald.path(),
    SettingsFile::Coredump.path(),
    SettingsFile::Logind.path(),
    SettingsFile::Apt.path(),
];

const HEAD: &str = "# Written by socle; changes here are overwritten.\n";

/// The file that a control has lines in.
pub(super) fn path(wanted: &Wanted) -> Option<&'static str> {
    match wanted {
        Wanted::ModuleBlocked { .. } => Some(MODULES),
        Wanted::SudoDefault { .. } => Some(SUDO),
        Wanted::KernelArguments { .. } => Some(GRUB),
        Wanted::Limit { .. } => Some(LIMITS),
        Wanted::Setting { file, .. } => Some(file.path()),
        _ => None,
    }
}

/// The file with the lines of all controls that want some; none for a file that no control of the table has.
pub(super) fn group(hardening: &Hardening, path: &'static str) -> Option<Group> {
    let of_file = |wanted: &Wanted| self::path(wanted) == Some(path);
    let parts: Vec<Part> = hardening
        .selected
        .iter()
        .filter(|one| of_file(&one.control.wanted))
        .filter_map(|one| {
            let value = hardening.value_of(&one.control.id)?;
            Some(part(hardening, &one.control.id, &one.control.wanted, value))
        })
        .collect();
    let example = table::controls().iter().find(|control| of_file(&control.wanted))?;
    let (item, found): (Box<dyn Managed>, Found) = match &example.wanted {
        Wanted::Setting { file, .. } => setting(*file, &parts),
        wanted => (own(hardening, wanted, path, &parts), Box::new(own_lines)),
    };
    Some(Group { path: path.to_owned(), item, parts, found })
}

fn part(hardening: &Hardening, id: &str, wanted: &Wanted, value: &str) -> Part {
    let (key, lines) = match wanted {
        Wanted::ModuleBlocked { module } => {
            ((*module).to_owned(), format!("install {module} /bin/false\nblacklist {module}\n"))
        }
        Wanted::SudoDefault { option } => ((*option).to_owned(), sudo_lines(hardening, option)),
        Wanted::KernelArguments { words } => {
            let words = words.join(" ");
            (words.clone(), format!("GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX {words}\"\n"))
        }
        Wanted::Limit { domain, kind, item, .. } => {
            (format!("{domain} {kind} {item}"), format!("{domain} {kind} {item} {value}\n"))
        }
        Wanted::Setting { file, key, .. } => ((*key).to_owned(), form(*file).line(key, value)),
        _ => (String::new(), String::new()),
    };
    Part { id: id.to_owned(), key, wanted: lines }
}

/// The line, and for the account that this run came by the exemption without which it could not come back.
fn sudo_lines(hardening: &Hardening, option: &str) -> String {
    let spared = hardening.login.user.as_deref().filter(|user| *user != "root");
    match spared {
        Some(user) if ["requiretty", "noexec"].contains(&option) => {
            format!("Defaults {option}\nDefaults:{user} !{option}\n")
        }
        _ => format!("Defaults {option}\n"),
    }
}

/// In a file of ours a control's lines are found whole, or by the words that they begin with.
fn own_lines(text: &str, part: &Part) -> String {
    lines(text, |line| {
        let whole = part.wanted.lines().any(|wanted| wanted == line);
        whole || line.strip_prefix(part.key.as_str()).is_some_and(|rest| rest.starts_with(' '))
    })
}

fn own(hardening: &Hardening, wanted: &Wanted, path: &str, parts: &[Part]) -> Box<dyn Managed> {
    if parts.is_empty() {
        return absent(path, wanted);
    }
    let text = parts.iter().fold(HEAD.to_owned(), |text, part| text + &part.wanted);
    let file = File::new(path, text);
    match wanted {
        Wanted::SudoDefault { .. } if !hardening.host.has_program("visudo") => {
            impossible(path, Fault::unsupported("sudo is not installed"))
        }
        Wanted::SudoDefault { .. } => {
            Box::new(file.mode(0o440).validate(Program::new("visudo").args(["-cqf", "{}"])))
        }
        Wanted::KernelArguments { .. } if hardening.container => {
            impossible(path, kernel_of_another("the command line of the kernel"))
        }
        Wanted::KernelArguments { .. } if !hardening.host.has_program("update-grub") => {
            impossible(path, Fault::unsupported("this host does not boot by GRUB"))
        }
        Wanted::KernelArguments { .. } => Box::new(Triggering::new(file, vec![Program::new("update-grub")])),
        _ => Box::new(file),
    }
}

fn absent(path: &str, wanted: &Wanted) -> Box<dyn Managed> {
    match wanted {
        Wanted::KernelArguments { .. } => {
            Box::new(Triggering::new(File::absent(path), vec![Program::new("update-grub")]))
        }
        _ => Box::new(File::absent(path)),
    }
}

/// How a file of settings is written, and what follows.
struct Form {
    separator: Separator,
    /// The section, in a drop-in that is ours alone.
    section: Option<&'static str>,
    /// Whether it is apt's form: `key "value";`.
    quoted: bool,
    programs: Vec<Program>,
}

fn form(file: SettingsFile) -> Form {
    let plain = |separator| Form { separator, section: None, quoted: false, programs: Vec::new() };
    let told = |form: Form, program| Form { programs: vec![program], ..form };
    let drop_in = |section| Form { section: Some(section), ..plain(Separator::TightEquals) };
    match file {
        SettingsFile::LoginDefs => plain(Separator::Space),
        SettingsFile::UseraddDefaults | SettingsFile::Adduser => plain(Separator::TightEquals),
        SettingsFile::Faillock | SettingsFile::Pwquality | SettingsFile::Pwhistory => {
            plain(Separator::Equals)
        }
        SettingsFile::Auditd => told(plain(Separator::Equals), unit::reload("auditd.service")),
        SettingsFile::Postfix => told(plain(Separator::Equals), unit::restart("postfix.service")),
        SettingsFile::Journald => told(drop_in("[Journal]\n"), unit::restart("systemd-journald.service")),
        SettingsFile::Coredump => drop_in("[Coredump]\n"),
        SettingsFile::Logind => told(drop_in("[Login]\n"), unit::reload("systemd-logind.service")),
        SettingsFile::Apt => Form { section: Some(""), quoted: true, ..plain(Separator::Space) },
    }
}

impl Form {
    fn line(&self, key: &str, value: &str) -> String {
        if self.quoted { format!("{key} \"{value}\";\n") } else { self.separator.line(key, value) + "\n" }
    }
}

fn setting(file: SettingsFile, parts: &[Part]) -> (Box<dyn Managed>, Found) {
    let form = form(file);
    let separator = form.separator;
    let keyed = move |text: &str, part: &Part| {
        lines(text, |line| separator.split(line).is_some_and(|(key, _)| key == part.key))
    };
    if let Some(section) = form.section {
        let text = parts.iter().fold(format!("{HEAD}{section}"), |text, part| text + &part.wanted);
        // apt's own comments begin with two slashes, and it takes `#` too.
        let file = if parts.is_empty() { File::absent(file.path()) } else { File::new(file.path(), text) };
        return (followed_by(file, form.programs), Box::new(keyed));
    }
    let edit = |part: &Part| {
        let value = separator.split(&part.wanted).map_or("", |(_, value)| value).to_owned();
        Edit::set(part.key.clone(), value, separator)
    };
    let edited =
        EditedFile::new(file.path(), parts.iter().map(edit).collect()).when_missing(WhenMissing::Unsupported);
    let found = move |text: &str, part: &Part| {
        value_of(text, &part.key, separator)
            .map_or(String::new(), |value| separator.line(&part.key, &value) + "\n")
    };
    (followed_by(edited, form.programs), Box::new(found))
}

fn followed_by(item: impl Item + 'static, programs: Vec<Program>) -> Box<dyn Managed> {
    if programs.is_empty() { Box::new(item) } else { Box::new(Triggering::new(item, programs)) }
}

/// A file with exactly this text. A symbolic link is somebody's arrangement, and is left alone.
pub(super) fn text(host: &Host, path: &str, text: &str, mode: u32) -> Box<dyn Managed> {
    if host.path(path).is_symlink() {
        return impossible(path, Fault::unsupported(format!("{path} is a symbolic link, and is left alone")));
    }
    let file = File::new(path, text).mode(mode).backup(Backup::Original);
    if !path.starts_with(SSH_CLIENT) {
        return Box::new(file);
    }
    // With a word in it that this `ssh` does not know, none would connect any more.
    if host.has_program("ssh") {
        Box::new(file.validate(Program::new("ssh").args(["-G", "-F", "{}", "localhost"])))
    } else {
        impossible(path, Fault::unsupported("no SSH client is installed"))
    }
}

/// Removes files that are ours alone and that no control wants any more.
pub(super) fn forget_texts(hardening: &Hardening) -> Vec<Outcome> {
    let ours = table::controls().iter().filter_map(|control| match control.wanted {
        Wanted::Text { path, .. } if path.contains(OURS) => Some((control, path)),
        _ => None,
    });
    let gone = ours
        .filter(|(control, path)| hardening.value_of(&control.id).is_none() && hardening.host.exists(path));
    gone.map(|(_, path)| File::absent(path).bring(hardening.host, hardening.mode)).collect()
}

/// An item that this host cannot have.
struct Impossible {
    id: String,
    fault: Fault,
}

fn impossible(id: &str, fault: Fault) -> Box<dyn Managed> {
    Box::new(Impossible { id: id.to_owned(), fault })
}

impl Managed for Impossible {
    fn name(&self) -> String {
        self.id.clone()
    }

    fn bring_about(&self, _: &Host, _: Mode) -> Outcome {
        Outcome::of_fault(&self.id, &self.fault)
    }
}
