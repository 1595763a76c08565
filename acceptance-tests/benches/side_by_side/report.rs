//! The report, in Markdown.

use std::fmt;
use std::time::Duration;

use crate::Results;
use crate::measure::{Measurement, ZoneRun};

/// All that was measured in one run.
pub(crate) struct Report {
    pub(crate) terraform_alone: Measurement,
    pub(crate) candidates: Vec<Results>,
}

const HEAD: &str = "\
# Benchmarks

Made by `make bench`: each provider does the same work through the same Terraform, against the same simulated AWS, in one
run on one machine, without limits on the rate of calls. A simulated AWS answers in a few milliseconds and a change is in
sync at once; on the real one the waits weigh more, and the number of calls is what counts.
";

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{HEAD}\n## Start\n")?;
        writeln!(
            formatter,
            "`terraform providers schema -json`, the median of several; Terraform by itself takes {}.\n",
            seconds(self.terraform_alone.time)
        )?;
        writeln!(
            formatter,
            "| provider | time | of which the provider's | memory of the provider |\n|---|---:|---:|---:|"
        )?;
        for one in &self.candidates {
            let own = one.startup.time.saturating_sub(self.terraform_alone.time);
            writeln!(
                formatter,
                "| {} | {} | {} | {} |",
                one.name,
                seconds(one.startup.time),
                seconds(own),
                mebibytes(one.startup.memory)
            )?;
        }
        writeln!(formatter, "\n## A zone\n\nRefresh is `plan -refresh-only`.\n")?;
        writeln!(
            formatter,
            "| provider | records | step | time | API calls | memory of the provider |\n|---|---:|---|---:|---:|---:|"
        )?;
        self.candidates
            .iter()
            .try_for_each(|one| one.zones.iter().try_for_each(|zone| write_zone(formatter, one.name, zone)))
    }
}

fn write_zone(formatter: &mut fmt::Formatter<'_>, name: &str, zone: &ZoneRun) -> fmt::Result {
    zone.steps.iter().try_for_each(|(step, measurement, calls)| {
        let (time, memory) = (seconds(measurement.time), mebibytes(measurement.memory));
        writeln!(formatter, "| {name} | {} | {step} | {time} | {calls} | {memory} |", zone.records)
    })
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

fn mebibytes(kibibytes: u64) -> String {
    format!("{} MiB", kibibytes / 1024)
}
