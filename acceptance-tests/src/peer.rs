//! What others made, to compare with, where somebody has put it on this machine.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// The folder of a file-system mirror, unless `$SOCLE_PEER_MIRROR` names another.
const MIRROR: &str = "/opt/tf-plugins";

/// The folder that holds the newest terraform-provider-aws of the mirror; none when there is none.
/// It goes into a [`Workspace`](crate::terraform::Workspace) as the provider `hashicorp/aws`.
pub fn terraform_provider_aws() -> Option<PathBuf> {
    newest_in(&env::var_os("SOCLE_PEER_MIRROR").map_or_else(|| PathBuf::from(MIRROR), PathBuf::from))
}

/// dev-sec's hardening by Ansible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevSec {
    /// For Ansible's `COLLECTIONS_PATH`.
    pub collections: PathBuf,
    /// Its version.
    pub version: String,
}

/// The collection `devsec.hardening` in the folder of installed collections that `$SOCLE_PEER_COLLECTIONS` names; none when there
/// is none.
pub fn dev_sec() -> Option<DevSec> {
    dev_sec_in(env::var_os("SOCLE_PEER_COLLECTIONS")?.into())
}

fn dev_sec_in(collections: PathBuf) -> Option<DevSec> {
    let place = collections.join("ansible_collections/devsec/hardening");
    // What was installed from a tarball has the first, what is a checkout the second.
    let mut about = ["MANIFEST.json", "galaxy.yml"]
        .into_iter()
        .filter_map(|name| fs::read_to_string(place.join(name)).ok());
    let about = about.next()?;
    let version = about.lines().find_map(|line| line.trim_matches(['"', ' ']).strip_prefix("version"))?;
    Some(DevSec { version: version.trim_matches([':', ' ', ',', '"', '\'']).to_owned(), collections })
}

fn newest_in(mirror: &Path) -> Option<PathBuf> {
    let versions = mirror.join("registry.terraform.io/hashicorp/aws").read_dir().ok()?;
    let newest = versions.flatten().max_by_key(|version| numbers(&version.file_name().to_string_lossy()))?;
    let platform = format!("{}_{}", env::consts::OS.replace("macos", "darwin"), go_architecture());
    Some(newest.path().join(platform)).filter(|folder| folder.is_dir())
}

fn go_architecture() -> &'static str {
    match env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_newest_version_by_number() {
        let mirror = tempfile::tempdir().unwrap();
        let platform = format!("{}_{}", env::consts::OS, go_architecture());
        for version in ["5.9.0", "5.100.0"] {
            let folder =
                mirror.path().join("registry.terraform.io/hashicorp/aws").join(version).join(&platform);
            fs::create_dir_all(folder).unwrap();
        }
        let newest = newest_in(mirror.path()).unwrap();
        assert!(newest.ends_with(format!("5.100.0/{platform}")), "{}", newest.display());
    }

    #[test]
    fn what_is_absent_is_no_error() {
        assert_eq!(newest_in(Path::new("/nonexistent")), None);
        assert_eq!(dev_sec_in("/nonexistent".into()), None);
    }

    #[test]
    fn a_collection_tells_its_version() {
        for (file, text) in [
            ("galaxy.yml", "---\nname: hardening\nversion: '10.1.0'\n"),
            ("MANIFEST.json", "{\n \"collection_info\": {\n  \"version\": \"10.1.0\",\n"),
        ] {
            let collections = tempfile::tempdir().unwrap();
            let place = collections.path().join("ansible_collections/devsec/hardening");
            fs::create_dir_all(&place).unwrap();
            fs::write(place.join(file), text).unwrap();
            assert_eq!(dev_sec_in(collections.path().to_owned()).unwrap().version, "10.1.0");
        }
    }
}
