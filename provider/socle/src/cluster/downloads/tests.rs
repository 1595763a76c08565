use std::collections::BTreeSet;

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio_util::sync::CancellationToken;

use super::super::bundles;
use super::*;
use crate::clients::releases::site::{Reply, Site, budget};

const RELEASE: &str = "1.37.2";
const PROGRAMS: [&str; 7] =
    ["containerd", "containerd-shim-runc-v2", "ctr", "kubeadm", "kubectl", "kubelet", "runc"];

/// A site that has the release, and a folder for what comes from it.
struct Stage {
    site: Site,
    folder: tempfile::TempDir,
}

impl Stage {
    async fn new() -> Self {
        let stage = Self { site: Site::empty().await, folder: tempfile::tempdir().unwrap() };
        for artefact in artefacts::of_release(RELEASE, "amd64") {
            stage.publish(&artefact);
        }
        stage
    }

    /// Publishes a file, with its sum in the shape that its publisher uses.
    fn publish(&self, artefact: &Artefact) {
        let (name, content) = (artefact.name(), content(artefact));
        let sum = fingerprint(&content);
        let sums = match artefact.content {
            Content::Program("bin/runc") => format!("{}  runc.arm64\n{sum} *{name}\n", "0".repeat(64)),
            Content::Program(_) => sum,
            Content::Archive { .. } => format!("{sum}  {name}\n"),
        };
        self.site.publish(&artefact.file, content);
        self.site.publish(&artefact.sums, sums);
    }

    /// What another run does.
    async fn run(&self) -> Result<PathBuf, NoRelease> {
        complete(&self.site.releases(self.folder.path()), RELEASE, "amd64", &budget()).await
    }

    fn place(&self, path: &str) -> PathBuf {
        self.folder.path().join("amd64").join(RELEASE).join(path)
    }

    fn is_bundle(&self) -> bool {
        bundles::read(&self.folder.path().join("amd64"), RELEASE).is_ok()
    }
}

/// The file of the release whose name begins so.
fn artefact(name: &str) -> Artefact {
    let mut all = artefacts::of_release(RELEASE, "amd64").into_iter();
    all.find(|artefact| artefact.name().starts_with(name)).unwrap()
}

/// Programs are their names; archives have more than is wanted.
fn content(artefact: &Artefact) -> Vec<u8> {
    match artefact.content {
        Content::Program(path) => path.as_bytes().to_vec(),
        Content::Archive { folder: "bin", programs } => {
            let more = ["containerd-stress"];
            archive(programs.iter().chain(&more).map(|name| (format!("bin/{name}"), 0o755)))
        }
        Content::Archive { .. } => archive(
            [("./bridge", 0o755), ("./portmap", 0o755), ("./LICENSE", 0o644)].map(|(n, m)| (n.to_owned(), m)),
        ),
    }
}

