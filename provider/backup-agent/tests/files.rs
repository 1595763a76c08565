//! Backups of files, against a simulated S3, judged by restic.

mod stage;

use std::fs;

use stage::Stage;

#[test]
fn restic_lists_checks_and_restores_what_the_agent_backed_up() {
    let stage = Stage::of_files();
    stage.run(&["run"]);
    let snapshots = stage.snapshots_of_restic();
    assert_eq!(snapshots.len(), 1, "{snapshots:?}");
    assert_eq!(snapshots[0]["tags"], serde_json::json!(["socle:test"]));
    stage.run_restic(&["check", "--read-data"]);
    let target = stage.path("restored");
    stage.run_restic(&["restore", "latest", "--target", target.to_str().unwrap()]);
    let original = stage.path("data/large.bin");
    let restored = target.join(original.strip_prefix("/").unwrap());
    assert_eq!(fs::read(restored).unwrap(), fs::read(original).unwrap());
    assert_eq!(stage.objects("locks/"), [""; 0], "no lock stays behind");
}
