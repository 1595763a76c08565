//! Making a host as it should be, and forgetting it.

use serde_json::{Map as Object, Value as Json};
use tfplugin::{Call, CreateError, Diagnostic, Diagnostics, Model as _, Reached};

use super::bootstrap::enter;
use super::facts::Facts;
use super::observed::report_in;
use super::owner::{self, Progress, Subject};
use super::resource::ManagedHost;
use super::unreached::forget;
use super::{arguments, controls, readers};
use crate::clients::retry::Budget;
use crate::clients::ssh::{Host, Missing, Mode, ModuleResult, ProgramCall, SSH_PORT, Ssh, SshError};
use crate::clients::{Clients, budget};

/// One apply of one host.
struct Work<'c> {
    ssh: &'c Ssh,
    budget: Budget,
    wanted: ManagedHost,
    /// What is known to be done; what a failure returns.
    reached: ManagedHost,
}

pub(super) async fn create(
    call: &Call<Clients>,
    planned: ManagedHost,
) -> Result<ManagedHost, CreateError<ManagedHost>> {
    let id = format!("{:032x}", fastrand::u128(..));
    let reached = ManagedHost { id: id.into(), ..ManagedHost::default() };
    let mut work = Work::new(call, reached, planned);
    match work.converge(Progress::Creating).await {
        Ok(()) => Ok(work.reached),
        // The owner's record on the host says "creating": the next create takes over.
        Err(errors) => Err(CreateError::nothing(errors)),
    }
}

pub(super) async fn update(
    call: &Call<Clients>,
    prior: ManagedHost,
    planned: ManagedHost,
) -> Result<ManagedHost, Reached<ManagedHost>> {
    if !speaks_to_the_host(&prior, &planned) {
        let (id, reachable) = (prior.id, prior.reachable);
        return Ok(ManagedHost { id: planned.id.clone().or(id), reachable, ..planned });
    }
    let mut reached = prior;
    if reached.id.known().is_none() {
        reached.id = format!("{:032x}", fastrand::u128(..)).into();
    }
    let mut work = Work::new(call, reached, planned);
    match work.converge(Progress::Complete).await {
        Ok(()) => Ok(work.reached),
        Err(errors) => Err(Reached::new(work.reached, errors)),
    }
}

/// Whether a change is one of the host itself, or of how it is spoken to; others stand in the state alone.
fn speaks_to_the_host(prior: &ManagedHost, planned: &ManagedHost) -> bool {
    prior.port != planned.port
        || prior.user != planned.user
        || prior.host_key != planned.host_key
        || prior.hardening != planned.hardening
        || prior.firewall != planned.firewall
        || prior.controls != planned.controls
        || planned.facts.is_unknown()
        || planned.accepted_host_key.is_unknown()
        || prior.id.known().is_none()
}

pub(super) async fn delete(call: &Call<Clients>, state: ManagedHost) -> Result<(), Reached<ManagedHost>> {
    let (Some(host), Some(id)) = (state.host(), state.id.known()) else { return Ok(()) };
    let (ssh, budget) = (call.clients().ssh(), budget(call));
    let given_up = async {
        owner::release(ssh, &host, &Subject::ALL, id, &budget).await?;
        owner::leave(ssh, &host, &budget).await
    };
    match given_up.await {
        Ok(()) => Ok(()),
        Err(error) => forget(call, &state.on_unreachable, &error).map_err(|error| Reached::new(state, error)),
    }
}

impl<'c> Work<'c> {
    fn new(call: &'c Call<Clients>, reached: ManagedHost, wanted: ManagedHost) -> Self {
        Self { ssh: call.clients().ssh(), budget: budget(call), wanted, reached }
    }

    /// Brings the host to what is wanted, step by step; `reached` follows.
    async fn converge(&mut self, progress: Progress) -> Result<(), Diagnostics> {
        let host = self.enter().await?;
        let subjects = self.subjects();
        self.claim(&host, &subjects, progress).await?;
        readers::allow(self.ssh, &host, &self.budget).await.map_err(|error| error.error())?;
        self.harden(&host).await?;
        self.wall(&host).await?;
        self.settle_controls()?;
        self.gather_facts(&host).await?;
        if progress == Progress::Creating {
            self.claim(&host, &subjects, Progress::Complete).await?;
        }
        self.release(&host, &subjects).await?;
        self.reached = ManagedHost {
            id: self.reached.id.clone(),
            reachable: true.into(),
            accepted_host_key: self.reached.accepted_host_key.clone(),
            facts: self.reached.facts.clone(),
            controls: self.reached.controls.clone(),
            ..self.wanted.clone()
        };
        Ok(())
    }

    /// Logs in, for the first time if need be. From here on the host is recognised by the key that it showed.
    async fn enter(&mut self) -> Result<Host, Diagnostics> {
        let unknown =
            || Diagnostic::error("Host is not known", "Its address is not known. This is a mistake of ours.");
        let host = self.wanted.host().ok_or_else(unknown)?;
        let key = enter(self.ssh, &host, self.wanted.bootstrap.known(), &self.budget).await;
        let key = key.map_err(|error| error.error().at(at_fault(&error)))?;
        let written = self.wanted.host_key.known().cloned();
        let host = host.with_host_key(key.as_str());
        self.reached = ManagedHost {
            address: self.wanted.address.clone(),
            port: self.wanted.port.clone(),
            user: self.wanted.user.clone(),
            host_key: self.wanted.host_key.clone(),
            reachable: true.into(),
            accepted_host_key: written.unwrap_or(key).into(),
            ..self.reached.clone()
        };
        Ok(host)
    }

