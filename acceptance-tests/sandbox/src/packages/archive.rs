//! Where this machine gets Debian's packages from. Its own apt knows: the repository names no server.

use super::Release;

/// What apt is to print of each index that it knows.
pub(super) const FORMAT: &str = "$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)";

/// The key of all of Debian's releases, wherever a machine came from (package `debian-archive-keyring`).
pub(crate) const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The sources of `release`, in the one-line format: those of the machine's indexes (lines in [`FORMAT`]) that are
/// Debian's own, with the name of the machine's release replaced.
pub(super) fn sources_of(release: Release, indexes: &str) -> Vec<String> {
    let mut sources = Vec::new();
    for line in indexes.lines().filter_map(|index| source_in(release, index)) {
        if !sources.contains(&line) {
            sources.push(line);
        }
    }
    sources
}

/// The sources of `release` on a mirror that is named instead, which has no security updates besides.
pub(super) fn sources_on_mirror(release: Release, mirror: &str) -> Vec<String> {
    ["", "-updates"].map(|suite| source(mirror, release, suite)).into()
}

fn source_in(release: Release, index: &str) -> Option<String> {
    let ["Debian", uri, suite, "main"] = index.split('|').collect::<Vec<_>>()[..] else { return None };
    let (_, kind) = suite.split_at(suite.find('-').unwrap_or(suite.len()));
    matches!(kind, "" | "-updates" | "-security").then(|| source(uri, release, kind))
}

fn source(uri: &str, release: Release, kind: &str) -> String {
    format!("deb [signed-by={KEYRING}] {uri} {}{kind} main", release.code_name())
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEXES: &str = "\
Debian|http://mirror.example/debian/|bookworm|main
Debian|http://mirror.example/debian/|bookworm|contrib
Debian|http://mirror.example/debian/|bookworm-updates|main
Debian|http://mirror.example/debian/|bookworm-backports|main
Debian|http://security.example/|bookworm-security|main
Vendor|http://vendor.example/apt|bookworm|main
";

    fn short(sources: &[String]) -> Vec<String> {
        sources.iter().map(|line| line.split("] ").last().unwrap().to_owned()).collect()
    }

    #[test]
    fn takes_debians_own_indexes_and_no_others() {
        assert_eq!(
            short(&sources_of(Release::Bookworm, INDEXES)),
            [
                "http://mirror.example/debian/ bookworm main",
                "http://mirror.example/debian/ bookworm-updates main",
                "http://security.example/ bookworm-security main",
            ]
        );
    }

    #[test]
    fn asks_for_another_release_at_the_same_places() {
        assert_eq!(
            short(&sources_of(Release::Trixie, INDEXES)),
            [
                "http://mirror.example/debian/ trixie main",
                "http://mirror.example/debian/ trixie-updates main",
                "http://security.example/ trixie-security main",
            ]
        );
    }

    #[test]
    fn understands_a_machine_that_names_no_release() {
        let indexes = "Debian|http://d.example/|stable|main\nDebian|http://d.example/|sid|main\n";
        assert_eq!(short(&sources_of(Release::Bookworm, indexes)), ["http://d.example/ bookworm main"]);
    }

    #[test]
    fn a_mirror_has_the_release_and_its_updates() {
        assert_eq!(
            short(&sources_on_mirror(Release::Trixie, "http://m.example/debian")),
            ["http://m.example/debian trixie main", "http://m.example/debian trixie-updates main"]
        );
    }
}
