//! Looking at a host: what a refresh sees. It runs what is installed, in check mode, and changes nothing.

use std::time::Duration;

use host::hardening::outcome::HostReport;
use serde_json::Map as Object;
use tfplugin::{Call, Diagnostic, Map, Value};

use super::arguments;
use super::controls::{FIREWALL, of_firewall, of_hardening};
use super::facts::Facts;
use super::resource::ManagedHost;
use crate::clients::retry::Budget;
use crate::clients::ssh::{Host, Missing, Mode, ModuleResult, ProgramCall, Ssh, SshError};
use crate::clients::{Clients, budget};

/// A host that is down holds up a plan no longer than this.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long its programs may look around.
const LOOKING: Duration = Duration::from_secs(45);

/// The state as the host shows it; what cannot be seen stays as it was, with a warning.
pub(super) async fn read(call: &Call<Clients>, state: ManagedHost) -> ManagedHost {
    let Some(host) = state.host() else { return state };
    let (ssh, budget) = (call.clients().ssh(), budget(call));
    match ssh.greet(&host, &budget.within(PATIENCE)).await {
        Err(error) => {
            call.warn(error.warning());
            ManagedHost { reachable: false.into(), ..state }
        }
        Ok(key) => {
            let looked = look(call, ssh, &host, &state, &budget.within(LOOKING)).await;
            ManagedHost { reachable: true.into(), accepted_host_key: key.into(), ..looked }
        }
    }
}

async fn look(
    call: &Call<Clients>,
    ssh: &Ssh,
    host: &Host,
    state: &ManagedHost,
    budget: &Budget,
) -> ManagedHost {
    let id = state.id.known().map_or("", String::as_str);
    let hardening = state.hardening.known().map(|block| arguments::hardening(block, id));
    let port = state.port.known().copied().unwrap_or(crate::clients::ssh::SSH_PORT);
    let firewall = state.firewall.known().map(|block| arguments::firewall(block, port, id));
    let facts = Some(arguments::facts());
    let (facts, hardening, firewall) = tokio::join!(
        check(ssh, host, "host_facts", facts.as_ref(), budget),
        check(ssh, host, "hardening", hardening.as_ref(), budget),
        check(ssh, host, "firewall", firewall.as_ref(), budget),
    );
    let mut seen = state.clone();
    if let Some(Ok(facts)) = facts.as_ref().map(|facts| facts.as_ref().map(modules::host_facts::facts)) {
        seen.facts = facts.map_or(state.facts.clone(), Facts::of);
    }
    seen.controls = standings(state, hardening.as_ref(), firewall.as_ref());
    warn(call, [facts, hardening, firewall].into_iter().flatten().filter_map(Result::err).collect());
    seen
}

type Seen = Result<ModuleResult, SshError>;

/// How the controls stand; what could not be seen stays as it was. Null where the host lacks the programs of this version:
/// the next apply brings them, and tells.
fn standings(state: &ManagedHost, hardening: Option<&Seen>, firewall: Option<&Seen>) -> Value<Map<String>> {
    if [hardening, firewall].into_iter().flatten().any(is_unprepared) {
        return Value::Null;
    }
    let kept = |is_wanted: fn(&str) -> bool| {
        let kept = state.controls.known().into_iter().flatten().filter(move |(id, _)| is_wanted(id));
        kept.map(|(id, state)| (id.clone(), state.clone())).collect::<Map<String>>()
    };
    let mut controls = match hardening {
        None => Map::new(),
        Some(seen) => {
            report_in(seen).map_or_else(|| kept(|id| id != FIREWALL), |report| of_hardening(&report))
        }
    };
    match firewall {
        None => {}
        Some(Ok(result)) => {
            controls.insert(FIREWALL.to_owned(), of_firewall(result));
        }
        Some(Err(_)) => controls.extend(kept(|id| id == FIREWALL)),
    }
    controls.into()
}

fn is_unprepared(seen: &Seen) -> bool {
    matches!(seen, Err(SshError::NotPrepared { .. }))
}

/// The report of the program `hardening`, also where some of its controls failed.
pub(super) fn report_in(seen: &Seen) -> Option<HostReport> {
    let answer = match seen {
        Ok(answer) => answer,
        Err(SshError::Module { answer, .. }) => answer.as_ref(),
        Err(_) => return None,
    };
    modules::hardening::report(answer).ok().flatten()
}

async fn check(
    ssh: &Ssh,
    host: &Host,
    name: &str,
    arguments: Option<&Object<String, serde_json::Value>>,
    budget: &Budget,
) -> Option<Seen> {
    let call = ProgramCall { name, arguments: arguments?, mode: Mode::Check, missing: Missing::Report };
    Some(ssh.run_program(host, call, budget).await)
}

/// Programs that are not there yet are one warning, not three.
fn warn(call: &Call<Clients>, unseen: Vec<SshError>) {
    let is_absent =
        |error: &SshError| matches!(error, SshError::NotPrepared { .. } | SshError::NoProgram { .. });
    let (absent, other): (Vec<_>, Vec<_>) = unseen.into_iter().partition(is_absent);
    if let Some(first) = absent.first() {
        call.warn(first.warning());
    }
    other.iter().map(SshError::warning).for_each(|warning: Diagnostic| call.warn(warning));
}
