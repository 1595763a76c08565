//! From a request to its answer: whether it is allowed, who does it.

use std::time::Duration;

use host::Host;
use node::journal::Journal;
use node::observation::HostView;
use node::specification::Cluster;
use node::step::{Answer, Certificate, Invitation, READERS, Request, Step};

use crate::api::{self, Api};
use crate::etcd::Etcd;
use crate::failure::Failure;
use crate::{
    addons, drain, membership, mint, network, observe, phases, prepare, reset, snapshot, tend, wait,
};

/// What whoever asks may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Power {
    /// Look, and mint for those who only look.
    Read,
    /// Everything.
    Change,
}

const QUESTION: Duration = Duration::from_secs(10);

/// Does one step.
pub(crate) fn run(request: &Request, power: Power) -> Result<Answer, Failure> {
    if power == Power::Read {
        let step = for_a_reader(&request.step).ok_or(Failure::NotAllowed)?;
        return answer(&Request { step, ..request.clone() });
    }
    if !request.step.changes() {
        return answer(request);
    }
    if !matches!(request.step, Step::Release) {
        membership::lease(request)?;
    }
    // A step goes on when whoever asked for it was killed; the next one waits for its end.
    let _alone = needs_host(&request.step).then(|| Host::this().alone()).transpose()?;
    answer(request)
}

/// Does it change more than who holds the lease?
fn needs_host(step: &Step) -> bool {
    !matches!(step, Step::Lease | Step::Release)
}

/// The step as whoever only looks may take it.
fn for_a_reader(step: &Step) -> Option<Step> {
    match step {
        Step::Observe => Some(Step::Observe),
        // Kubernetes grants rights to users by name, too: a reader gets a name that nobody grants any to.
        Step::Mint { public_key, user, groups, seconds } if *groups == [READERS] => Some(Step::Mint {
            public_key: public_key.clone(),
            user: format!("{READERS}:{user}"),
            groups: groups.clone(),
            seconds: *seconds,
        }),
        _ => None,
    }
}

fn invited(invitation: Invitation) -> Answer {
    Answer::Done { changed: true, view: None, invitation: Some(invitation), missing: None, certificate: None }
}

fn minted(certificate: Certificate) -> Answer {
    Answer::Done {
        changed: false,
        view: None,
        invitation: None,
        missing: None,
        certificate: Some(certificate),
    }
}

fn seen(view: HostView) -> Answer {
    let view = Some(Box::new(view));
    Answer::Done { changed: false, view, invitation: None, missing: None, certificate: None }
}

fn stocked(missing: Vec<String>) -> Answer {
    let missing = Some(missing);
    Answer::Done { changed: false, view: None, invitation: None, missing, certificate: None }
}

fn answer(request: &Request) -> Result<Answer, Failure> {
    let here = || Api::here(QUESTION);
    let changed = match &request.step {
        Step::Observe => {
            return observe::observe(&request.cluster, request.journal.as_ref()).map(seen);
        }
        Step::Stock { bundle } => return Ok(stocked(prepare::missing(&Host::this(), bundle)?)),
        Step::Mint { public_key, user, groups, seconds } => {
            return mint::mint(public_key, user, groups, *seconds).map(minted);
        }
        Step::Invite { role } => return membership::invite(*role).map(invited),
        Step::Lease => true,
        Step::Release => membership::release(&request.holder)?,
        Step::Prepare { bundle, extra } => {
            prepare::prepare(&Host::this(), bundle, extra.as_ref(), &request.cluster)?
        }
        Step::Claim => claim(request)?,
        Step::Configure => {
            claim(request)?;
            network::configure(&membership::place(request)?).map_err(Failure::during("network"))?
        }
        Step::Init => phases::init(&membership::place(request)?)?,
        Step::Join { invitation } => phases::join(&membership::place(request)?, invitation)?,
        Step::Roll => {
            membership::specify(request)?;
            phases::roll(&membership::place(request)?)?
        }
        Step::RemoveMember { id } => Etcd::here(QUESTION)?.remove(*id).map(|()| true)?,
        Step::Drain { node, seconds } => drain::drain(&here()?, node, *seconds)?,
        Step::DeleteNode { node } => here()?.delete(&format!("/api/v1/nodes/{node}")).map(|()| true)?,
        Step::Describe { node } => {
            membership::specify(request)?;
            describe(&here()?, request, node)?
        }
        Step::Addons => {
            membership::specify(request)?;
            addons::bring(&here()?, &request.cluster.addons)?
        }
        Step::Await { nodes, seconds } => {
            ready(&here()?, request.journal.as_ref(), nodes, *seconds)?;
            false
        }
        Step::Snapshot => request.journal.as_ref().map_or(Ok(false), snapshot::take)?,
        Step::Reset { preparation } => reset::reset(*preparation)?,
    };
    Ok(Answer::done(changed))
}

