//! This provider beside terraform-provider-aws, through the same Terraform, against the same simulated AWS, in one run.
//! Prints a report in Markdown, and writes it to the file that the first argument names.

mod candidate;
mod measure;
mod report;

use std::env;

use acceptance::benchmark::{Result, publish};
use acceptance::fault_proxy::FaultProxy;
use acceptance::moto::Moto;
use acceptance::plan::Change;
use acceptance::terraform::{Program, TerraformError, Workspace};

use candidate::Candidate;
use measure::{Measurement, Step, ZoneRun, measured, startup};
use report::Report;

/// How often the start is measured; the median counts.
const STARTS: usize = 5;

/// What Route 53 takes of one account (Amazon Route 53 Developer Guide, "Quotas").
const REQUESTS_PER_SECOND: usize = 5;

fn main() -> Result {
    let terraform = Program::terraform()?;
    let report = Report {
        terraform_alone: startup(STARTS, || candidate::without_provider(&terraform))?,
        candidates: candidates()?.iter().map(|one| one.measure(&terraform)).collect::<Result<_>>()?,
    };
    Ok(publish(&report.to_string())?)
}

fn candidates() -> Result<Vec<Candidate>> {
    let mut candidates = vec![Candidate::socle(sizes("SOCLE_BENCH_SIZES", "100,1000,10000")?)?];
    match acceptance::peer::terraform_provider_aws() {
        Some(folder) => candidates.push(Candidate::aws(folder, sizes("SOCLE_BENCH_PEER_SIZES", "100,1000")?)),
        None => eprintln!(
            "terraform-provider-aws is not here: set SOCLE_PEER_MIRROR to a file-system mirror that has it"
        ),
    }
    Ok(candidates)
}

/// The sizes of zones that a variable lists.
fn sizes(variable: &str, default: &str) -> Result<Vec<usize>> {
    let list = env::var(variable).unwrap_or_else(|_| default.to_owned());
    list.split(',')
        .map(|size| size.trim().parse().map_err(|error| format!("{variable}: {size:?}: {error}").into()))
        .collect()
}

/// What was measured of one candidate.
struct Results {
    name: &'static str,
    startup: Measurement,
    zones: Vec<ZoneRun>,
}

impl Candidate {
    fn measure(&self, terraform: &Program) -> Result<Results> {
        eprintln!("{}: start", self.name);
        let startup = startup(STARTS, || self.workspace(terraform, &self.provider_only()))?;
        let zones =
            self.sizes.iter().map(|&size| self.measure_zone(terraform, size)).collect::<Result<_>>()?;
        Ok(Results { name: self.name, startup, zones })
    }

    fn measure_zone(&self, terraform: &Program, records: usize) -> Result<ZoneRun> {
        let aws = FaultProxy::in_front_of(Moto::shared()?.url()).start()?;
        let workspace = self.zone(terraform, records)?.with_aws(&aws);
        let mut steps = Vec::new();
        for step in Step::ALL {
            eprintln!("{}: {records} records: {step}", self.name);
            aws.hold_rate((step == Step::LimitedRefresh).then_some(REQUESTS_PER_SECOND));
            let measurement = measured(|| step.run(&workspace))?;
            steps.push((step, measurement, aws.take_calls().len()));
        }
        Ok(ZoneRun { records, steps })
    }
}

impl Step {
    fn run(self, workspace: &Workspace) -> std::result::Result<(), TerraformError> {
        match self {
            Self::Plan => workspace.plan().map(drop),
            Self::Apply => workspace.apply(),
            Self::Refresh | Self::LimitedRefresh => {
                let plan = workspace.plan_with(&["-refresh-only"])?;
                // A zone that is not found would be quick to read.
                let is_gone = |change: &Change| change.after().is_null();
                assert!(!plan.drift().iter().any(is_gone), "{plan}");
                Ok(())
            }
            Self::Destroy => workspace.destroy(),
        }
    }
}
