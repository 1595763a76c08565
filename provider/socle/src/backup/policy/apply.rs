//! Putting a policy on its host, changing it, and taking it away.

use modules::backup_agent::arguments::{InitialBackup, Progress};
use modules::backup_agent::units::Command as Unit;
use tfplugin::{Call, CreateError, Diagnostic, Diagnostics, Model as _, Reached, Wanted};

use super::BackupPolicy;
use super::arguments::{Purpose, absent, present, run};
use super::observed::{AGENT, parts};
use super::secrets::{Secrets, Versions, gather};
use crate::clients::retry::Budget;
use crate::clients::ssh::{Command, Host, HostBlock, Mode, ModuleResult, Ssh, SshError, quoted};
use crate::clients::{Clients, budget};
use crate::host::{forget, leave};

/// One apply of one policy.
struct Work<'c> {
    call: &'c Call<Clients>,
    ssh: &'c Ssh,
    budget: Budget,
    host: Host,
    wanted: BackupPolicy,
    id: String,
}

pub(super) async fn create(
    call: &Call<Clients>,
    wanted: Wanted<BackupPolicy>,
) -> Result<BackupPolicy, CreateError<BackupPolicy>> {
    let id = format!("{:032x}", fastrand::u128(..));
    // The owner's record on the host says "creating" until all is done: the next create takes over.
    let work = Work::new(call, wanted.planned.clone(), id).map_err(CreateError::nothing)?;
    let (secrets, versions) =
        gather(call.clients(), &wanted, None, &work.budget).await.map_err(CreateError::nothing)?;
    work.install(&secrets, versions, Progress::Creating).await.map_err(CreateError::nothing)
}

pub(super) async fn update(
    call: &Call<Clients>,
    prior: BackupPolicy,
    wanted: Wanted<BackupPolicy>,
) -> Result<BackupPolicy, Reached<BackupPolicy>> {
    let id = prior.id.known().cloned().unwrap_or_default();
    let work = Work::new(call, wanted.planned.clone(), id);
    let work = work.map_err(|error| Reached::new(prior.clone(), error))?;
    let gathered = gather(call.clients(), &wanted, Some(&prior), &work.budget).await;
    let (secrets, versions) = gathered.map_err(|error| Reached::new(prior.clone(), error))?;
    let installed = work.install(&secrets, versions, Progress::Complete).await;
    // What was reached in between the next refresh sees, part by part.
    installed.map_err(|errors| Reached::new(prior, errors))
}

pub(super) async fn delete(call: &Call<Clients>, state: BackupPolicy) -> Result<(), Reached<BackupPolicy>> {
    let id = state.id.known().cloned().unwrap_or_default();
    let Ok(work) = Work::new(call, state.clone(), id) else { return Ok(()) };
    match work.remove().await {
        Ok(()) => Ok(()),
        Err(error) => forget(call, &state.on_unreachable, &error).map_err(|error| Reached::new(state, error)),
    }
}

impl<'c> Work<'c> {
    fn new(call: &'c Call<Clients>, wanted: BackupPolicy, id: String) -> Result<Self, Diagnostic> {
        let unknown =
            || Diagnostic::error("Host is not known", "Its address is not known. This is a mistake of ours.");
        let host = wanted.host.known().and_then(HostBlock::host).ok_or_else(unknown)?;
        Ok(Self { call, ssh: call.clients().ssh(), budget: budget(call), host, wanted, id })
    }

    /// Puts the policy on the host. While it is being created it is so twice: the second time proves that nothing is left
    /// to do, and says that it is complete.
    async fn install(
        &self,
        secrets: &Secrets,
        versions: Versions,
        progress: Progress,
    ) -> Result<BackupPolicy, Diagnostics> {
        self.ssh.greet(&self.host, &self.budget).await.map_err(|error| at_host(&error))?;
        let agent = self.ssh.bring_program(&self.host, AGENT, &self.budget).await;
        let agent = agent.map_err(|error| at_host(&error))?;
        let mut result = None;
        if progress == Progress::Creating {
            self.bring(secrets, &agent, progress, InitialBackup::None).await?;
            result = self.begin_first_backup(secrets, &agent).await?;
        }
        let result = match result {
            Some(result) => result,
            None => self.bring(secrets, &agent, Progress::Complete, InitialBackup::None).await?,
        };
        Ok(BackupPolicy {
            id: self.id.clone().into(),
            reachable: true.into(),
            parts: parts(&result, true),
            ..self.wanted.clone().with_versions(versions)
        })
    }

