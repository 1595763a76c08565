use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::hardening::{Control, Profile, Undo, table};
use crate::testing::Root;
use crate::{Output, Program};

fn arguments(profile: &str) -> Arguments {
    Arguments { profile: profile.to_owned(), ..Arguments::default() }
}

const SSHD: &str = "Include /etc/ssh/sshd_config.d/*.conf\n";

/// A folder with what a run needs, and programs that obey.
fn root() -> Root {
    let root = Root::with(&[
        ("/etc/ssh/sshd_config", SSHD),
        ("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\nadmin:x:1000:1000::/home/admin:/bin/bash\n"),
        ("/etc/group", "root:x:0:\nsudo:x:27:admin\nadmin:x:1000:\n"),
        ("/etc/shadow", "root:*:19000:0:99999:7:::\nadmin:!:19000:0:99999:7:::\n"),
        ("/etc/login.defs", "PASS_WARN_AGE 14\nUMASK 022\n"),
        ("/etc/adduser.conf", "#DIR_MODE=0700\n"),
        ("/etc/sudoers.d/README", ""),
        ("/usr/sbin/visudo", ""),
        ("/usr/sbin/chronyd", ""),
        ("/home/admin/.ssh/authorized_keys", "ssh-ed25519 AAAA\n"),
    ]);
    for key in ["net/ipv4/conf/all/log_martians", "net/ipv4/conf/all/send_redirects", "kernel/kptr_restrict"]
    {
        root.write(&format!("/proc/sys/{key}"), "7\n");
    }
    root
}

/// Programs that end well; systemd says that all is as wanted.
fn obeying(root: &Root) -> Host {
    root.answering(|program| Output { code: Some(0), stdout: said_by(program), ..Output::default() })
}

fn said_by(program: &Program) -> String {
    if program.name() != "systemctl" || program.arguments()[0] != "show" {
        return String::new();
    }
    let units = program.arguments().iter().skip_while(|argument| *argument != "--").skip(1);
    let told = units.map(|unit| match unit.as_str() {
        "ctrl-alt-del.target" | "bluetooth.service" | "systemd-journal-remote.socket" => {
            "LoadState=masked\nUnitFileState=masked\nActiveState=inactive\n"
        }
        _ => "LoadState=loaded\nUnitFileState=enabled\nActiveState=active\n",
    });
    told.collect::<Vec<_>>().join("\n")
}

fn standings(run: &Run) -> BTreeMap<&str, Standing> {
    run.controls.iter().map(|control| (control.id.as_str(), control.standing)).collect()
}

#[test]
fn what_was_changed_is_as_wanted_the_second_time() {
    let root = root();
    let first = run(&obeying(&root), &arguments("baseline"), Mode::Apply).unwrap();
    assert!(first.outcomes.iter().any(|outcome| outcome.changed));
    let second = run(&obeying(&root), &arguments("baseline"), Mode::Apply).unwrap();
    let changed: Vec<_> = second.outcomes.iter().filter(|outcome| outcome.changed).collect();
    assert_eq!(changed, Vec::<&Outcome>::new());
}

