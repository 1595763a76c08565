//! What an empty Vault is told, so that jobs can use it: pure data, sent in order.

use serde_json::{Value, json};

use super::environments::{ENVIRONMENTS, Environment};
use super::identity_token::{AUDIENCE, ISSUER};

/// The plugin of Kubernetes authentication, a program beside Vault.
pub(super) const KUBERNETES_PLUGIN: &str = "vault-plugin-auth-kubernetes";

/// A write to Vault.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Write {
    /// The path, without `/v1/`.
    pub(super) path: String,
    /// What is written.
    pub(super) body: Value,
}

/// What the writes depend on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a> {
    /// The absolute path of the file that gets a line for every request and every answer.
    pub(super) audit_file: &'a str,
    /// The public key of who signs the jobs' tokens, as PEM.
    pub(super) token_key: &'a str,
    /// The SHA-256 of [`KUBERNETES_PLUGIN`], in hexadecimal digits.
    pub(super) plugin_hash: &'a str,
}

/// All writes, in their order. The audit device is the first, so that it sees the others.
pub(super) fn writes(facts: Facts) -> Vec<Write> {
    let mut writes = vec![audit(facts.audit_file)];
    writes.extend(engines());
    writes.extend(methods(facts));
    writes.extend(ENVIRONMENTS.iter().flat_map(environment));
    writes
}

fn write(path: impl Into<String>, body: Value) -> Write {
    Write { path: path.into(), body }
}

fn audit(file: &str) -> Write {
    write("sys/audit/file", json!({"type": "file", "options": {"file_path": file, "mode": "0600"}}))
}

fn engines() -> [Write; 4] {
    [
        write("sys/mounts/secret", json!({"type": "kv", "options": {"version": "2"}})),
        write("sys/mounts/transit", json!({"type": "transit"})),
        write("sys/mounts/ssh", json!({"type": "ssh"})),
        write("ssh/config/ca", json!({"generate_signing_key": true, "key_type": "ed25519"})),
    ]
}

fn methods(facts: Facts) -> [Write; 4] {
    let plugin = json!({"sha256": facts.plugin_hash, "command": KUBERNETES_PLUGIN});
    [
        write("sys/auth/approle", json!({"type": "approle"})),
        write("sys/auth/jwt", json!({"type": "jwt"})),
        write(
            "auth/jwt/config",
            json!({"bound_issuer": ISSUER, "jwt_validation_pubkeys": [facts.token_key]}),
        ),
        // Only registered, for it is a process of its own: tests that have a cluster mount it.
        write("sys/plugins/catalog/auth/kubernetes", plugin),
    ]
}

fn environment(environment: &Environment) -> [Write; 5] {
    let name = environment.name;
    let rights = json!({"token_policies": [name], "token_ttl": "15m", "token_max_ttl": "1h"});
    [
        write(format!("sys/policies/acl/{name}"), json!({"policy": environment.policy()})),
        write(format!("transit/keys/{name}"), json!({})),
        write(format!("ssh/roles/{name}"), ssh_role()),
        write(format!("auth/approle/role/{name}"), rights.clone()),
        write(format!("auth/jwt/role/{name}"), merged(jwt_role(environment), rights)),
    ]
}

/// A certificate of a few minutes for any user of a server.
fn ssh_role() -> Value {
    json!({
        "key_type": "ca",
        "allow_user_certificates": true,
        "allowed_users": "*",
        "default_extensions": {"permit-pty": "", "permit-port-forwarding": ""},
        "ttl": "10m",
        "max_ttl": "30m",
    })
}

fn jwt_role(environment: &Environment) -> Value {
    json!({
        "role_type": "jwt",
        "user_claim": "user_login",
        "bound_audiences": [AUDIENCE],
        "bound_claims": {
            "project_path": environment.project,
            "ref": environment.reference,
            "ref_type": "branch",
            "ref_protected": "true",
        },
    })
}

/// The fields of both objects.
fn merged(mut one: Value, other: Value) -> Value {
    if let (Value::Object(fields), Value::Object(more)) = (&mut one, other) {
        fields.extend(more);
    }
    one
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn all() -> Vec<Write> {
        writes(Facts { audit_file: "/sandbox/audit.log", token_key: "a key", plugin_hash: "a hash" })
    }

    #[test]
    fn the_audit_device_sees_all_else() {
        assert_eq!(all()[0].path, "sys/audit/file");
    }

    #[test]
    fn nothing_is_written_twice() {
        let writes = all();
        let paths: HashSet<_> = writes.iter().map(|write| &write.path).collect();
        assert_eq!(paths.len(), writes.len());
    }

    #[test]
    fn an_engine_or_method_is_used_only_after_it_is_mounted() {
        let writes = all();
        let place = |path: &str| writes.iter().position(|write| write.path == path);
        for (index, write) in writes.iter().enumerate().filter(|(_, write)| !write.path.starts_with("sys/")) {
            let mut steps = write.path.split('/');
            let mount = match (steps.next(), steps.next()) {
                (Some("auth"), Some(method)) => format!("sys/auth/{method}"),
                (engine, _) => format!("sys/mounts/{}", engine.unwrap_or_default()),
            };
            assert!(place(&mount).is_some_and(|mounted| mounted < index), "{} before {mount}", write.path);
        }
    }

    #[test]
    fn a_role_is_bound_to_project_protected_branch_and_audience() {
        let writes = all();
        for environment in ENVIRONMENTS {
            let path = format!("auth/jwt/role/{}", environment.name);
            let role = &writes.iter().find(|write| write.path == path).unwrap().body;
            let claims = &role["bound_claims"];
            assert_eq!(claims["project_path"], environment.project);
            assert_eq!(claims["ref"], environment.reference);
            assert_eq!(claims["ref_protected"], "true", "GitLab's truth values are text");
            assert_eq!(role["bound_audiences"], json!([AUDIENCE]));
            assert_eq!(role["token_policies"], json!([environment.name]));
        }
    }
}
