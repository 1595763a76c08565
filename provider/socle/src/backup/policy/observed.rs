//! Looking at a policy on its host: what a refresh sees. It runs what is installed, in check mode, and changes nothing.

use std::time::Duration;

use host::State;
use modules::backup_agent::arguments::{InitialBackup, Progress};
use tfplugin::{Call, Diagnostic, Map, Value};

use super::super::parts::{APPLIED, DRIFTED};
use super::BackupPolicy;
use super::arguments::{Purpose, present, run};
use super::secrets::look;
use crate::clients::retry::Budget;
use crate::clients::ssh::{Mode, ModuleResult, ProgramStanding, Ssh, SshError};
use crate::clients::{Clients, budget};

/// A host that is down holds up a plan no longer than this.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the program may look around.
const LOOKING: Duration = Duration::from_secs(45);

/// The agent's program, and the name under which it stands among the parts.
pub(super) const AGENT: &str = "socle-backup";
const AGENT_PART: &str = "agent";
/// The item of the first backup: something that is done once is no part.
const FIRST_BACKUP: &str = "first backup of ";

/// The state as the host shows it; what cannot be seen stays as it was, with a warning.
pub(super) async fn read(call: &Call<Clients>, state: BackupPolicy) -> BackupPolicy {
    let Some(host) = state.host.known().and_then(crate::clients::ssh::HostBlock::host) else { return state };
    let (ssh, budget) = (call.clients().ssh(), budget(call));
    let mut problems = Vec::new();
    let (secrets, versions) = look(call.clients(), &state, &budget.within(LOOKING), &mut problems).await;
    for problem in problems {
        call.warn(Diagnostic::warning("Secret cannot be seen", problem.to_string()));
    }
    let state = state.with_versions(versions);
    if let Err(error) = ssh.greet(&host, &budget.within(PATIENCE)).await {
        call.warn(error.warning());
        return BackupPolicy { reachable: false.into(), ..state };
    }
    let seen = async |ssh: &Ssh, budget: &Budget| -> Result<Option<(ModuleResult, bool)>, SshError> {
        let (agent, standing) = ssh.look_at_program(&host, AGENT, budget).await?;
        let id = state.id.known().map_or("", String::as_str);
        let purpose = Purpose {
            agent: &agent,
            owner: &BackupPolicy::owner(id),
            progress: Progress::Complete,
            initial_backup: InitialBackup::None,
        };
        let Some(arguments) = present(&state, &secrets, purpose) else { return Ok(None) };
        let result = run(ssh, &host, &arguments, Mode::Check, budget).await?;
        Ok(Some((result, standing == ProgramStanding::Intact)))
    };
    let parts = match seen(ssh, &budget.within(LOOKING)).await {
        Ok(Some((result, is_intact))) => parts(&result, is_intact),
        Ok(None) => state.parts.clone(),
        // The next apply brings what is missing.
        Err(SshError::NotPrepared { .. }) => without_program(&state.parts),
        Err(error) => {
            call.warn(error.warning());
            state.parts.clone()
        }
    };
    BackupPolicy { reachable: true.into(), parts, ..state }
}

/// How each part stands. The agent is intact when its hash is.
pub(super) fn parts(result: &ModuleResult, is_intact: bool) -> Value<Map<String>> {
    let word = |is_fine: bool| Value::from(if is_fine { APPLIED } else { DRIFTED });
    let told = result.items.iter().filter(|item| !item.id.starts_with(FIRST_BACKUP));
    // What an apply changed is as wanted then, what a check would change is not.
    let mut parts: Map<String> =
        told.map(|item| (item.id.clone(), word(matches!(item.state, State::Ok | State::Changed)))).collect();
    if !is_intact {
        parts.insert(AGENT_PART.to_owned(), word(false));
    }
    parts.into()
}

fn without_program(parts: &Value<Map<String>>) -> Value<Map<String>> {
    let mut parts = parts.known().cloned().unwrap_or_default();
    parts.insert(AGENT_PART.to_owned(), DRIFTED.into());
    parts.into()
}

#[cfg(test)]
mod tests {
    use host::Outcome;

    use super::*;

    #[test]
    fn what_a_check_would_change_is_drifted_and_the_first_backup_is_no_part() {
        let item = |id: &str, state| Outcome { state, ..Outcome::new(id) };
        let result = ModuleResult::of(vec![
            item("agent", State::Ok),
            item("file /x", State::WouldChange),
            item("first backup of db", State::Changed),
        ]);
        let seen = |is_intact| {
            let parts = parts(&result, is_intact).into_known().unwrap();
            parts
                .into_iter()
                .map(|(part, word)| format!("{part} {}", word.into_known().unwrap()))
                .collect::<Vec<_>>()
        };
        assert_eq!(seen(true), ["agent applied", "file /x drifted"]);
        assert_eq!(seen(false), ["agent drifted", "file /x drifted"]);
    }
}
