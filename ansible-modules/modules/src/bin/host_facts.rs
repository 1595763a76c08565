//! The module `host_facts`.

use std::process::ExitCode;

fn main() -> ExitCode {
    module::serve::<modules::host_facts::HostFacts>()
}
