//! `sandbox token`

use std::process::ExitCode;

use clap::Args;

use crate::cli::{Outcome, Site};
use crate::vault::Vault;
use crate::vault::environments::PROJECT;
use crate::vault::identity_token::{AUDIENCE, Deployment, Job, Reference};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// GitLab's path of the project
    #[arg(long, default_value = PROJECT)]
    project: String,
    /// The branch or tag for which the job runs
    #[arg(long = "ref", value_name = "NAME", default_value = "main")]
    reference: String,
    /// It is a tag
    #[arg(long)]
    tag: bool,
    /// It is a protected one
    #[arg(long)]
    protected: bool,
    /// What started the pipeline, as in `merge_request_event` or `schedule`
    #[arg(long, default_value = "push")]
    source: String,
    #[command(flatten)]
    deployment: DeploymentArguments,
    /// Whom the token is for
    #[arg(long, default_value = AUDIENCE)]
    audience: String,
    /// Who started the job
    #[arg(long, default_value = "deployer")]
    user: String,
    /// That person's role in the project
    #[arg(long, default_value = "maintainer")]
    access_level: String,
    /// Print Vault's root token instead, which may do everything
    #[arg(long, conflicts_with_all = [
        "project", "reference", "tag", "protected", "source", "environment", "audience", "user", "access_level",
    ])]
    root: bool,
}

#[derive(Debug, Args)]
struct DeploymentArguments {
    /// The environment that the job deploys to
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// The environment is a protected one
    #[arg(long, requires = "environment")]
    environment_protected: bool,
    /// The environment's tier [default: what GitLab guesses by its name]
    #[arg(long, requires = "environment", value_parser = ["production", "staging", "testing", "development", "other"])]
    tier: Option<String>,
}

pub(super) fn run(site: &Site, arguments: &Arguments) -> Outcome {
    let vault = Vault::of(&site.sandbox);
    let token = if arguments.root { vault.root_token() } else { vault.job_token(&arguments.job()) }?;
    println!("{token}");
    Ok(ExitCode::SUCCESS)
}

impl Arguments {
    fn job(&self) -> Job {
        Job {
            project: self.project.clone(),
            reference: self.reference.clone(),
            kind: if self.tag { Reference::Tag } else { Reference::Branch },
            protected: self.protected,
            source: self.source.clone(),
            deployment: self.deployment.deployment(),
            audience: self.audience.clone(),
            user: self.user.clone(),
            access_level: self.access_level.clone(),
        }
    }
}

impl DeploymentArguments {
    fn deployment(&self) -> Option<Deployment> {
        let Self { environment, environment_protected: protected, tier } = self;
        let environment = environment.clone()?;
        Some(Deployment { environment, protected: *protected, tier: tier.clone() })
    }
}
