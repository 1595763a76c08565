//! Making, changing and destroying a store.

use std::collections::BTreeMap;

use tfplugin::{Call, CreateError, Diagnostic, Diagnostics, Model as _, Reached, Value};

use super::super::s3::{Bucket, S3, S3Error};
use super::super::safeguard::{Facts, Safeguard, Seen, Standing, Wanted, hasty_rules, wanted_policy};
use super::BackupStore;
use super::observed::{Observed, known_tags, observe, own_tags, standings};
use crate::clients::Clients;
use crate::clients::retry::Budget;

/// The tag of a bucket from its first breath until it is complete: a create that was killed is found by it.
pub(super) const MARK: &str = "socle:creating";

/// One apply of one store.
struct Work<'c> {
    call: &'c Call<Clients>,
    s3: &'c S3,
    budget: Budget,
    wanted: BackupStore,
    /// The state that has been reached; what a failure returns.
    reached: BackupStore,
}

pub(super) async fn create(
    call: &Call<Clients>,
    planned: BackupStore,
) -> Result<BackupStore, CreateError<BackupStore>> {
    let mut work = Work::new(call, BackupStore::default(), planned);
    work.refuse_lock_out().await.map_err(CreateError::nothing)?;
    let observed = Box::pin(work.begin()).await.map_err(CreateError::nothing)?;
    match Box::pin(work.converge(&observed)).await {
        Ok(()) => Ok(work.reached),
        Err(errors) => Err(work.unfinished(errors)),
    }
}

pub(super) async fn update(
    call: &Call<Clients>,
    prior: BackupStore,
    planned: BackupStore,
) -> Result<BackupStore, Reached<BackupStore>> {
    let mut work = Work::new(call, prior, planned);
    let looked = match work.refuse_lock_out().await {
        Ok(()) => Box::pin(work.look()).await,
        Err(error) => Err(error.into()),
    };
    let done = match looked {
        Ok(observed) => Box::pin(work.converge(&observed)).await,
        Err(errors) => Err(errors),
    };
    match done {
        Ok(()) => Ok(work.reached),
        Err(errors) => Err(Reached::new(work.reached, errors)),
    }
}

pub(super) async fn delete(call: &Call<Clients>, state: BackupStore) -> Result<(), Reached<BackupStore>> {
    let work = Work::new(call, state.clone(), state);
    Box::pin(work.destroy()).await.map_err(|errors| Reached::new(work.reached, errors))
}

impl<'c> Work<'c> {
    fn new(call: &'c Call<Clients>, reached: BackupStore, wanted: BackupStore) -> Self {
        let budget = crate::clients::budget(call);
        Self { call, s3: call.clients().s3(), budget, wanted, reached }
    }

    fn name(&self) -> String {
        self.wanted.bucket.known().cloned().unwrap_or_default()
    }

    /// The region by which the bucket is spoken to.
    fn region(&self) -> Option<String> {
        self.reached.spoken_to().or_else(|| self.wanted.spoken_to())
    }

    /// A bucket that refuses what comes without TLS, at an endpoint without TLS, would refuse us and the agent, too.
    async fn refuse_lock_out(&self) -> Result<(), Diagnostic> {
        let endpoint = self.s3.endpoint().await.filter(|url| url.starts_with("http:"));
        let Some(url) = endpoint.filter(|_| self.wanted.tls_only != Value::Known(false)) else {
            return Ok(());
        };
        let detail = format!(
            "{url} is spoken to without TLS, and the bucket would refuse that from then on, from everybody. Give an \
             endpoint that begins with https, or, where the network itself is safe, set `tls_only = false`."
        );
        Err(Diagnostic::error("Endpoint has no TLS", detail).at(BackupStore::paths().tls_only()))
    }

    // === create ===

    /// Makes the bucket with its mark, or finds the one that a killed create left. One without the mark is somebody's, also
    /// when it is empty: in us-east-1 S3 answers a second create as it did the first.
    async fn begin(&self) -> Result<Observed, Diagnostics> {
        let (name, region) = (self.name(), self.region());
        let bucket = Bucket { name: &name, region: region.as_deref() };
        let failed = |error: S3Error| Diagnostic::error("Store cannot be created", error.to_string());
        match Box::pin(observe(self.s3, bucket, &self.budget)).await.map_err(failed)? {
            Some(found) if is_marked(&found) => return Ok(found),
            Some(_) => return Err(exists(&name).into()),
            None => {}
        }
        let mark = BTreeMap::from([(MARK.to_owned(), "true".to_owned())]);
        let made = self.s3.create(bucket, &mark, &self.budget).await;
        let is_made = made.is_ok();
        if let Err(error) = made
            && !(error.is_ambiguous() || error.code() == Some("BucketAlreadyOwnedByYou"))
        {
            return Err(failed(error).at(BackupStore::paths().bucket()).into());
        }
        if is_made && self.s3.endpoint().await.is_some() {
            self.mark(bucket, &mark).await?;
        }
        let found = Box::pin(observe(self.s3, bucket, &self.budget)).await;
        let found = found.map_err(|error| self.begun(&error))?;
        let found = found.ok_or_else(|| self.begun(&"It was made, and is not there: apply again"))?;
        let is_ours = is_marked(&found) || is_made && found.facts.tags == Seen::Unsupported;
        if is_ours { Ok(found) } else { Err(exists(&name).into()) }
    }

