//! Making and changing objects.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use tfplugin::{Call, CreateError, Diagnostic, Diagnostics, Reached, Value, Wanted};

use super::super::change::{Adoption, Known, Observed, Step, step};
use super::super::fields::FieldSet;
use super::super::identity::{Identity, Subject};
use super::super::kinds::Rank;
use super::super::manifest::{Manifest, Place};
use super::super::ownership::{OWNER, Stage};
use super::super::secret::data_of_fields;
use super::plan::listed;
use super::problem::{Problem, diagnostics};
use super::removal::Unwanted;
use super::session::{Session, Target, together};
use super::sweep::needed;
use super::{Manifests, ObjectState, Objects, refused, shown};
use crate::clients::vault::SecretVersion;
use crate::clients::{Clients, budget};

/// The note with the fields that were ours after the last apply, by label.
pub(super) const FIELDS_NOTE: &str = "fields";
/// The note with the id of the cluster.
pub(super) const CLUSTER_NOTE: &str = "cluster";

type Problems = Vec<Problem>;

/// One apply.
struct Work<'c> {
    call: &'c Call<Clients>,
    session: Session,
    planned: Manifests,
    /// What the state knew.
    prior: Objects,
    /// What has been reached; what a failed update returns.
    reached: Objects,
    fields: BTreeMap<String, FieldSet>,
    /// The objects with our mark, as the sweep found them.
    swept: BTreeMap<Subject, (Identity, Observed)>,
}

/// One wanted object and what is done with it.
struct Task {
    target: Target,
    step: Step,
}

/// Whether there is a state to start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Occasion {
    Create,
    Update,
}

pub(super) async fn create(
    call: &Call<Clients>,
    wanted: Wanted<Manifests>,
) -> Result<Manifests, CreateError<Manifests>> {
    let planned = versioned(call, wanted.planned.clone()).await.map_err(CreateError::nothing)?;
    let manifests = whole(&planned).map_err(CreateError::nothing)?;
    let kinds = kinds_of(&manifests);
    let outcome = async {
        let mut work =
            Work::begin(call, &planned, None, &manifests).await.map_err(|problem| vec![problem])?;
        work.run(Occasion::Create, manifests, &wanted.config).await.map(|()| work.finished())
    };
    // A tainted resource would be deleted with its volumes: what exists is found and finished by the next create.
    outcome
        .await
        .map_err(|problems: Problems| CreateError::Nothing(unfinished(&problems, planned.name(), &kinds)))
}

pub(super) async fn update(
    call: &Call<Clients>,
    prior: Manifests,
    wanted: Wanted<Manifests>,
) -> Result<Manifests, Reached<Manifests>> {
    let planned = match versioned(call, wanted.planned.clone()).await {
        Ok(planned) => planned,
        Err(errors) => return Err(Reached::new(prior, errors)),
    };
    let manifests = match whole(&planned) {
        Ok(manifests) => manifests,
        Err(errors) => return Err(Reached::new(prior, errors)),
    };
    let mut work = match Work::begin(call, &planned, Some(&prior), &manifests).await {
        Ok(work) => work,
        Err(problem) => return Err(Reached::new(prior, diagnostics(&[problem]))),
    };
    match work.run(Occasion::Update, manifests, &wanted.config).await {
        Ok(()) => Ok(work.finished()),
        Err(problems) => {
            call.set_note(FIELDS_NOTE, &work.fields);
            let state = Manifests { objects: shown(work.reached), ..prior };
            Err(Reached::new(state, diagnostics(&problems)))
        }
    }
}

/// At apply everything is known.
fn whole(planned: &Manifests) -> Result<Vec<Manifest>, Diagnostics> {
    let wanted = planned.wanted().map_err(|refusals| refused(&refusals))?;
    wanted.ok_or_else(|| {
        let detail = "A part of `documents` or of a `secret` is still unknown. Please report it.";
        Diagnostic::error("Manifests are not known", detail).into()
    })
}

/// The kinds as kubectl takes them: `deployments.apps`.
fn kinds_of(manifests: &[Manifest]) -> String {
    let kind = |manifest: &Manifest| {
        let name = &manifest.identity.type_name;
        let group = if name.group.is_empty() { String::new() } else { format!(".{}", name.group) };
        format!("{}{group}", name.kind.to_lowercase())
    };
    manifests.iter().map(kind).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(",")
}

