//! Hosts as SSH reaches them: the program on a node, brought there once a version.

use std::time::Duration;

use node::step::{Answer, Request};
use serde_json::{Map, Value};
use tfplugin::Call;

use super::hosts::{Coordinates, Freight, HostError, Hosts};
use crate::clients::retry::Budget;
use crate::clients::ssh::{Command, FirstContact, Host, Missing, Mode, ProgramCall, Ssh, SshError};
use crate::clients::{Clients, budget};
use crate::host::leave;

/// The program on a node.
const PROGRAM: &str = "socle-node";

/// How long a look may take, whatever is down.
const LOOK: Duration = Duration::from_secs(9);

/// Hosts that SSH reaches.
pub(super) struct Nodes<'c> {
    ssh: &'c Ssh,
    budget: Budget,
    missing: Missing,
    /// How long one question may take.
    patience: Duration,
}

impl<'c> Nodes<'c> {
    /// For whoever may change hosts.
    pub(super) fn to_change(call: &'c Call<Clients>) -> Self {
        let budget = budget(call);
        Self { ssh: call.clients().ssh(), budget, missing: Missing::Upload, patience: Duration::MAX }
    }

    /// For whoever only looks: nothing is brought to a host.
    pub(super) fn to_read(call: &'c Call<Clients>) -> Self {
        Self { missing: Missing::Report, patience: LOOK, ..Self::to_change(call) }
    }
}

impl Hosts for Nodes<'_> {
    async fn ask(&self, host: &Coordinates, request: &Request) -> Result<Answer, HostError> {
        let Ok(Value::Object(arguments)) = serde_json::to_value(request) else {
            return Err(HostError::Failed("the request has no text".to_owned()));
        };
        let budget = self.budget.within(self.patience);
        let call =
            ProgramCall { name: PROGRAM, arguments: &arguments, mode: Mode::Apply, missing: self.missing };
        match self.ssh.run_program(&reached(host), call, &budget).await {
            Ok(result) => answer(result.changed, result.more),
            Err(SshError::Module { message, .. }) => {
                let message = message.trim_end_matches('.').to_owned();
                Ok(Answer::Failed { phase: String::new(), message, cure: String::new() })
            }
            Err(error @ SshError::NotPrepared { .. }) => Err(HostError::NoProgram(error.to_string())),
            Err(error) => Err(unanswered(&error)),
        }
    }

    async fn machine(&self, host: &Coordinates) -> Result<String, HostError> {
        let command = Command { step: "ask for the architecture", line: "uname -m", stdin: &[] };
        let output = self.ssh.run(&reached(host), command, &self.budget).await;
        let output = output.map_err(|error| unanswered(&error))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    async fn bring(&self, host: &Coordinates, files: &[Freight]) -> Result<(), HostError> {
        let host = reached(host);
        for Freight { file, place, sha256 } in files {
            let brought = self.ssh.store(&host, file, place, sha256, &self.budget).await;
            brought.map_err(|error| unanswered(&error))?;
        }
        Ok(())
    }

    async fn forget(&self, host: &Coordinates) -> Result<(), HostError> {
        let host = reached(host);
        let command = Command { step: "take the program away", line: FORGET, stdin: &[] };
        // Whoever else had something there and went first left the programs to the node.
        let forgotten = async {
            leave(self.ssh, &host, &self.budget).await?;
            self.ssh.run_as_root(&host, command, &self.budget).await
        };
        forgotten.await.map(drop).map_err(|error| unanswered(&error))
    }
}

