//! Options of mounts: live, and in `/etc/fstab`. Nothing is mounted or moved here.

use std::fmt::{self, Display};

use crate::file::{self, New, Owner};
use crate::{Fault, Host, Item, Program};

/// A mount point that has at least these options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    target: String,
    wanted: Vec<String>,
}

/// What the kernel and fstab say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    live: Option<Vec<String>>,
    fstab: Option<String>,
    line: Option<Vec<String>>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Remount with the options that are missing.
    Remount(String),
    /// Write them to fstab: its new text.
    Fstab(String),
}

impl Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Remount(options) => write!(f, "remount with {options}"),
            Change::Fstab(_) => f.write_str("write the options to /etc/fstab"),
        }
    }
}

const FSTAB: &str = "/etc/fstab";

impl Options {
    /// `target` (`/tmp`) has the options `wanted` (`nodev`, `nosuid`, `noexec`).
    pub fn new(target: &str, wanted: &[&str]) -> Options {
        Options {
            target: target.to_owned(),
            wanted: wanted.iter().map(|option| (*option).to_owned()).collect(),
        }
    }

    fn missing(&self, there: &[String]) -> Vec<String> {
        self.wanted.iter().filter(|option| !there.contains(option)).cloned().collect()
    }

    /// The line of fstab for a mount that systemd makes by itself, and remounts by that line when there is one.
    fn line_of_its_own(&self) -> Option<String> {
        let (source, kind) = match self.target.as_str() {
            "/dev/shm" => ("tmpfs", "tmpfs"),
            "/proc" => ("proc", "proc"),
            _ => return None,
        };
        Some(format!("{source} {} {kind} defaults,{} 0 0\n", self.target, self.wanted.join(",")))
    }

    /// fstab with the options on the target's line.
    fn in_fstab(&self, text: &str) -> String {
        text.lines().map(|line| if target_of(line) == Some(&self.target) { self.on_line(line) } else { line.to_owned() } + "\n").collect()
    }

    fn on_line(&self, line: &str) -> String {
        let mut fields: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let there = options_of(line);
        let missing = self.missing(&there);
        if let Some(field) = fields.get_mut(3).filter(|_| !missing.is_empty()) {
            *field = there.into_iter().chain(missing).collect::<Vec<_>>().join(",");
            return fields.join(" ");
        }
        line.to_owned()
    }
}

fn target_of(line: &str) -> Option<&str> {
    if line.trim_start().starts_with('#') { None } else { line.split_whitespace().nth(1) }
}

fn options_of(line: &str) -> Vec<String> {
    line.split_whitespace().nth(3).unwrap_or_default().split(',').map(str::to_owned).collect()
}

/// The options of the mount at `target` in the text of `/proc/self/mountinfo`: the last one hides those before.
fn live_options(mountinfo: &str, target: &str) -> Option<Vec<String>> {
    let mut fields = mountinfo.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let there = fields.rfind(|fields| fields.get(4) == Some(&target))?;
    Some(there.get(5)?.split(',').map(str::to_owned).collect())
}

impl Item for Options {
    type Observed = Observed;
    type Change = Change;

    fn id(&self) -> String {
        format!("mount {}", self.target)
    }

    fn observe(&self, host: &Host) -> Result<Observed, Fault> {
        let mountinfo = host.read_text("/proc/self/mountinfo")?.unwrap_or_default();
        let fstab = host.read_text(FSTAB)?;
        let mut lines = fstab.iter().flat_map(|text| text.lines());
        let line = lines.rfind(|line| target_of(line) == Some(&self.target)).map(options_of);
        Ok(Observed { live: live_options(&mountinfo, &self.target), line, fstab })
    }

