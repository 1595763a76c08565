use super::*;
use crate::cache::Cache;
use crate::state::Sandbox;

const PATIENCE: Duration = Duration::from_secs(20);

struct Bench {
    folder: tempfile::TempDir,
    claim: Claim,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::named(&Cache::at(folder.path()), "test".parse().unwrap());
        Self { claim: sandbox.claim(|| ()).unwrap(), folder }
    }

    fn server(&self) -> Detached {
        Detached::new(self.folder.path(), "echo")
    }

    fn start(&self, script: &str) -> Result<String, DetachedError> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        self.server().start(&self.claim, &command, PATIENCE, serving)
    }
}

fn serving(line: &str) -> Option<String> {
    line.strip_prefix("serving ").map(str::to_owned)
}

#[test]
fn goes_on_until_it_is_ended() {
    let bench = Bench::new();
    let process = bench.start("echo serving $$; exec sleep 600").unwrap();
    assert!(bench.server().is_running());
    assert_eq!(bench.server().said(serving), Some(process.clone()));
    bench.server().end().unwrap();
    assert!(!bench.server().is_running());
    assert_eq!(start_of(process.parse().unwrap()), None);
    bench.server().end().unwrap();
}

#[test]
fn is_not_started_twice() {
    let bench = Bench::new();
    let first = bench.start("echo serving $$; exec sleep 600").unwrap();
    assert_eq!(bench.start("echo serving another").unwrap(), first);
    bench.server().end().unwrap();
}

#[test]
fn is_killed_when_it_does_not_listen() {
    let bench = Bench::new();
    bench.start("trap '' TERM; echo serving; echo serving $$; while :; do sleep 1; done").unwrap();
    bench.server().end().unwrap();
    assert!(!bench.server().is_running());
}

#[test]
fn does_not_hold_the_claim_under_which_it_was_started() {
    let bench = Bench::new();
    bench.start("echo serving $$; exec sleep 600").unwrap();
    let sandbox = bench.claim.sandbox().clone();
    drop(bench.claim);
    sandbox.claim(|| panic!("the server holds the claim")).unwrap();
    Detached::new(bench.folder.path(), "echo").end().unwrap();
}

#[test]
fn repeats_the_last_words_of_a_server_that_ended() {
    let failed = Bench::new().start("echo no such zone >&2; exit 3").unwrap_err();
    assert!(matches!(&failed, DetachedError::Ended { log, .. } if log == "no such zone"), "{failed}");
}

#[test]
fn leaves_a_stranger_with_the_same_number_alone() {
    let bench = Bench::new();
    let mut stranger = Command::new("sleep").arg("600").spawn().unwrap();
    make_folder(&bench.folder.path().join("echo")).unwrap();
    fs::write(bench.server().process_file(), format!("{} 1\n", stranger.id())).unwrap();
    bench.server().end().unwrap();
    assert_eq!(stranger.try_wait().unwrap(), None, "a stranger was ended");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[test]
fn reads_the_start_of_a_process_with_an_odd_name() {
    let after_name = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20 21";
    assert_eq!(start_in(&format!("42 (odd) name)) {after_name}")), Some("4711".to_owned()));
    assert_eq!(start_in(&format!("42 (sh) {}", after_name.replacen('S', "Z", 1))), None);
}
