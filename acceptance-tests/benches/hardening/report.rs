//! The report, in Markdown.

use std::fmt;
use std::time::Duration;

use acceptance::benchmark::seconds;
use acceptance::peer::DevSec;

use crate::alone::{Alone, Side};
use crate::fleet::{Fleet, SERVERS};
use crate::{PROFILE, RUNS};

/// All that was measured in one run.
pub(crate) struct Report {
    pub(crate) peer: Option<DevSec>,
    pub(crate) alone: Alone,
    pub(crate) by_ansible: Fleet,
    pub(crate) by_terraform: Fleet,
}

const SERVER: &str = "\
Servers have what either would install, and Python, which dev-sec's roles need and ours does not. Second runs have nothing to
change; ours is the median of three. `ansible-playbook` by itself is a play of one task, `ansible.builtin.raw: 'true'`, over the same SSH:
what Ansible takes before anybody's work begins.
";

const LYNIS: &str = "\
## What Lynis says

The index of `lynis audit system` on the same servers, before and after. It is told, not sought: it counts what is installed, and
much of it (partitions, a boot password, a malware scanner) is no hardening of either.
";

const FLEET: &str = "\
Each of two ways on one server, and then on twenty others at once. All servers are on one machine with two cores, which do the
servers' part of the work, too; a server of one's own does its part by itself. Logins and commands are counted by the sshd of
each server.
";

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let peer = match &self.peer {
            Some(peer) => format!("dev-sec's roles `os_hardening` and `ssh_hardening` ({})", peer.version),
            None => "dev-sec's roles (which were not there)".to_owned(),
        };
        writeln!(
            out,
            "# Benchmarks of hardening\n\nMade by `make bench`: the role `socle.platform.hardening` with the profile `{PROFILE}`, and {peer}, by \
             the same `ansible-playbook` over SSH, each on a fresh server of the same sandbox, in one run on one machine.\n\n## One \
             server\n\n{SERVER}"
        )?;
        self.write_runs(out)?;
        writeln!(
            out,
            "\nOn the host itself, the module with the same arguments and nothing to change takes {}; with the audit pass, which searches \
             the whole file system, {} (medians of {RUNS}).\n\n{LYNIS}",
            milliseconds(self.alone.on_host),
            milliseconds(self.alone.on_host_with_audit)
        )?;
        writeln!(out, "| hardened by | before | after |\n|---|---:|---:|")?;
        self.sides().try_for_each(|(name, side)| {
            writeln!(out, "| {name} | {} | {} |", side.index[0], side.index[1])
        })?;
        writeln!(
            out,
            "\n## Many servers\n\n{FLEET}\n| by | work | servers | time | time a server | logins a server | commands a server |\n\
             |---|---|---:|---:|---:|---:|---:|"
        )?;
        write_fleet(out, "Ansible, 20 forks", ["first run", "no change"], &self.by_ansible)?;
        write_fleet(out, "Terraform, `-parallelism=20`", ["apply", "plan, no change"], &self.by_terraform)
    }
}

impl Report {
    fn sides(&self) -> impl Iterator<Item = (&str, &Side)> {
        let theirs = self.alone.theirs.iter().map(|side| ("dev-sec", side));
        [("socle", &self.alone.ours)].into_iter().chain(theirs)
    }

    fn write_runs(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "| | work | time | logins | commands | tasks that changed something |\n|---|---|---:|---:|---:|---:|"
        )?;
        for (name, side) in self.sides() {
            let works = [("first run", side.first), ("no change", side.again)];
            for ((work, cost), changed) in works.into_iter().zip(side.changed) {
                let (time, trips) = (seconds(cost.time), cost.trips);
                writeln!(
                    out,
                    "| {name} | {work} | {time} | {} | {} | {changed} |",
                    trips.logins, trips.commands
                )?;
            }
        }
        writeln!(out, "| `ansible-playbook` by itself | nothing | {} | | | |", seconds(self.alone.floor))?;
        match (&self.alone.theirs, self.alone.theirs_pipelined) {
            (Some(theirs), Some(pipelined)) => self.write_ratios(out, theirs, pipelined),
            _ => Ok(()),
        }
    }

    fn write_ratios(&self, out: &mut fmt::Formatter<'_>, theirs: &Side, pipelined: Duration) -> fmt::Result {
        let (ours, floor) = (&self.alone.ours, self.alone.floor);
        writeln!(
            out,
            "\ndev-sec's roles take longer by a factor of:\n\n| work | as a user waits | without Ansible's own |\n|---|---:|---:|"
        )?;
        for (work, long, short) in [
            ("first run", theirs.first.time, ours.first.time),
            ("no change", theirs.again.time, ours.again.time),
            ("no change, theirs with `pipelining` (off by default)", pipelined, ours.again.time),
        ] {
            let own = ratio(long.saturating_sub(floor), short.saturating_sub(floor));
            writeln!(out, "| {work} | {:.0} | {own:.0} |", ratio(long, short))?;
        }
        Ok(())
    }
}

fn write_fleet(out: &mut fmt::Formatter<'_>, by: &str, works: [&str; 2], fleet: &Fleet) -> fmt::Result {
    for (index, work) in works.into_iter().enumerate() {
        for (count, cost) in [(1, fleet.one[index]), (SERVERS, fleet.all[index])] {
            writeln!(out, "| {by} | {work} | {count} | {} |", cost.columns(count))?;
        }
    }
    Ok(())
}

fn ratio(long: Duration, short: Duration) -> f64 {
    long.as_secs_f64() / short.as_secs_f64()
}

fn milliseconds(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}
