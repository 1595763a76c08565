//! ansible-core and ansible-lint, in a virtual environment of their own with every version pinned.

use std::path::PathBuf;

use crate::cache::Cache;
use crate::python::{PythonError, environment};

/// The pinned distributions, with all they depend on.
const REQUIREMENTS: &str = include_str!("../ansible/requirements.txt");

/// Where the environment is: the programs are in `bin`. It is made on first use, before which `making` is called.
pub fn folder(cache: &Cache, making: impl FnOnce()) -> Result<PathBuf, PythonError> {
    environment(cache, "ansible", REQUIREMENTS, making)
}
