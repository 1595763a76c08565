//! Tokens as GitLab gives them to a job (`id_tokens` in `.gitlab-ci.yml`), signed by a key of the sandbox.
//!
//! Claims and their types: "OpenID Connect (OIDC) authentication using ID tokens" in the documentation of GitLab 18.9.
//! Numbers (but for the runner's) and truth values are text there, and Vault compares them as such.

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

/// The commit that every job is for: none of anybody's.
const COMMIT: &str = "5a2d3b0c1e4f60718293a4b5c6d7e8f901234567";

/// The job that a token is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// GitLab's path of the project. Default: the one that the environments are bound to.
    pub project: String,
    /// The branch or the tag. Default: `main`.
    pub reference: String,
    /// Which of both it is. Default: a branch.
    pub kind: Reference,
    /// Whether it is a protected one. Default: no.
    pub protected: bool,
    /// What the pipeline runs for, as `CI_PIPELINE_SOURCE` has it. Default: `push`.
    pub source: String,
    /// What the job deploys to. Default: nothing.
    pub deployment: Option<Deployment>,
    /// Whom the token is for. Default: [`AUDIENCE`].
    pub audience: String,
    /// The name of who started the job. Default: `deployer`.
    pub user: String,
    /// That person's role in the project. Default: `maintainer`.
    pub access_level: String,
}

/// What a job runs for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference {
    /// The tip of a branch.
    Branch,
    /// A tag.
    Tag,
}

/// What a job says of itself with `environment` in `.gitlab-ci.yml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// The name of the environment.
    pub environment: String,
    /// Whether it is a protected one.
    pub protected: bool,
    /// `production`, `staging`, `testing`, `development` or `other`. Default: GitLab's own guess by the name.
    pub tier: Option<String>,
}

impl Default for Job {
    fn default() -> Self {
        Self {
            project: PROJECT.to_owned(),
            reference: "main".to_owned(),
            kind: Reference::Branch,
            protected: false,
            source: "push".to_owned(),
            deployment: None,
            audience: AUDIENCE.to_owned(),
            user: "deployer".to_owned(),
            access_level: "maintainer".to_owned(),
        }
    }
}

impl Job {
    /// The claims of a token issued at `now` (seconds since 1970). `id` tells this token from all others.
    pub fn claims(&self, now: u64, id: &str) -> Value {
        let mut claims = self.claims_of_every_job(now, id);
        if let (Value::Object(claims), Some(deployment)) = (&mut claims, &self.deployment) {
            claims.extend(deployment.claims().map(|(name, value)| (name.to_owned(), value.into())));
        }
        claims
    }

    fn claims_of_every_job(&self, now: u64, id: &str) -> Value {
        let Self { project, reference, protected, source, audience, user, access_level, .. } = self;
        let namespace = project.rsplit_once('/').map_or("", |(namespace, _)| namespace);
        let (kind, path) = match self.kind {
            Reference::Branch => ("branch", format!("refs/heads/{reference}")),
            Reference::Tag => ("tag", format!("refs/tags/{reference}")),
        };
        let instance = ISSUER.trim_start_matches("https://");
        json!({
            "iss": ISSUER,
            "sub": format!("project_path:{project}:ref_type:{kind}:ref:{reference}"),
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
            "job_namespace_id": "1",
            "job_namespace_path": namespace,
            "job_project_id": "1",
            "job_project_path": project,
            "user_id": "1",
            "user_login": user,
            "user_email": format!("{user}@example.social"),
            "user_access_level": access_level,
            "pipeline_id": "1",
            "pipeline_source": source,
            "job_id": "1",
            "job_source": source,
            "ref": reference,
            "ref_type": kind,
            "ref_path": path,
            "ref_protected": protected.to_string(),
            "sha": COMMIT,
            "ci_config_ref_uri": format!("{instance}/{project}//.gitlab-ci.yml@{path}"),
            "ci_config_sha": COMMIT,
            // The one number among the custom claims.
            "runner_id": 1,
            "runner_environment": "self-hosted",
        })
    }
}

