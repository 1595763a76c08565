//! Backups of databases of a real PostgreSQL, against a simulated S3, judged by restic and by PostgreSQL itself.

mod stage;

use std::fs;
use std::process::Command;

use stage::Stage;
use stage::postgresql::{PROGRAMS, Server};

#[test]
fn dumps_are_whole_and_restic_restores_them() {
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    open_to_all(folder.path());
    let server = Server::social(&folder.path().join("live"));
    let stage = Stage::of_databases(&server);
    stage.run(&["run"]);
    let status = stage.status();
    assert_eq!(status["last_run"]["outcome"], "success", "{status:#}");
    stage.run_restic(&["check", "--read-data"]);
    let target = stage.path("restored");
    stage.run_restic(&["restore", "latest", "--target", target.to_str().unwrap()]);
    let manifest = fs::read_to_string(target.join("postgresql/manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let rows = &manifest["databases"]["social"]["rows"];
    assert_eq!(rows["public.posts"], 5000, "{manifest:#}");
    assert_eq!(rows["public.\"Odd \"\"name\"\"\""], 2, "{manifest:#}");
    assert_eq!(rows["public.events_1"], 50, "{manifest:#}");
    let listed = Command::new(format!("{PROGRAMS}/pg_restore"))
        .arg("--list")
        .arg(target.join("postgresql/databases/social.dump"))
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&listed.stdout).contains("TABLE DATA public posts"));
    let roles = fs::read_to_string(target.join("postgresql/globals/roles.sql")).unwrap();
    assert!(roles.contains("CREATE ROLE social_app;"), "{roles}");
}

fn open_to_all(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
}
