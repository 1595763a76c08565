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
    packages: &["golang.zx2c4.com/wireguard"],
    tags: "",
    link_flags: "",
};

/// The program, static: to be put on a server as `/usr/local/bin/wireguard-go`. It is built the first time, in seconds.
pub fn built(cache: &Cache) -> Result<PathBuf, GoError> {
    Ok(MODULE.built(cache)?.join("wireguard"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;

    #[test]
    fn the_cache_holds_the_program_and_nothing_else() {
        let program = built(&Cache::of_this_user().unwrap()).unwrap();
        let version = Command::new(&program).arg("--version").output().unwrap();
        assert!(String::from_utf8_lossy(&version.stdout).starts_with("wireguard-go v"));
        assert_eq!(fs::read_dir(program.parent().unwrap()).unwrap().count(), 1);
    }
}
