//! Loading a rule set so that nobody is locked out: it goes away by itself unless a new session confirms it.
//!
//! Until it is confirmed nothing is written that a restart would load. A timer of systemd's, started before the rules are
//! loaded, puts the previous table back; [`confirm`] stops it and writes the rules down.

use std::fmt::{self, Display};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Part, Parts, Session, lets_in, render};
use crate::file::{self, File, New, Owner};
use crate::unit::{self, Unit};
use crate::{Fault, Host, Item, Mode, Outcome, Program, nftables};

const PARTS: &str = "/etc/socle/firewall.json";
const RULES: &str = "/etc/socle/firewall.nft";
const LOADED: &str = "/var/lib/socle/firewall/loaded.nft";
const PENDING: &str = "/var/lib/socle/firewall/pending.json";
const ROLLBACK: &str = "/var/lib/socle/firewall/rollback.nft";
const TIMER: &str = "socle-firewall-rollback";
/// How long rules that nobody need confirm stay, should this program end in the middle.
const CRASH: Duration = Duration::from_mins(1);
const SERVICE: &str = "socle-firewall.service";
const SERVICE_TEXT: &str = "\
[Unit]
Description=Firewall rules of socle
DefaultDependencies=no
Before=network-pre.target
Wants=network-pre.target
After=local-fs.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft --file /etc/socle/firewall.nft

[Install]
WantedBy=sysinit.target
";

/// What is wanted of one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Desired {
    /// The part is like this.
    Present(Part),
    /// There is no such part.
    Absent,
}

/// One part of the firewall, and how it is activated.
#[derive(Debug, Clone)]
pub struct Activation {
    /// The name of the part.
    pub part: String,
    /// What is wanted of it.
    pub desired: Desired,
    /// How long the rules wait for their confirmation.
    pub confirm_within: Duration,
    /// Whether rules that would not let this very session in again are loaded all the same.
    pub lock_out: LockOut,
}

/// Whether this session may be locked out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockOut {
    /// Such rules are refused.
    Refused,
    /// The user wants it.
    Allowed,
}

/// Rules that wait for their confirmation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Pending {
    parts: Parts,
    live: Option<String>,
    session: Option<Session>,
}

/// What is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    parts: Parts,
    live: Option<String>,
    loaded: Option<String>,
    pending: Option<Pending>,
    session: Option<Session>,
}

/// Load the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    parts: Parts,
    live: Option<String>,
    session: Option<Session>,
    seconds: u64,
}

impl Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "load the rules; they go away after {} s unless a new session confirms them", self.seconds)
    }
}

impl Activation {
    fn wanted(&self, parts: &Parts) -> Parts {
        let mut parts = parts.clone();
        match &self.desired {
            Desired::Present(part) => parts.insert(self.part.clone(), part.clone()),
            Desired::Absent => parts.remove(&self.part),
        };
        parts
    }
}

impl Observed {
    /// Rules that are loaded and wait, if the timer has not put the previous ones back.
    fn waiting(&self) -> Option<&Pending> {
        self.pending.as_ref().filter(|pending| pending.live == self.live)
    }
}

impl Item for Activation {
    type Observed = Observed;
    type Change = Load;

    fn id(&self) -> String {
        format!("firewall {}", self.part)
    }

    fn observe(&self, host: &Host) -> Result<Observed, Fault> {
        Ok(Observed {
            parts: kept_parts(host)?,
            live: nftables::table(host, "inet", "socle")?,
            loaded: host.read_text(LOADED)?,
            pending: read_json(host, PENDING)?,
            session: Session::above(host)?,
        })
    }

    fn compare(&self, observed: &Observed) -> Result<Vec<Load>, Fault> {
        let base = observed.waiting().map_or(&observed.parts, |pending| &pending.parts);
        let parts = self.wanted(base);
        if let Some(session) = observed.session.filter(|session| !lets_in(&parts, session.from, session.port))
            && self.lock_out == LockOut::Refused
        {
            return Err(Fault::refused(format!(
                "these rules would lock out {}, from where this session comes to port {}: add it to `ssh_from` (and the \
                 port to `ssh_ports`), or say `allow_lockout: true`",
                session.from, session.port
            )));
        }
        let as_loaded = observed.waiting().is_some() || observed.live == observed.loaded;
        if parts == *base && as_loaded {
            return Ok(Vec::new());
        }
        let seconds = self.confirm_within.as_secs();
        Ok(vec![Load { parts, live: observed.live.clone(), session: observed.session, seconds }])
    }

