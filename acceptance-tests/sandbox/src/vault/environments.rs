//! The environments that Vault keeps apart, as a company with one GitLab project for its infrastructure has them.

/// Who a job is to be, for Vault to give it the rights of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Environment {
    /// The name of the roles (JWT, AppRole, SSH), of the policy, of the transit key, and of the folder in KV.
    pub name: &'static str,
    /// GitLab's path of the project.
    pub project: &'static str,
    /// The branch, which must be a protected one.
    pub reference: &'static str,
}

/// The project of all environments.
pub const PROJECT: &str = "example-social/infrastructure";

/// One branch an environment.
pub const ENVIRONMENTS: [Environment; 3] = [
    Environment { name: "prod", project: PROJECT, reference: "main" },
    Environment { name: "staging", project: PROJECT, reference: "staging" },
    Environment { name: "technical", project: PROJECT, reference: "technical" },
];

impl Environment {
    /// What a token of this environment may do: use its own secrets, keys and certificates, and no other's.
    pub fn policy(&self) -> String {
        let name = self.name;
        let rules = [
            (format!("secret/data/{name}/*"), r#""create", "read", "update", "delete""#),
            (format!("secret/metadata/{name}/*"), r#""read", "list", "delete""#),
            (format!("ssh/sign/{name}"), r#""update""#),
            (format!("transit/encrypt/{name}"), r#""update""#),
            (format!("transit/decrypt/{name}"), r#""update""#),
        ];
        let rule = |(path, capabilities)| format!("path \"{path}\" {{ capabilities = [{capabilities}] }}\n");
        rules.map(rule).concat()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_job_belongs_to_two_environments() {
        let jobs: HashSet<_> = ENVIRONMENTS.iter().map(|one| (one.project, one.reference)).collect();
        assert_eq!(jobs.len(), ENVIRONMENTS.len());
    }

    #[test]
    fn a_policy_names_only_its_own_environment() {
        for environment in ENVIRONMENTS {
            let policy = environment.policy();
            assert_eq!(policy.lines().count(), 5);
            assert!(policy.lines().all(|rule| rule.contains(environment.name)), "{policy}");
        }
    }
}
