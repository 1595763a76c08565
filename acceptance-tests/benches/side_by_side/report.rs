//! The report, in Markdown.

use std::fmt;

use acceptance::benchmark::seconds;

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
run on one machine. A simulated AWS answers in a few milliseconds, a change is in sync at once, and there is no limit on
the rate of calls but where the table says so; on the real one the waits weigh more, and the number of calls is what
counts: Route 53 takes five requests a second of one account. Throttled calls are counted too.
";

const ZONES: &str = "\
Refresh is `plan -refresh-only`. Times include Terraform's own, which is most of ours. terraform-provider-aws waits for
each record by itself; its thousand records are made and removed a hundred at once (`-parallelism=100`), refreshed as
usual.
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
        writeln!(formatter, "\n## A zone\n\n{ZONES}")?;
        writeln!(
            formatter,
            "| provider | records | step | time | API calls | memory of the provider |\n|---|---:|---|---:|---:|---:|"
        )?;
        self.candidates.iter().try_for_each(|one| {
            one.zones.iter().try_for_each(|zone| write_zone(formatter, one.name, zone))
        })?;
        match &self.candidates[..] {
            [ours, peer] => write_ratios(formatter, ours, peer),
            _ => Ok(()),
        }
    }
}

/// How many times longer the peer takes for the same step of a zone of the same size.
fn write_ratios(formatter: &mut fmt::Formatter<'_>, ours: &Results, peer: &Results) -> fmt::Result {
    writeln!(
        formatter,
        "\n{} takes longer by a factor of:\n\n| records | step | factor |\n|---|---|---:|",
        peer.name
    )?;
    for zone in &ours.zones {
        let same = peer.zones.iter().filter(|other| other.records == zone.records);
        let steps = same.flat_map(|other| zone.steps.iter().zip(&other.steps));
        for ((step, short, _), (_, long, _)) in steps {
            let factor = long.time.as_secs_f64() / short.time.as_secs_f64();
            writeln!(formatter, "| {} | {step} | {factor:.0} |", zone.records)?;
        }
    }
    Ok(())
}

fn write_zone(formatter: &mut fmt::Formatter<'_>, name: &str, zone: &ZoneRun) -> fmt::Result {
    zone.steps.iter().try_for_each(|(step, measurement, calls)| {
        let (time, memory) = (seconds(measurement.time), mebibytes(measurement.memory));
        writeln!(formatter, "| {name} | {} | {step} | {time} | {calls} | {memory} |", zone.records)
    })
}

fn mebibytes(kibibytes: u64) -> String {
    format!("{} MiB", kibibytes / 1024)
}
