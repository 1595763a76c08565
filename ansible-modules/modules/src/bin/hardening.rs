//! The module `hardening`.

use std::process::ExitCode;

fn main() -> ExitCode {
    module::serve::<modules::hardening::Hardening>()
}
