//! The module `firewall`.

use std::process::ExitCode;

fn main() -> ExitCode {
    module::serve::<modules::firewall::Firewall>()
}