    fn apply(&self, host: &Host, change: &Load) -> Result<(), Fault> {
        let text = render(&change.parts);
        nftables::check(host, &text)?;
        // Rules that wait are not the ones to fall back to: the timer of the first load keeps its rules and its time.
        if host.exists(PENDING) && timer_runs(host)? {
            stop_timer(host)?;
        } else {
            let previous = format!("{}{}", render(&Parts::new()), change.live.as_deref().unwrap_or_default());
            keep(host, ROLLBACK, &previous)?;
        }
        start_timer(host, change.seconds)?;
        nftables::load(host, &text)?;
        let live = nftables::table(host, "inet", "socle")?;
        let pending = Pending { parts: change.parts.clone(), live, session: change.session };
        keep(host, PENDING, &serde_json::json!(pending).to_string())
    }

    fn before(&self, observed: &Observed) -> String {
        let parts = observed.waiting().map_or(&observed.parts, |pending| &pending.parts);
        render(parts)
    }

    fn after(&self, observed: &Observed) -> String {
        let parts = observed.waiting().map_or(&observed.parts, |pending| &pending.parts);
        render(&self.wanted(parts))
    }
}

fn read_json<T: for<'a> Deserialize<'a>>(host: &Host, path: &str) -> Result<Option<T>, Fault> {
    let Some(bytes) = host.read(path)? else { return Ok(None) };
    let damaged = |error: serde_json::Error| Fault::Form {
        path: path.to_owned(),
        line: error.line(),
        reason: "it is not a record of the firewall".to_owned(),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(damaged)
}

fn keep(host: &Host, path: &str, text: &str) -> Result<(), Fault> {
    file::records_folder(host)?;
    file::write(
        host,
        path,
        &New { bytes: text.as_bytes(), mode: 0o600, owner: &Owner::root(), validate: None },
    )
}

fn timer_runs(host: &Host) -> Result<bool, Fault> {
    let name = format!("{TIMER}.timer");
    Ok(host.ask(&Program::new("systemctl").args(["is-active", "--quiet", &name]))?.success())
}

fn stop_timer(host: &Host) -> Result<(), Fault> {
    host.run(&Program::new("systemctl").args(["stop", &format!("{TIMER}.timer")])).map(drop)
}

fn start_timer(host: &Host, seconds: u64) -> Result<(), Fault> {
    let program = Program::new("systemd-run").args([
        &format!("--unit={TIMER}"),
        "--collect",
        "--quiet",
        "--timer-property=AccuracySec=1s",
        &format!("--on-active={seconds}"),
        "/usr/sbin/nft",
        "--file",
        ROLLBACK,
    ]);
    host.run(&program).map(drop)
}

/// Whether rules wait for their confirmation.
pub fn awaiting(host: &Host) -> Result<bool, Fault> {
    Ok(waiting(host)?.is_some())
}

/// The rules that are loaded and wait.
fn waiting(host: &Host) -> Result<Option<Pending>, Fault> {
    let Some(pending) = read_json::<Pending>(host, PENDING)? else { return Ok(None) };
    Ok((nftables::table(host, "inet", "socle")? == pending.live).then_some(pending))
}

fn kept_parts(host: &Host) -> Result<Parts, Fault> {
    Ok(read_json(host, PARTS)?.unwrap_or_default())
}

/// Confirms the rules that wait: the timer stops, and a restart loads them. Nothing waiting is fine.
pub fn confirm(host: &Host, mode: Mode) -> Outcome {
    let id = "firewall confirmation";
    match confirmed(host, mode) {
        Ok(true) => kept(id, mode),
        Ok(false) => Outcome::new(id),
        Err(fault) => Outcome::of_fault(id, &fault),
    }
}

fn kept(id: &str, mode: Mode) -> Outcome {
    Outcome { changed: true, message: "keep the rules".to_owned(), state: told(mode), ..Outcome::new(id) }
}

fn told(mode: Mode) -> crate::State {
    if mode == Mode::Check { crate::State::WouldChange } else { crate::State::Changed }
}

fn confirmed(host: &Host, mode: Mode) -> Result<bool, Fault> {
    let Some(pending) = read_json::<Pending>(host, PENDING)? else { return Ok(false) };
    if nftables::table(host, "inet", "socle")? != pending.live {
        let text = "the rules were not confirmed in time, so the previous ones are back: look whether `ssh_from` has the \
                    address you come from, and load them again";
        if mode == Mode::Apply {
            file::remove(host, PENDING)?;
        }
        return Err(Fault::refused(text));
    }
    let session = Session::above(host)?;
    if session.is_some() && session == pending.session {
        let text =
            "this session was there before the rules, so it proves nothing: confirm over a new connection";
        return Err(Fault::refused(text));
    }
    if mode == Mode::Apply {
        settle(host, &pending)?;
    }
    Ok(true)
}

/// Brings the part of a cluster about, and keeps it at once: it closes no way in by which a host is administered, so there
/// is nothing to confirm. Refused while rules of others wait: they would be kept with it.
pub fn bring_cluster(host: &Host, part: &str, desired: Desired, mode: Mode) -> Outcome {
    let lock_out = match desired {
        Desired::Present(_) => LockOut::Allowed,
        // Whoever comes by way of a peer would not come again.
        Desired::Absent => LockOut::Refused,
    };
    let activation = Activation { part: part.to_owned(), desired, confirm_within: CRASH, lock_out };
    match kept_at_once(host, &activation, mode) {
        Ok(outcome) => outcome,
        Err(fault) => Outcome::of_fault(activation.id(), &fault),
    }
}

fn kept_at_once(host: &Host, activation: &Activation, mode: Mode) -> Result<Outcome, Fault> {
    let mut outcome = match waiting(host)? {
        // A run that was killed before it kept them: without that they would go away again.
        Some(pending) if pending.parts == activation.wanted(&kept_parts(host)?) => {
            kept(&activation.id(), mode)
        }
        Some(_) if mode == Mode::Apply => {
            return Err(Fault::refused(
                "rules of the firewall wait for their confirmation: confirm them, or wait a minute until they are gone",
            ));
        }
        _ => activation.bring(host, mode),
    };
    if mode == Mode::Apply
        && outcome.changed
        && let Some(pending) = waiting(host)?
        && let Err(fault) = settle(host, &pending)
    {
        outcome = Outcome::of_fault(activation.id(), &fault);
    }
    Ok(outcome)
}

/// Writes down what waits. The timer stops last: a crash before that rolls back what can be applied again.
fn settle(host: &Host, pending: &Pending) -> Result<(), Fault> {
    // The listing first: without the files that follow it only says that the live table is the one we loaded.
    match &pending.live {
        Some(live) => keep(host, LOADED, live)?,
        None => file::remove(host, LOADED)?,
    }
    let written = |path: &str, text: String| {
        if pending.parts.is_empty() {
            return file::remove(host, path);
        }
        File::new(path, text).mode(0o600).bring(host, Mode::Apply).fault()
    };
    written(RULES, render(&pending.parts))?;
    written(PARTS, serde_json::json!(pending.parts).to_string())?;
    if pending.parts.is_empty() {
        Unit::new(SERVICE).enablement(unit::Enablement::Disabled).bring(host, Mode::Apply).fault()?;
        file::remove(host, &format!("/etc/systemd/system/{SERVICE}"))?;
    } else {
        let service = File::new(format!("/etc/systemd/system/{SERVICE}"), SERVICE_TEXT);
        crate::pending::Triggering::new(service, vec![unit::daemon_reload()])
            .bring(host, Mode::Apply)
            .fault()?;
        Unit::new(SERVICE).enablement(unit::Enablement::Enabled).bring(host, Mode::Apply).fault()?;
    }
    if timer_runs(host)? {
        stop_timer(host)?;
    }
    file::remove(host, PENDING)?;
    file::remove(host, ROLLBACK)
}