fn unfinished(problems: &[Problem], name: &str, kinds: &str) -> Diagnostics {
    let mut told = diagnostics(problems);
    let detail = format!(
        "What was applied stays in the cluster with the mark {OWNER}={name}, and the next apply goes on from there. To \
         discard it instead: `kubectl delete {kinds} --all-namespaces --selector {OWNER}={name}`."
    );
    told.push(Diagnostic::warning("Manifests are not finished", detail));
    told
}

impl<'c> Work<'c> {
    async fn begin(
        call: &'c Call<Clients>,
        planned: &Manifests,
        prior: Option<&Manifests>,
        manifests: &[Manifest],
    ) -> Result<Self, Problem> {
        let session = Session::open(call, planned, prior.map(Manifests::name), manifests).await?;
        session.is_same_cluster(call.note(CLUSTER_NOTE)).await?;
        let prior = prior.map(Manifests::objects).unwrap_or_default();
        let sweep = session.sweep(&needed(manifests, prior.keys())).await?;
        session.tell_silent(call, &sweep);
        Ok(Self {
            call,
            session,
            planned: planned.clone(),
            reached: prior.clone(),
            prior,
            fields: call.note(FIELDS_NOTE).unwrap_or_default(),
            swept: sweep.ours,
        })
    }

    /// All is looked at before the first change.
    async fn run(
        &mut self,
        occasion: Occasion,
        manifests: Vec<Manifest>,
        config: &Manifests,
    ) -> Result<(), Problems> {
        let mut targets = self.session.targets(manifests).await?;
        if occasion == Occasion::Create {
            self.refuse_a_finished_one().map_err(|problem| vec![problem])?;
        }
        let mut tasks = Vec::with_capacity(targets.len());
        targets.sort_by_key(|target| target.manifest.rank());
        let steps = self.steps(&targets).await?;
        for (mut target, step) in targets.into_iter().zip(steps) {
            if step != Step::Leave {
                self.put_values(&mut target, config).await.map_err(|problem| vec![problem])?;
            }
            tasks.push(Task { target, step });
        }
        let all: Vec<_> = tasks.iter().map(|task| task.target.clone()).collect();
        self.session.ensure_namespace(&all).await.map_err(|problem| vec![problem])?;
        self.apply_all(occasion, &tasks).await?;
        self.await_all(&tasks).await?;
        self.prune(occasion, &tasks).await?;
        self.settle(occasion, &tasks).await?;
        self.remember_cluster().await.map_err(|problem| vec![problem])
    }

    /// A resource of that name whose create has ended is another resource, unless its objects are to be adopted.
    fn refuse_a_finished_one(&self) -> Result<(), Problem> {
        let is_unfinished = self.swept.values().any(|(_, there)| there.stage == Stage::Creating);
        if self.swept.is_empty() || is_unfinished || self.adoption() == Adoption::Adopt {
            return Ok(());
        }
        let labels = self.swept.values().map(|(identity, _)| identity.to_string());
        Err(Problem::Exists { name: self.planned.name().to_owned(), labels: listed(labels) })
    }

    fn adoption(&self) -> Adoption {
        if self.planned.adopt == Value::Known(true) { Adoption::Adopt } else { Adoption::Refuse }
    }

    async fn steps(&self, targets: &[Target]) -> Result<Vec<Step>, Problems> {
        let unswept = targets
            .iter()
            .map(|target| &target.located)
            .filter(|place| !self.swept.contains_key(&place.subject));
        let looked = self.session.look(unswept.collect()).await.map_err(|problem| vec![problem])?;
        let mut steps = Vec::with_capacity(targets.len());
        let mut problems = Vec::new();
        for target in targets {
            let subject = &target.located.subject;
            let there = self.swept.get(subject).map(|(_, there)| there).or_else(|| looked.get(subject));
            let known = self.known(&target.label);
            match step(&target.manifest, self.session.owner(), there, known.as_ref(), self.adoption()) {
                Ok(step) => steps.push(step),
                Err(foreign) => problems.push(foreign.into()),
            }
        }
        if problems.is_empty() { Ok(steps) } else { Err(problems) }
    }

    fn known(&self, label: &str) -> Option<Known> {
        let prior = self.prior.get(label)?;
        let drifted =
            prior.drifted_fields.known().into_iter().flatten().filter_map(|field| field.known().cloned());
        Some(Known {
            uid: prior.uid.known().cloned(),
            digest: prior.digest.known().cloned(),
            ready: prior.ready == true.into(),
            drifted: drifted.collect(),
            fields: self.fields.get(label)?.clone(),
        })
    }

