//! `socle_manifests`: objects in a cluster, as one resource.

mod apply;
mod plan;
mod problem;
mod refresh;
mod removal;
mod session;
mod sweep;
mod waiting;

use std::collections::BTreeMap;

use tfplugin::{
    Call, CreateError, Diagnostic, Diagnostics, List, Map, Model, Nothing, Plan, Reached, Resource, Timeouts,
    Value, Wanted,
};

use super::manifest::{self, DEFAULT_NAMESPACE, Manifest, Refusal};
use super::secret::SecretBlock;
use crate::clients::Clients;
use crate::clients::kubernetes::{Access, ClusterAccess};

/// Objects in a Kubernetes cluster, from any YAML documents.
///
/// All objects are one resource: the plan needs no cluster and shows in `objects` each one that is created, changed,
/// drifted or deleted. They are applied by the server (server-side apply, field manager `socle`), in the order in which
/// they need one another, and awaited until they are ready. Only fields that the documents set are this resource's: what
/// the server, a webhook or an autoscaler adds is never drift, and a hand edit of a field of yours is.
#[derive(Debug, Clone, PartialEq, Default, Model)]
#[tf(exactly_one_of(access, kubeconfig_path))]
pub struct Manifests {
    /// The owner mark on every object, in the label and the annotation `socle.platform/owner`: unique in a cluster. A
    /// change marks the objects anew.
    #[tf(
        required,
        validate(pattern(
            "^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$",
            "at most 63 lower-case letters, digits, hyphens and dots, such as `web`"
        ))
    )]
    name: Value<String>,
    /// How to reach a cluster of this provider: the attribute `access` of its `socle_cluster`. Credentials are minted
    /// when they are needed, and thrown away.
    #[tf(optional, requires_replace_if(|before: &ClusterAccess, after: &ClusterAccess| is_another(before, after)))]
    access: Value<ClusterAccess>,
    /// The path of a kubeconfig file, for clusters made elsewhere. `~/` at its beginning is the user's home.
    #[tf(optional, validate(length(1..)))]
    kubeconfig_path: Value<String>,
    /// The context of the kubeconfig. Default: its current one.
    #[tf(optional, validate(length(1..)))]
    kubeconfig_context: Value<String>,
    /// The namespace of objects that name none; made when it is missing, and never deleted. Default: `default`.
    #[tf(
        optional,
        validate(pattern("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", "a DNS label, such as `social`"))
    )]
    namespace: Value<String>,
    /// YAML, any number of documents: files, templates, the output of `helm template` or `kustomize build`. It stands in
    /// the state, so a Secret with values in it is refused: write a block `secret`. Default: none.
    #[tf(optional)]
    documents: Value<String>,
    /// Secrets whose values are in no plan and no state.
    #[tf(block)]
    secret: Value<List<SecretBlock>>,
    /// Whether objects that are no longer wanted are deleted; else they stay, and are nobody's. Namespaces and
    /// persistent volume claims always stay, unless their annotation `socle.platform/prevent-prune` is `"false"`; any
    /// object stays where it is `"true"`. Default: `true`.
    #[tf(optional, default = true)]
    prune: Value<bool>,
    /// What an apply waits for: `ready`, until every object does what it is for, or `applied`. The annotation
    /// `socle.platform/wait: "false"` excepts an object. Default: `ready`.
    #[tf(optional, default = "ready", validate(one_of(["ready", "applied"])))]
    wait: Value<String>,
    /// Whether fields that another manager holds are taken from it; else they are an error that names both. What a
    /// plan shows as drifted is taken back in any case. Default: `false`.
    #[tf(optional, default = false)]
    force_conflicts: Value<bool>,
    /// Whether objects that exist and are not this resource's are taken over; else they are an error. Default: `false`.
    #[tf(optional, default = false)]
    adopt: Value<bool>,
    /// The kinds, such as `Job`, whose objects are deleted and made again where a field that cannot change has changed.
    /// Default: none, an error.
    #[tf(optional)]
    replace: Value<List<String>>,
    /// How long each operation may take.
    #[tf(timeouts(create = "10m", read = "5m", update = "10m", delete = "10m"))]
    timeouts: Value<Timeouts>,
    /// Every object by its label `APIVERSION KIND NAMESPACE/NAME`. Known at plan, but for the ids of new objects.
    #[tf(computed)]
    objects: Value<Map<ObjectState>>,
}

/// One object.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct ObjectState {
    /// The id that the cluster gave it.
    #[tf(computed)]
    uid: Value<String>,
    /// The first characters of the SHA-256 of what was applied; of a `secret` its version counts, not its values.
    #[tf(computed)]
    digest: Value<String>,
    /// Whether it does what it is for.
    #[tf(computed)]
    ready: Value<bool>,
    /// The fields that were changed or removed by hand since the last apply.
    #[tf(computed)]
    drifted_fields: Value<List<String>>,
}

