use std::time::Duration;

use super::*;
use crate::tether::Tethered;

const RELEASE: Release = Release::Bookworm;

/// The repository, served on loopback, and an apt that knows nothing else and has nothing installed.
fn served() -> (Tethered, tempfile::TempDir, AptRoot) {
    let folder = built(&Cache::of_this_user().unwrap(), RELEASE).unwrap();
    let listen = "127.0.0.1:0".parse().unwrap();
    let (server, address) = Tethered::start(
        &file_server::command(&folder, listen),
        Duration::from_mins(1),
        file_server::announced_address,
    )
    .unwrap();
    let root = tempfile::tempdir().unwrap();
    let apt = AptRoot::make(root.path(), &[source_line(RELEASE, address)]).unwrap();
    (server, root, apt)
}

#[test]
fn every_package_installs_from_the_repository_alone() {
    let (_server, _root, apt) = served();
    for packages in [list::TOGETHER, list::APART] {
        apt.get(&[&["install", "--simulate"], packages].concat()).unwrap();
    }
}

#[test]
fn a_package_with_an_epoch_in_its_name_can_be_fetched() {
    let (_server, root, apt) = served();
    let archives = root.path().join("var/cache/apt/archives");
    fs::create_dir_all(archives.join("partial")).unwrap();
    apt.get(&["install", "--download-only", "zlib1g"]).unwrap();
    let names: Vec<_> = fs::read_dir(archives).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(names.iter().any(|name| name.to_string_lossy().starts_with("zlib1g_1%3a")), "{names:?}");
}

#[test]
fn keeps_nothing_but_the_repository() {
    let folder = built(&Cache::of_this_user().unwrap(), RELEASE).unwrap();
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["dists", "pool"]);
}