    /// The values of a secret join it only now: on their way to the server.
    async fn put_values(&self, target: &mut Target, config: &Manifests) -> Result<(), Problem> {
        let Place::Secret(index) = target.manifest.place else { return Ok(()) };
        let block = |of: &Manifests| of.secret.known().and_then(|blocks| blocks.get(index)?.known().cloned());
        let no_values = || Problem::NoValues { label: target.label.clone() };
        let planned = block(&self.planned).ok_or_else(no_values)?;
        let values = match planned.data_vault.known().and_then(|reference| reference.place()) {
            Some((mount, path)) => {
                let version = planned.data_vault_version.known().copied();
                let vault = self.call.clients().vault();
                data_of(&vault.secret(mount, path, version, &self.session.budget).await?, mount, path)?
            }
            None => block(config).and_then(|block| block.data()).ok_or_else(no_values)?,
        };
        target.object["data"] = values;
        Ok(())
    }

    // === apply ===

    async fn apply_all(&mut self, occasion: Occasion, tasks: &[Task]) -> Result<(), Problems> {
        let mut rest = tasks;
        if let (Occasion::Create, [first, others @ ..]) = (occasion, tasks) {
            // Alone, and before all others: by its mark the next create knows that this one did not end.
            let answer = self.session.apply(&first.target, &first.step, &self.planned, Stage::Creating).await;
            self.record(&first.target, &answer.map_err(|problem| vec![problem])?);
            self.await_definitions(std::slice::from_ref(first)).await?;
            rest = others;
        }
        for rank in rest.chunk_by(|one, other| one.target.manifest.rank() == other.target.manifest.rank()) {
            self.apply_rank(rank).await?;
            self.await_definitions(rank).await?;
        }
        Ok(())
    }