    /// Begins the first backup as the user wants it. The policy is complete before it is waited for no longer.
    async fn begin_first_backup(
        &self,
        secrets: &Secrets,
        agent: &str,
    ) -> Result<Option<ModuleResult>, Diagnostics> {
        match self.wanted.initial_backup.known().map(String::as_str) {
            Some("wait") => self.wait_for_first_backup().await,
            Some("start") => {
                return self.bring(secrets, agent, Progress::Complete, InitialBackup::Start).await.map(Some);
            }
            _ => {}
        }
        Ok(None)
    }

    /// Makes it, and proves it where drills are wanted. A failure is none of the policy: it shows in the status, and the
    /// schedule goes on.
    async fn wait_for_first_backup(&self) {
        let drill = self.wanted.drill.known().map(|_| (Unit::Drill, "drill"));
        for (unit, what) in [(Unit::Run, "backup")].into_iter().chain(drill) {
            if let Err(error) = self.start(unit, what).await {
                let name = self.wanted.name.known().map_or("", String::as_str);
                let detail = format!(
                    "{error} The policy is in place and goes on by its schedule; `socle_backup_status` and `journalctl -u {}` \
                     tell more.",
                    unit.unit(name)
                );
                return self.call.warn(Diagnostic::warning(format!("First {what} failed"), detail));
            }
        }
    }

    /// Starts a unit of the policy, and waits for its end.
    async fn start(&self, unit: Unit, what: &str) -> Result<(), SshError> {
        let name = self.wanted.name.known().map_or("", String::as_str);
        let line = format!("systemctl start -- {}", quoted(&format!("{}.service", unit.unit(name))));
        let command = Command { step: &format!("make the first {what}"), line: &line, stdin: b"" };
        self.ssh.run_as_root(&self.host, command, &self.budget).await.map(drop)
    }

    async fn bring(
        &self,
        secrets: &Secrets,
        agent: &str,
        progress: Progress,
        initial_backup: InitialBackup,
    ) -> Result<ModuleResult, Diagnostics> {
        let owner = BackupPolicy::owner(&self.id);
        let purpose = Purpose { agent, owner: &owner, progress, initial_backup };
        let unknown = || {
            Diagnostic::error("Policy is not known", "Something of it is unknown. This is a mistake of ours.")
        };
        let arguments = present(&self.wanted, secrets, purpose).ok_or_else(unknown)?;
        let result = run(self.ssh, &self.host, &arguments, Mode::Apply, &self.budget).await;
        let result = result.map_err(|error| at_host(&error))?;
        result.warnings.iter().for_each(|warning| {
            self.call.warn(Diagnostic::warning("Policy is in place, with a warning", warning.clone()));
        });
        Ok(result)
    }

    async fn remove(&self) -> Result<(), SshError> {
        let Some(arguments) = absent(&self.wanted, &BackupPolicy::owner(&self.id)) else { return Ok(()) };
        run(self.ssh, &self.host, &arguments, Mode::Apply, &self.budget).await?;
        leave(self.ssh, &self.host, &self.budget).await
    }
}

/// An error of the host, on the argument that a failed contact points at.
fn at_host(error: &SshError) -> Diagnostic {
    let paths = BackupPolicy::paths();
    match error {
        SshError::KeyDiffers { .. } | SshError::UnknownHost { .. } | SshError::KeyRevoked { .. } => {
            error.error().at(paths.host().host_key())
        }
        error if error.is_out_of_reach() => error.error().at(paths.host()),
        error => error.error(),
    }
}
