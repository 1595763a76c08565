use proptest::prelude::*;

use super::*;
use crate::testing::Root;
use crate::{Mode, State};

fn separators() -> impl Strategy<Value = Separator> {
    prop_oneof![Just(Separator::Equals), Just(Separator::TightEquals), Just(Separator::Space)]
}

fn edits() -> impl Strategy<Value = Edit> {
    let section = proptest::option::of("[a-c]".prop_map(|name| name.to_uppercase()));
    prop_oneof![
        (section.clone(), "[a-d]", "[a-z0-9]{1,4}", separators())
            .prop_map(|(section, key, value, separator)| Edit::Set { section, key, value, separator }),
        (section, "[a-d]", separators()).prop_map(|(section, key, separator)| Edit::Unset {
            section,
            key,
            separator
        }),
        "[a-d] [a-d]".prop_map(Edit::Line),
        "[a-d] [a-d]".prop_map(Edit::NoLine),
        ("[xy]", "([a-z]{0,3}\n){0,2}").prop_map(|(name, text)| Edit::Block { name, text }),
    ]
}

fn texts() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just(String::new()),
        "#? ?[a-d][ =]{1,3}[a-z0-9]{1,3}",
        "\\[[A-C]\\]",
        Just("# BEGIN socle x".to_owned()),
        Just("# END socle x".to_owned()),
    ];
    proptest::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn an_edit_made_twice_is_made_once(text in texts(), edit in edits()) {
        let once = edit.made_in(&text);
        prop_assert_eq!(edit.made_in(&once), once);
    }

    #[test]
    fn a_key_that_is_set_has_the_value_once(text in texts(), key in "[a-d]", value in "[a-z]{1,3}", s in separators()) {
        let edited = Edit::set(key.clone(), value.clone(), s).made_in(&text);
        prop_assert_eq!(value_of(&edited, &key, s), Some(value));
        prop_assert_eq!(edited.lines().filter(|line| s.split(line).is_some_and(|(there, _)| there == key)).count(), 1);
    }

    #[test]
    fn a_comment_is_never_lost(text in texts(), edit in edits()) {
        let comments = |text: &str| text.lines().filter(|l| l.starts_with('#') && !l.contains("socle")).map(str::to_owned).collect::<Vec<_>>();
        prop_assume!(!matches!(edit, Edit::Block { .. }));
        prop_assert_eq!(comments(&edit.made_in(&text)), comments(&text));
    }
}

#[test]
fn a_key_follows_the_comment_that_shows_it() {
    let text = "# Storage says where.\n#Storage=auto\n#Compress=yes\n";
    let edited = Edit::set("Storage", "persistent", Separator::TightEquals).made_in(text);
    assert_eq!(edited, "# Storage says where.\n#Storage=auto\nStorage=persistent\n#Compress=yes\n");
}

#[test]
fn a_line_that_says_the_same_in_another_form_stays() {
    let text = "PASS_MAX_DAYS\t99999\n";
    assert_eq!(Edit::set("PASS_MAX_DAYS", "99999", Separator::Space).made_in(text), text);
}

#[test]
fn a_section_that_is_missing_is_made() {
    let edited = Edit::set_in("Journal", "Storage", "persistent").made_in("[Other]\nStorage=x\n");
    assert_eq!(edited, "[Other]\nStorage=x\n[Journal]\nStorage=persistent\n");
}

#[test]
fn a_file_without_a_newline_at_its_end_is_no_change() {
    let root = Root::with(&[("/etc/x.conf", "a=1")]);
    let file = EditedFile::new("/etc/x.conf", vec![Edit::set("a", "1", Separator::TightEquals)]);
    assert_eq!(file.bring(&root.host(), Mode::Apply).state, State::Ok);
    assert_eq!(root.read("/etc/x.conf"), "a=1");
}

#[test]
fn the_settings_of_a_program_that_is_not_there_are_unsupported() {
    let root = Root::new();
    let file = EditedFile::new("/etc/x.conf", vec![]).when_missing(WhenMissing::Unsupported);
    assert_eq!(file.bring(&root.host(), Mode::Apply).state, State::Unsupported);
    assert!(!root.host().exists("/etc/x.conf"));
}