    fn compare(&self, observed: &Observed) -> Result<Vec<Change>, Fault> {
        let target = &self.target;
        let Some(live) = &observed.live else {
            return Err(Fault::unsupported(format!(
                "{target} is no mount of its own: that needs another partition"
            )));
        };
        let missing = self.missing(live);
        let remount = (!missing.is_empty()).then(|| Change::Remount(missing.join(",")));
        let (Some(fstab), Some(written)) = (&observed.fstab, &observed.line) else {
            return match (remount, self.line_of_its_own()) {
                (None, _) => Ok(Vec::new()),
                (Some(remount), Some(added)) => {
                    let text = observed.fstab.clone().unwrap_or_default();
                    Ok(vec![Change::Fstab(text + &added), remount])
                }
                (Some(_), None) => Err(Fault::unsupported(format!(
                    "{target} is not mounted by {FSTAB}: its unit decides its options"
                ))),
            };
        };
        let write = (!self.missing(written).is_empty()).then(|| Change::Fstab(self.in_fstab(fstab)));
        Ok(write.into_iter().chain(remount).collect())
    }

    fn apply(&self, host: &Host, change: &Change) -> Result<(), Fault> {
        match change {
            Change::Fstab(text) => {
                let new = New { bytes: text.as_bytes(), mode: 0o644, owner: &Owner::root(), validate: None };
                file::write(host, FSTAB, &new)
            }
            Change::Remount(options) => {
                let program = Program::new("mount").args(["-o", &format!("remount,{options}"), &self.target]);
                host.run(&program).map(drop).map_err(|fault| Fault::unsupported(fault.to_string()))
            }
        }
    }

    fn before(&self, observed: &Observed) -> String {
        let shown =
            |options: &Option<Vec<String>>| options.as_ref().map_or("none".to_owned(), |o| o.join(","));
        format!("live {}\nfstab {}\n", shown(&observed.live), shown(&observed.line))
    }

    fn after(&self, observed: &Observed) -> String {
        let with = |options: &Option<Vec<String>>| {
            options.as_ref().map(|there| there.iter().cloned().chain(self.missing(there)).collect::<Vec<_>>())
        };
        self.before(&Observed { live: with(&observed.live), line: with(&observed.line), fstab: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Root;

    const MOUNTS: &str = "22 1 8:1 / / rw - ext4 x rw\n30 22 0:9 / /tmp rw,nosuid - tmpfs tmpfs rw\n";

    #[test]
    fn only_missing_options_are_added() {
        let root = Root::with(&[
            ("/proc/self/mountinfo", MOUNTS),
            ("/etc/fstab", "# x /tmp\ntmpfs /tmp tmpfs nodev 0 0\n"),
        ]);
        let item = Options::new("/tmp", &["nodev", "nosuid"]);
        let changes = item.compare(&item.observe(&root.host()).unwrap()).unwrap();
        let fstab = "# x /tmp\ntmpfs /tmp tmpfs nodev,nosuid 0 0\n".to_owned();
        assert_eq!(changes, [Change::Fstab(fstab), Change::Remount("nodev".to_owned())]);
    }

    #[test]
    fn a_mount_that_systemd_makes_by_itself_gets_a_line_in_fstab() {
        let mounts = "31 22 0:9 / /dev/shm rw,nosuid,nodev - tmpfs tmpfs rw\n";
        let root = Root::with(&[("/proc/self/mountinfo", mounts), ("/etc/fstab", "# empty\n")]);
        let item = Options::new("/dev/shm", &["nodev", "noexec"]);
        let changes = item.compare(&item.observe(&root.host()).unwrap()).unwrap();
        let fstab = "# empty\ntmpfs /dev/shm tmpfs defaults,nodev,noexec 0 0\n".to_owned();
        assert_eq!(changes, [Change::Fstab(fstab), Change::Remount("noexec".to_owned())]);
    }

    #[test]
    fn a_folder_that_is_no_mount_is_unsupported() {
        let root = Root::with(&[("/proc/self/mountinfo", MOUNTS)]);
        let item = Options::new("/home", &["nodev"]);
        assert!(matches!(item.compare(&item.observe(&root.host()).unwrap()), Err(Fault::Unsupported { .. })));
    }
}
