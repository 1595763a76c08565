//! OpenTofu, built from its released Go module.

use std::path::PathBuf;

use crate::cache::Cache;
use crate::go_module::{GoError, GoModule};

const MODULE: GoModule = GoModule {
    name: "opentofu",
    module: include_str!("../opentofu/go.mod"),
    checksums: include_str!("../opentofu/go.sum"),
    main: None,
    packages: &["github.com/opentofu/opentofu/cmd/tofu"],
    tags: "",
    link_flags: "-X github.com/opentofu/opentofu/version.dev=no",
};

/// The program: the version that the wrapper module pins, built the first time, from the cache from then on.
pub fn built() -> Result<PathBuf, GoError> {
    ensured(&Cache::of_this_user()?, || ())
}

/// As [`built`]; calls `building` before it builds, which takes minutes.
pub fn ensured(cache: &Cache, building: impl FnOnce()) -> Result<PathBuf, GoError> {
    Ok(MODULE.ensured(cache, building)?.join("tofu"))
}
