//! The API server of this host: which instance of it runs.

use node::render::kubeadm;

use crate::api::Api;
use crate::command::{ctr, last_lines};
use crate::failure::Failure;
use crate::files;

const POD: &str = "io.kubernetes.pod.uid";
const CONTAINER: &str = "io.kubernetes.container.name";
/// Its name, as kubeadm has it.
pub(crate) const NAME: &str = "kube-apiserver";

/// Does the API server that was started by `mark` serve? While the kubelet replaces one by another, the old one answers.
pub(crate) fn serves(api: &Api, mark: &str) -> Result<(), String> {
    if !runs(mark).map_err(|failure| failure.to_string())? {
        return Err("the kubelet has not started it yet, or it ended".to_owned());
    }
    api.is_ready()
}

fn runs(mark: &str) -> Result<bool, Failure> {
    let sandboxes = containers(&format!("labels.\"{}\"=={mark}", kubeadm::STARTED_BY))?;
    for sandbox in sandboxes.lines() {
        let told: serde_json::Value =
            serde_json::from_str(&ctr(&["containers", "info", sandbox])?).unwrap_or_default();
        let Some(pod) = told["Labels"][POD].as_str() else { continue };
        let own = containers(&format!("labels.\"{POD}\"=={pod},labels.\"{CONTAINER}\"=={NAME}"))?;
        let tasks = ctr(&["tasks", "ls"])?;
        if own.lines().any(|container| is_running(&tasks, container)) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn containers(filter: &str) -> Result<String, Failure> {
    ctr(&["containers", "ls", "-q", filter])
}

/// Does containerd's list of tasks (name, process, status) have this one as running?
fn is_running(tasks: &str, container: &str) -> bool {
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    tasks
        .lines()
        .map(words)
        .any(|words| matches!(&words[..], [name, _, status] if name == container && status == "RUNNING"))
}

/// Where the kubelet writes what containers say: a folder for each pod, in it one for each container.
const LOGS: &str = "/var/log/pods";

/// The last words of the instance that spoke last.
pub(crate) fn last_words() -> String {
    let pods = files::names(LOGS).into_iter().filter(|pod| pod.starts_with(&format!("kube-system_{NAME}-")));
    let folders = pods.map(|pod| format!("{LOGS}/{pod}/{NAME}"));
    let logs = folders
        .flat_map(|folder| files::names(&folder).into_iter().map(move |name| format!("{folder}/{name}")));
    let written = |path: &String| std::fs::metadata(path).and_then(|found| found.modified()).ok();
    let last = logs.max_by_key(written).and_then(|path| files::read(&path).ok().flatten());
    last_lines(&words(&last.unwrap_or_default()))
}

/// A line begins with its time, its stream and whether it is whole.
fn words(log: &str) -> String {
    let lines = log.lines().map(|line| line.splitn(4, ' ').nth(3).unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_that_ended_does_not_run() {
        let tasks = "TASK    PID     STATUS    \nab12    4711    RUNNING\ncd34    0       STOPPED\n";
        assert!(is_running(tasks, "ab12"));
        assert!(!is_running(tasks, "cd34") && !is_running(tasks, "ab"));
    }

    #[test]
    fn a_log_is_told_without_its_times() {
        let log = "2027-01-15T08:00:00Z stderr F Error: unknown flag: --no-such-flag\n2027-01-15T08:00:00Z stderr F end\n";
        assert_eq!(words(log), "Error: unknown flag: --no-such-flag\nend");
    }
}
