//! Whether packages bring a containerd that Kubernetes works with, before they are installed.

use crate::{Fault, Host, package};

/// containerd is, or would be, of release 2 or newer. Packages whose version nobody knows pass.
pub(super) fn is_new(host: &Host, packages: &[String]) -> Result<(), Fault> {
    let Some(name) = packages.iter().find(|name| name.starts_with("containerd")) else { return Ok(()) };
    let version = match package::version(host, name)? {
        Some(version) => Some(version),
        None => package::candidate(host, name)?,
    };
    match version {
        Some(version) if major(&version).is_some_and(|major| major < 2) => Err(Fault::refused(format!(
            "the package {name} is {version}, and Kubernetes 1.36 and newer want containerd 2: name a package that has it \
             (such as `containerd.io` of Docker's repository), or give a bundle"
        ))),
        _ => Ok(()),
    }
}

/// The first number of a package's version: `2` in `1:2.1.3-1`.
fn major(version: &str) -> Option<u32> {
    let upstream = version.split_once(':').map_or(version, |(_, upstream)| upstream);
    upstream.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_counts() {
        assert_eq!(major("1.6.20~ds1-1+deb12u1"), Some(1));
        assert_eq!(major("1:2.1.3-1"), Some(2));
        assert_eq!(major("unknown"), None);
    }
}
