//! What a node of a release is made from where there is no bundle: which files of whose releases, and what their
//! publishers say of them. Plain data.
//!
//! Kubernetes is the wanted release; what goes with it is pinned here, and in the role `kubernetes_node`.

/// containerd. Source: <https://github.com/containerd/containerd/releases>.
const CONTAINERD: &str = "2.3.7";
/// runc, in the release that containerd's is tested with. Source: its `script/setup/runc-version`.
const RUNC: &str = "1.5.2";
/// The reference network plugins. Source: <https://github.com/containernetworking/plugins/releases>.
const PLUGINS: &str = "1.9.1";

/// Where Kubernetes publishes its programs. Source: <https://kubernetes.io/releases/download/>.
const KUBERNETES: &str = "dl.k8s.io/release";

/// What goes with Kubernetes, by the names that a bundle's manifest has for it.
pub(super) const COMPONENTS: [(&str, &str); 3] =
    [("containerd", CONTAINERD), ("runc", RUNC), ("cni-plugins", PLUGINS)];

/// A file of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Artefact {
    /// Host and path: `dl.k8s.io/release/v1.37.2/bin/linux/amd64/kubelet`.
    pub(super) file: String,
    /// Those of its publisher's checksums: of this file alone, or of several.
    pub(super) sums: String,
    /// What becomes of it in a bundle.
    pub(super) content: Content,
}

/// What a file of a release is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// A program; it has this path in a bundle.
    Program(&'static str),
    /// A compressed tar file: these programs of it, in whatever folder they are, go into that folder of a bundle.
    Archive {
        /// The folder in the bundle.
        folder: &'static str,
        /// The programs; none: all.
        programs: &'static [&'static str],
    },
}

impl Artefact {
    /// Its name, as its publisher's checksums have it.
    pub(super) fn name(&self) -> &str {
        self.file.rsplit('/').next().unwrap_or(&self.file)
    }

    /// Is it of Kubernetes itself, whose release the user names?
    pub(super) fn is_of_kubernetes(&self) -> bool {
        self.file.starts_with(KUBERNETES)
    }
}

/// All that a node needs, whatever its role; kubeadm is first, so that a release that does not exist is told at once.
pub(super) fn of_release(release: &str, architecture: &str) -> Vec<Artefact> {
    let kubernetes = ["bin/kubeadm", "bin/kubelet", "bin/kubectl"].map(|path| {
        let name = path.trim_start_matches("bin/");
        let file = format!("{KUBERNETES}/v{release}/bin/linux/{architecture}/{name}");
        Artefact { sums: format!("{file}.sha256"), file, content: Content::Program(path) }
    });
    kubernetes.into_iter().chain(companions(architecture)).collect()
}

fn companions(architecture: &str) -> [Artefact; 3] {
    let containerd = published(
        "containerd/containerd",
        CONTAINERD,
        &format!("containerd-{CONTAINERD}-linux-{architecture}.tar.gz"),
    );
    let runc = published("opencontainers/runc", RUNC, &format!("runc.{architecture}"));
    let plugins = published(
        "containernetworking/plugins",
        PLUGINS,
        &format!("cni-plugins-linux-{architecture}-v{PLUGINS}.tgz"),
    );
    let programs = &["containerd", "containerd-shim-runc-v2", "ctr"];
    [
        Artefact {
            sums: format!("{containerd}.sha256sum"),
            file: containerd,
            content: Content::Archive { folder: "bin", programs },
        },
        // One list for all architectures.
        Artefact {
            sums: published("opencontainers/runc", RUNC, "runc.sha256sum"),
            file: runc,
            content: Content::Program("bin/runc"),
        },
        Artefact {
            sums: format!("{plugins}.sha256"),
            file: plugins,
            content: Content::Archive { folder: "cni", programs: &[] },
        },
    ]
}

/// A file of a release on GitHub.
fn published(project: &str, version: &str, name: &str) -> String {
    format!("github.com/{project}/releases/download/v{version}/{name}")
}