    async fn apply_rank(&mut self, tasks: &[Task]) -> Result<(), Problems> {
        let open = tasks.iter().filter(|task| task.step != Step::Leave);
        let done = together(open.map(|task| self.apply_one(task)).collect()).await;
        let mut problems = Vec::new();
        for (task, outcome) in done {
            match outcome {
                Ok(answer) => self.record(&task.target, &answer),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    async fn apply_one<'t>(&self, task: &'t Task) -> (&'t Task, Result<Json, Problem>) {
        (task, self.session.apply(&task.target, &task.step, &self.planned, Stage::Settled).await)
    }

    /// Writes down what an object has become. The same object under the label of another version goes out.
    fn record(&mut self, target: &Target, answer: &Json) {
        let subject = target.manifest.identity.subject();
        let is_same =
            |label: &str| Identity::parse(label).is_some_and(|identity| identity.subject() == subject);
        self.reached.retain(|label, _| *label == target.label || !is_same(label));
        self.fields.retain(|label, _| *label == target.label || !is_same(label));
        self.fields.insert(target.label.clone(), FieldSet::owned(answer));
        let state = ObjectState {
            uid: answer["metadata"]["uid"].as_str().map(str::to_owned).into(),
            digest: target.manifest.digest().into(),
            ready: false.into(),
            drifted_fields: Vec::new().into(),
        };
        self.reached.insert(target.label.clone(), state);
    }

    /// A definition is of use once it is established.
    async fn await_definitions(&self, tasks: &[Task]) -> Result<(), Problems> {
        let is_new =
            |task: &&Task| task.target.manifest.rank() == Rank::Definitions && task.step != Step::Leave;
        let mut definitions: Vec<_> = tasks.iter().filter(is_new).map(|task| &task.target).collect();
        self.session.await_ready(&mut definitions).await
    }

    // === after ===

    /// Waits for what was applied, and for what was not ready before.
    async fn await_all(&mut self, tasks: &[Task]) -> Result<(), Problems> {
        let was_ready = |task: &Task| {
            task.step == Step::Leave
                && self.prior.get(&task.target.label).is_some_and(|prior| prior.ready == true.into())
        };
        let open: Vec<_> = tasks.iter().filter(|task| !was_ready(task)).map(|task| &task.target).collect();
        if self.planned.waits() {
            let mut waiting = open.clone();
            let outcome = self.session.await_ready(&mut waiting).await;
            // Also where others fail: a job that has ended may be gone at the next look, and must not run again.
            for target in &open {
                let is_ready = !waiting.iter().any(|waiting| waiting.label == target.label);
                self.set_ready(&target.label, is_ready);
            }
            return outcome;
        }
        let ready = self.session.ready_now(&open).await.map_err(|problem| vec![problem])?;
        for (target, ready) in open.iter().zip(ready) {
            self.set_ready(&target.label, ready);
        }
        Ok(())
    }

    fn set_ready(&mut self, label: &str, ready: bool) {
        if let Some(object) = self.reached.get_mut(label) {
            object.ready = ready.into();
        }
    }

    /// What was ours and is not wanted goes, also what a killed apply left unheard of.
    async fn prune(&mut self, occasion: Occasion, tasks: &[Task]) -> Result<(), Problems> {
        let wanted: BTreeSet<Subject> =
            tasks.iter().map(|task| task.target.located.subject.clone()).collect();
        let mut unwanted: BTreeMap<Subject, Unwanted> = BTreeMap::new();
        for (subject, (identity, there)) in &self.swept {
            // A finished resource of that name, which is being adopted, may have more than is written here.
            let is_left_over = occasion == Occasion::Update || self.is_takeover();
            if !wanted.contains(subject) && is_left_over && !there.terminating {
                unwanted.insert(subject.clone(), Unwanted::stray(identity));
            }
        }
        for (label, before) in &self.prior {
            let Some(identity) = Identity::parse(label) else { continue };
            let place = self.session.locate(&identity);
            let subject = place.map_or_else(|| identity.subject(), |located| located.subject);
            if !wanted.contains(&subject) {
                unwanted.insert(subject, Unwanted::known(label, identity, before));
            }
        }
        if unwanted.is_empty() {
            return Ok(());
        }
        if !self.planned.prunes() {
            self.reached.retain(|label, _| tasks.iter().any(|task| task.target.label == *label));
            return Ok(());
        }
        let observed =
            self.swept.iter().map(|(subject, (_, there))| (subject.clone(), there.clone())).collect();
        let removed = self.session.remove(unwanted.into_values().collect(), observed).await;
        let removed = removed.map_err(|problem| vec![problem])?;
        removed.tell(self.call);
        for label in removed.gone.iter().chain(&removed.kept).chain(&removed.others) {
            self.reached.remove(label);
            self.fields.remove(label);
        }
        if removed.problems.is_empty() { Ok(()) } else { Err(removed.problems) }
    }

    fn is_takeover(&self) -> bool {
        self.swept.values().any(|(_, there)| there.stage == Stage::Creating)
    }

    /// The create has ended: its mark comes off.
    async fn settle(&mut self, occasion: Occasion, tasks: &[Task]) -> Result<(), Problems> {
        let (Occasion::Create, Some(first)) = (occasion, tasks.first()) else { return Ok(()) };
        let again = Step::Apply { takes_back: Vec::new() };
        let answer = self.session.apply(&first.target, &again, &self.planned, Stage::Settled).await;
        let answer = answer.map_err(|problem| vec![problem])?;
        self.fields.insert(first.target.label.clone(), FieldSet::owned(&answer));
        Ok(())
    }

    async fn remember_cluster(&self) -> Result<(), Problem> {
        self.call.set_note(FIELDS_NOTE, &self.fields);
        if let Some(id) = self.session.cluster_id().await? {
            self.call.set_note(CLUSTER_NOTE, id);
        }
        Ok(())
    }

    /// The state of an apply that has ended well: what was planned, with its unknowns filled in.
    fn finished(self) -> Manifests {
        let planned = self.planned.objects();
        let mut objects = self.reached;
        objects.retain(|label, _| planned.contains_key(label) || self.planned.objects.is_unknown());
        for (label, object) in &mut objects {
            object.drifted_fields = Vec::new().into();
            if let Some(Value::Known(ready)) = planned.get(label).map(|planned| planned.ready.clone()) {
                object.ready = ready.into();
            }
        }
        Manifests { objects: shown(objects), ..self.planned }
    }
}

/// At apply Vault says which versions are the newest.
async fn versioned(call: &Call<Clients>, mut planned: Manifests) -> Result<Manifests, Diagnostics> {
    for secret in planned.secret.known_mut().into_iter().flatten().filter_map(Value::known_mut) {
        if secret.data_vault_latest_version.is_unknown()
            && let Some((mount, path)) = secret.data_vault.known().and_then(|reference| reference.place())
        {
            let newest = call.clients().vault().newest_version(mount, path, &budget(call)).await;
            let newest = newest.map_err(|error| diagnostics(&[error.into()]))?;
            secret.data_vault_latest_version = newest.into();
            if secret.data_vault_version.is_unknown() {
                secret.data_vault_version = newest.into();
            }
        }
    }
    Ok(planned)
}

/// Every field of a secret of Vault's.
fn data_of(secret: &SecretVersion, mount: &str, path: &str) -> Result<Json, Problem> {
    let fields = secret.names().map(|name| (name, secret.field(name)));
    data_of_fields(fields).map_err(|field| Problem::NoText { place: format!("{mount}/{path}"), field })
}
