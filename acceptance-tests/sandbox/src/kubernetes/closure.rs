//! Which packages of an apt repository some packages need beside what every Debian has.

use std::collections::{BTreeMap, BTreeSet};

/// What an index (`Packages`) says of one package.
#[derive(Debug, Default)]
struct Package<'a> {
    file: &'a str,
    required: bool,
    needs: Vec<&'a str>,
}

/// The files of `wanted` and of all they depend on, as the index names them; what is required on every Debian is left
/// out. Of alternatives the first one that the repository has is taken. Source: deb-control(5), the fields of `Packages`.
pub(super) fn files_of<'a>(index: &'a str, wanted: &[&'a str]) -> BTreeSet<&'a str> {
    let mut packages = BTreeMap::new();
    let mut provided = BTreeMap::new();
    for stanza in index.split("\n\n") {
        let field = |name: &str| stanza.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let Some(name) = field("Package") else { continue };
        let needs =
            ["Pre-Depends", "Depends"].into_iter().filter_map(field).flat_map(|list| list.split(", "));
        let package = Package {
            file: field("Filename").unwrap_or_default(),
            required: field("Priority") == Some("required"),
            needs: needs.collect(),
        };
        packages.insert(name, package);
        for other in field("Provides").into_iter().flat_map(|list| list.split(", ")) {
            provided.entry(bare(other)).or_insert(name);
        }
    }
    let mut files = BTreeSet::new();
    let mut open: Vec<_> = wanted.to_vec();
    while let Some(name) = open.pop() {
        let name =
            if packages.contains_key(name) { name } else { provided.get(name).copied().unwrap_or(name) };
        let Some(package) = packages.get(name).filter(|package| !package.required) else { continue };
        if files.insert(package.file) {
            let known = |name: &&str| packages.contains_key(name) || provided.contains_key(name);
            open.extend(package.needs.iter().filter_map(|group| group.split(" | ").map(bare).find(known)));
        }
    }
    files
}

/// The name in a relation, without version and architecture.
fn bare(relation: &str) -> &str {
    relation.split([' ', ':', '(']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "\
Package: libc6
Priority: required
Filename: pool/libc6.deb

Package: haproxy
Depends: libc6 (>= 2.34), liblua:any, init-helper | other, mail-agent
Filename: pool/haproxy.deb

Package: liblua
Depends: haproxy
Filename: pool/liblua.deb

Package: other
Filename: pool/other.deb

Package: postfix
Provides: mail-agent (= 1)
Filename: pool/postfix.deb

Package: unrelated
Filename: pool/unrelated.deb
";

    #[test]
    fn takes_what_is_needed_and_nothing_that_is_there_anyway() {
        let files: Vec<_> = files_of(INDEX, &["haproxy"]).into_iter().collect();
        assert_eq!(files, ["pool/haproxy.deb", "pool/liblua.deb", "pool/other.deb", "pool/postfix.deb"]);
    }

    #[test]
    fn what_the_repository_lacks_is_left_out() {
        assert!(files_of(INDEX, &["no-such-package"]).is_empty());
    }
}
