//! The kubelet of this host: whether the process that was started last is well.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use node::render::Place;
use serde_json::Value;

use crate::api::Api;
use crate::command::{run, systemctl};
use crate::failure::Failure;
use crate::wait;

const UNIT: &str = "kubelet.service";
/// Where it says that it is well, unless its settings have another port (`kubelet.config.k8s.io/v1beta1`).
const HEALTH_PORT: u64 = 10248;
/// How long it may take to say so.
const START: Duration = Duration::from_mins(2);
/// How long until the API has heard of it: it renews its lease every ten seconds.
const HEARD: Duration = Duration::from_mins(2);

/// A kubelet that was started anew.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Restart {
    /// Seconds since 1970, and parts of them, by this host's clock.
    at: Duration,
}

/// Starts it anew, and waits until that process says that it is well. systemd calls a kubelet that ends at once active
/// every ten seconds.
pub(crate) fn restart(place: &Place<'_>) -> Result<Restart, Failure> {
    systemctl(&["restart", UNIT])?;
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let waited = wait::until("the kubelet", START, || same_process(main_process, || says_it_is_well(place)));
    waited.map_err(unwell)?;
    Ok(Restart { at })
}

/// Waits until the API has heard of it since it was started: by then it has registered and reports.
pub(crate) fn is_heard_of(place: &Place<'_>, api: &Api, restart: Restart) -> Result<(), Failure> {
    let path = format!("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{}", place.name);
    let waited = wait::until("the kubelet to report", HEARD, || {
        same_process(main_process, || {
            let lease = api.find(&path).map_err(|failure| failure.to_string())?.unwrap_or_default();
            let renewed = renewed(&lease).ok_or("it has no lease yet")?;
            if renewed > restart.at { Ok(()) } else { Err("no report since its start".to_owned()) }
        })
    });
    waited.map_err(unwell)
}

/// Asks; an answer counts only when the process behind it is still the same.
fn same_process(
    process: impl Fn() -> Result<String, String>,
    ask: impl FnOnce() -> Result<(), String>,
) -> Result<(), String> {
    let before = process()?;
    ask()?;
    if process()? == before { Ok(()) } else { Err("it ended and was started again".to_owned()) }
}

fn main_process() -> Result<String, String> {
    let shown = systemctl(&["show", "--property=MainPID", "--value", UNIT]);
    match shown.map_err(|failure| failure.to_string())?.trim() {
        "" | "0" => Err("it does not run".to_owned()),
        process => Ok(process.to_owned()),
    }
}

fn says_it_is_well(place: &Place<'_>) -> Result<(), String> {
    let settings = &place.cluster.settings.kubelet;
    let port = settings.get("healthzPort").and_then(Value::as_u64).unwrap_or(HEALTH_PORT);
    let address = settings.get("healthzBindAddress").and_then(Value::as_str).unwrap_or("127.0.0.1");
    if port == 0 {
        return Ok(());
    }
    let address = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    let asked = ureq::get(format!("http://{address}:{port}/healthz"))
        .config()
        .timeout_global(Some(Duration::from_secs(5)))
        .proxy(None)
        .build()
        .call();
    asked.map(drop).map_err(|error| error.to_string())
}

/// When a lease was renewed, since 1970.
fn renewed(lease: &Value) -> Option<Duration> {
    let time: jiff::Timestamp = lease["spec"]["renewTime"].as_str()?.parse().ok()?;
    Duration::try_from(time.as_duration()).ok()
}

fn unwell(failure: Failure) -> Failure {
    match failure {
        Failure::Waited { last, .. } => {
            let log = run("journalctl", &["--unit", UNIT, "--lines", "12", "--no-pager", "--output", "cat"]);
            Failure::Unwell { what: "the kubelet", last, log: log.unwrap_or_default() }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_lease_tells_when_it_was_renewed() {
        let lease = json!({ "spec": { "renewTime": "2027-01-15T08:00:00.250000Z" } });
        assert_eq!(renewed(&lease), Some(Duration::from_millis(1_800_000_000_250)));
        assert_eq!(renewed(&Value::Null), None);
    }

    #[test]
    fn an_answer_of_a_process_that_ended_does_not_count() {
        let started = std::cell::Cell::new(4711);
        let process = || Ok(started.get().to_string());
        assert_eq!(same_process(process, || Ok(())), Ok(()));
        let dies = || {
            started.set(4712);
            Ok(())
        };
        assert!(same_process(process, dies).unwrap_err().contains("started again"));
    }
}
