//! Swap: off now and after a restart, as the kubelet wants it by default.

use std::fmt::{self, Display};

use crate::file::{self, New, Owner};
use crate::{Fault, Host, Item, Program};

const FSTAB: &str = "/etc/fstab";

/// No swap is used, now or after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSwap;

/// What the kernel and fstab say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    active: Vec<String>,
    fstab: String,
    container: bool,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Comment the lines out: fstab's new text.
    Fstab(String),
    /// Stop using it.
    Off(String),
}

impl Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Fstab(_) => f.write_str("comment swap out in /etc/fstab"),
            Change::Off(name) => write!(f, "stop using {name}"),
        }
    }
}

fn is_swap(line: &str) -> bool {
    !line.trim_start().starts_with('#') && line.split_whitespace().nth(2) == Some("swap")
}

/// fstab with its swap commented out; the lines stay, so that it can be undone by hand.
fn without_swap(fstab: &str) -> String {
    fstab.lines().flat_map(|line| [if is_swap(line) { "# " } else { "" }, line, "\n"]).collect()
}

impl Item for NoSwap {
    type Observed = Observed;
    type Change = Change;

    fn id(&self) -> String {
        "swap".to_owned()
    }

    fn observe(&self, host: &Host) -> Result<Observed, Fault> {
        let swaps = host.read_text("/proc/swaps")?.unwrap_or_default();
        let active = swaps.lines().skip(1).filter_map(|line| line.split_whitespace().next());
        Ok(Observed {
            active: active.map(str::to_owned).collect(),
            fstab: host.read_text(FSTAB)?.unwrap_or_default(),
            container: host.exists("/run/systemd/container"),
        })
    }

    fn compare(&self, observed: &Observed) -> Result<Vec<Change>, Fault> {
        if observed.container && !observed.active.is_empty() {
            return Err(Fault::unsupported("the swap is the machine's, and this is a container on it"));
        }
        let fstab = observed.fstab.lines().any(is_swap).then(|| Change::Fstab(without_swap(&observed.fstab)));
        Ok(fstab.into_iter().chain(observed.active.iter().cloned().map(Change::Off)).collect())
    }

    fn apply(&self, host: &Host, change: &Change) -> Result<(), Fault> {
        match change {
            Change::Off(name) => host.run(&Program::new("swapoff").args([name])).map(drop),
            Change::Fstab(text) => {
                let new = New { bytes: text.as_bytes(), mode: 0o644, owner: &Owner::root(), validate: None };
                file::write(host, FSTAB, &new)
            }
        }
    }

    fn before(&self, observed: &Observed) -> String {
        format!("# in use: {}\n{}", observed.active.join(" "), observed.fstab)
    }

    fn after(&self, observed: &Observed) -> String {
        format!("# in use: \n{}", without_swap(&observed.fstab))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Root;
    use crate::{Mode, State};

    #[test]
    fn lines_of_swap_are_commented_out_once() {
        let root = Root::with(&[("/etc/fstab", "/dev/a / ext4 rw 0 1\n/dev/b none swap sw 0 0\n")]);
        assert_eq!(NoSwap.bring(&root.host(), Mode::Apply).state, State::Changed);
        assert_eq!(NoSwap.bring(&root.host(), Mode::Apply).state, State::Ok);
        assert_eq!(root.read("/etc/fstab"), "/dev/a / ext4 rw 0 1\n# /dev/b none swap sw 0 0\n");
    }

    #[test]
    fn the_swap_of_the_machine_is_not_a_containers() {
        let swaps = "Filename Type Size Used Priority\n/dev/b partition 1 0 -2\n";
        let root = Root::with(&[("/proc/swaps", swaps), ("/run/systemd/container", "podman\n")]);
        assert_eq!(NoSwap.bring(&root.obeying(), Mode::Check).state, State::Unsupported);
    }
}
