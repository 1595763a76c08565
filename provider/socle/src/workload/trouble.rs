//! Why pods do not run, in the words that a person would look up: states of containers, events, last lines of logs.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

/// The most events that are told of one object.
const EVENTS: usize = 5;
/// The most pods that are told of one workload: the others usually fail alike.
pub const PODS: usize = 2;

/// How long what can be mended from outside may last: an operator makes the Secret that a pod lacks, a registry that was
/// away answers again. The kubelet has tried an image three times by then.
const MENDING: Duration = Duration::from_mins(1);

/// How long to look on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outlook {
    /// It may still come right.
    Open,
    /// It comes right once something else is made or mended, or not at all.
    Mendable,
    /// It will not come right by waiting.
    Hopeless,
}

impl Outlook {
    /// Is there nothing to wait for, once it has lasted so long?
    pub fn is_lost(self, lasted: Duration) -> bool {
        match self {
            Self::Open => false,
            Self::Mendable => lasted >= MENDING,
            Self::Hopeless => true,
        }
    }
}

/// One thing that is wrong with a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The pod.
    pub pod: String,
    /// The container; none when it is about the pod.
    pub container: Option<String>,
    /// What is wrong.
    pub words: String,
    /// Whether to wait for it.
    pub outlook: Outlook,
    /// Which of its logs say more.
    pub log: Log,
}

/// Which log of a container says more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    /// It has not begun.
    None,
    /// That of the container that runs.
    Current,
    /// That of the container that ended before it.
    Previous,
}

/// What is wrong with a pod.
pub fn troubles(pod: &Value) -> Vec<Trouble> {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let statuses = ["initContainerStatuses", "containerStatuses"];
    let containers = statuses.iter().filter_map(|list| pod["status"][list].as_array()).flatten();
    let of_containers = containers.filter_map(|status| of_container(name, status));
    unscheduled(name, pod).into_iter().chain(of_containers).collect()
}

fn unscheduled(name: &str, pod: &Value) -> Option<Trouble> {
    let conditions = pod["status"]["conditions"].as_array()?;
    let is_it = |condition: &&Value| condition["type"] == "PodScheduled" && condition["status"] == "False";
    let message = conditions.iter().find(is_it)?["message"].as_str().unwrap_or("no reason is given");
    let words = format!("cannot be scheduled: {message}");
    Some(Trouble { pod: name.to_owned(), container: None, words, outlook: Outlook::Open, log: Log::None })
}

fn of_container(pod: &str, status: &Value) -> Option<Trouble> {
    let state = &status["state"];
    let (words, outlook, log) = if let Some(reason) = state["waiting"]["reason"].as_str() {
        waiting(status, reason)?
    } else if state["terminated"].is_object() && state["terminated"]["exitCode"] != 0 {
        (ended(&state["terminated"]), Outlook::Open, Log::Current)
    } else if state["running"].is_object() && status["ready"] == false && !status["started"].is_null() {
        ("runs, but does not pass its readiness probe".to_owned(), Outlook::Open, Log::Current)
    } else {
        return None;
    };
    let container = status["name"].as_str().map(str::to_owned);
    Some(Trouble { pod: pod.to_owned(), container, words, outlook, log })
}

fn waiting(status: &Value, reason: &str) -> Option<(String, Outlook, Log)> {
    let message = status["state"]["waiting"]["message"].as_str().unwrap_or_default();
    let image = status["image"].as_str().unwrap_or_default();
    match reason {
        "ContainerCreating" | "PodInitializing" => None,
        "ErrImagePull"
        | "ImagePullBackOff"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "RegistryUnavailable" => {
            let outlook = if reason == "InvalidImageName" { Outlook::Hopeless } else { Outlook::Mendable };
            Some((format!("the image {image:?} cannot be had ({reason}): {message}"), outlook, Log::None))
        }
        "CrashLoopBackOff" => {
            let last = ended(&status["lastState"]["terminated"]);
            let restarts = status["restartCount"].as_i64().unwrap_or(0);
            // Two restarts pass while a database comes up; more are the program's own.
            let outlook = if restarts > 2 { Outlook::Hopeless } else { Outlook::Open };
            Some((format!("{last}; restarted {restarts} times"), outlook, Log::Previous))
        }
        _ => Some((format!("{reason}: {message}"), Outlook::Mendable, Log::None)),
    }
}

fn ended(terminated: &Value) -> String {
    let code = terminated["exitCode"].as_i64().map_or_else(|| "unknown".to_owned(), |code| code.to_string());
    match terminated["reason"].as_str() {
        Some(reason) if reason != "Error" => format!("ended with exit code {code} ({reason})"),
        _ => format!("ended with exit code {code}"),
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.container {
            Some(container) => write!(f, "pod {}, container {container}: {}", self.pod, self.words),
            None => write!(f, "pod {}: {}", self.pod, self.words),
        }
    }
}

/// The last warnings among the events of an object, oldest first, each told once.
pub fn warnings(events: &[Value]) -> Vec<String> {
    let mut warnings: Vec<_> = events.iter().filter(|event| event["type"] == "Warning").collect();
    warnings.sort_by_key(|event| time(event).to_owned());
    let mut told = Vec::new();
    for event in warnings.into_iter().rev() {
        let [reason, message] = ["reason", "message"].map(|field| event[field].as_str().unwrap_or_default());
        let line = format!("{reason}: {}", message.trim());
        if !told.contains(&line) {
            told.push(line);
        }
    }
    told.truncate(EVENTS);
    told.reverse();
    told
}

fn time(event: &Value) -> &str {
    let times = ["lastTimestamp", "eventTime", "firstTimestamp"].map(|field| event[field].as_str());
    times.into_iter().flatten().next().unwrap_or_default()
}

/// The selector of a workload's pods, as a list call takes it; none when it has no pods.
pub fn pod_selector(workload: &Value) -> Option<String> {
    let labels = workload["spec"]["selector"]["matchLabels"].as_object()?;
    let pairs = labels.iter().map(|(key, value)| Some(format!("{key}={}", value.as_str()?)));
    let pairs: Vec<_> = pairs.collect::<Option<_>>()?;
    (!pairs.is_empty()).then(|| pairs.join(","))
}

/// The pods of a workload's newest version: what an older one suffers from is being mended already.
pub fn newest_pods<'p>(workload: &Value, replica_sets: &[Value], pods: &'p [Value]) -> Vec<&'p Value> {
    let metadata = &workload["metadata"];
    let (label, newest) = match workload["kind"].as_str() {
        Some("Deployment") => {
            let revision = &metadata["annotations"]["deployment.kubernetes.io/revision"];
            let is_newest = |set: &&Value| {
                &set["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == revision
            };
            let set = replica_sets.iter().find(is_newest).map(|set| &set["metadata"]["labels"]);
            ("pod-template-hash", set.map_or(&Value::Null, |labels| &labels["pod-template-hash"]))
        }
        Some("StatefulSet") => ("controller-revision-hash", &workload["status"]["updateRevision"]),
        Some("DaemonSet") => {
            ("pod-template-generation", &metadata["annotations"]["deprecated.daemonset.template.generation"])
        }
        _ => ("", &Value::Null),
    };
    let is_newest = |pod: &&Value| newest.is_null() || &pod["metadata"]["labels"][label] == newest;
    pods.iter().filter(is_newest).collect()
}

#[cfg(test)]
mod tests;