/// The objects of a state, by label.
type Objects = BTreeMap<String, ObjectState>;

impl Resource for Manifests {
    type Clients = Clients;
    type Model = Self;
    type Identity = Nothing;

    const NAME: &'static str = "manifests";
    const SUBCATEGORY: &'static str = "Workloads";

    fn validate(config: &Self, found: &mut Diagnostics) {
        plan::validate(config, found);
    }

    fn plan(plan: &mut Plan<Self>) -> Result<(), Diagnostics> {
        plan::plan(plan)
    }

    async fn read(call: &Call<Clients>, state: Self) -> Result<Option<Self>, Diagnostics> {
        Box::pin(refresh::read(call, state)).await.map(Some)
    }

    async fn create(call: &Call<Clients>, wanted: Wanted<Self>) -> Result<Self, CreateError<Self>> {
        Box::pin(apply::create(call, wanted)).await
    }

    async fn update(call: &Call<Clients>, prior: Self, wanted: Wanted<Self>) -> Result<Self, Reached<Self>> {
        Box::pin(apply::update(call, prior, wanted)).await
    }

    async fn delete(call: &Call<Clients>, state: Self) -> Result<(), Reached<Self>> {
        Box::pin(removal::delete(call, state)).await
    }
}

impl Manifests {
    /// How the cluster is reached; none while that is unknown.
    fn reached_by(&self) -> Option<Access> {
        match (&self.access, &self.kubeconfig_path) {
            (Value::Known(access), _) => Some(Access::Cluster(Box::new(access.clone()))),
            (_, Value::Known(path)) => {
                let context = self.kubeconfig_context.known().cloned();
                Some(Access::Kubeconfig { path: path.clone(), context })
            }
            _ => None,
        }
    }

    fn name(&self) -> &str {
        self.name.known().map_or("", String::as_str)
    }

    /// The default namespace; none while it is unknown.
    fn default_namespace(&self) -> Option<&str> {
        match &self.namespace {
            Value::Known(namespace) => Some(namespace),
            Value::Null => Some(DEFAULT_NAMESPACE),
            Value::Unknown => None,
        }
    }

    /// Everything that is wanted; `None` while something of it is unknown.
    fn wanted(&self) -> Result<Option<Vec<Manifest>>, Vec<Refusal>> {
        let namespace = self.default_namespace();
        let documents = match &self.documents {
            Value::Unknown => return Ok(None),
            Value::Null => "",
            Value::Known(documents) => documents,
        };
        let mut all = manifest::read(documents, namespace)?;
        let Value::Known(secrets) = &self.secret else {
            return Ok((namespace.is_some() && self.secret.is_null()).then_some(all));
        };
        let mut is_whole = namespace.is_some();
        for (index, secret) in secrets.iter().enumerate() {
            let namespace = namespace.unwrap_or(DEFAULT_NAMESPACE);
            match secret.known().and_then(|secret| secret.manifest(index, namespace)) {
                Some(manifest) => all.push(manifest),
                None => is_whole = false,
            }
        }
        let refused = manifest::twice(&all);
        if refused.is_empty() { Ok(is_whole.then_some(all)) } else { Err(refused) }
    }

    /// May objects of the kind be deleted and made again?
    fn replaces(&self, kind: &str) -> bool {
        self.replace
            .known()
            .into_iter()
            .flatten()
            .any(|known| known.known().is_some_and(|known| known == kind))
    }

    fn waits(&self) -> bool {
        self.wait.known().is_some_and(|wait| wait == "ready")
    }

    fn prunes(&self) -> bool {
        self.prune == Value::Known(true)
    }

    /// The objects that the state knows, by label.
    fn objects(&self) -> Objects {
        let entries = self.objects.known().into_iter().flatten();
        entries.filter_map(|(label, object)| Some((label.clone(), object.known()?.clone()))).collect()
    }
}

/// Objects as an attribute.
fn shown(objects: Objects) -> Value<Map<ObjectState>> {
    objects.into_iter().map(|(label, object)| (label, Value::Known(object))).collect::<Map<_>>().into()
}

fn is_another(before: &ClusterAccess, after: &ClusterAccess) -> bool {
    before.id != after.id
}

fn refused(refusals: &[Refusal]) -> Diagnostics {
    let told = |refusal: &Refusal| {
        let diagnostic = Diagnostic::error("Manifest is refused", refusal.to_string());
        match refusal {
            Refusal::Document { place: manifest::Place::Secret(_), .. } => {
                diagnostic.at(Manifests::paths().secret())
            }
            _ => diagnostic.at(Manifests::paths().documents()),
        }
    };
    refusals.iter().map(told).collect()
}