/// Folders that others use as well go when they are empty.
const FORGET: &str = "rm -f /usr/local/libexec/socle/socle-node-*; for d in /usr/local/libexec/socle /usr/local/libexec \
                      /var/lib/socle/cluster /var/lib/socle/firewall /var/lib/socle/pending \
                      /var/lib/socle/installed /var/lib/socle \
                      /etc/cni/net.d /etc/cni /etc/containerd /etc/kubernetes /etc/socle/kubelet.d /etc/socle \
                      /etc/systemd/system/kubelet.service.d /opt/cni/bin /opt/cni /opt/containerd/bin /opt/containerd/lib \
                      /opt/containerd /usr/libexec/kubernetes/kubelet-plugins/volume/exec \
                      /usr/libexec/kubernetes/kubelet-plugins/volume /usr/libexec/kubernetes/kubelet-plugins \
                      /usr/libexec/kubernetes; do rmdir \"$d\" 2>/dev/null || :; done";

fn reached(host: &Coordinates) -> Host {
    let Coordinates { address, port, user, host_key } = host.clone();
    Host { address, port, user, host_key, first_contact: FirstContact::Refuse }
}

/// A host that was spoken to is not gone, whatever it lacks.
fn unanswered(error: &SshError) -> HostError {
    let said = error.to_string();
    if error.is_out_of_reach() { HostError::Unreachable(said) } else { HostError::Failed(said) }
}

/// The answer, put together again from what every program says and what only this one does.
fn answer(changed: bool, mut more: Map<String, Value>) -> Result<Answer, HostError> {
    more.insert("changed".to_owned(), changed.into());
    // Of serde's message only the place is told: the answer may hold a secret.
    serde_json::from_value(Value::Object(more))
        .map_err(|error| HostError::Failed(format!("its answer makes no sense ({:?})", error.classify())))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::future::join_all;
    use node::step::{Certificate, Step};
    use tokio::net::TcpListener;
    use tokio::time::Instant;
    use tokio_util::sync::CancellationToken;

    use super::super::credentials::request;
    use super::*;
    use crate::clients::ssh::{ModuleResult, Programs, SshSettings};
    use crate::clients::vault::{Vault, VaultSettings};

    /// One accepts and never says a word, one refuses.
    #[tokio::test(start_paused = true)]
    async fn a_look_ends_within_ten_seconds_whatever_is_down() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let at = |port| Coordinates { address: "127.0.0.1".into(), port, user: None, host_key: None };
        let hosts = [at(silent.local_addr().unwrap().port()), at(closed)];
        let vault = Arc::new(Vault::new(VaultSettings::default()));
        let ssh = Ssh::new(SshSettings::default(), vault, Programs::default());
        let budget = Budget::new(Duration::from_hours(1), CancellationToken::new());
        let nodes = Nodes { ssh: &ssh, budget, missing: Missing::Report, patience: LOOK };
        let (begun, question) = (Instant::now(), request(Step::Observe));
        let answers = join_all(hosts.iter().map(|host| nodes.ask(host, &question))).await;
        assert!(begun.elapsed() <= Duration::from_secs(10), "{:?}", begun.elapsed());
        assert!(answers.iter().all(|answer| matches!(answer, Err(HostError::Unreachable(_)))), "{answers:?}");
    }

    #[test]
    fn a_host_without_sudo_is_there() {
        let host = || "203.0.113.11".to_owned();
        let no_sudo = SshError::NoSudo { host: host(), user: "admin".into(), answer: "a password".into() };
        assert!(matches!(unanswered(&no_sudo), HostError::Failed(_)));
        let gone = SshError::Unreachable { host: host(), cause: "no route to host".into() };
        assert!(matches!(unanswered(&gone), HostError::Unreachable(_)));
    }

    #[test]
    fn an_answer_survives_the_words_that_all_programs_share() {
        let certificate =
            Certificate { certificate: "c".into(), authority: "a".into(), expires_at: 1_800_000_000 };
        let sent = Answer::Done {
            changed: true,
            view: None,
            invitation: None,
            missing: None,
            certificate: Some(certificate.clone()),
        };
        let result = ModuleResult::parse(sent.printed().to_string().as_bytes()).expect("a result");
        match answer(result.changed, result.more) {
            Ok(Answer::Done { changed: true, certificate: Some(found), .. }) => {
                assert_eq!(found, certificate);
            }
            other => panic!("{other:?}"),
        }
    }
}
