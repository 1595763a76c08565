//! Whether an object does what it is for, by its own status.
//!
//! Sources: `kubectl rollout status`, kstatus of cli-utils, and the API reference of each kind.

use std::time::Duration;

use serde_json::Value;

use super::identity::TypeName;
use super::kinds::{self, Rank};
use super::ownership::{WAIT, annotation};

/// How far an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It does what it is for.
    Ready,
    /// Not yet: why.
    Waiting(String),
    /// It never will by itself: why.
    Failed(String),
}

/// Does the status of the type say anything about readiness? If not, its metadata is enough to look at.
pub fn has_status(type_name: &TypeName) -> bool {
    rule(type_name).is_some()
}

/// How far `object` is. `late` are the storage classes that bind a claim only to a pod that uses it.
pub fn readiness(type_name: &TypeName, object: &Value, late: &[String]) -> Readiness {
    let has_ended =
        kinds::is_job(type_name) && ["Complete", "Failed"].iter().any(|end| is_true(object, end).is_some());
    if !object["metadata"]["deletionTimestamp"].is_null() && !has_ended {
        return Readiness::Waiting("it is being deleted".to_owned());
    }
    match rule(type_name) {
        _ if annotation(object, WAIT) == Some("false") => Readiness::Ready,
        None => Readiness::Ready,
        Some(Rule::Claim) => claim(object, late),
        Some(Rule::Of(rule)) => rule(object),
    }
}

/// How long what has no probe must have been ready. Most programs that lack something end within it.
pub const PROVING: Duration = Duration::from_secs(5);

/// Does only time tell whether it works? A container without a probe is called ready the moment it runs, also when the program
/// in it ends at once. What nobody waits for, or nobody runs, needs no proof.
pub fn is_unproved(type_name: &TypeName, object: &Value) -> bool {
    let runs_on = kinds::rank(type_name) == Rank::Workloads && !kinds::is_job(type_name);
    let is_excepted = annotation(object, WAIT) == Some("false") || object["spec"]["paused"] == true;
    let is_ended = object["status"]["phase"] == "Succeeded";
    let is_nowhere = type_name.kind == "DaemonSet" && count(object, "desiredNumberScheduled") == 0;
    let is_idle = is_ended || is_nowhere || wanted_replicas(object) == 0;
    if !runs_on || is_excepted || is_idle || ready_seconds(object) >= PROVING.as_secs() {
        return false;
    }
    let pod = if type_name.kind == "Pod" { &object["spec"] } else { &object["spec"]["template"]["spec"] };
    let has_probe = |container: &Value| {
        ["readinessProbe", "startupProbe"].iter().any(|probe| container[probe].is_object())
    };
    pod["containers"].as_array().into_iter().flatten().any(|container| !has_probe(container))
}

enum Rule {
    Claim,
    Of(fn(&Value) -> Readiness),
}

fn rule(type_name: &TypeName) -> Option<Rule> {
    Some(Rule::Of(match (type_name.group.as_str(), type_name.kind.as_str()) {
        ("", "PersistentVolumeClaim") => return Some(Rule::Claim),
        ("", "Namespace") => namespace,
        ("", "Pod") => pod,
        ("", "ReplicationController") | ("apps", "ReplicaSet") => replica_set,
        ("apps", "Deployment") => deployment,
        ("apps", "StatefulSet") => stateful_set,
        ("apps", "DaemonSet") => daemon_set,
        ("batch", "Job") => job,
        ("networking.k8s.io", "Ingress") => ingress,
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition,
        ("apiregistration.k8s.io", "APIService") => |object| by_condition(object, "Available"),
        _ if kinds::is_own(type_name) => return None,
        _ => custom,
    }))
}

/// Not yet, unless there is nothing left to say.
fn first(reasons: impl IntoIterator<Item = Option<String>>) -> Readiness {
    reasons.into_iter().flatten().next().map_or(Readiness::Ready, Readiness::Waiting)
}

/// The status may still be about an older specification.
fn unobserved(object: &Value) -> Option<String> {
    let wanted = object["metadata"]["generation"].as_i64()?;
    let observed = object["status"]["observedGeneration"].as_i64().unwrap_or(0);
    (observed < wanted).then(|| "its controller has not seen the change yet".to_owned())
}

fn count(object: &Value, field: &str) -> i64 {
    object["status"][field].as_i64().unwrap_or(0)
}

fn wanted_replicas(object: &Value) -> i64 {
    object["spec"]["replicas"].as_i64().unwrap_or(1)
}

/// For how long a pod must have been ready to be available.
fn ready_seconds(object: &Value) -> u64 {
    object["spec"]["minReadySeconds"].as_u64().unwrap_or(0)
}

fn short(have: i64, wanted: i64, what: &str) -> Option<String> {
    (have < wanted).then(|| format!("{have} of {wanted} {what}"))
}

/// (status, reason and message) of a condition.
fn condition<'o>(object: &'o Value, name: &str) -> Option<(&'o str, String)> {
    let conditions = object["status"]["conditions"].as_array()?;
    let found = conditions.iter().find(|condition| condition["type"] == name)?;
    let words = ["reason", "message"].map(|field| found[field].as_str().unwrap_or_default());
    let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
    Some((found["status"].as_str().unwrap_or("Unknown"), words.join(": ")))
}

