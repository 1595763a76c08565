use tfplugin::{List, Path};

use super::*;
use crate::workload::secret::SecretBlock;

const WEB: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n";
const LABEL: &str = "apps/v1 Deployment social/web";
const CLAIM: &str = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\n";

fn configuration(documents: &str) -> Manifests {
    Manifests {
        name: "web".into(),
        kubeconfig_path: "kubeconfig".into(),
        namespace: "social".into(),
        documents: documents.into(),
        secret: Vec::new().into(),
        prune: true.into(),
        wait: "ready".into(),
        force_conflicts: false.into(),
        adopt: false.into(),
        ..Manifests::default()
    }
}

/// The state after an apply of these documents.
fn applied(documents: &str) -> Manifests {
    let configuration = configuration(documents);
    let mut objects = planned_objects(&configuration.wanted().unwrap().unwrap(), None, &configuration);
    for object in objects.values_mut().filter_map(Value::known_mut) {
        object.uid = "uid-1".into();
    }
    Manifests { objects: objects.into(), ..configuration }
}

#[track_caller]
fn planned(prior: Option<Manifests>, configuration: Manifests) -> (Manifests, Diagnostics) {
    let planned = Manifests { objects: Value::Unknown, ..configuration.clone() };
    let mut plan = Plan::new(configuration, prior, planned);
    super::plan(&mut plan).unwrap();
    let (planned, replace, warnings) = plan.into_parts();
    assert_eq!(replace, Vec::<Path>::new());
    (planned, warnings)
}

fn object(of: &Manifests, label: &str) -> ObjectState {
    of.objects()[label].clone()
}

#[test]
fn a_plan_shows_every_object_without_a_cluster() {
    let (planned, warnings) = planned(None, configuration(&format!("{WEB}---\n{CLAIM}")));
    let labels: Vec<_> = planned.objects().into_keys().collect();
    assert_eq!(labels, [LABEL, "v1 PersistentVolumeClaim social/data"]);
    let web = object(&planned, LABEL);
    assert!(web.uid.is_unknown() && !web.digest.is_unknown());
    assert_eq!((web.ready, web.drifted_fields), (true.into(), Vec::new().into()));
    assert!(warnings.is_empty());
}

#[test]
fn what_is_unknown_leaves_all_objects_unknown() {
    for configuration in [
        Manifests { documents: Value::Unknown, ..configuration("") },
        Manifests { namespace: Value::Unknown, ..configuration(WEB) },
        Manifests { secret: Value::Unknown, ..configuration(WEB) },
        Manifests {
            secret: vec![Value::Known(SecretBlock { name: Value::Unknown, ..SecretBlock::default() })].into(),
            ..configuration(WEB)
        },
    ] {
        assert!(planned(None, configuration).0.objects.is_unknown());
    }
}

#[test]
fn what_has_not_changed_is_planned_as_it_was() {
    let prior = applied(WEB);
    assert_eq!(planned(Some(prior.clone()), configuration(WEB)).0, prior);
    let respelled = configuration(
        "# now with a comment\nkind: Deployment\nmetadata: {name: 'web'}\napiVersion: apps/v1\n",
    );
    assert_eq!(planned(Some(prior.clone()), respelled).0.objects, prior.objects);
}

#[test]
fn drift_another_digest_and_a_lost_readiness_are_differences() {
    let wanted = object(&applied(WEB), LABEL);
    for found in [
        ObjectState { drifted_fields: List::from(["spec.replicas".into()]).into(), ..wanted.clone() },
        ObjectState { digest: "of another document".into(), ..wanted.clone() },
        ObjectState { ready: false.into(), ..wanted.clone() },
    ] {
        let prior = Manifests { objects: shown_one(LABEL, found.clone()), ..applied(WEB) };
        let planned = object(&planned(Some(prior), configuration(WEB)).0, LABEL);
        assert_eq!(planned, wanted);
        assert_ne!(planned, found);
    }
}

fn shown_one(label: &str, object: ObjectState) -> Value<Map<ObjectState>> {
    Map::from([(label.to_owned(), Value::Known(object))]).into()
}

