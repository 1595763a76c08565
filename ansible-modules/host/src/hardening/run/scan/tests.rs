use super::*;
use crate::testing::Root;

fn told(files: &[(&str, &str)], scan: Scan) -> String {
    look(&Root::with(files).host(), scan).before
}

#[test]
fn nothing_found_is_as_wanted_and_a_finding_is_never_a_change() {
    let clean =
        look(&Root::with(&[("/etc/passwd", "root:x:0:0::/root:/bin/sh\n")]).host(), Scan::RootDoubles);
    assert_eq!((clean.state, clean.changed), (State::Ok, false));
    let second =
        look(&Root::with(&[("/etc/passwd", "toor:x:0:0::/root:/bin/sh\n")]).host(), Scan::RootDoubles);
    assert_eq!((second.state, second.changed), (State::WouldChange, false));
    assert!(second.before.contains("toor"), "{second:?}");
}

#[test]
fn storage_of_containers_is_left_out() {
    let root = Root::with(&[("/var/lib/containerd/x", ""), ("/srv/y", "")]);
    for path in ["/var/lib/containerd/x", "/srv/y"] {
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        std::fs::set_permissions(root.host().path(path), open).unwrap();
    }
    assert_eq!(look(&root.host(), Scan::WorldWritable).before, "/srv/y\n");
}

#[test]
fn sudo_for_everything_without_a_password_is_told() {
    let told = told(
        &[("/etc/sudoers.d/a", "# x\nDefaults use_pty\na ALL=(ALL) NOPASSWD: ALL\nb ALL=/usr/bin/id\n")],
        Scan::SudoRules,
    );
    assert_eq!(told, "/etc/sudoers.d/a: `a ALL=(ALL) NOPASSWD: ALL` has everything without a password\n");
}

#[test]
fn sockets_on_loopback_are_nobodys_way_in() {
    let head = "  sl  local_address rem_address   st\n";
    let local = "   0: 0100007F:0016 00000000:0000 0A\n";
    let open = "   1: 00000000:0050 00000000:0000 0A\n";
    assert_eq!(
        told(&[("/proc/net/tcp", &format!("{head}{local}{open}"))], Scan::ListeningSockets),
        "tcp port 80 on 0.0.0.0\n"
    );
}
