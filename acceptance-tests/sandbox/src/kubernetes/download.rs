//! The same parts of a bundle from the official releases instead: for machines that reach the internet.
//!
//! A file is taken only when it is what its publisher's own list of checksums says, fetched beside it over HTTPS; an
//! image is what the registry's digest says, which podman checks. Neither is checked against a signature.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::archive::digest;
use super::release::{CNI, CONTAINERD, LOCAL_STORAGE, METRICS_SERVER, Release};
use super::{CONTROL_PLANE, NODE_PROGRAMS, REGISTRY, architecture};
use crate::command::{CommandError, run};

/// Where Kubernetes publishes its programs. Source: `https://kubernetes.io/releases/download/`.
const KUBERNETES: &str = "https://dl.k8s.io/release";
/// Where the others do.
const GITHUB: &str = "https://github.com";

/// The release of runc that containerd's release is tested with. Source: its `script/setup/runc-version`.
pub(super) const RUNC: &str = "1.5.2";

/// Why a part could not be had.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// A program failed: curl, which fetches, or tar, which unpacks.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The file system refused a step.
    #[error("cannot {step} {}: {source}", path.display())]
    File {
        /// What was attempted, as a verb.
        step: &'static str,
        /// What it was attempted on.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The publisher's list does not have the file.
    #[error("{sums} has no checksum of {name}")]
    Unlisted {
        /// The list.
        sums: String,
        /// The file.
        name: String,
    },
    /// The file is another than the publisher says.
    #[error("{url} has the SHA-256 {found}, and its publisher says {expected}: it is not used")]
    Differs {
        /// The file.
        url: String,
        /// As it came.
        found: String,
        /// As it should be.
        expected: String,
    },
}

/// A file of a release.
#[derive(Debug, PartialEq, Eq)]
struct Artefact {
    url: String,
    /// The publisher's checksums: of this file alone, or of several.
    sums: String,
    shape: Shape,
}

/// What a file of a release is.
#[derive(Debug, PartialEq, Eq)]
enum Shape {
    /// A program, to be named so.
    Program(&'static str),
    /// A compressed tar file in which these programs are, in whatever folder; all files when none is named.
    Archive(&'static [&'static str]),
}

/// Fetches the programs that nodes of `release` need into `folder/bin`, and the network plugins into `folder/cni`.
pub(super) fn programs(release: &Release, folder: &Path) -> Result<(), DownloadError> {
    for artefact in node_programs(release) {
        artefact.fetch(&folder.join("bin"))?;
    }
    network_plugins().fetch(&folder.join("cni"))
}

/// The images that kubeadm of `release` names, and those of the addons of `socle_cluster`.
pub(super) fn images(release: &Release) -> Vec<String> {
    let kubernetes = CONTROL_PLANE.iter().chain(&["kube-proxy"]);
    let mut names: Vec<_> = kubernetes.map(|name| format!("{REGISTRY}/{name}:v{release}")).collect();
    names.push(format!("{REGISTRY}/etcd:{}-0", release.etcd.version));
    names.push(format!("{REGISTRY}/coredns/coredns:v{}", release.coredns.version));
    names.push(format!("{REGISTRY}/pause:{}", release.pause));
    names.extend([metrics_server(), local_storage()]);
    names
}

/// The image of metrics-server.
pub(super) fn metrics_server() -> String {
    format!("{REGISTRY}/metrics-server/metrics-server:v{}", METRICS_SERVER.version)
}

/// The image of the provisioner of local volumes.
pub(super) fn local_storage() -> String {
    format!("docker.io/rancher/local-path-provisioner:v{}", LOCAL_STORAGE.version)
}

fn node_programs(release: &Release) -> Vec<Artefact> {
    let architecture = architecture();
    let mut artefacts: Vec<_> = NODE_PROGRAMS
        .into_iter()
        .map(|name| {
            let url = format!("{KUBERNETES}/v{release}/bin/linux/{architecture}/{name}");
            Artefact { sums: format!("{url}.sha256"), url, shape: Shape::Program(name) }
        })
        .collect();
    let version = CONTAINERD.version;
    let url = format!(
        "{GITHUB}/containerd/containerd/releases/download/v{version}/containerd-{version}-linux-{architecture}.tar.gz"
    );
    let shape = Shape::Archive(&["containerd", "containerd-shim-runc-v2", "ctr"]);
    artefacts.push(Artefact { sums: format!("{url}.sha256sum"), url, shape });
    let folder = format!("{GITHUB}/opencontainers/runc/releases/download/v{RUNC}");
    artefacts.push(Artefact {
        url: format!("{folder}/runc.{architecture}"),
        sums: format!("{folder}/runc.sha256sum"),
        shape: Shape::Program("runc"),
    });
    let version = release.etcd.version;
    let folder = format!("{GITHUB}/etcd-io/etcd/releases/download/v{version}");
    artefacts.push(Artefact {
        url: format!("{folder}/etcd-v{version}-linux-{architecture}.tar.gz"),
        sums: format!("{folder}/SHA256SUMS"),
        shape: Shape::Archive(&["etcdctl", "etcdutl"]),
    });
    artefacts
}