/// The SHA-256 of `name`, as publishers write it: in a file that holds nothing but one, or in a list as `sha256sum` writes
/// it, where an asterisk marks what was read as binary. In lower case.
pub(super) fn checksum(sums: &str, name: &str) -> Option<String> {
    let mut lines = sums.lines().map(str::split_whitespace);
    let found = lines.find_map(|mut words| match (words.next(), words.next(), words.next()) {
        (Some(sum), None, None) => Some(sum),
        (Some(sum), Some(file), None) if file.trim_start_matches(['*', '.', '/']) == name => Some(sum),
        _ => None,
    })?;
    let is_sum = found.len() == 64 && found.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_sum.then(|| found.to_ascii_lowercase())
}

/// The architecture of a host, as Go and Debian call it, by what `uname -m` says; none where nothing is published.
pub(super) fn architecture(machine: &str) -> Option<&'static str> {
    match machine {
        "x86_64" => Some("amd64"),
        "aarch64" => Some("arm64"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_six_files_with_a_list_of_checksums_each() {
        let found: Vec<_> = of_release("1.37.2", "arm64")
            .into_iter()
            .map(|artefact| (artefact.file, artefact.sums))
            .collect();
        let kubernetes = |name: &str| {
            let file = format!("dl.k8s.io/release/v1.37.2/bin/linux/arm64/{name}");
            (file.clone(), file + ".sha256")
        };
        let github = |folder: &str, name: &str, sums: &str| {
            let folder = format!("github.com/{folder}");
            (format!("{folder}/{name}"), format!("{folder}/{sums}"))
        };
        assert_eq!(
            found,
            [
                kubernetes("kubeadm"),
                kubernetes("kubelet"),
                kubernetes("kubectl"),
                github(
                    "containerd/containerd/releases/download/v2.3.7",
                    "containerd-2.3.7-linux-arm64.tar.gz",
                    "containerd-2.3.7-linux-arm64.tar.gz.sha256sum"
                ),
                github("opencontainers/runc/releases/download/v1.5.2", "runc.arm64", "runc.sha256sum"),
                github(
                    "containernetworking/plugins/releases/download/v1.9.1",
                    "cni-plugins-linux-arm64-v1.9.1.tgz",
                    "cni-plugins-linux-arm64-v1.9.1.tgz.sha256"
                ),
            ]
        );
    }

    /// The role makes the same node.
    #[test]
    fn the_role_pins_the_same_releases() {
        let defaults =
            include_str!("../../../../ansible-modules/collection/roles/kubernetes_node/defaults/main.yml");
        for (name, release) in [("containerd", CONTAINERD), ("runc", RUNC), ("plugins", PLUGINS)] {
            let line = format!("kubernetes_node_{name}_version: {release}");
            assert!(defaults.lines().any(|found| found == line), "no {line:?} in\n{defaults}");
        }
    }

    #[test]
    fn a_checksum_is_found_in_each_shape_that_publishers_use() {
        let sum = "0a".repeat(32);
        assert_eq!(checksum(&format!("{sum}\n"), "kubeadm").as_ref(), Some(&sum));
        assert_eq!(checksum(&sum.to_uppercase(), "kubeadm").as_ref(), Some(&sum));
        let other = "0b".repeat(32);
        for line in ["  runc.amd64", " *runc.amd64", "  ./runc.amd64"] {
            let list = format!("{other}  runc.arm64\n{sum}{line}\n{other}  runc.s390x\n");
            assert_eq!(checksum(&list, "runc.amd64").as_ref(), Some(&sum), "{list}");
        }
    }

    #[test]
    fn what_is_no_checksum_of_the_file_is_none() {
        let sum = "0a".repeat(32);
        for list in [
            format!("{sum}  runc.arm64\n"),
            format!("{sum}  a runc.amd64\n"),
            "<html>not found</html>".to_owned(),
            "0a".repeat(31),
            format!("{}  runc.amd64", "0g".repeat(32)),
            String::new(),
        ] {
            assert_eq!(checksum(&list, "runc.amd64"), None, "{list}");
        }
    }

    #[test]
    fn a_host_for_which_nothing_is_published_has_no_architecture() {
        assert_eq!(["x86_64", "aarch64", "riscv64"].map(architecture), [Some("amd64"), Some("arm64"), None]);
    }
}
