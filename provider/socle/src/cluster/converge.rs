//! An apply: asks the planner what comes next, has the hosts do it, and looks again, until nothing is left to do.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use futures::future::join_all;
use node::journal::Journal;
use node::lease;
use node::observation::{Sight, Sights};
use node::plan::action::Patience;
use node::plan::{self, Action, Deletion, Left, Round, Wanted};
use node::specification::Cluster;
use node::step::{Answer, Request, Step};
use tfplugin::{Diagnostic, Diagnostics, Model};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::hosts::{Coordinates, Hosts, sight};
use super::resource::ClusterResource;
use crate::clients::releases::Releases;
use crate::clients::retry::Budget;

/// Who works on a cluster, with which hosts.
pub(super) struct Work<'w, H> {
    pub(super) hosts: &'w H,
    pub(super) cluster: &'w Cluster,
    /// The folder of bundles, one folder a release. None: what hosts are prepared from is downloaded.
    pub(super) bundles: Option<PathBuf>,
    /// Where it is downloaded from.
    pub(super) releases: &'w Releases,
    /// How each host is reached, by the name of its node.
    pub(super) coordinates: BTreeMap<String, Coordinates>,
    /// Which run this is: chance.
    pub(super) holder: String,
    /// Who that is, for people.
    pub(super) description: String,
    pub(super) patience: Patience,
    pub(super) cancel: &'w CancellationToken,
    /// How long downloads may take.
    pub(super) budget: Budget,
}

/// The most rounds that a change may take: far more than any does.
const ROUNDS: usize = 400;
/// How long to wait before looking again at a host where another run's step is under way.
const PAUSE: Duration = Duration::from_secs(1);
/// How long all API servers may be silent before that is told: etcd elects a leader when it lost its own, and API servers
/// start.
const SILENCE: Duration = Duration::from_secs(30);
/// How long a drain may take.
pub(super) const DRAIN: Duration = Duration::from_mins(5);

