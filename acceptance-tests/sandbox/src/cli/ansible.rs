//! `sandbox ansible`

use std::process::ExitCode;

use crate::ansible;
use crate::cli::{Outcome, Site};

pub(super) fn run(site: &Site) -> Outcome {
    let folder =
        site.steps.run("Ansible", |step| ansible::folder(&site.cache, || step.doing("installing it")))?;
    println!("{}", folder.join("bin").display());
    Ok(ExitCode::SUCCESS)
}