fn network_plugins() -> Artefact {
    let version = CNI.version;
    let folder = format!("{GITHUB}/containernetworking/plugins/releases/download/v{version}");
    let url = format!("{folder}/cni-plugins-linux-{}-v{version}.tgz", architecture());
    Artefact { sums: format!("{url}.sha256"), url, shape: Shape::Archive(&[]) }
}

impl Artefact {
    /// Fetches it, checks it, and puts its programs into `folder`.
    fn fetch(&self, folder: &Path) -> Result<(), DownloadError> {
        fs::create_dir_all(folder).map_err(DownloadError::at("make the folder", folder))?;
        let file = folder.join(".download");
        curl(&self.url, &file)?;
        self.check(&file, &curl_text(&self.sums)?)?;
        match self.shape {
            Shape::Program(name) => {
                let place = folder.join(name);
                fs::rename(&file, &place).map_err(DownloadError::at("rename", &file))?;
                executable(&place)
            }
            Shape::Archive(programs) => {
                unpack(&file, folder, programs)?;
                fs::remove_file(&file).map_err(DownloadError::at("remove", &file))
            }
        }
    }

    fn check(&self, file: &Path, sums: &str) -> Result<(), DownloadError> {
        let name = self.url.rsplit('/').next().unwrap_or_default();
        let unlisted = || DownloadError::Unlisted { sums: self.sums.clone(), name: name.to_owned() };
        let expected = sum_of(sums, name).ok_or_else(unlisted)?.to_owned();
        let found = digest(file).map_err(DownloadError::at("read", file))?;
        if found == expected {
            return Ok(());
        }
        Err(DownloadError::Differs { url: self.url.clone(), found, expected })
    }
}

/// The checksum of `name` in a list as `sha256sum` writes it, or in a file that holds nothing but one.
fn sum_of<'a>(sums: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = sums.lines().map(str::split_whitespace);
    lines.find_map(|mut words| match (words.next(), words.next()) {
        (Some(sum), None) if sum.len() == 64 => Some(sum),
        // An asterisk marks what was read as binary.
        (Some(sum), Some(file)) if file.trim_start_matches(['*', '.', '/']) == name => Some(sum),
        _ => None,
    })
}

fn curl(url: &str, file: &Path) -> Result<(), DownloadError> {
    run(fetching(url).arg("--output").arg(file))?;
    Ok(())
}

fn curl_text(url: &str) -> Result<String, DownloadError> {
    Ok(run(&mut fetching(url))?)
}

fn fetching(url: &str) -> Command {
    let mut curl = Command::new("curl");
    curl.args(["--fail", "--location", "--silent", "--show-error", "--retry", "3", "--proto", "=https,file"]);
    curl.arg(url);
    curl
}

/// Programs lie flat in the folder, whatever folder of the archive they were in.
fn unpack(archive: &Path, folder: &Path, programs: &[&str]) -> Result<(), DownloadError> {
    let scratch = folder.join(".unpacked");
    fs::create_dir_all(&scratch).map_err(DownloadError::at("make the folder", &scratch))?;
    run(Command::new("tar")
        .args(["--extract", "--no-same-owner", "--file"])
        .arg(archive)
        .arg("--directory")
        .arg(&scratch))?;
    for (name, path) in files_below(&scratch)? {
        if programs.is_empty() || programs.contains(&name.as_str()) {
            let place = folder.join(&name);
            fs::rename(&path, &place).map_err(DownloadError::at("rename", &path))?;
        }
    }
    fs::remove_dir_all(&scratch).map_err(DownloadError::at("remove", &scratch))
}