fn archive(files: impl IntoIterator<Item = (String, u32)>) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, mode) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(path.len() as u64);
        header.set_mode(mode);
        tar.append_data(&mut header, &path, path.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

#[tokio::test]
async fn a_release_becomes_a_bundle_without_images() {
    let stage = Stage::new().await;
    let folder = stage.run().await.unwrap();
    let bundle = bundles::read(&folder, RELEASE).unwrap();
    assert_eq!((bundle.architecture.as_str(), bundle.images.len()), ("amd64", 0));
    let paths: BTreeSet<_> = bundle.files.keys().map(String::as_str).collect();
    let programs = PROGRAMS.map(|name| format!("bin/{name}"));
    let wanted = programs.iter().map(String::as_str).chain(["cni/bridge", "cni/portmap", MANIFEST]);
    assert_eq!(paths, wanted.collect());
    for (path, sum) in &bundle.files {
        assert_eq!(&fingerprint(&fs::read(stage.place(path)).unwrap()), sum, "{path}");
    }
    assert_eq!(fs::read_to_string(stage.place("bin/kubelet")).unwrap(), "bin/kubelet");
    assert_eq!(fs::read_to_string(stage.place("bin/ctr")).unwrap(), "bin/ctr");
    assert_eq!(fs::read_dir(stage.place("partial")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_second_run_asks_for_nothing() {
    let stage = Stage::new().await;
    stage.run().await.unwrap();
    assert_eq!(stage.site.asked().len(), 12);
    let seal = fs::metadata(stage.place(CHECKSUMS)).unwrap().modified().unwrap();
    stage.run().await.unwrap();
    assert_eq!(stage.site.asked(), [""; 0]);
    assert_eq!(fs::metadata(stage.place(CHECKSUMS)).unwrap().modified().unwrap(), seal);
}

#[tokio::test]
async fn only_what_is_damaged_is_downloaded_again() {
    let stage = Stage::new().await;
    stage.run().await.unwrap();
    stage.site.asked();
    fs::write(stage.place("bin/runc"), "half").unwrap();
    fs::remove_file(stage.place("cni/portmap")).unwrap();
    stage.run().await.unwrap();
    let [runc, plugins] = ["runc", "cni-plugins"].map(artefact);
    assert_eq!(stage.site.asked(), [runc.sums, runc.file, plugins.sums, plugins.file]);
    assert_eq!(fs::read_to_string(stage.place("bin/runc")).unwrap(), "bin/runc");
    assert!(stage.is_bundle());
}

#[tokio::test]
async fn what_its_publisher_does_not_vouch_for_is_not_used() {
    let stage = Stage::new().await;
    let kubelet = artefact("kubelet");
    stage.site.publish(&kubelet.file, "another");
    let told = stage.run().await.unwrap_err().to_string();
    let (found, expected) = (fingerprint(b"another"), fingerprint(b"bin/kubelet"));
    let url = stage.site.url(&kubelet.file);
    assert!(
        told.starts_with(&format!("{url} has the SHA-256 {found}, and its publisher says {expected}")),
        "{told}"
    );
    assert!(!stage.place("bin/kubelet").exists() && !stage.is_bundle());
    stage.site.publish(&kubelet.sums, "<html>moved</html>");
    let told = stage.run().await.unwrap_err().to_string();
    assert_eq!(
        told,
        format!("{} has no SHA-256 of kubelet, so it is not used", stage.site.url(&kubelet.sums))
    );
}

#[tokio::test]
async fn a_release_that_nobody_published_is_told_and_so_is_a_file_that_goes_with_it() {
    let stage = Stage::new().await;
    let releases = stage.site.releases(stage.folder.path());
    let told = complete(&releases, "1.99.0", "amd64", &budget()).await.unwrap_err().to_string();
    let url = stage.site.url("dl.k8s.io/release/v1.99.0/bin/linux/amd64/kubeadm.sha256");
    assert_eq!(
        told,
        format!(
            "{url} does not exist: Kubernetes 1.99.0 is not released for amd64, or the mirror does not have it"
        )
    );
    let runc = artefact("runc");
    stage.site.script(&runc.sums, [Reply::Status(404)]);
    let told = stage.run().await.unwrap_err().to_string();
    assert_eq!(told, format!("{} does not exist (HTTP 404)", stage.site.url(&runc.sums)));
}

#[tokio::test]
async fn a_run_that_ended_in_the_middle_leaves_no_bundle_and_is_gone_on_with() {
    let stage = Stage::new().await;
    let runc = artefact("runc");
    stage.site.script(&runc.file, [Reply::Status(403)]);
    stage.run().await.unwrap_err();
    assert!(!stage.is_bundle());
    stage.site.asked();
    // What a kill leaves besides: half a file under way.
    fs::write(stage.place("partial/runc.amd64"), "half").unwrap();
    stage.publish(&runc);
    stage.run().await.unwrap();
    assert_eq!(stage.site.asked().len(), 4);
    assert!(stage.is_bundle());
    assert_eq!(fs::read_dir(stage.place("partial")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_bundle_that_is_being_mended_is_none_until_it_is_whole() {
    let stage = Stage::new().await;
    stage.run().await.unwrap();
    let runc = artefact("runc");
    fs::remove_file(stage.place("bin/runc")).unwrap();
    stage.site.script(&runc.file, [Reply::Status(403)]);
    stage.run().await.unwrap_err();
    assert!(!stage.is_bundle());
}

#[tokio::test]
async fn an_archive_without_what_is_wanted_of_it_is_refused() {
    let stage = Stage::new().await;
    let containerd = artefact("containerd");
    let other = archive([("bin/containerd".to_owned(), 0o755)]);
    stage.site.publish(&containerd.sums, fingerprint(&other));
    stage.site.publish(&containerd.file, other);
    let told = stage.run().await.unwrap_err().to_string();
    assert_eq!(told, format!("{} has no containerd-shim-runc-v2", stage.site.url(&containerd.file)));
}

#[tokio::test]
async fn hosts_that_are_prepared_together_wait_for_one_download() {
    let stage = Stage::new().await;
    let (releases, budget) = (stage.site.releases(stage.folder.path()), budget());
    let run = || complete(&releases, RELEASE, "amd64", &budget);
    let (one, other) = tokio::join!(run(), run());
    assert_eq!(one.unwrap(), other.unwrap());
    assert_eq!(stage.site.asked().len(), 12);
}

#[tokio::test]
async fn another_run_is_waited_for_as_long_as_there_is_time() {
    let stage = Stage::new().await;
    fs::create_dir_all(stage.place("")).unwrap();
    let lock = File::create(stage.place("lock")).unwrap();
    lock.lock().unwrap();
    let releases = stage.site.releases(stage.folder.path());
    let short = Budget::new(Duration::from_millis(50), CancellationToken::new());
    let told = complete(&releases, RELEASE, "amd64", &short).await.unwrap_err().to_string();
    assert!(told.contains("another run downloads to") && told.contains("timeout"), "{told}");
    drop(lock);
    stage.run().await.unwrap();
}
