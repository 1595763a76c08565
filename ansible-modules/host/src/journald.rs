//! The journal: a drop-in in `/etc/systemd/journald.conf.d`.

use crate::file::File;
use crate::pending::Triggering;
use crate::unit;

/// The drop-in `NAME.conf` with these settings of `[Journal]`; a change restarts the journal, which loses no message.
pub fn drop_in(name: &str, settings: &[(&str, &str)]) -> Triggering<File> {
    let lines = settings.iter().map(|(key, value)| format!("{key}={value}\n"));
    let text: String = std::iter::once("[Journal]\n".to_owned()).chain(lines).collect();
    let file = File::new(format!("/etc/systemd/journald.conf.d/{name}.conf"), text);
    Triggering::new(file, vec![unit::restart("systemd-journald.service")])
}
