//! Tokens as GitLab gives them to a job (`id_tokens` in `.gitlab-ci.yml`), signed by a key of the sandbox.
//!
//! Claims and their types: "OpenID Connect (OIDC) authentication using ID tokens" in GitLab's documentation. Numbers
//! and truth values are text there, and Vault compares them as such.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{KeyPair, SigningKey};
use serde_json::{Value, json};

use super::environments::PROJECT;

/// Who GitLab says that it is.
pub const ISSUER: &str = "https://gitlab.example.social";

/// Whom a token is meant for unless it says otherwise: `aud` in `.gitlab-ci.yml`.
pub const AUDIENCE: &str = "https://vault.example.social";

/// How long a token is valid, in seconds. GitLab's is as long as a job may take; here an hour.
const LIFETIME: u64 = 3600;

/// The job that a token is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// GitLab's path of the project. Default: the one that the environments are bound to.
    pub project: String,
    /// The branch. Default: `main`.
    pub reference: String,
    /// Whether the branch is a protected one. Default: no.
    pub protected: bool,
    /// Whom the token is for. Default: [`AUDIENCE`].
    pub audience: String,
    /// The name of who started the job. Default: `deployer`.
    pub user: String,
}

impl Default for Job {
    fn default() -> Self {
        Self {
            project: PROJECT.to_owned(),
            reference: "main".to_owned(),
            protected: false,
            audience: AUDIENCE.to_owned(),
            user: "deployer".to_owned(),
        }
    }
}

impl Job {
    /// The claims of a token issued at `now` (seconds since 1970). `id` tells this token from all others.
    pub fn claims(&self, now: u64, id: &str) -> Value {
        let Self { project, reference, protected, audience, user } = self;
        let namespace = project.rsplit_once('/').map_or("", |(namespace, _)| namespace);
        json!({
            "iss": ISSUER,
            "sub": format!("project_path:{project}:ref_type:branch:ref:{reference}"),
            "aud": audience,
            "iat": now,
            "nbf": now - 5,
            "exp": now + LIFETIME,
            "jti": id,
            "namespace_id": "1",
            "namespace_path": namespace,
            "project_id": "1",
            "project_path": project,
            "project_visibility": "private",
            "user_id": "1",
            "user_login": user,
            "user_email": format!("{user}@example.social"),
            "user_access_level": "maintainer",
            "pipeline_id": "1",
            "pipeline_source": "push",
            "job_id": "1",
            "ref": reference,
            "ref_type": "branch",
            "ref_path": format!("refs/heads/{reference}"),
            "ref_protected": protected.to_string(),
            "runner_environment": "self-hosted",
        })
    }
}

/// The claims as a token, signed by an RSA key with SHA-256, as GitLab does (RS256).
pub fn signed(claims: &Value, key: &KeyPair) -> Result<String, rcgen::Error> {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let content = [encode(&json!({"alg": "RS256", "typ": "JWT"})), encode(claims)].join(".");
    let signature = URL_SAFE_NO_PAD.encode(key.sign(content.as_bytes())?);
    Ok(format!("{content}.{signature}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    #[test]
    fn a_protected_branch_is_the_text_true() {
        let job = Job { reference: "release/1".to_owned(), protected: true, ..Job::default() };
        let claims = job.claims(NOW, "1");
        assert_eq!(claims["ref_protected"], "true");
        assert_eq!(claims["ref_path"], "refs/heads/release/1");
        assert_eq!(Job::default().claims(NOW, "1")["ref_protected"], "false");
    }

    #[test]
    fn the_subject_names_project_and_branch() {
        let job = Job { project: "a/b/c".to_owned(), ..Job::default() };
        let claims = job.claims(NOW, "1");
        assert_eq!(claims["sub"], "project_path:a/b/c:ref_type:branch:ref:main");
        assert_eq!(claims["namespace_path"], "a/b");
    }

    #[test]
    fn is_valid_from_now_for_an_hour() {
        let claims = Job::default().claims(NOW, "1");
        assert_eq!((claims["iat"].as_u64(), claims["exp"].as_u64()), (Some(NOW), Some(NOW + 3600)));
    }

    #[test]
    fn a_token_is_header_claims_and_signature() {
        let key = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
        let claims = Job::default().claims(NOW, "1");
        let token = signed(&claims, &key).unwrap();
        let parts: Vec<_> = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
        assert_eq!(parts.len(), 3);
        assert_eq!(serde_json::from_slice::<Value>(&parts[1]).unwrap(), claims);
        assert_eq!(parts[2].len(), 256, "a signature of RSA with 2048 bits");
    }
}
