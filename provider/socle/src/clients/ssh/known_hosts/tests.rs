use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::super::keys::generate;
use super::*;

fn key() -> String {
    let key = generate().public_key().to_openssh().expect("a key has a text");
    key.trim().to_owned()
}

fn knows(text: &str, host: &str, role: Role) -> bool {
    KnownHosts::parse(text).keys(host, role).next().is_some()
}

#[test]
fn names_wildcards_and_ports_are_matched() {
    let key = key();
    let text = format!(
        "a.example,203.0.113.1 {key}\n*.prod.example,!bad.prod.example {key}\n[b.example]:2222 {key}\n"
    );
    for host in ["a.example", "203.0.113.1", "x.prod.example", "[b.example]:2222"] {
        assert!(knows(&text, host, Role::Host), "{host}");
    }
    for host in ["b.example", "bad.prod.example", "prod.example", "[a.example]:2222"] {
        assert!(!knows(&text, host, Role::Host), "{host}");
    }
}

#[test]
fn marked_lines_are_no_host_keys() {
    let key = key();
    let text = format!("@cert-authority *.example {key}\n@revoked * {key}\n");
    assert!(knows(&text, "a.example", Role::Authority));
    assert!(knows(&text, "a.example", Role::Revoked));
    assert!(!knows(&text, "a.example", Role::Host));
}

#[test]
fn comments_tabs_and_empty_lines_are_as_ssh_has_them() {
    let text = format!("# of the data centre\n\n\ta.example\t{}  made in May\n", key());
    assert!(knows(&text, "a.example", Role::Host));
    assert_eq!(KnownHosts::parse(&text).unreadable(), [0; 0]);
}

#[test]
fn unreadable_lines_are_numbered_and_the_others_kept() {
    let text = format!("a.example ssh-future AAAA\nb.example {}\nnonsense\n", key());
    assert_eq!(KnownHosts::parse(&text).unreadable(), [1, 3]);
    assert!(knows(&text, "b.example", Role::Host));
}

/// A line that OpenSSH's own `ssh-keygen -H` wrote.
#[test]
fn a_name_hashed_by_openssh_is_matched() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("known_hosts");
    std::fs::write(&file, format!("[a.example]:2222 {}\n", key())).expect("written");
    let hashing = std::process::Command::new("ssh-keygen").arg("-H").arg("-f").arg(&file).output();
    assert!(hashing.expect("ssh-keygen runs").status.success());
    let text = std::fs::read_to_string(&file).expect("read");
    assert!(text.starts_with("|1|"), "{text}");
    assert!(knows(&text, "[a.example]:2222", Role::Host));
    assert!(!knows(&text, "a.example", Role::Host));
}

proptest! {
    #[test]
    fn no_text_makes_it_fail(text in "\\PC{0,200}", host in "[a-z.]{1,20}") {
        let _ = KnownHosts::parse(&text).keys(&host, Role::Host).count();
    }

    #[test]
    fn a_hashed_name_matches_itself_alone(name in "[a-z]{1,12}\\.example", other in "[a-z]{1,12}\\.example", salt in any::<[u8; 20]>()) {
        let hash = hashed(&salt, &name).expect("a salt of any length will do");
        let text = format!("|1|{}|{} {}\n", STANDARD.encode(salt), STANDARD.encode(hash), key());
        prop_assert!(knows(&text, &name, Role::Host));
        prop_assert_eq!(knows(&text, &other, Role::Host), name == other);
    }

    #[test]
    fn a_text_matches_itself_and_what_its_stars_leave_out(head in "[a-z]{0,6}", cut in "[a-z.]{0,6}", tail in "[a-z]{0,6}") {
        let text = format!("{head}{cut}{tail}");
        prop_assert!(glob(&text, &text));
        let pattern = format!("{head}*{tail}");
        prop_assert!(glob(&pattern, &text));
        let longer = format!("{text}x");
        prop_assert!(!glob(&text, &longer));
    }
}
