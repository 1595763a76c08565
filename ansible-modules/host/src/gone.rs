//! Folders that must not be there, with all that is in them.

use std::fmt::{self, Display};
use std::fs;
use std::io::ErrorKind;

use crate::{Fault, Host, Item};

/// A folder of our own that must be gone. A symbolic link in its place is not followed, and left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    path: String,
}

/// Remove the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remove;

impl Display for Remove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("remove the folder with all that is in it")
    }
}

impl Gone {
    /// No folder at `path`.
    pub fn new(path: impl Into<String>) -> Gone {
        Gone { path: path.into() }
    }
}

impl Item for Gone {
    type Observed = bool;
    type Change = Remove;

    fn id(&self) -> String {
        format!("folder {}", self.path)
    }

    fn observe(&self, host: &Host) -> Result<bool, Fault> {
        let path = host.path(&self.path);
        match path.symlink_metadata() {
            Ok(there) => Ok(there.is_dir()),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(false),
            Err(error) => Err(Fault::file("look at", &path)(error)),
        }
    }

    fn compare(&self, is_there: &bool) -> Result<Vec<Remove>, Fault> {
        Ok(if *is_there { vec![Remove] } else { Vec::new() })
    }

    fn apply(&self, host: &Host, _: &Remove) -> Result<(), Fault> {
        let path = host.path(&self.path);
        fs::remove_dir_all(&path).map_err(Fault::file("remove", &path))
    }

    fn before(&self, is_there: &bool) -> String {
        if *is_there { "present\n" } else { "missing\n" }.to_owned()
    }

    fn after(&self, _: &bool) -> String {
        "missing\n".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Root;
    use crate::{Mode, State};

    #[test]
    fn a_folder_goes_with_all_that_is_in_it() {
        let root = Root::with(&[("/var/lib/x/a/b", "b")]);
        let gone = || Gone::new("/var/lib/x").bring(&root.host(), Mode::Apply).state;
        assert_eq!((gone(), gone()), (State::Changed, State::Ok));
        assert!(root.host().exists("/var/lib") && !root.host().exists("/var/lib/x"));
    }
}
