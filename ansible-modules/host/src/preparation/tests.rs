use super::*;
use crate::file::File;
use crate::service::Activity;
use crate::testing::{Root, Systemd};

fn service() -> Service {
    Service::new("x.service", Activity::Runs)
}

fn preparation(text: &str) -> Preparation<'static> {
    Preparation::new()
        .restarting(File::new("/etc/x", text))
        .restarting(File::new("/etc/systemd/system/x.service", format!("# {text}")))
        .with(File::new("/etc/y", text))
        .service(service())
}

fn states(outcomes: &[Outcome]) -> Vec<State> {
    outcomes.iter().map(|outcome| outcome.state).collect()
}

#[test]
fn a_service_is_started_once_and_restarted_once_whatever_changed() {
    let (root, systemd) = (Root::new(), Systemd::default());
    let host = systemd.of(&root);
    assert_eq!(states(&preparation("one").bring(&host, Mode::Check)), [State::WouldChange; 4]);
    assert_eq!(systemd.verbs(), [""; 0]);
    assert_eq!(states(&preparation("one").bring(&host, Mode::Apply)), [State::Changed; 4]);
    assert_eq!(systemd.verbs(), ["daemon-reload", "enable", "start"]);
    assert_eq!(states(&preparation("one").bring(&host, Mode::Apply)), [State::Ok; 4]);
    assert_eq!(systemd.verbs(), [""; 0]);
    preparation("two").bring(&host, Mode::Apply);
    assert_eq!(systemd.verbs(), ["daemon-reload", "restart"]);
}

#[test]
fn check_mode_tells_what_the_run_then_does() {
    let (root, systemd) = (Root::new(), Systemd::default());
    let host = systemd.of(&root);
    let told = |mode| -> Vec<_> {
        let outcomes = preparation("two").bring(&host, mode);
        outcomes.into_iter().map(|o| (o.id, o.changed, o.before, o.after)).collect()
    };
    preparation("one").bring(&host, Mode::Apply);
    let (checked, mut applied) = (told(Mode::Check), told(Mode::Apply));
    // By then the restart is written down.
    applied[3].2 = applied[3].2.replace("to be restarted\n", "");
    assert_eq!(checked, applied);
}

#[test]
fn a_run_that_was_killed_between_change_and_restart_is_finished_by_the_next() {
    let (root, systemd) = (Root::new(), Systemd::default());
    let host = systemd.of(&root);
    preparation("one").bring(&host, Mode::Apply);
    systemd.verbs();
    // What a killed run leaves: the note, and some of the files, or all of them.
    for files in [vec!["/etc/x"], vec!["/etc/x", "/etc/y"]] {
        service().owe_restart(&host).unwrap();
        for file in files {
            File::new(file, "two").bring(&host, Mode::Apply);
        }
        assert_eq!(preparation("two").bring(&host, Mode::Check)[3].state, State::WouldChange);
        preparation("two").bring(&host, Mode::Apply);
        assert_eq!(systemd.verbs(), ["daemon-reload", "restart"]);
    }
    assert_eq!(states(&preparation("two").bring(&host, Mode::Apply)), [State::Ok; 4]);
}

#[test]
fn what_would_be_refused_is_refused_before_the_first_change() {
    let (root, systemd) = (Root::with(&[("/etc/y/file", "")]), Systemd::default());
    let outcomes = preparation("one").bring(&systemd.of(&root), Mode::Apply);
    assert_eq!(states(&outcomes), [State::WouldChange, State::WouldChange, State::Refused]);
    assert!(outcomes.iter().all(|outcome| !outcome.changed));
    assert!(!root.host().exists("/etc/x") && systemd.verbs().is_empty());
    let refusing =
        Preparation::new().provided("all", |_| Err(Fault::refused("no"))).with(File::new("/x", ""));
    assert_eq!(states(&refusing.bring(&root.host(), Mode::Apply)), [State::Refused]);
}

#[test]
fn a_host_without_systemd_is_told_before_anything_is_changed() {
    let root = Root::new();
    let outcomes = preparation("one").bring(&root.host(), Mode::Apply);
    let last = outcomes.last().unwrap();
    assert_eq!((last.state, last.id.as_str()), (State::Refused, "service x.service"));
    assert!(last.message.contains("no systemd"), "{}", last.message);
    assert!(!root.host().exists("/etc"));
}

#[test]
fn a_service_that_does_not_start_is_told_with_its_log_and_tried_again() {
    let root = Root::new();
    let outcomes = preparation("one").bring(&Systemd::failing().of(&root), Mode::Apply);
    let last = outcomes.last().unwrap();
    assert_eq!(last.state, State::Failed);
    assert!(last.message.contains("its last words"), "{}", last.message);
    let outcomes = preparation("one").bring(&Systemd::default().of(&root), Mode::Apply);
    assert_eq!(states(&outcomes), [State::Ok, State::Ok, State::Ok, State::Changed]);
}
