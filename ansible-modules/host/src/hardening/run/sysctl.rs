//! Kernel parameters.

use super::Hardening;
use crate::Outcome;
use crate::edit::{Edit, EditedFile, Separator};
use crate::file::File;
use crate::hardening::control::{Effect, Wanted};
use crate::sysctl::Sysctl;
use crate::{Item, Managed};

/// Read after every file of the distribution, `/etc/sysctl.conf` included.
const FILE: &str = "99-zz-socle.conf";
const PATH: &str = "/etc/sysctl.d/99-zz-socle.conf";

pub(super) fn item(key: &str, value: &str, effect: Effect) -> Box<dyn Managed> {
    let item = Sysctl::new(key, value, FILE);
    Box::new(if effect == Effect::Reboot { item.at_boot() } else { item })
}

/// Takes parameters out of our file that no control wants any more; their live values stay until the next boot.
pub(super) fn forget(hardening: &Hardening) -> Option<Outcome> {
    let text = hardening.host.read_text(PATH).ok().flatten()?;
    let kept: Vec<&str> = hardening
        .selected
        .iter()
        .filter_map(|one| match one.control.wanted {
            Wanted::Sysctl { key, .. } => hardening.value_of(&one.control.id).map(|_| key),
            _ => None,
        })
        .collect();
    if kept.is_empty() {
        return Some(File::absent(PATH).bring(hardening.host, hardening.mode));
    }
    let there = text.lines().filter_map(|line| Separator::Equals.split(line)).map(|(key, _)| key);
    let unset = |key: &str| Edit::Unset { section: None, key: key.to_owned(), separator: Separator::Equals };
    let edits: Vec<_> = there.filter(|key| !kept.contains(key)).map(unset).collect();
    (!edits.is_empty()).then(|| EditedFile::new(PATH, edits).bring(hardening.host, hardening.mode))
}
