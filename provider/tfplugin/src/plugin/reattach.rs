//! What a Terraform needs to attach to a provider that is running already.

use std::path::Path;

use serde_json::json;

use super::Program;
use super::handshake::PROTOCOL;

/// The environment variable to set, as a shell takes it.
pub(super) fn variable(program: &Program, process: u32, socket: &Path) -> String {
    let config = json!({
        program.address: {
            "Protocol": "grpc",
            "ProtocolVersion": PROTOCOL,
            "Pid": process,
            "Test": true, // Terraform neither kills this process nor waits for it
            "Addr": { "Network": "unix", "String": socket.to_string_lossy() },
        }
    });
    format!("TF_REATTACH_PROVIDERS='{}'", config.to_string().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_provider_process_and_socket() {
        let program =
            Program { name: "bare", address: "registry.terraform.io/example/bare", version: "1.2.3" };
        assert_eq!(
            variable(&program, 7, Path::new("/tmp/plugin/socket")),
            r#"TF_REATTACH_PROVIDERS='{"registry.terraform.io/example/bare":{"Addr":{"Network":"unix","String":"/tmp/plugin/socket"},"Pid":7,"Protocol":"grpc","ProtocolVersion":6,"Test":true}}'"#
        );
    }

    #[test]
    fn quotes_a_folder_name_for_the_shell() {
        let program =
            Program { name: "bare", address: "registry.terraform.io/example/bare", version: "1.2.3" };
        let variable = variable(&program, 7, Path::new("/tmp/it's"));
        assert!(variable.contains(r"/tmp/it'\''s"), "{variable}");
    }
}
