//! The module `backup_agent`.

use std::process::ExitCode;

fn main() -> ExitCode {
    module::serve::<modules::backup_agent::BackupAgent>()
}
