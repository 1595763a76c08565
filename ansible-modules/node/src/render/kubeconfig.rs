//! Files by which a client finds and trusts an API server.

use serde_json::{Value, json};

use super::document;

/// By what a client shows who it is; each as PEM or text.
#[derive(Clone, Copy)]
pub enum Credential<'c> {
    /// A bootstrap token.
    Token(&'c str),
    /// A certificate and its key.
    Certificate {
        /// The certificate.
        certificate: &'c str,
        /// Its key.
        key: &'c str,
    },
}

/// A kubeconfig. `authority` is PEM, `encode` Base64.
pub fn kubeconfig(
    cluster: &str,
    server: &str,
    authority: &str,
    user: &str,
    credential: Credential<'_>,
    encode: impl Fn(&str) -> String,
) -> String {
    let credential: Value = match credential {
        Credential::Token(token) => json!({ "token": token }),
        Credential::Certificate { certificate, key } => {
            json!({ "client-certificate-data": encode(certificate), "client-key-data": encode(key) })
        }
    };
    document(&json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": cluster,
            "cluster": { "server": server, "certificate-authority-data": encode(authority) },
        }],
        "users": [{ "name": user, "user": credential }],
        "contexts": [{ "name": cluster, "context": { "cluster": cluster, "user": user } }],
        "current-context": cluster,
    }))
}
