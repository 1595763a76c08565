//! The module `container_runtime`.

use std::process::ExitCode;

fn main() -> ExitCode {
    module::serve::<modules::container_runtime::Runtime>()
}
