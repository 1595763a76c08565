//! Rules of auditd: files in `/etc/audit/rules.d`, loaded by `augenrules`.

use crate::file::File;
use crate::pending::{self, Triggering};
use crate::{Fault, Host, Item, Program};

/// A file of rules.
#[derive(Debug, Clone)]
pub struct Rules {
    name: String,
    file: Triggering<File>,
}

/// What is, and whether the kernel takes rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    file: <Triggering<File> as Item>::Observed,
    kernel: Kernel,
}

/// Whether the kernel takes rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kernel {
    /// It does.
    Open,
    /// They were made immutable: a restart is needed.
    Immutable,
    /// There is no auditd, or this is a container.
    Closed(String),
}

impl Rules {
    /// The rules in `/etc/audit/rules.d/NAME.rules`; files are read in the order of their names.
    pub fn new(name: &str, rules: &[String]) -> Rules {
        let text: String = rules.iter().flat_map(|rule| [rule.as_str(), "\n"]).collect();
        let file = File::new(format!("/etc/audit/rules.d/{name}.rules"), text).mode(0o640);
        let load = Program::new("augenrules").args(["--load"]);
        Rules { name: name.to_owned(), file: Triggering::new(file, vec![load]) }
    }
}

fn is_of_file(change: &pending::Change<crate::file::Change>) -> bool {
    matches!(change, pending::Change::Inner(_))
}

fn kernel(host: &Host) -> Result<Kernel, Fault> {
    if !host.exists("/etc/audit/rules.d") {
        return Ok(Kernel::Closed("auditd is not installed".to_owned()));
    }
    let output = host.ask(&Program::new("auditctl").args(["-s"]))?;
    let enabled = output.stdout.lines().find_map(|line| line.strip_prefix("enabled "));
    Ok(match enabled.map(str::trim) {
        Some("2") => Kernel::Immutable,
        Some(_) if output.success() => Kernel::Open,
        _ => Kernel::Closed(format!("the kernel lets nobody here audit it: {}", output.stderr.trim())),
    })
}

impl Item for Rules {
    type Observed = Observed;
    type Change = pending::Change<crate::file::Change>;

    fn id(&self) -> String {
        format!("audit rules {}", self.name)
    }

    fn observe(&self, host: &Host) -> Result<Observed, Fault> {
        Ok(Observed { kernel: kernel(host)?, file: self.file.observe(host)? })
    }

    fn compare(&self, observed: &Observed) -> Result<Vec<Self::Change>, Fault> {
        let changes = self.file.compare(&observed.file)?;
        match &observed.kernel {
            Kernel::Closed(reason) => Err(Fault::unsupported(reason)),
            // The kernel takes them with the next restart: before `-e 2`, which is read last.
            Kernel::Immutable => Ok(changes.into_iter().filter(is_of_file).collect()),
            Kernel::Open => Ok(changes),
        }
    }

    fn apply(&self, host: &Host, change: &Self::Change) -> Result<(), Fault> {
        self.file.apply(host, change)
    }

    fn before(&self, observed: &Observed) -> String {
        self.file.before(&observed.file)
    }

    fn after(&self, observed: &Observed) -> String {
        self.file.after(&observed.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Root;
    use crate::{Mode, Output, State};

    fn bring(status: &'static str, code: i32) -> State {
        let root = Root::with(&[("/etc/audit/rules.d/audit.rules", "")]);
        let host = root.answering(move |program| match program.name() {
            "auditctl" => Output { code: Some(code), stdout: status.to_owned(), stderr: "denied".to_owned() },
            _ => Output { code: Some(0), ..Output::default() },
        });
        Rules::new("50-socle", &["-w /etc/passwd -p wa -k identity".to_owned()])
            .bring(&host, Mode::Apply)
            .state
    }

    #[test]
    fn rules_are_written_only_where_the_kernel_takes_them() {
        assert_eq!(bring("enabled 1\nfailure 1\n", 0), State::Changed);
        assert_eq!(bring("enabled 2\n", 0), State::Changed, "the file waits for the next boot");
        assert_eq!(bring("", 1), State::Unsupported);
    }
}
