//! What benchmarks on servers have in common: time, what comes over SSH meanwhile, and the report.

use std::ops::{Add, Sub};
use std::panic::resume_unwind;
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

use sandbox::doctor::{Part, examine_part};

use crate::host_programs::HostPrograms;
use crate::servers::{Servers, ServersError};

/// What goes wrong is told by whoever it went wrong for.
pub type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// What some work cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cost {
    /// On the wall.
    pub time: Duration,
    /// What came to the servers meanwhile.
    pub trips: Trips,
}

/// What came to servers over SSH, as their own sshd tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trips {
    /// Logins.
    pub logins: usize,
    /// Commands, and transfers of files: each is a round trip at least.
    pub commands: usize,
}

impl Cost {
    /// Of so many servers, as columns of a table: the time, and what comes to each of them of time, logins and commands.
    pub fn columns(self, servers: usize) -> String {
        let count = u32::try_from(servers).unwrap_or(u32::MAX);
        let each = |sum: usize| f64::from(u32::try_from(sum).unwrap_or(u32::MAX)) / f64::from(count);
        let (logins, commands) = (each(self.trips.logins), each(self.trips.commands));
        format!("{} | {} | {logins:.1} | {commands:.1}", seconds(self.time), seconds(self.time / count))
    }
}

impl Add for Trips {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { logins: self.logins + other.logins, commands: self.commands + other.commands }
    }
}

impl Sub for Trips {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self { logins: self.logins - earlier.logins, commands: self.commands - earlier.commands }
    }
}

/// Lets sshd tell of each command.
const TELL: &str =
    "echo 'LogLevel VERBOSE' >/etc/ssh/sshd_config.d/99-told.conf; systemctl reload-or-restart ssh";
/// What it told.
const TOLD: &str = "journalctl --sync; journalctl --no-pager --output=cat --identifier=sshd | \
                    awk '/^Accepted / { logins++ } /^Starting session/ { commands++ } END { print logins + 0, commands + 0 }'";

/// Why there can be no servers on this machine, for a benchmark to say when it leaves itself out.
pub fn why_no_servers() -> Option<String> {
    let finding = examine_part(Part::Servers);
    (finding.obstacle.is_some() || !finding.lacking.is_empty()).then(|| finding.to_string())
}

/// The folder of the programs for hosts: the published ones that `$SOCLE_HOST_PROGRAMS` names, as `make bench` does, else those that
/// tests use.
pub fn host_programs() -> Result<String> {
    match env::var("SOCLE_HOST_PROGRAMS") {
        Ok(folder) => Ok(folder),
        Err(_) => Ok(HostPrograms::built()?.folder().display().to_string()),
    }
}

/// The names of that many servers, from the one with this number on.
pub fn server_names(first: usize, count: usize) -> Vec<String> {
    (first..first + count).map(|number| format!("server-{number}")).collect()
}

/// Runs a script on each of these servers at once.
pub fn on_all(servers: &Servers, names: &[String], script: &str) -> std::result::Result<(), ServersError> {
    at_once(names, |name| servers.on(name, script).map(drop))
}

/// Does this with each of them at once.
pub fn at_once<T: Sync, E: Send>(
    things: &[T],
    work: impl Fn(&T) -> std::result::Result<(), E> + Sync,
) -> std::result::Result<(), E> {
    thread::scope(|scope| {
        let running: Vec<_> = things.iter().map(|thing| scope.spawn(|| work(thing))).collect();
        let ended =
            running.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        ended.collect()
    })
}

/// Lets these servers tell what comes over SSH, for [`cost`].
pub fn watch(servers: &Servers, names: &[String]) -> std::result::Result<(), ServersError> {
    on_all(servers, names, TELL)
}

/// Does `work`, and tells what it cost on these servers, which are [watched](watch).
pub fn cost<E>(
    servers: &Servers,
    names: &[String],
    work: impl FnOnce() -> std::result::Result<(), E>,
) -> Result<Cost>
where
    Box<dyn std::error::Error>: From<E>,
{
    let before = trips(servers, names)?;
    let time = timed(work)?;
    Ok(Cost { time, trips: trips(servers, names)? - before })
}

/// How long `work` takes.
pub fn timed<E>(work: impl FnOnce() -> std::result::Result<(), E>) -> std::result::Result<Duration, E> {
    let began = Instant::now();
    work()?;
    Ok(began.elapsed())
}

/// That in the middle, of an odd number.
pub fn median<T: Ord + Copy>(mut measured: Vec<T>) -> T {
    measured.sort_unstable();
    measured[measured.len() / 2]
}

/// As a report writes it.
pub fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

/// Prints the report, and writes it to the file that the first argument of this program names.
pub fn publish(report: &str) -> io::Result<()> {
    println!("{report}");
    match env::args().skip(1).find(|argument| !argument.starts_with("--")) {
        Some(file) => fs::write(file, report),
        None => Ok(()),
    }
}

fn trips(servers: &Servers, names: &[String]) -> Result<Trips> {
    names.iter().try_fold(Trips::default(), |sum, name| {
        let told = servers.on(name, TOLD)?;
        let (logins, commands) = told.trim().split_once(' ').ok_or("sshd tells nothing")?;
        Ok(sum + Trips { logins: logins.parse()?, commands: commands.parse()? })
    })
}
