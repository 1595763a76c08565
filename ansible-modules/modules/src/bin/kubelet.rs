//! The module `kubelet`.

use std::process::ExitCode;

fn main() -> ExitCode {
    module::serve::<modules::kubelet::KubeletModule>()
}