    fn subjects(&self) -> Vec<Subject> {
        let hardening = self.wanted.hardening.known().map(|_| Subject::Hardening);
        let firewall = self.wanted.firewall.known().map(|_| Subject::Firewall);
        [hardening, firewall].into_iter().flatten().collect()
    }

    fn id(&self) -> &str {
        self.reached.id.known().map_or("", String::as_str)
    }

    async fn claim(&self, host: &Host, subjects: &[Subject], progress: Progress) -> Result<(), Diagnostics> {
        if subjects.is_empty() {
            return Ok(());
        }
        let claimed = owner::claim(self.ssh, host, subjects, self.id(), progress, &self.budget).await;
        claimed.map_err(|error| match error {
            owner::ClaimError::Ssh(error) => error.error().into(),
            taken @ owner::ClaimError::Taken { .. } => {
                Diagnostic::error("Another owner", taken.to_string()).into()
            }
        })
    }

    /// Gives back what is wanted no more; the settings stay.
    async fn release(&self, host: &Host, kept: &[Subject]) -> Result<(), Diagnostics> {
        let had = [
            (self.reached.hardening.known().is_some(), Subject::Hardening),
            (self.reached.firewall.known().is_some(), Subject::Firewall),
        ];
        let given: Vec<_> = had
            .into_iter()
            .filter(|(had, subject)| *had && !kept.contains(subject))
            .map(|(_, one)| one)
            .collect();
        if given.is_empty() {
            return Ok(());
        }
        let released = owner::release(self.ssh, host, &given, self.id(), &self.budget).await;
        released.map_err(|error| error.error().into())
    }

    /// What a failed run did all the same is told, too: it stands on the host.
    async fn harden(&mut self, host: &Host) -> Result<(), Diagnostics> {
        let Some(block) = self.wanted.hardening.known() else { return Ok(()) };
        let answer = self.run(host, "hardening", &arguments::hardening(block, self.id())).await;
        if let Some(report) = report_in(&answer) {
            let mut found = self.reached.controls.known().cloned().unwrap_or_default();
            found.retain(|id, _| id == controls::FIREWALL);
            found.extend(controls::of_hardening(&report));
            self.reached.controls = found.into();
        }
        answer.map_err(|error| error.error().at(ManagedHost::paths().hardening()))?;
        self.reached.hardening = self.wanted.hardening.clone();
        Ok(())
    }

    /// New rules stand only when a new session gets in through them.
    async fn wall(&mut self, host: &Host) -> Result<(), Diagnostics> {
        let Some(block) = self.wanted.firewall.known() else { return Ok(()) };
        let port = self.wanted.port.known().copied().unwrap_or(SSH_PORT);
        let at = |error: SshError| error.error().at(ManagedHost::paths().firewall());
        let told = arguments::firewall(block, port, self.id());
        let result = self.run(host, "firewall", &told).await.map_err(at)?;
        if result.changed || controls::awaits_confirmation(&result) {
            self.ssh.hang_up(host).await;
            self.run(host, "firewall", &arguments::confirmation(self.id())).await.map_err(at)?;
        }
        self.reached.firewall = self.wanted.firewall.clone();
        Ok(())
    }

    /// The standings of what is wanted now, which must be those that were planned.
    fn settle_controls(&mut self) -> Result<(), Diagnostics> {
        let mut found = self.reached.controls.known().cloned().unwrap_or_default();
        let is_kept = |id: &String| id != controls::FIREWALL && self.wanted.hardening.known().is_some();
        found.retain(|id, _| is_kept(id));
        if self.wanted.firewall.known().is_some() {
            found.insert(controls::FIREWALL.to_owned(), controls::of_loaded_firewall());
        }
        self.reached.controls = found.clone().into();
        let agreed = controls::agreed(&self.wanted.controls, found).map_err(|other| {
            let detail = format!(
                "Between the plan and the apply the host became another: {}. Plan again, and look at what it shows.",
                other.join("; ")
            );
            Diagnostic::error("Controls stand otherwise than planned", detail)
        })?;
        self.reached.controls = agreed.into();
        Ok(())
    }

    /// Facts that stand in the state already are a refresh's to renew.
    async fn gather_facts(&mut self, host: &Host) -> Result<(), Diagnostics> {
        if !self.wanted.facts.is_unknown() {
            self.reached.facts = self.wanted.facts.clone();
            return Ok(());
        }
        let answer =
            self.run(host, "host_facts", &arguments::facts()).await.map_err(|error| error.error())?;
        let facts = modules::host_facts::facts(&answer).map_err(|error| {
            Diagnostic::error(
                "Facts make no sense",
                format!("On {host}, host_facts answered otherwise: {error}."),
            )
        })?;
        self.reached.facts = Facts::of(facts);
        Ok(())
    }

    async fn run(
        &self,
        host: &Host,
        name: &str,
        arguments: &Object<String, Json>,
    ) -> Result<ModuleResult, SshError> {
        let call = ProgramCall { name, arguments, mode: Mode::Apply, missing: Missing::Upload };
        self.ssh.run_program(host, call, &self.budget).await
    }
}

/// The argument that a failed contact points at.
fn at_fault(error: &SshError) -> tfplugin::Path {
    match error {
        SshError::KeyDiffers { .. } | SshError::UnknownHost { .. } | SshError::KeyRevoked { .. } => {
            ManagedHost::paths().host_key()
        }
        SshError::AuthenticationRefused { .. } | SshError::NoSudo { .. } => ManagedHost::paths().user(),
        _ => ManagedHost::paths().address(),
    }
}