fn is_true(object: &Value, name: &str) -> Option<String> {
    condition(object, name).filter(|(status, _)| *status == "True").map(|(_, words)| words)
}

fn by_condition(object: &Value, name: &str) -> Readiness {
    match condition(object, name) {
        Some(("True", _)) => Readiness::Ready,
        Some((_, words)) if !words.is_empty() => Readiness::Waiting(words),
        _ => Readiness::Waiting(format!("no condition {name} yet")),
    }
}

fn namespace(object: &Value) -> Readiness {
    match object["status"]["phase"].as_str() {
        Some("Terminating") => Readiness::Waiting("it is being deleted".to_owned()),
        _ => Readiness::Ready,
    }
}

fn deployment(object: &Value) -> Readiness {
    if object["spec"]["paused"] == true {
        return Readiness::Ready;
    }
    if let Some((_, words)) = condition(object, "Progressing")
        && words.starts_with("ProgressDeadlineExceeded")
        && unobserved(object).is_none()
    {
        return Readiness::Failed(words);
    }
    let wanted = wanted_replicas(object);
    let updated = count(object, "updatedReplicas");
    let old = count(object, "replicas") - updated;
    first([
        unobserved(object),
        short(updated, wanted, "replicas updated"),
        (old > 0).then(|| format!("{old} old replicas still run")),
        short(count(object, "availableReplicas"), wanted, "replicas available"),
    ])
}

fn replica_set(object: &Value) -> Readiness {
    let wanted = wanted_replicas(object);
    first([unobserved(object), short(count(object, "availableReplicas"), wanted, "replicas available")])
}

fn stateful_set(object: &Value) -> Readiness {
    let wanted = wanted_replicas(object);
    let ready = if ready_seconds(object) > 0 {
        short(count(object, "availableReplicas"), wanted, "replicas available")
    } else {
        short(count(object, "readyReplicas"), wanted, "replicas ready")
    };
    let strategy = &object["spec"]["updateStrategy"];
    if strategy["type"] == "OnDelete" {
        return first([unobserved(object), ready]);
    }
    let partition = strategy["rollingUpdate"]["partition"].as_i64().unwrap_or(0);
    let updated = short(count(object, "updatedReplicas"), (wanted - partition).max(0), "replicas updated");
    first([unobserved(object), updated, ready])
}

fn daemon_set(object: &Value) -> Readiness {
    let wanted = count(object, "desiredNumberScheduled");
    let available = short(count(object, "numberAvailable"), wanted, "pods available");
    if object["spec"]["updateStrategy"]["type"] == "OnDelete" {
        return first([unobserved(object), available]);
    }
    let updated = short(count(object, "updatedNumberScheduled"), wanted, "pods updated");
    first([unobserved(object), updated, available])
}

fn job(object: &Value) -> Readiness {
    if let Some(words) = is_true(object, "Failed") {
        return Readiness::Failed(words);
    }
    let done = is_true(object, "Complete").is_some() || object["spec"]["suspend"] == true;
    let wanted = object["spec"]["completions"].as_i64().unwrap_or(1);
    first([(!done).then(|| format!("{} of {wanted} completions", count(object, "succeeded")))])
}

fn pod(object: &Value) -> Readiness {
    match object["status"]["phase"].as_str() {
        Some("Succeeded") => Readiness::Ready,
        Some("Failed") => Readiness::Failed("its phase is Failed".to_owned()),
        _ => by_condition(object, "Ready"),
    }
}

fn claim(object: &Value, late: &[String]) -> Readiness {
    let class = object["spec"]["storageClassName"].as_str().unwrap_or_default();
    match object["status"]["phase"].as_str() {
        Some("Bound") => Readiness::Ready,
        Some("Lost") => Readiness::Failed("the volume that it was bound to is gone".to_owned()),
        _ if late.iter().any(|late| late == class) => Readiness::Ready,
        _ => Readiness::Waiting(format!("no volume is bound to it yet (storage class {class:?})")),
    }
}

fn ingress(object: &Value) -> Readiness {
    let addresses = object["status"]["loadBalancer"]["ingress"].as_array();
    let class = object["spec"]["ingressClassName"].as_str().unwrap_or("default");
    let taken = addresses.is_some_and(|addresses| !addresses.is_empty());
    first([(!taken).then(|| {
        format!("no ingress controller has given it an address yet (class {class}); `{WAIT}: \"false\"` goes on without")
    })])
}

fn definition(object: &Value) -> Readiness {
    if let Some(("False", words)) = condition(object, "NamesAccepted") {
        return Readiness::Failed(words);
    }
    by_condition(object, "Established")
}

/// A custom object is ready when its condition `Ready` says so; one that has no such condition says nothing.
fn custom(object: &Value) -> Readiness {
    match condition(object, "Ready") {
        None => Readiness::Ready,
        Some(_) if object["status"]["observedGeneration"].is_i64() && unobserved(object).is_some() => {
            first([unobserved(object)])
        }
        Some(_) => by_condition(object, "Ready"),
    }
}

#[cfg(test)]
mod tests;
