//! `/etc/login.defs`: defaults for accounts that are made later. Accounts that exist are [`crate::account`]'s.

use crate::edit::{Edit, EditedFile, Separator, WhenMissing};

/// `/etc/login.defs` with these settings.
pub fn settings(settings: &[(&str, &str)]) -> EditedFile {
    let edits = settings.iter().map(|(key, value)| Edit::set(*key, *value, Separator::Space)).collect();
    EditedFile::new("/etc/login.defs", edits).when_missing(WhenMissing::Unsupported)
}
