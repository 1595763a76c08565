//! What stands for a registry: `hosts.toml` (containerd's `docs/hosts.md`). It is read at each pull, so nothing restarts.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::REGISTRIES;
use crate::Fault;
use crate::file::File;

/// One file a registry.
pub(super) fn files(mirrors: &BTreeMap<String, Vec<String>>) -> Result<Vec<File>, Fault> {
    mirrors.iter().map(|(registry, urls)| file(registry, urls)).collect()
}

fn file(registry: &str, urls: &[String]) -> Result<File, Fault> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    if registry.is_empty() || registry.starts_with('.') || !registry.chars().all(fits) {
        return Err(Fault::refused(format!(
            "{registry:?} is no registry: give its name, with its port where it has one, as in `docker.io` or `registry.example.social:5000`"
        )));
    }
    let mut text = "# Written by Socle: changes are lost.\n".to_owned();
    for url in urls {
        is_url(registry, url)?;
        // The order of these tables is the order of asking. Writing to a string cannot fail.
        let _ = write!(text, "\n[host.\"{url}\"]\ncapabilities = [\"pull\", \"resolve\"]\n");
    }
    Ok(File::new(format!("{REGISTRIES}/{registry}/hosts.toml"), text))
}

fn is_url(registry: &str, url: &str) -> Result<(), Fault> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let fits = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '@');
    if rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(fits)) {
        return Ok(());
    }
    Err(Fault::refused(format!(
        "{url:?} is no mirror of {registry}: give a URL without user and password, as in `https://mirror.example.social`"
    )))
}
