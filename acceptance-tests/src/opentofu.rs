//! The OpenTofu that the tests drive.

use std::sync::OnceLock;

use sandbox::go_module::GoError;

use crate::terraform::Program;

/// OpenTofu: `$TOFU`, else `tofu` in `PATH`, else the one that the sandbox builds.
pub fn program() -> Result<&'static Program, &'static GoError> {
    static PROGRAM: OnceLock<Result<Program, GoError>> = OnceLock::new();
    let built = || sandbox::opentofu::built().map(Program::at);
    PROGRAM.get_or_init(|| Program::find("tofu", "TOFU").map_or_else(built, Ok)).as_ref()
}