fn claim(request: &Request) -> Result<bool, Failure> {
    let Cluster { network, .. } = &request.cluster;
    let Some(journal) = &request.journal else { return Ok(false) };
    Ok(membership::claim(journal, network.mode)? | membership::specify(request)?)
}

fn describe(api: &Api, request: &Request, node: &str) -> Result<bool, Failure> {
    let unknown = || Failure::NoPlace { node: node.to_owned() };
    let wanted = request.cluster.nodes.get(node).ok_or_else(unknown)?;
    let member =
        request.journal.as_ref().and_then(|journal| journal.members.get(node)).ok_or_else(unknown)?;
    let path = format!("/api/v1/nodes/{node}");
    let found = api.get(&path)?;
    let change =
        api::description(&found, &wanted.labels, &wanted.effective_taints(), &member.pod_range.to_string());
    api.merge(&path, &change)?;
    if let Some(journal) = request.journal.as_ref().filter(|_| api::is_new(&found)) {
        // A kubelet asks once it knows its addresses. The timer would answer up to two minutes later, and nobody reads the
        // logs of the node's pods until then; one that is slower than this waits for it.
        let _ = wait::until("its request", Duration::from_secs(15), || {
            let asked = tend::has_asked(api, node).map_err(|failure| failure.to_string())?;
            tend::approve(api, journal).map_err(|failure| failure.to_string())?;
            if asked { Ok(()) } else { Err("no request yet".to_owned()) }
        });
    }
    Ok(true)
}

/// Waits until nodes are ready, and approves what their kubelets ask for meanwhile: the timer would take minutes.
fn ready(api: &Api, journal: Option<&Journal>, nodes: &[String], seconds: u64) -> Result<(), Failure> {
    wait::until(&format!("{} to become ready", nodes.join(", ")), Duration::from_secs(seconds), || {
        if let Some(journal) = journal {
            tend::approve(api, journal).map_err(|failure| failure.to_string())?;
        }
        let found = api.nodes().map_err(|failure| failure.to_string())?;
        let waiting = nodes.iter().filter(|name| !found.get(*name).is_some_and(|node| node.ready));
        let waiting: Vec<_> = waiting.map(String::as_str).collect();
        if waiting.is_empty() { Ok(()) } else { Err(waiting.join(", ")) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mint(user: &str, groups: &[&str]) -> Step {
        let groups = groups.iter().map(|&group| group.to_owned()).collect();
        Step::Mint { public_key: String::new(), user: user.to_owned(), groups, seconds: 60 }
    }

    fn reader(step: &Step) -> Option<String> {
        match for_a_reader(step)? {
            Step::Mint { user, groups, .. } => {
                assert_eq!(groups, [READERS]);
                Some(user)
            }
            _ => None,
        }
    }

    #[test]
    fn a_reader_becomes_nobody_whom_rights_are_granted_to_by_name() {
        let user = reader(&mint("system:kube-controller-manager", &[READERS]));
        assert_eq!(user.as_deref(), Some("socle:readers:system:kube-controller-manager"));
    }

    #[test]
    fn a_reader_is_of_his_group_and_of_no_other() {
        for groups in [&[][..], &["kubeadm:cluster-admins"], &[READERS, "kubeadm:cluster-admins"]] {
            assert_eq!(reader(&mint("terraform", groups)), None, "{groups:?}");
        }
    }

    #[test]
    fn a_reader_changes_nothing() {
        assert!(for_a_reader(&Step::Lease).is_none());
        assert!(for_a_reader(&Step::Init).is_none());
        assert!(for_a_reader(&Step::Observe).is_some());
    }
}