#[test]
fn check_mode_tells_what_the_run_then_does_and_changes_nothing() {
    let root = root();
    let told = run(&obeying(&root), &arguments("baseline"), Mode::Check).unwrap();
    assert!(
        !root.host().exists("/etc/ssh/sshd_config.d")
            && !root.host().exists("/etc/sudoers.d/socle-hardening")
    );
    let done = run(&obeying(&root), &arguments("baseline"), Mode::Apply).unwrap();
    let changed = |run: &Run| {
        let changed = run.outcomes.iter().filter(|outcome| outcome.changed);
        changed
            .map(|outcome| (outcome.id.clone(), outcome.before.clone(), outcome.after.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(changed(&told), changed(&done));
}

#[test]
fn controls_that_share_a_file_have_an_outcome_of_their_own() {
    let root = root();
    run(&obeying(&root), &arguments("baseline"), Mode::Apply).unwrap();
    let text = root.read("/etc/sudoers.d/socle-hardening");
    root.write("/etc/sudoers.d/socle-hardening", &text.replace("Defaults use_pty\n", ""));
    let seen = run(&obeying(&root), &arguments("baseline"), Mode::Check).unwrap();
    let seen = standings(&seen);
    assert_eq!((seen["sudo.use-pty"], seen["sudo.env-reset"]), (Standing::Drifted, Standing::Applied));
}

#[test]
fn what_is_excepted_later_goes_out_of_our_files() {
    let root = root();
    run(&obeying(&root), &arguments("anssi-intermediary"), Mode::Apply).unwrap();
    assert!(root.read("/etc/ssh/sshd_config.d/00-socle.conf").contains("AllowTcpForwarding no"));
    let mut bastion = arguments("anssi-intermediary");
    bastion.exceptions.insert("ssh.tcp-forwarding".into(), "bastion host".into());
    let told = run(&obeying(&root), &bastion, Mode::Apply).unwrap();
    assert!(told.outcomes.iter().any(|outcome| outcome.changed), "the file was changed, and that is told");
    assert!(!root.read("/etc/ssh/sshd_config.d/00-socle.conf").contains("AllowTcpForwarding"));
    assert_eq!(standings(&told)["ssh.tcp-forwarding"], Standing::Excepted);
    let again = run(&obeying(&root), &bastion, Mode::Apply).unwrap();
    let changed: Vec<_> = again.outcomes.iter().filter(|outcome| outcome.changed).collect();
    assert_eq!(changed, Vec::<&Outcome>::new());
}

#[test]
fn a_value_that_sshd_does_not_take_is_refused_alone() {
    let root = root();
    let host = root.answering(|program: &Program| {
        let bad = program.arguments().iter().any(|argument| argument.contains("nonsense"));
        Output { code: Some(i32::from(bad)), stdout: said_by(program), stderr: "Bad SSH2 cipher spec".into() }
    });
    let mut wrong = arguments("baseline");
    wrong.overrides.insert("ssh.ciphers".into(), "nonsense".into());
    for mode in [Mode::Check, Mode::Apply] {
        let told = run(&host, &wrong, mode).unwrap();
        let outcome = told.outcomes.iter().find(|outcome| outcome.id == "ssh.ciphers").unwrap();
        assert_eq!(outcome.state, State::Refused, "{outcome:?}");
        assert!(outcome.message.contains("Bad SSH2 cipher spec"), "{outcome:?}");
    }
    let written = root.read("/etc/ssh/sshd_config.d/00-socle.conf");
    assert!(!written.contains("nonsense") && written.contains("MaxAuthTries 4"), "{written}");
}

#[test]
fn a_kernel_that_takes_no_value_is_unsupported_and_gets_no_file() {
    let root = root();
    let told = run(&obeying(&root), &arguments("baseline"), Mode::Apply).unwrap();
    assert_eq!(standings(&told)["sysctl.kernel-dmesg-restrict"], Standing::Unsupported);
    assert!(!root.read("/etc/sysctl.d/99-zz-socle.conf").contains("dmesg_restrict"));
}

#[test]
fn words_of_the_kernel_wait_for_the_next_boot() {
    let root = root();
    root.write("/usr/sbin/update-grub", "");
    root.write("/proc/cmdline", "ro quiet\n");
    let first = run(&obeying(&root), &arguments("anssi-intermediary"), Mode::Apply).unwrap();
    assert_eq!(standings(&first)["boot.pti"], Standing::PendingReboot);
    let seen = run(&obeying(&root), &arguments("anssi-intermediary"), Mode::Check).unwrap();
    assert_eq!(standings(&seen)["boot.pti"], Standing::PendingReboot);
    root.write("/proc/cmdline", "ro pti=on quiet\n");
    let booted = run(&obeying(&root), &arguments("anssi-intermediary"), Mode::Check).unwrap();
    assert_eq!(standings(&booted)["boot.pti"], Standing::Applied);
}

#[test]
fn a_container_does_not_claim_what_is_its_machines() {
    let root = root();
    root.write("/run/systemd/container", "podman\n");
    let told = run(&obeying(&root), &arguments("anssi-high"), Mode::Apply).unwrap();
    for id in ["audit.identity", "boot.pti", "unit.auditd"] {
        assert_eq!(standings(&told)[id], Standing::Unsupported, "{id}");
    }
}

/// What becomes of the control that ends logins by password.
fn without_passwords(root: &Root, host: &Host) -> (State, String) {
    let mut strict = arguments("baseline");
    strict.enable.insert("ssh.password-authentication".into());
    let told = run(host, &strict, Mode::Apply).unwrap();
    let outcome = told.outcomes.iter().find(|outcome| outcome.id == "ssh.password-authentication").unwrap();
    let written = root.read("/etc/ssh/sshd_config.d/00-socle.conf").contains("PasswordAuthentication no");
    assert_eq!(written, outcome.state == State::Changed, "{outcome:?}");
    (outcome.state, outcome.message.clone())
}

#[test]
fn password_logins_stay_where_nobody_with_sudo_has_a_key() {
    let root = root();
    assert_eq!(without_passwords(&root, &obeying(&root)).0, State::Changed);
    let root = self::root();
    root.write("/home/admin/.ssh/authorized_keys", "");
    assert_eq!(without_passwords(&root, &obeying(&root)).0, State::Refused);
    // Who becomes another than root by sudo brings nobody back.
    root.write(
        "/etc/passwd",
        "root:x:0:0:root:/root:/bin/bash\nbackup:x:1001:1001::/home/backup:/bin/bash\n",
    );
    root.write("/home/backup/.ssh/authorized_keys", "ssh-ed25519 AAAA\n");
    root.write("/etc/sudoers.d/backup", "backup ALL=(postgres) NOPASSWD: ALL\n");
    assert_eq!(without_passwords(&root, &obeying(&root)).0, State::Refused);
    root.write("/etc/sudoers.d/backup", "backup ALL = (ALL:ALL) NOPASSWD: ALL\n");
    assert_eq!(without_passwords(&root, &obeying(&root)).0, State::Changed);
}

#[test]
fn password_logins_stay_where_the_sessions_own_user_has_no_key() {
    let root = root();
    root.write("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\nadmin:x:1000:1000::/home/admin:/bin/bash\nother:x:1001:1001::/home/other:/bin/bash\n");
    root.write(
        &format!("/proc/{}/status", std::process::id()),
        "Name:\ttest\nUid:\t1001\t1001\t1001\t1001\nPPid:\t1\n",
    );
    let (state, message) = without_passwords(&root, &obeying(&root));
    assert_eq!(state, State::Refused);
    assert!(message.contains("other, to whom this session belongs"), "{message}");
    // Who came by a certificate comes back by one.
    let certified = root.answering(|program| {
        let stdout = if program.arguments() == ["-T"] {
            "trustedusercakeys /etc/ssh/ca.pub\n".into()
        } else {
            said_by(program)
        };
        Output { code: Some(0), stdout, ..Output::default() }
    });
    assert_eq!(without_passwords(&root, &certified).0, State::Changed);
}

fn asked() -> impl Strategy<Value = Arguments> {
    let ids: Vec<String> = table::controls().iter().map(|control| control.id.clone()).collect();
    let profile = proptest::sample::select(Profile::ALL.map(Profile::name).to_vec());
    (profile, any::<bool>(), proptest::sample::subsequence(ids, 0..40)).prop_map(
        |(profile, node, left_out)| Arguments {
            kubernetes_node: node,
            exceptions: left_out.into_iter().map(|id| (id, "tried".to_owned())).collect(),
            ..arguments(profile)
        },
    )
}

/// The same, without the controls of which this is true.
fn without(arguments: &Arguments, is_left_out: impl Fn(&Control) -> bool) -> Arguments {
    let left_out = table::controls().iter().filter(|control| is_left_out(control));
    let mut arguments = arguments.clone();
    arguments.exceptions.extend(left_out.map(|control| (control.id.clone(), "tried".to_owned())));
    arguments
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]
    /// What can be taken back is taken back once it is excepted. Kernel parameters stay until the next boot.
    #[test]
    fn what_is_given_up_leaves_the_files_of_the_host_as_they_were(asked in asked()) {
        let root = root();
        let before = root.files("/etc");
        let asked = without(&asked, |control| control.undo() == Undo::OneWay);
        run(&obeying(&root), &asked, Mode::Apply).unwrap();
        prop_assert_ne!(&root.files("/etc"), &before);
        run(&obeying(&root), &without(&asked, |_| true), Mode::Apply).unwrap();
        prop_assert_eq!(root.files("/etc"), before);
    }

    /// Whatever was asked for before, what is asked for now holds afterwards, and is done once.
    #[test]
    fn what_is_asked_for_holds_and_is_done_once(before in asked(), now in asked()) {
        let root = root();
        run(&obeying(&root), &before, Mode::Apply).unwrap();
        let first = run(&obeying(&root), &now, Mode::Apply).unwrap();
        let drifted: Vec<_> = first.controls.iter().filter(|control| control.standing == Standing::Drifted).collect();
        prop_assert_eq!(drifted, Vec::<&ControlOutcome>::new());
        let second = run(&obeying(&root), &now, Mode::Apply).unwrap();
        let changed: Vec<_> = second.outcomes.iter().filter(|outcome| outcome.changed).collect();
        prop_assert_eq!(changed, Vec::<&Outcome>::new());
        let standings = |run: &Run| run.controls.iter().map(|c| (c.id.clone(), c.standing)).collect::<Vec<_>>();
        prop_assert_eq!(standings(&first), standings(&second));
    }
}