    /// Marks a bucket that was just made: another S3 than AWS's may take no tags with it, or none at all.
    async fn mark(&self, bucket: Bucket<'_>, mark: &BTreeMap<String, String>) -> Result<(), Diagnostic> {
        match self.s3.set_tags(bucket, mark, &self.budget).await {
            Err(error) if !error.is_unknown_to_the_endpoint() => Err(self.begun(&error)),
            _ => Ok(()),
        }
    }

    fn begun(&self, problem: &impl std::fmt::Display) -> Diagnostic {
        Diagnostic::error(format!("Store {} is begun", self.name()), format!("{problem}."))
    }

    /// A bucket that is begun stays, for the next create to finish; it is found again by its mark.
    fn unfinished(&self, mut errors: Diagnostics) -> CreateError<BackupStore> {
        let name = self.name();
        let detail = format!(
            "The bucket {name} is made, and its tag `{MARK}` says that it is not finished. Apply again to finish it; to \
             discard it instead, delete it in S3."
        );
        errors.push(Diagnostic::warning("Store is not finished", detail));
        CreateError::Nothing(errors)
    }

    // === the loop ===

    async fn look(&self) -> Result<Observed, Diagnostics> {
        let (name, region) = (self.name(), self.region());
        let bucket = Bucket { name: &name, region: region.as_deref() };
        let failed = |error: S3Error| Diagnostic::error("Store cannot be changed", error.to_string());
        let gone =
            || Diagnostic::error("Store is gone", format!("The bucket {name} was just there. Plan again."));
        Ok(Box::pin(observe(self.s3, bucket, &self.budget)).await.map_err(failed)?.ok_or_else(gone)?)
    }

    /// Changes what is not as wanted; tags come last, and with them the mark of a create goes.
    async fn converge(&mut self, observed: &Observed) -> Result<(), Diagnostics> {
        let endpoint = self.s3.endpoint().await;
        let target = self.wanted.clone().placed(&observed.region, endpoint.clone());
        let wanted = target.wanted();
        self.reached = BackupStore {
            bucket: target.bucket.clone(),
            region: target.region.clone(),
            timeouts: target.timeouts.clone(),
            safeguards: standings(&observed.facts, &wanted),
            ..std::mem::take(&mut self.reached)
        }
        .placed(&observed.region, endpoint);
        let name = self.name();
        let bucket = Bucket { name: &name, region: Some(&observed.region) };
        for safeguard in Safeguard::ALL {
            self.secure(safeguard, bucket, &observed.facts, &wanted).await?;
        }
        self.warn_of_haste(&observed.facts, &wanted);
        self.set_tags(bucket, &observed.facts).await?;
        let safeguards = self.reached.safeguards.clone();
        self.reached = BackupStore { safeguards, ..target };
        Ok(())
    }

    async fn secure(
        &mut self,
        safeguard: Safeguard,
        bucket: Bucket<'_>,
        facts: &Facts,
        wanted: &Wanted,
    ) -> Result<(), Diagnostics> {
        let standing = match safeguard.standing(facts, wanted) {
            Standing::Drifted => match self.set(safeguard, bucket, facts, wanted).await {
                Ok(()) => Standing::Applied,
                Err(error) if error.is_unknown_to_the_endpoint() => Standing::Unsupported,
                Err(error) => return Err(self.incomplete(safeguard, &error.to_string()).into()),
            },
            standing => standing,
        };
        if standing == Standing::Unsupported {
            self.tell_unsupported(safeguard)?;
        }
        if let Some(safeguards) = self.reached.safeguards.known_mut() {
            safeguards.insert(safeguard.name().to_owned(), standing.word().into());
        }
        match safeguard {
            Safeguard::Encryption => self.reached.kms_key_arn = self.wanted.kms_key_arn.clone(),
            Safeguard::Lifecycle => self.reached.keep_deleted_for = self.wanted.keep_deleted_for.clone(),
            _ => {}
        }
        Ok(())
    }

    async fn set(
        &self,
        safeguard: Safeguard,
        bucket: Bucket<'_>,
        facts: &Facts,
        wanted: &Wanted,
    ) -> Result<(), S3Error> {
        let (s3, budget) = (self.s3, &self.budget);
        match safeguard {
            Safeguard::PublicAccess => s3.block_public_access(bucket, budget).await,
            Safeguard::TlsOnly => {
                let policy = wanted_policy(facts.policy.set().map(String::as_str), wanted);
                s3.set_policy(bucket, policy.as_deref(), budget).await
            }
            Safeguard::Encryption => s3.set_encryption(bucket, &wanted.encryption, budget).await,
            Safeguard::Versioning => s3.enable_versioning(bucket, budget).await,
            Safeguard::Lifecycle => {
                let found = facts.lifecycle.set().map_or(&[][..], Vec::as_slice);
                s3.set_lifecycle(bucket, found, wanted, budget).await
            }
        }
    }

