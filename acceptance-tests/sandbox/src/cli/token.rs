//! `sandbox token`

use std::process::ExitCode;

use clap::Args;

use crate::cli::{Outcome, Site};
use crate::vault::Vault;
use crate::vault::environments::PROJECT;
use crate::vault::identity_token::{AUDIENCE, Job};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// GitLab's path of the project
    #[arg(long, default_value = PROJECT)]
    project: String,
    /// The branch for which the job runs
    #[arg(long = "ref", value_name = "BRANCH", default_value = "main")]
    reference: String,
    /// The branch is a protected one
    #[arg(long)]
    protected: bool,
    /// Whom the token is for
    #[arg(long, default_value = AUDIENCE)]
    audience: String,
    /// Who started the job
    #[arg(long, default_value = "deployer")]
    user: String,
    /// Print Vault's root token instead, which may do everything
    #[arg(long, conflicts_with_all = ["project", "reference", "protected", "audience", "user"])]
    root: bool,
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
            protected: self.protected,
            audience: self.audience.clone(),
            user: self.user.clone(),
        }
    }
}