impl<H: Hosts> Work<'_, H> {
    /// Brings about what is wanted; what the hosts show then.
    pub(super) async fn converge(&self, wanted: &Wanted<'_>) -> Result<Sights, Diagnostics> {
        let mut question = None;
        let mut before: Option<Round> = None;
        let mut silence = None;
        for _ in 0..ROUNDS {
            let sights = self.look_at_rest(question.as_ref()).await?;
            let round = match plan::next(wanted, &sights) {
                Err(refusals) if is_silence(&refusals) && passes(&mut silence) => {
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
                round => round.map_err(refused)?,
            };
            silence = None;
            if round.actions.is_empty() {
                self.release().await;
                return Ok(sights);
            }
            if before.as_ref() == Some(&round) {
                return Err(stuck(&round).into());
            }
            if before.is_none() {
                self.check_bundles(&sights)?;
                self.lease().await?;
            }
            self.run(&round.actions, Some(&round.journal)).await?;
            question = Some(round.journal.clone());
            if round.ends {
                let sights = self.look(question.as_ref()).await;
                self.release().await;
                return Ok(sights);
            }
            before = Some(round);
        }
        Err(Diagnostic::error(
            "No end in sight",
            "The hosts change as fast as they are changed. See who else does.",
        )
        .into())
    }

    /// Leaves nothing on any host that can be looked at; the others, and why.
    pub(super) async fn delete(&self, cluster_id: &str) -> Result<Left, Diagnostics> {
        let mut before = Vec::new();
        for _ in 0..ROUNDS {
            let sights = self.look_at_rest(None).await?;
            match plan::deletion(self.cluster, cluster_id, &sights).map_err(refused)? {
                Deletion::Done(left) => return Ok(left),
                Deletion::Do(actions) if actions == before => return Err(stuck_at(&actions).into()),
                Deletion::Do(actions) => {
                    let journals = sights.values().filter_map(|sight| sight.view()?.journal.as_ref());
                    let journal = journals.max_by_key(|journal| journal.generation).cloned();
                    self.run(&actions, journal.as_ref()).await?;
                    before = actions;
                }
            }
        }
        Err(Diagnostic::error(
            "No end in sight",
            "The hosts come back as fast as they are reset. See who makes them.",
        )
        .into())
    }

    /// Takes our program away from hosts that are in the cluster no more.
    pub(super) async fn forget(&self, names: impl IntoIterator<Item = &String>) -> Result<(), Diagnostics> {
        let hosts = names.into_iter().filter_map(|name| Some((name, self.coordinates.get(name)?)));
        let forgotten = join_all(hosts.map(async |(name, host)| {
            let told = self.hosts.forget(host).await;
            told.map_err(|error| {
                Diagnostic::error("Program stays on a host", format!("Host {name}: {error}. Apply again."))
            })
        }));
        forgotten.await.into_iter().filter_map(Result::err).collect::<Diagnostics>().into_result()
    }

    /// Looks when no step of another run is under way any more: one that was killed may have left some.
    async fn look_at_rest(&self, question: Option<&Journal>) -> Result<Sights, Diagnostics> {
        loop {
            let sights = self.look(question).await;
            self.go_on()?;
            if !sights.values().filter_map(Sight::view).any(|view| view.busy) {
                return Ok(sights);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Looks at all hosts at the same time.
    pub(super) async fn look(&self, question: Option<&Journal>) -> Sights {
        let looks = self.coordinates.iter().map(async |(name, host)| {
            let request = self.request(name, question, Step::Observe);
            (name.clone(), sight(self.hosts.ask(host, &request).await))
        });
        join_all(looks).await.into_iter().collect()
    }

    fn request(&self, name: &str, journal: Option<&Journal>, step: Step) -> Request {
        Request {
            cluster: self.cluster.clone(),
            journal: journal.map(|journal| journal.on(name)),
            holder: self.holder.clone(),
            description: self.description.clone(),
            step,
        }
    }

    fn go_on(&self) -> Result<(), Diagnostics> {
        if self.cancel.is_cancelled() { Err(stopped().into()) } else { Ok(()) }
    }

    /// All at the same time; every failure is told.
    async fn run(&self, actions: &[Action], journal: Option<&Journal>) -> Result<(), Diagnostics> {
        let done = join_all(actions.iter().map(|action| self.act(action, journal)));
        let done = tokio::select! {
            done = done => done,
            () = self.keep_lease() => Vec::new(),
            () = self.cancel.cancelled() => return Err(stopped().into()),
        };
        done.into_iter().filter_map(Result::err).collect::<Diagnostics>().into_result()
    }

    async fn act(&self, action: &Action, journal: Option<&Journal>) -> Result<(), Diagnostic> {
        match action {
            Action::Observe { .. } => Ok(()),
            Action::Prepare { host } => self.prepare(action, host, journal).await,
            Action::Join { host, via } => {
                let role =
                    self.cluster.nodes.get(host).map_or(node::specification::Role::Worker, |node| node.role);
                let Answer::Done { invitation: Some(invitation), .. } =
                    self.ask(action, via, journal, Step::Invite { role }).await?
                else {
                    return Err(failed(action, via, "it made no invitation", ""));
                };
                self.ask(action, host, journal, Step::Join { invitation }).await.map(drop)
            }
            other => {
                let Some(step) = other.step(self.patience) else { return Ok(()) };
                self.ask(action, other.host(), journal, step).await.map(drop)
            }
        }
    }

    /// What a host answers when it did a step.
    pub(super) async fn ask(
        &self,
        action: &Action,
        name: &str,
        journal: Option<&Journal>,
        step: Step,
    ) -> Result<Answer, Diagnostic> {
        let request = self.request(name, journal, step);
        match self.hosts.ask(self.coordinates_of(name)?, &request).await {
            Ok(Answer::Failed { phase, message, cure }) => {
                let phase = if phase.is_empty() { phase } else { format!("phase {phase}: ") };
                Err(failed(action, name, &format!("{phase}{message}"), &cure))
            }
            Ok(done) => Ok(done),
            Err(error) => Err(failed(action, name, &error.to_string(), "")),
        }
    }

    pub(super) fn coordinates_of(&self, name: &str) -> Result<&Coordinates, Diagnostic> {
        let detail = || format!("Nobody says how {name} is reached.");
        self.coordinates.get(name).ok_or_else(|| Diagnostic::error("Host without an address", detail()))
    }

    // === the lease ===

    /// Takes it. What another holds is waited for once, until it would have ended: a run that was killed renews it no
    /// more, one that lives does.
    async fn lease(&self) -> Result<(), Diagnostics> {
        if self.try_lease().await.is_ok() {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(lease::SECONDS + 1)) => self.try_lease().await,
            () = self.cancel.cancelled() => Err(stopped().into()),
        }
    }

    /// Renews it for as long as it is polled.
    async fn keep_lease(&self) {
        loop {
            tokio::time::sleep(Duration::from_secs(lease::SECONDS / 3)).await;
            // What could not be renewed is seen by the next step, which renews it, too.
            let _ = join_all(self.cluster.control_planes().map(|name| self.told(name, Step::Lease))).await;
        }
    }

    /// Takes it on a majority of the control planes, so that of two runs one is refused, and on every worker that answers:
    /// there a run that was killed may hold it longer.
    async fn try_lease(&self) -> Result<(), Diagnostics> {
        let asked =
            join_all(self.coordinates.keys().map(async |name| (name, self.told(name, Step::Lease).await)));
        let denied: BTreeMap<_, _> =
            asked.await.into_iter().filter_map(|(name, told)| Some((name, told.err()?))).collect();
        let planes: Vec<_> = self.cluster.control_planes().collect();
        let is_plane = |name: &String| planes.iter().any(|plane| *plane == name);
        let granted = planes.iter().filter(|name| !denied.keys().any(|other| other == *name)).count();
        let is_held =
            |(name, denied): (&&String, &Denied)| !is_plane(name) && matches!(denied, Denied::Refused(_));
        if granted >= node::quorum::majority(planes.len()) && !denied.iter().any(is_held) {
            return Ok(());
        }
        self.release().await;
        let reasons: Vec<_> = denied.iter().map(|(name, denied)| format!("{name}: {denied}")).collect();
        Err(Diagnostic::error("Cluster is being changed", reasons.join(". ")).into())
    }

    async fn release(&self) {
        // What is not given back ends by itself.
        let _ = join_all(self.coordinates.keys().map(|name| self.told(name, Step::Release))).await;
    }

    async fn told(&self, name: &str, step: Step) -> Result<(), Denied> {
        let Some(host) = self.coordinates.get(name) else {
            return Err(Denied::Silent("no address".to_owned()));
        };
        match self.hosts.ask(host, &self.request(name, None, step)).await {
            Ok(Answer::Done { .. }) => Ok(()),
            Ok(Answer::Failed { message, cure, .. }) => Err(Denied::Refused(format!("{message}. {cure}"))),
            Err(error) => Err(Denied::Silent(error.to_string())),
        }
    }
}

/// Why a host did not do what concerns the lease.
enum Denied {
    /// It answered, and refused.
    Refused(String),
    /// It did not answer.
    Silent(String),
}

impl fmt::Display for Denied {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Refused(reason) | Self::Silent(reason)) = self;
        formatter.write_str(reason.trim_end_matches('.'))
    }
}

