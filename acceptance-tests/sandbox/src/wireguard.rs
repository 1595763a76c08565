//! WireGuard in user space, for servers whose kernel has none.
//!
//! `wg-quick` of Debian's `wireguard-tools` falls back to a program named [`PROGRAM`] in `PATH` when the kernel refuses
//! an interface of the type `wireguard`; it needs `/dev/net/tun`. The configuration is the same either way.

use std::path::PathBuf;

use crate::cache::Cache;
use crate::go_module::{GoError, GoModule};

/// The name under which `wg-quick` looks for the program.
pub const PROGRAM: &str = "wireguard-go";

const MODULE: GoModule = GoModule {
    name: "wireguard",
    module: include_str!("../wireguard/go.mod"),
    checksums: include_str!("../wireguard/go.sum"),
    main: None,
    packages: &["golang.zx2c4.com/wireguard"],
    tags: "",
    link_flags: "",
};

/// The program, static: to be put on a server as [`PROGRAM`] in `/usr/local/bin`. It is built the first time, in
/// seconds, before which `building` is called.
pub fn ensured(cache: &Cache, building: impl FnOnce()) -> Result<PathBuf, GoError> {
    Ok(MODULE.ensured(cache, building)?.join("wireguard"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;

    #[test]
    fn the_cache_holds_the_program_and_nothing_else() {
        let program = ensured(&Cache::of_this_user().unwrap(), || ()).unwrap();
        let version = Command::new(&program).arg("--version").output().unwrap();
        assert!(String::from_utf8_lossy(&version.stdout).starts_with("wireguard-go v"));
        assert_eq!(fs::read_dir(program.parent().unwrap()).unwrap().count(), 1);
    }
}