impl Deployment {
    fn claims(&self) -> [(&'static str, String); 4] {
        let tier = self.tier.as_deref().unwrap_or_else(|| tier_of(&self.environment));
        [
            ("environment", self.environment.clone()),
            ("environment_protected", self.protected.to_string()),
            ("deployment_tier", tier.to_owned()),
            ("environment_action", "start".to_owned()),
        ]
    }
}

/// The tier that GitLab takes an environment for by its name, when the job does not say. Source: "Deployment tier of
/// environments" in GitLab's documentation, and `guess_tier` of its model of an environment; the first that fits counts.
fn tier_of(environment: &str) -> &'static str {
    const TIERS: [(&str, &[&str]); 4] = [
        ("development", &["dev", "review", "trunk"]),
        ("testing", &["test", "tst", "int", "acpt", "accept", "qa", "qc", "control", "quality"]),
        ("staging", &["stg", "stag", "modl", "model", "pre", "demo", "non"]),
        ("production", &["prd", "prod", "live"]),
    ];
    let name = environment.to_lowercase();
    let fits = |(_, parts): &&(&str, &[&str])| parts.iter().any(|part| name.contains(part));
    TIERS.iter().find(fits).map_or("other", |(tier, _)| tier)
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
    use std::collections::BTreeSet;

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
    fn a_job_for_a_tag_says_so_wherever_a_branch_would_be_named() {
        let job = Job { reference: "v1".to_owned(), kind: Reference::Tag, ..Job::default() };
        let claims = job.claims(NOW, "1");
        assert_eq!((&claims["ref_type"], &claims["ref_path"]), (&json!("tag"), &json!("refs/tags/v1")));
        assert_eq!(claims["sub"], format!("project_path:{PROJECT}:ref_type:tag:ref:v1"));
        let config = format!("gitlab.example.social/{PROJECT}//.gitlab-ci.yml@refs/tags/v1");
        assert_eq!(claims["ci_config_ref_uri"], config);
    }

    /// The custom claims that GitLab documents as those of every job; an identity or a group of the user is up to the
    /// instance's settings, and a policy's job is none of ours.
    const ALWAYS: &[&str] = &[
        "project_id",
        "project_path",
        "namespace_id",
        "namespace_path",
        "user_id",
        "user_login",
        "user_email",
        "user_access_level",
        "job_project_id",
        "job_project_path",
        "job_namespace_id",
        "job_namespace_path",
        "pipeline_id",
        "pipeline_source",
        "job_id",
        "ref",
        "ref_type",
        "ref_path",
        "ref_protected",
        "runner_id",
        "runner_environment",
        "sha",
        "ci_config_ref_uri",
        "ci_config_sha",
        "project_visibility",
        "job_source",
    ];

    fn names(claims: &Value) -> BTreeSet<&str> {
        claims.as_object().unwrap().keys().map(String::as_str).collect()
    }

    #[test]
    fn has_every_claim_that_gitlab_documents_and_no_other() {
        let standard = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];
        let mut expected: BTreeSet<_> = standard.iter().chain(ALWAYS).copied().collect();
        assert_eq!(names(&Job::default().claims(NOW, "1")), expected);
        let deployment = Deployment { environment: "prod/eu".to_owned(), protected: true, tier: None };
        let claims = Job { deployment: Some(deployment), ..Job::default() }.claims(NOW, "1");
        expected.extend(["environment", "environment_protected", "deployment_tier", "environment_action"]);
        assert_eq!(names(&claims), expected);
        assert_eq!(
            (&claims["environment"], &claims["environment_protected"]),
            (&json!("prod/eu"), &json!("true"))
        );
        assert!(claims["runner_id"].is_number() && claims["project_id"].is_string());
    }

    #[test]
    fn a_tier_is_what_the_job_says_else_what_the_name_says() {
        for (name, tier) in [
            ("Production", "production"),
            ("review/main", "development"),
            ("pre-prod", "staging"),
            ("eu-qa", "testing"),
            ("technical", "other"),
        ] {
            assert_eq!(tier_of(name), tier, "{name}");
        }
        let tier = Some("production".to_owned());
        let said = Deployment { environment: "staging".to_owned(), protected: false, tier };
        assert_eq!(said.claims()[2], ("deployment_tier", "production".to_owned()));
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
