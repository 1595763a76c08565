//! terraform-provider-aws, to compare with, where somebody has put it on this machine.

use std::env;
use std::path::{Path, PathBuf};

/// The folder of a file-system mirror, unless `$SOCLE_PEER_MIRROR` names another.
const MIRROR: &str = "/opt/tf-plugins";

/// The folder that holds the newest terraform-provider-aws of the mirror; none when there is none.
/// It goes into a [`Workspace`](crate::terraform::Workspace) as the provider `hashicorp/aws`.
pub fn terraform_provider_aws() -> Option<PathBuf> {
    newest_in(&env::var_os("SOCLE_PEER_MIRROR").map_or_else(|| PathBuf::from(MIRROR), PathBuf::from))
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
    use std::fs;

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
    fn an_absent_mirror_is_no_error() {
        assert_eq!(newest_in(Path::new("/nonexistent")), None);
    }
}
