//! What an API server reads beside its flags: who may log in, what is logged, what pods may do, how Secrets are kept.

use serde_json::{Value, json};

use super::document;
use crate::specification::{Oidc, Settings};

/// Where these files stand.
pub const FOLDER: &str = "/etc/kubernetes/socle";
/// The audit policy.
pub const AUDIT: &str = "/etc/kubernetes/socle/audit.json";
/// The authentication configuration.
pub const AUTHENTICATION: &str = "/etc/kubernetes/socle/authentication.json";
/// The admission configuration.
pub const ADMISSION: &str = "/etc/kubernetes/socle/admission.json";
/// The encryption configuration: secret.
pub const ENCRYPTION: &str = "/etc/kubernetes/socle/encryption.json";

/// Who did what: never the bodies of Secrets, never what only makes noise.
pub fn audit() -> String {
    document(&json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            { "level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*", "/version"] },
            {
                "level": "None", "userGroups": ["system:nodes", "system:serviceaccounts:kube-system"],
                "verbs": ["get", "list", "watch"],
            },
            { "level": "None", "resources": [{ "group": "coordination.k8s.io", "resources": ["leases"] }] },
            { "level": "None", "resources": [{ "group": "", "resources": ["events"] }] },
            {
                "level": "Metadata",
                "resources": [
                    { "group": "", "resources": ["secrets", "configmaps", "serviceaccounts/token"] },
                    { "group": "authentication.k8s.io", "resources": ["tokenreviews"] },
                ],
            },
            { "level": "Metadata", "verbs": ["get", "list", "watch"] },
            { "level": "Request" },
        ],
    }))
}

/// Client certificates and service accounts; OpenID Connect where it is wanted; and nobody without a name, but for the
/// health endpoints.
pub fn authentication(settings: &Settings) -> String {
    let issuers: Vec<_> = settings.oidc.iter().map(issuer).collect();
    let paths: Vec<_> =
        ["/livez", "/readyz", "/healthz"].iter().map(|path| json!({ "path": path })).collect();
    document(&json!({
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthenticationConfiguration",
        "anonymous": { "enabled": true, "conditions": paths },
        "jwt": issuers,
    }))
}

fn issuer(oidc: &Oidc) -> Value {
    let mut issuer = json!({ "url": oidc.issuer_url, "audiences": oidc.audiences });
    if oidc.audiences.len() > 1 {
        issuer["audienceMatchPolicy"] = json!("MatchAny");
    }
    if let Some(authority) = &oidc.certificate_authority {
        issuer["certificateAuthority"] = json!(authority);
    }
    let mut mappings =
        json!({ "username": { "claim": oidc.username_claim, "prefix": oidc.username_prefix } });
    if let Some(claim) = &oidc.groups_claim {
        mappings["groups"] = json!({ "claim": claim, "prefix": oidc.groups_prefix });
    }
    json!({ "issuer": issuer, "claimMappings": mappings })
}

/// Pods are held to `baseline`, outside the namespaces of the system; what `restricted` would refuse is a warning.
pub fn admission() -> String {
    document(&json!({
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AdmissionConfiguration",
        "plugins": [{
            "name": "PodSecurity",
            "configuration": {
                "apiVersion": "pod-security.admission.config.k8s.io/v1",
                "kind": "PodSecurityConfiguration",
                "defaults": {
                    "enforce": "baseline", "enforce-version": "latest",
                    "audit": "restricted", "audit-version": "latest",
                    "warn": "restricted", "warn-version": "latest",
                },
                "exemptions": { "namespaces": ["kube-system"] },
            },
        }],
    }))
}

/// Secrets are encrypted under the first key, and read under any. `keys` are (name, 32 bytes in Base64).
pub fn encryption(keys: &[(String, String)]) -> String {
    let keys: Vec<_> = keys.iter().map(|(name, secret)| json!({ "name": name, "secret": secret })).collect();
    document(&json!({
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [{
            "resources": ["secrets"],
            "providers": [{ "secretbox": { "keys": keys } }, { "identity": {} }],
        }],
    }))
}
