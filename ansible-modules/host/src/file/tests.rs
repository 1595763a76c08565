use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use proptest::prelude::*;

use super::*;
use crate::testing::Root;
use crate::{Mode, Output, State};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn what_is_observed_after_a_change_is_what_was_wanted(
        before in proptest::option::of(any::<Vec<u8>>()), wanted: Vec<u8>, mode in 0o400..0o777_u32,
    ) {
        let root = Root::new();
        if let Some(before) = &before {
            fs::create_dir(root.host().path("/etc")).unwrap();
            fs::write(root.host().path("/etc/x"), before).unwrap();
        }
        let file = File::new("/etc/x", wanted.clone()).mode(mode);
        let checked = file.bring(&root.host(), Mode::Check);
        prop_assert_eq!(root.host().read("/etc/x").unwrap(), before);
        let first = file.bring(&root.host(), Mode::Apply);
        prop_assert_eq!(checked.changed, first.changed);
        prop_assert_eq!((&checked.before, &checked.after), (&first.before, &first.after));
        let owner = Owner::root();
        prop_assert_eq!(file.observe(&root.host()).unwrap(), Observed::Regular { content: wanted, mode, owner });
        prop_assert_eq!(file.bring(&root.host(), Mode::Apply).state, State::Ok);
    }
}

#[test]
fn a_file_that_its_program_does_not_accept_is_not_activated() {
    let root = Root::with(&[("/etc/x", "good\n")]);
    let refusing =
        root.answering(|_| Output { code: Some(255), stderr: "line 1: bad".to_owned(), ..Output::default() });
    let file = File::new("/etc/x", "bad\n").validate(Program::new("checker").args(["-t", "{}"]));
    let outcome = file.bring(&refusing, Mode::Apply);
    assert_eq!((outcome.state, outcome.changed), (State::Refused, false));
    assert!(outcome.message.contains("line 1: bad"), "{}", outcome.message);
    assert_eq!(root.read("/etc/x"), "good\n");
    assert_eq!(root.host().names("/etc").unwrap(), ["x"]);
}

#[test]
fn a_symbolic_link_is_never_written_through() {
    let root = Root::with(&[("/etc/victim", "mine\n")]);
    symlink(root.host().path("/etc/victim"), root.host().path("/etc/x")).unwrap();
    let outcome = File::new("/etc/x", "theirs\n").bring(&root.host(), Mode::Apply);
    assert_eq!(outcome.state, State::Refused);
    assert_eq!(root.read("/etc/victim"), "mine\n");
}

#[test]
fn what_a_killed_run_left_behind_does_not_hinder_the_next() {
    let root = Root::with(&[("/etc/.x.socle-new", "half")]);
    assert_eq!(File::new("/etc/x", "whole\n").bring(&root.host(), Mode::Apply).state, State::Changed);
    assert_eq!(root.host().names("/etc").unwrap(), ["x"]);
}

#[test]
fn the_backup_is_of_what_was_there_before_the_first_change() {
    let root = Root::with(&[("/etc/x", "original\n")]);
    for text in ["first\n", "second\n"] {
        File::new("/etc/x", text).backup(Backup::Original).bring(&root.host(), Mode::Apply);
    }
    assert_eq!(root.read(&backup_path("/etc/x")), "original\n");
}

#[test]
fn what_we_wrote_ourselves_is_no_original() {
    let root = Root::with(&[]);
    for text in ["# Written by Socle: first\n", "# Written by Socle: second\n"] {
        File::new("/etc/x", text).backup(Backup::Original).bring(&root.host(), Mode::Apply);
    }
    assert!(!root.host().exists(&backup_path("/etc/x")));
}

#[test]
fn a_secret_is_in_no_diff() {
    let root = Root::with(&[("/etc/key", "old-value")]);
    let outcome = File::new("/etc/key", "new-value").mode(0o600).secret().bring(&root.host(), Mode::Apply);
    let told = serde_json::to_string(&outcome).unwrap();
    assert!(outcome.changed && !told.contains("-value"), "{told}");
}

#[test]
fn a_stricter_mode_is_left_as_it_is() {
    let root = Root::with(&[("/etc/shadow", "")]);
    for (there, wanted) in [(0o600, 0o600), (0o644, 0o640), (0o000, 0o000)] {
        fs::set_permissions(root.host().path("/etc/shadow"), fs::Permissions::from_mode(there)).unwrap();
        Attributes::new("/etc/shadow", ModeRule::AtMost(0o640)).bring(&root.host(), Mode::Apply);
        assert_eq!(root.host().path("/etc/shadow").metadata().unwrap().permissions().mode() & 0o7777, wanted);
    }
}