#[test]
fn readiness_is_no_concern_of_who_does_not_wait_for_it() {
    let asleep = |mut manifests: Manifests| {
        manifests.wait = "applied".into();
        manifests
    };
    let unready = ObjectState { ready: false.into(), ..object(&applied(WEB), LABEL) };
    let prior = asleep(Manifests { objects: shown_one(LABEL, unready), ..applied(WEB) });
    assert_eq!(planned(Some(prior.clone()), asleep(configuration(WEB))).0, prior);
    let changed = WEB.replace("name: web", "name: web, labels: {a: b}");
    assert!(object(&planned(Some(prior), asleep(configuration(&changed))).0, LABEL).ready.is_unknown());
}

#[test]
fn an_object_that_may_be_made_again_has_another_id_then() {
    let changed = WEB.replace("name: web", "name: web, labels: {a: b}");
    let with = |documents: &str, kind: &str| Manifests {
        replace: List::from([kind.into()]).into(),
        ..configuration(documents)
    };
    let uid = |configuration| object(&planned(Some(applied(WEB)), configuration).0, LABEL).uid;
    assert!(uid(with(&changed, "Deployment")).is_unknown());
    assert_eq!(uid(with(WEB, "Deployment")), "uid-1".into());
    assert_eq!(uid(with(&changed, "Job")), "uid-1".into());
}

#[test]
fn the_next_version_of_a_job_that_may_be_gone_is_another_object() {
    let job =
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: migrate}\nspec: {ttlSecondsAfterFinished: 60}\n";
    let uid = |prior: &str, documents: &str| {
        object(&planned(Some(applied(prior)), configuration(documents)).0, "batch/v1 Job social/migrate").uid
    };
    assert_eq!(uid(job, job), "uid-1".into());
    assert!(uid(job, &job.replace("60", "90")).is_unknown());
    assert!(uid(job, &job.replace("ttlSecondsAfterFinished: 60", "suspend: false")).is_unknown());
}

#[test]
fn another_version_of_the_api_is_the_same_object() {
    let hpa = |version: &str| {
        format!("apiVersion: autoscaling/{version}\nkind: HorizontalPodAutoscaler\nmetadata: {{name: a}}\n")
    };
    let (planned, _) = planned(Some(applied(&hpa("v1"))), configuration(&hpa("v2")));
    assert_eq!(object(&planned, "autoscaling/v2 HorizontalPodAutoscaler social/a").uid, "uid-1".into());
}

#[test]
fn what_stays_in_the_cluster_is_told() {
    let both = format!("{WEB}---\n{CLAIM}");
    let (_, warnings) = planned(Some(applied(&both)), configuration(""));
    let told: Vec<_> = warnings.iter().map(|warning| warning.detail.clone()).collect();
    assert!(
        told.len() == 1 && told[0].contains("social/data") && !told[0].contains("social/web"),
        "{told:?}"
    );
    let free =
        CLAIM.replace("name: data", "name: data, annotations: {socle.platform/prevent-prune: 'false'}");
    assert!(planned(Some(applied(&free)), configuration("")).1.is_empty());
    let without = Manifests { prune: false.into(), ..configuration("") };
    let (_, warnings) = planned(Some(applied(&both)), without);
    assert!(warnings.iter().any(|warning| warning.detail.contains("social/web")));
}

#[test]
fn a_secret_is_planned_by_its_version() {
    let with = |version: u64| {
        let secret = SecretBlock {
            name: "db".into(),
            r#type: "Opaque".into(),
            data_wo_version: version.into(),
            ..SecretBlock::default()
        };
        Manifests { secret: vec![Value::Known(secret)].into(), ..configuration("") }
    };
    let digest = |version| object(&planned(None, with(version)).0, "v1 Secret social/db").digest;
    assert_eq!(digest(1), digest(1));
    assert_ne!(digest(1), digest(2));
}

#[test]
fn a_secret_that_stands_in_the_documents_too_is_refused() {
    let secret = SecretBlock {
        name: "db".into(),
        r#type: "Opaque".into(),
        data_wo_version: 1.into(),
        ..SecretBlock::default()
    };
    let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\n";
    let mut found = Diagnostics::new();
    validate(&Manifests { secret: vec![Value::Known(secret)].into(), ..configuration(text) }, &mut found);
    let told: Vec<_> = found.iter().map(|error| error.detail.clone()).collect();
    assert!(told.len() == 1 && told[0].contains("second time"), "{told:?}");
}
