//! Drills under the umask of their unit. It is the whole process's, so this test has one to itself.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use backup_agent::agent::scratch::Scratch;

#[test]
fn the_account_of_a_drill_passes_through_the_folder_above() {
    rustix::process::umask(rustix::fs::Mode::from_bits_truncate(0o077));
    let root = tempfile::tempdir().expect("a folder");
    let parent = root.path().join("drills");
    let scratch = Scratch::make(&parent, "policy", None, &[]).expect("a scratch folder");
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!((mode(&parent), mode(scratch.folder())), (0o755, 0o700));
}
