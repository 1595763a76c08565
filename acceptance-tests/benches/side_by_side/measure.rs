//! Time and memory of what Terraform starts.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

use acceptance::terraform::{TerraformError, Workspace};

/// How often the memory of the provider is looked at; the kernel keeps its peak, so only the last look matters.
const INTERVAL: Duration = Duration::from_millis(2);

/// Time that passed, and the largest memory that a provider had meanwhile.
#[derive(Clone, Copy)]
pub(crate) struct Measurement {
    /// On the wall.
    pub(crate) time: Duration,
    /// The largest resident set of a provider's process, in KiB; 0 when none was seen.
    pub(crate) memory: u64,
}

/// One of the things that are done to a zone, in this order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Plans a zone that does not exist.
    Plan,
    /// Creates it.
    Apply,
    /// Looks at the zone and compares it with the state.
    Refresh,
    /// The same, as an account of AWS allows it.
    LimitedRefresh,
    /// Removes all of it.
    Destroy,
}

/// What was measured of a zone: for each step also the number of calls to the API.
pub(crate) struct ZoneRun {
    pub(crate) records: usize,
    pub(crate) steps: Vec<(Step, Measurement, usize)>,
}

impl Step {
    pub(crate) const ALL: [Self; 5] =
        [Self::Plan, Self::Apply, Self::Refresh, Self::LimitedRefresh, Self::Destroy];
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Plan => "plan",
            Self::Apply => "apply",
            Self::Refresh => "refresh",
            Self::LimitedRefresh => "refresh, 5 requests/s",
            Self::Destroy => "destroy",
        })
    }
}

/// The median start: Terraform asks each provider of the configuration for its schema, and prints it.
pub(crate) fn startup(
    repetitions: usize,
    workspace: impl Fn() -> Result<Workspace, TerraformError>,
) -> Result<Measurement, TerraformError> {
    let workspace = workspace()?;
    let starts = (0..repetitions).map(|_| measured(|| workspace.schemas().map(drop)));
    Ok(median(starts.collect::<Result<_, _>>()?))
}

pub(crate) fn median(mut measurements: Vec<Measurement>) -> Measurement {
    measurements.sort_by_key(|measurement| measurement.time);
    measurements[measurements.len() / 2]
}

/// Does `work`, and measures it.
pub(crate) fn measured<E>(work: impl FnOnce() -> Result<(), E>) -> Result<Measurement, E> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let memory = scope.spawn(|| watch_memory(&done));
        let start = Instant::now();
        let result = work();
        let time = start.elapsed();
        done.store(true, Ordering::Relaxed);
        result?;
        Ok(Measurement { time, memory: memory.join().unwrap_or(0) })
    })
}

/// The largest peak of any provider below this process, in KiB.
fn watch_memory(done: &AtomicBool) -> u64 {
    let mut largest = 0;
    while !done.load(Ordering::Relaxed) {
        largest = providers().into_iter().filter_map(peak).fold(largest, u64::max);
        thread::sleep(INTERVAL);
    }
    largest
}

/// The providers whose Terraform this process started.
fn providers() -> Vec<u32> {
    let parents: HashMap<u32, (u32, String)> = processes().collect();
    let parent = |id: u32| parents.get(&id).map_or(0, |(parent, _)| *parent);
    let is_ours = |id: u32| parent(parent(id)) == std::process::id();
    let is_provider = |name: &str| name.starts_with("terraform-provi");
    parents.iter().filter(|(id, (_, name))| is_provider(name) && is_ours(**id)).map(|(id, _)| *id).collect()
}

/// Each process with its parent and its name, of which the kernel keeps fifteen characters.
fn processes() -> impl Iterator<Item = (u32, (u32, String))> {
    fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| {
        let id: u32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
        Some((id, (rest.split_whitespace().nth(1)?.parse().ok()?, name.to_owned())))
    })
}

fn peak(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
