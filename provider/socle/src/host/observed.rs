//! Looking at a host: what a refresh sees. It runs what is installed, in check mode, and changes nothing.

use std::time::Duration;

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
    let nothing = Object::new();
    let hardening = state.hardening.known().map(arguments::hardening);
    let port = state.port.known().copied().unwrap_or(crate::clients::ssh::SSH_PORT);
    let firewall = state.firewall.known().map(|block| arguments::firewall(block, port));
    let (facts, hardening, firewall) = tokio::join!(
        check(ssh, host, "host_facts", Some(&nothing), budget),
        check(ssh, host, "hardening", hardening.as_ref(), budget),
        check(ssh, host, "firewall", firewall.as_ref(), budget),
    );
    let mut seen = state.clone();
    let mut unseen = Vec::new();
    match facts {
        Some(Ok(result)) => seen.facts = Facts::of(&result.more),
        Some(Err(error)) => unseen.push(error),
        None => {}
    }
    let prior = state.controls.known();
    let kept = |wanted: fn(&str) -> bool| {
        let kept = prior.into_iter().flatten().filter(move |(id, _)| wanted(id));
        kept.map(|(id, state)| (id.clone(), state.clone())).collect::<Map<String>>()
    };
    let mut controls = match hardening {
        Some(Ok(result)) => of_hardening(&result),
        Some(Err(error)) => {
            unseen.push(error);
            kept(|id| id != FIREWALL)
        }
        None => Map::new(),
    };
    match firewall {
        Some(Ok(result)) => {
            controls.insert(FIREWALL.to_owned(), of_firewall(&result).into());
        }
        Some(Err(error)) => {
            unseen.push(error);
            controls.extend(kept(|id| id == FIREWALL));
        }
        None => {}
    }
    seen.controls = controls.into();
    warn(call, unseen);
    seen
}

async fn check(
    ssh: &Ssh,
    host: &Host,
    name: &str,
    arguments: Option<&Object<String, serde_json::Value>>,
    budget: &Budget,
) -> Option<Result<ModuleResult, SshError>> {
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

/// The states that an apply leaves, of what it ran.
pub(super) fn states(hardening: Option<&ModuleResult>, firewall: bool) -> Value<Map<String>> {
    let mut controls = hardening.map(of_hardening).unwrap_or_default();
    if firewall {
        controls.insert(FIREWALL.to_owned(), super::controls::APPLIED.into());
    }
    controls.into()
}
