//! Hosts as SSH reaches them: the program on a node, brought there once a version.

use node::specification::Cluster;
use node::step::{Answer, Request};
use serde_json::{Map, Value};
use tfplugin::Call;

use super::hosts::{Coordinates, HostError, Hosts};
use crate::clients::retry::Budget;
use crate::clients::ssh::{FirstContact, Host, Missing, Mode, ProgramCall, Ssh, SshError};
use crate::clients::{Clients, budget};

/// The program on a node.
const PROGRAM: &str = "socle-node";

/// Hosts that SSH reaches.
pub(super) struct Nodes<'c> {
    ssh: &'c Ssh,
    budget: Budget,
    missing: Missing,
}

impl<'c> Nodes<'c> {
    /// For whoever may change hosts.
    pub(super) fn to_change(call: &'c Call<Clients>) -> Self {
        Self { ssh: call.clients().ssh(), budget: budget(call), missing: Missing::Upload }
    }

    /// For whoever only looks: nothing is brought to a host.
    pub(super) fn to_read(call: &'c Call<Clients>) -> Self {
        Self { missing: Missing::Report, ..Self::to_change(call) }
    }
}

impl Hosts for Nodes<'_> {
    async fn ask(&self, host: &Coordinates, request: &Request) -> Result<Answer, HostError> {
        let Ok(Value::Object(arguments)) = serde_json::to_value(request) else {
            return Err(HostError::Unprepared("the request has no text".to_owned()));
        };
        let call =
            ProgramCall { name: PROGRAM, arguments: &arguments, mode: Mode::Apply, missing: self.missing };
        match self.ssh.run_program(&reached(host), call, &self.budget).await {
            Ok(result) => answer(result.changed, result.more),
            Err(SshError::Module { message, .. }) => {
                Ok(Answer::Failed { phase: "of the step".to_owned(), message, cure: String::new() })
            }
            Err(error) => Err(HostError::Unreachable(error.to_string())),
        }
    }

    async fn prepare(&self, host: &Coordinates, cluster: &Cluster) -> Result<(), HostError> {
        Err(HostError::Unprepared(format!(
            "{} has no container runtime with kubelet and kubeadm {}. Prepare it with the playbook socle.platform.prepare, \
             and apply again",
            host.address, cluster.kubernetes_version
        )))
    }
}

fn reached(host: &Coordinates) -> Host {
    let Coordinates { address, port, user, host_key } = host.clone();
    Host { address, port, user, host_key, first_contact: FirstContact::Refuse }
}

/// The answer, put together again from what every program says and what only this one does.
fn answer(changed: bool, mut more: Map<String, Value>) -> Result<Answer, HostError> {
    more.insert("changed".to_owned(), changed.into());
    // Of serde's message only the place is told: the answer may hold a secret.
    serde_json::from_value(Value::Object(more))
        .map_err(|error| HostError::Unprepared(format!("its answer makes no sense ({:?})", error.classify())))
}

#[cfg(test)]
mod tests {
    use node::step::Certificate;

    use super::*;
    use crate::clients::ssh::ModuleResult;

    #[test]
    fn an_answer_survives_the_words_that_all_programs_share() {
        let certificate =
            Certificate { certificate: "c".into(), authority: "a".into(), expires_at: 1_800_000_000 };
        let sent = Answer::Done {
            changed: true,
            view: None,
            invitation: None,
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
