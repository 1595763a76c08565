//! `socle_backup_policy`: what of a host is backed up, when, where to, and how it is proved.

mod apply;
mod arguments;
pub(super) mod blocks;
mod observed;
mod plan;
mod secrets;

use tfplugin::{
    Call, CreateError, Diagnostics, Map, Model, Plan, Reached, Resource, Timeouts, Value, Wanted,
};

use super::location::Location;
use crate::clients::Clients;
use crate::clients::ssh::HostBlock;
use crate::clients::vault::{CredentialsReference, SecretReference};
use blocks::{Check, Drill, Files, Limits, Postgresql, Retention, S3Keys, is_schedule, is_time_zone};

/// A backup policy on a host: databases or files are backed up by a schedule, what is too old is forgotten, and backups
/// are proved by restoring them.
///
/// Apply brings the backup agent to the host, once a version and checked by its hash, writes its configuration, and lets
/// systemd start it. A refresh looks at each part: a timer, a unit or a secret that somebody changed by hand, and an agent
/// of another version, read `drifted -> applied` in `parts`. Destroy ends the schedule and takes secrets and records off
/// the host; the repository stays. Repositories are in the restic format: see the guide on backups.
#[derive(Debug, Clone, PartialEq, Default, Model)]
#[tf(exactly_one_of(postgresql, files))]
#[tf(exactly_one_of(encryption_password_vault, encryption_password_wo))]
#[tf(required_together(encryption_password_wo, encryption_password_wo_version))]
#[tf(conflicts_with(recovery_password_vault, recovery_password_wo))]
#[tf(required_together(recovery_password_wo, recovery_password_wo_version))]
#[tf(conflicts_with(credentials_vault, credentials_wo))]
#[tf(required_together(credentials_wo, credentials_wo_version))]
pub struct BackupPolicy {
    /// The name of the policy, unique on its host: lower-case letters, digits and dashes. Another name is another policy.
    #[tf(
        required,
        requires_replace,
        validate(pattern("^[a-z0-9][a-z0-9-]{0,47}$", "at most 48 lower-case letters, digits and dashes"))
    )]
    name: Value<String>,
    /// Where backups go, such as `socle_backup_store.main.location`. Another place is another repository.
    #[tf(required, requires_replace)]
    location: Value<Location>,
    /// The folder in the bucket, which nothing else uses. Default: the policy's `name`.
    #[tf(
        optional,
        requires_replace,
        validate(pattern("^[^/]+(/[^/]+)*$", "a path without a slash at its ends, such as `social-db`"))
    )]
    prefix: Value<String>,
    /// When backups are made: five fields of cron, such as `15 2 * * *`. A time that clocks show twice is one run; one
    /// that they skip is made up for when they have moved. `provider::socle::next_runs` tells the next ones.
    #[tf(required, validate(describe("five fields of cron, such as `15 2 * * *`", |text: &String| is_schedule(text))))]
    schedule: Value<String>,
    /// The IANA time zone of all schedules and of the retention, such as `Europe/Paris`. Default: `UTC`.
    #[tf(optional, default = "UTC", validate(describe("an IANA time zone, such as `Europe/Paris`", |name: &String| is_time_zone(name))))]
    time_zone: Value<String>,
    /// The first backup: `none` leaves it to the schedule, `start` begins it, `wait` waits for its end, and where there
    /// is a `drill` for a first one that proves it. That one of them fails is a warning, and shows in the status. Default:
    /// `start`.
    #[tf(optional, default = "start", validate(one_of(["none", "start", "wait"])))]
    initial_backup: Value<String>,
    /// How many backups are kept, at least by one rule. The newest complete one is always kept.
    #[tf(block, required)]
    retention: Value<Retention>,
    /// The password that encrypts the repository, from Vault. When it changes, its key is added to the repository before
    /// that of the old one is removed.
    #[tf(block)]
    encryption_password_vault: Value<SecretReference>,
    /// The password that encrypts the repository. Write-only: it is in no plan and no state.
    #[tf(optional, write_only)]
    encryption_password_wo: Value<String>,
    /// A number to raise whenever `encryption_password_wo` changes.
    #[tf(optional)]
    encryption_password_wo_version: Value<u64>,
    /// A second password with a key of its own, from Vault: keep a copy offline, for the day on which the first is lost.
    #[tf(block)]
    recovery_password_vault: Value<SecretReference>,
    /// A second password with a key of its own. Write-only: it is in no plan and no state.
    #[tf(optional, write_only)]
    recovery_password_wo: Value<String>,
    /// A number to raise whenever `recovery_password_wo` changes.
    #[tf(optional)]
    recovery_password_wo_version: Value<u64>,
    /// The S3 access key, from Vault. Give it the rights of `socle_backup_iam_policy` and no more. Default: the role of the
    /// machine, by EC2's instance metadata.
    #[tf(block)]
    credentials_vault: Value<CredentialsReference>,
    /// The S3 access key. Write-only: it is in no plan and no state.
    #[tf(optional, write_only)]
    credentials_wo: Value<S3Keys>,
    /// A number to raise whenever `credentials_wo` changes.
    #[tf(optional)]
    credentials_wo_version: Value<u64>,
    /// Where the policy runs: beside the data. Another address is another host.
    #[tf(block, required)]
    host: Value<HostBlock>,
    /// Back up databases of a PostgreSQL server on the host, each by a dump of its own, with roles and tablespaces.
    #[tf(block)]
    postgresql: Value<Postgresql>,
    /// Back up files and folders.
    #[tf(block)]
    files: Value<Files>,
    /// How backups are proved: the newest one is restored into a throwaway place, asked, and erased. Default: they are not.
    #[tf(block)]
    drill: Value<Drill>,
    /// How the repository is verified between drills. Default: its own defaults.
    #[tf(block)]
    check: Value<Check>,
    /// Bounds of each command of the agent. Default: its own defaults.
    #[tf(block)]
    limits: Value<Limits>,
    /// A file for Prometheus' textfile collector, written after each command. Default: none.
    #[tf(optional, validate(pattern("^/.*[.]prom$", "an absolute path that ends in `.prom`")))]
    metrics_file: Value<String>,
    /// What a destroy does when the host cannot be reached: `fail`, or `forget` it. Must be applied before the destroy.
    /// Default: `fail`.
    #[tf(optional, default = "fail", validate(one_of(["fail", "forget"])))]
    on_unreachable: Value<String>,
    /// How long each operation may take.
    #[tf(timeouts(create = "60m", read = "1m", update = "20m", delete = "10m"))]
    timeouts: Value<Timeouts>,
    /// By what the host knows this resource as the policy's owner; made by chance.
    #[tf(computed, use_state_for_unknown)]
    id: Value<String>,
    /// Whether the last refresh or apply reached the host.
    #[tf(computed)]
    reachable: Value<bool>,
    /// How each part on the host stands: the agent, files, units, secrets, each `applied` or `drifted`.
    #[tf(computed)]
    parts: Value<Map<String>>,
    /// The version of `encryption_password_vault` that is on the host.
    #[tf(computed)]
    encryption_password_version: Value<u64>,
    /// The newest version of `encryption_password_vault`, as of the last refresh. Without a `version` in the block the next
    /// plan takes it: a rotation shows as a change.
    #[tf(computed)]
    encryption_password_latest_version: Value<u64>,
    /// The version of `recovery_password_vault` that is on the host.
    #[tf(computed)]
    recovery_password_version: Value<u64>,
    /// The newest version of `recovery_password_vault`, as of the last refresh.
    #[tf(computed)]
    recovery_password_latest_version: Value<u64>,
    /// The version of `credentials_vault` that is on the host.
    #[tf(computed)]
    credentials_version: Value<u64>,
    /// The newest version of `credentials_vault`, as of the last refresh.
    #[tf(computed)]
    credentials_latest_version: Value<u64>,
}

impl Resource for BackupPolicy {
    type Clients = Clients;
    type Model = Self;
    type Identity = tfplugin::Nothing;

    const NAME: &'static str = "backup_policy";
    const SUBCATEGORY: &'static str = "Backups";

    fn plan(plan: &mut Plan<Self>) -> Result<(), Diagnostics> {
        plan::plan(plan)
    }

    async fn read(call: &Call<Clients>, state: Self) -> Result<Option<Self>, Diagnostics> {
        Ok(Some(Box::pin(observed::read(call, state)).await))
    }

    async fn create(call: &Call<Clients>, wanted: Wanted<Self>) -> Result<Self, CreateError<Self>> {
        Box::pin(apply::create(call, wanted)).await
    }

    async fn update(call: &Call<Clients>, prior: Self, wanted: Wanted<Self>) -> Result<Self, Reached<Self>> {
        Box::pin(apply::update(call, prior, wanted)).await
    }

    async fn delete(call: &Call<Clients>, state: Self) -> Result<(), Reached<Self>> {
        Box::pin(apply::delete(call, state)).await
    }
}

impl BackupPolicy {
    /// By what the host knows the resource with this id.
    fn owner(id: &str) -> String {
        format!("socle_backup_policy {id}")
    }
}