/// Is nothing wrong but that nobody answers?
fn is_silence(refusals: &[plan::Refusal]) -> bool {
    matches!(refusals, [plan::Refusal::NoAnswer { .. }])
}

/// May it still pass by itself?
fn passes(since: &mut Option<Instant>) -> bool {
    since.get_or_insert_with(Instant::now).elapsed() < SILENCE
}

fn refused(refusals: Vec<plan::Refusal>) -> Diagnostics {
    let nodes = ClusterResource::paths();
    let told = |refusal: plan::Refusal| {
        let text = capitalised(&refusal.to_string());
        Diagnostic::error("Cluster stays as it is", format!("{text}.")).at(nodes.nodes().clone())
    };
    refusals.into_iter().map(told).collect()
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

pub(super) fn failed(action: &Action, host: &str, why: &str, cure: &str) -> Diagnostic {
    let cure =
        if cure.is_empty() { "Mend it and apply again: the next apply goes on from here." } else { cure };
    let path = ClusterResource::paths().nodes().key(host);
    Diagnostic::error(
        format!("Failed to {action}"),
        format!(
            "Host {host}: {why}. {cure} To start afresh instead, reset the hosts with the playbook socle.platform.reset."
        ),
    )
    .at(path)
}

fn stuck(round: &Round) -> Diagnostic {
    stuck_at(&round.actions)
}

fn stuck_at(actions: &[Action]) -> Diagnostic {
    let steps: Vec<_> = actions.iter().map(ToString::to_string).collect();
    let detail = format!(
        "Hosts reported success, and show that nothing changed: {}. Somebody may undo it; see what else runs there.",
        steps.join("; ")
    );
    Diagnostic::error("A step has no effect", detail)
}

fn stopped() -> Diagnostic {
    Diagnostic::error(
        "Stopped",
        "What was begun on a host may still end there. The next apply goes on from here.",
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use node::journal::member;
    use node::observation::HostView;
    use node::plan::Intent;
    use node::step::digest;

    use super::super::fake::{Fake, cluster, view};
    use super::*;

    /// A host of it that is as it should be, but that its API server does not answer.
    fn silent(cluster: &Cluster) -> HostView {
        let mut own = member(cluster, "cp-1", 0, "id".into()).unwrap();
        own.mesh_key = Some("key".into());
        let shown = view("c1", "cp-1");
        let journal = Journal { members: [("cp-1".to_owned(), own)].into(), ..shown.journal.unwrap() };
        HostView {
            judged: Some(digest(cluster, &journal)),
            journal: Some(journal),
            mesh_key: Some("key".into()),
            signs: true,
            ..view("c1", "cp-1")
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silence_may_pass_before_an_apply_gives_up() {
        let cluster = cluster();
        let hosts = Fake::default().showing("203.0.113.11", silent(&cluster));
        let (releases, cancel) = (Releases::new(None, None), CancellationToken::new());
        let at = Coordinates { address: "203.0.113.11".into(), port: 22, user: None, host_key: None };
        let work = Work {
            hosts: &hosts,
            cluster: &cluster,
            bundles: None,
            releases: &releases,
            coordinates: [("cp-1".to_owned(), at)].into(),
            holder: "run".into(),
            description: "a test".into(),
            patience: Patience { drain: 0, ready: 0 },
            cancel: &cancel,
            budget: Budget::new(Duration::from_hours(1), cancel.clone()),
        };
        let wanted = Wanted {
            cluster: &cluster,
            intent: Intent::Update,
            cluster_id: "c1".into(),
            owner: "terraform".into(),
            seed: "seed".into(),
            departing: BTreeMap::new(),
            lost: BTreeSet::new(),
            new_keys: BTreeSet::new(),
        };
        let begun = Instant::now();
        let told = work.converge(&wanted).await.unwrap_err();
        assert!(told.iter().any(|told| told.detail.contains("No API server answers")), "{told:?}");
        assert!((SILENCE..SILENCE * 2).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    }
}