    /// Without versions the store does not keep its promise; the others it can do without, and says so.
    fn tell_unsupported(&self, safeguard: Safeguard) -> Result<(), Diagnostic> {
        let detail = format!("The endpoint does not know {safeguard}: {}.", safeguard.without());
        if safeguard == Safeguard::Versioning {
            let cure = "Choose a store that keeps versions: `keep_deleted_for` depends on them.";
            let at = BackupStore::paths().keep_deleted_for();
            return Err(Diagnostic::error("Endpoint keeps no versions", format!("{detail} {cure}")).at(at));
        }
        if safeguard == Safeguard::Encryption && self.wanted.kms_key_arn.known().is_some() {
            let cure = "Leave out `kms_key_arn`.";
            let at = BackupStore::paths().kms_key_arn();
            return Err(Diagnostic::error("Endpoint does not encrypt", format!("{detail} {cure}")).at(at));
        }
        self.call.warn(Diagnostic::warning("Endpoint lacks a safeguard", detail));
        Ok(())
    }

    fn warn_of_haste(&self, facts: &Facts, wanted: &Wanted) {
        let hasty = hasty_rules(facts, wanted);
        if !hasty.is_empty() {
            let detail = format!(
                "These lifecycle rules, which are not Socle's, remove old versions sooner than `keep_deleted_for`: {}. \
                 Remove or change them.",
                hasty.join(", ")
            );
            self.call.warn(Diagnostic::warning("Old versions go too soon", detail));
        }
    }

    async fn set_tags(&mut self, bucket: Bucket<'_>, facts: &Facts) -> Result<(), Diagnostics> {
        let wanted = known_tags(&self.wanted.tags);
        if facts.tags == Seen::Unsupported && !wanted.is_empty() {
            let detail = "The endpoint knows no tags of buckets. Leave out `tags`.";
            return Err(Diagnostic::error("Endpoint knows no tags", detail)
                .at(BackupStore::paths().tags())
                .into());
        }
        let is_marked = facts.tags.set().is_some_and(|tags| tags.contains_key(MARK));
        if own_tags(&facts.tags) != wanted || is_marked {
            let of_aws = facts.tags.set().into_iter().flatten().filter(|(key, _)| key.starts_with("aws:"));
            let all = of_aws.chain(&wanted).map(|(key, value)| (key.clone(), value.clone())).collect();
            let set = self.s3.set_tags(bucket, &all, &self.budget).await;
            set.map_err(|error| {
                let detail = format!("Its tags were not set: {error}");
                Diagnostic::error(format!("Store {} is not complete", bucket.name), detail)
                    .at(BackupStore::paths().tags())
            })?;
        }
        self.reached.tags = self.wanted.tags.clone();
        Ok(())
    }

    fn incomplete(&self, safeguard: Safeguard, problem: &str) -> Diagnostic {
        let detail = format!("Its safeguard {safeguard} was not set: {problem}");
        Diagnostic::error(format!("Store {} is not complete", self.name()), detail)
    }

    // === destroy ===

    /// Everything is looked at before the first deletion.
    async fn destroy(&self) -> Result<(), Diagnostics> {
        let (name, region) = (self.name(), self.region());
        let bucket = Bucket { name: &name, region: region.as_deref() };
        let failed = |error: S3Error| Diagnostic::error("Store cannot be destroyed", error.to_string());
        if self.s3.find(bucket, &self.budget).await.map_err(failed)?.is_none() {
            return Ok(());
        }
        let mut versions = self.s3.some_versions(bucket, &self.budget).await.map_err(failed)?;
        if !versions.is_empty() && self.wanted.force_destroy != Value::Known(true) {
            return Err(holds_objects(&name, versions.first().map_or("", |(key, _)| key)).into());
        }
        while !versions.is_empty() {
            self.s3.delete_versions(bucket, &versions, &self.budget).await.map_err(failed)?;
            versions = self.s3.some_versions(bucket, &self.budget).await.map_err(failed)?;
        }
        while self.s3.abort_uploads(bucket, &self.budget).await.map_err(failed)? {}
        self.s3.delete(bucket, &self.budget).await.map_err(|error| failed(error).into())
    }
}

/// Whether a bucket is what a create that was killed left.
fn is_marked(found: &Observed) -> bool {
    found.facts.tags.set().is_some_and(|tags| tags.contains_key(MARK))
}

fn exists(name: &str) -> Diagnostic {
    let detail = format!(
        "The account has a bucket {name} already, without the tag `{MARK}` of a create that was killed. Import it: \
         `terraform import ADDRESS {name}`."
    );
    Diagnostic::error("Bucket exists", detail).at(BackupStore::paths().bucket())
}

fn holds_objects(name: &str, example: &str) -> Diagnostic {
    let detail = format!(
        "The bucket {name} holds objects or old versions of some, such as {example}: they would be lost for good. Empty \
         it, or set `force_destroy = true` and apply before the destroy."
    );
    Diagnostic::error("Store holds backups", detail).at(BackupStore::paths().force_destroy())
}