/// The programs below a folder, by their names: files that may be executed.
fn files_below(folder: &Path) -> Result<Vec<(String, PathBuf)>, DownloadError> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        let entries = fs::read_dir(&next).map_err(DownloadError::at("list", &next))?;
        for entry in entries.flatten() {
            let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
            let metadata = entry.metadata().map_err(DownloadError::at("look at", &path))?;
            if metadata.is_dir() {
                open.push(path);
            } else if std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o111 != 0 {
                found.push((name, path));
            }
        }
    }
    Ok(found)
}

fn executable(path: &Path) -> Result<(), DownloadError> {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(path, mode).map_err(DownloadError::at("make executable", path))
}

impl DownloadError {
    fn at(step: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { step, path: path.to_owned(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::super::RELEASES;
    use super::*;

    #[test]
    fn every_file_of_a_release_has_an_address_and_a_list_of_checksums() {
        let urls: Vec<_> = RELEASES.iter().flat_map(node_programs).chain([network_plugins()]).collect();
        assert_eq!(urls.len(), 2 * 6 + 1);
        for Artefact { url, sums, .. } in urls {
            assert!(url.starts_with("https://") && sums.starts_with("https://"), "{url} {sums}");
        }
        let kubeadm = node_programs(&RELEASES[1]).swap_remove(0);
        let url = format!("https://dl.k8s.io/release/v1.37.2/bin/linux/{}/kubeadm", architecture());
        assert_eq!(
            kubeadm,
            Artefact { sums: format!("{url}.sha256"), url, shape: Shape::Program("kubeadm") }
        );
    }

    #[test]
    fn a_checksum_is_found_in_each_way_that_publishers_write_it() {
        let sum = "a".repeat(64);
        assert_eq!(sum_of(&sum, "kubeadm"), Some(sum.as_str()));
        for line in
            [format!("{sum}  runc.amd64\n"), format!("{sum} *runc.amd64"), format!("{sum}  ./runc.amd64")]
        {
            assert_eq!(sum_of(&format!("b  runc.arm64\n{line}"), "runc.amd64"), Some(sum.as_str()));
        }
        assert_eq!(sum_of(&format!("{sum}  runc.arm64\n"), "runc.amd64"), None);
    }

    /// A release on this disk, of which curl speaks as of any other.
    fn release(folder: &Path, sums: &str) -> Artefact {
        let inner = folder.join("etcd-v1");
        fs::create_dir(&inner).unwrap();
        for (name, mode) in [("etcdctl", 0o755), ("etcd", 0o755), ("README.md", 0o644)] {
            let path = inner.join(name);
            fs::write(&path, name).unwrap();
            fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        }
        let archive = folder.join("etcd-v1.tar.gz");
        run(Command::new("tar")
            .args(["--create", "--gzip", "--file"])
            .arg(&archive)
            .arg("--directory")
            .arg(folder)
            .arg("etcd-v1"))
        .unwrap();
        let sums = sums.replace("SUM", &digest(&archive).unwrap());
        fs::write(folder.join("SHA256SUMS"), sums).unwrap();
        let url = |name: &str| format!("file://{}", folder.join(name).display());
        Artefact { url: url("etcd-v1.tar.gz"), sums: url("SHA256SUMS"), shape: Shape::Archive(&["etcdctl"]) }
    }

    fn names(folder: &Path) -> Vec<String> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_that_is_what_its_publisher_says_is_unpacked() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("bin");
        release(folder.path(), "SUM  etcd-v1.tar.gz\n").fetch(&place).unwrap();
        assert_eq!(names(&place), ["etcdctl"]);
        assert_eq!(fs::read_to_string(place.join("etcdctl")).unwrap(), "etcdctl");
    }

    #[test]
    fn another_file_than_its_publisher_says_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("bin");
        let other = format!("{}  etcd-v1.tar.gz\n", "0".repeat(64));
        let refused = release(folder.path(), &other).fetch(&place).unwrap_err();
        assert!(
            matches!(&refused, DownloadError::Differs { expected, .. } if expected.starts_with("000")),
            "{refused}"
        );
        assert!(!place.join("etcdctl").exists());
    }

    #[test]
    fn a_file_that_its_publisher_does_not_list_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let refused =
            release(folder.path(), "SUM  etcd-v2.tar.gz\n").fetch(&folder.path().join("bin")).unwrap_err();
        assert!(
            matches!(&refused, DownloadError::Unlisted { name, .. } if name == "etcd-v1.tar.gz"),
            "{refused}"
        );
    }
}
