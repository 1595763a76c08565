use proptest::prelude::*;

use super::*;

const WEB: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n";

#[track_caller]
fn labels(text: &str) -> Vec<String> {
    read(text, Some("social")).unwrap().iter().map(|manifest| manifest.identity.to_string()).collect()
}

#[track_caller]
fn problem(text: &str) -> String {
    let refused = match read(text, Some("social")) {
        Ok(manifests) => twice(&manifests),
        Err(refused) => refused,
    };
    assert_eq!(refused.len(), 1, "{refused:?}");
    refused[0].to_string()
}

#[test]
fn an_object_without_a_namespace_goes_into_the_default_one() {
    let text = format!(
        "{WEB}---\napiVersion: v1\nkind: Service\nmetadata: {{name: web, namespace: edge}}\n---\n\
         apiVersion: v1\nkind: Namespace\nmetadata: {{name: social, namespace: nonsense}}\n---\n\
         apiVersion: cert-manager.io/v1\nkind: ClusterIssuer\nmetadata: {{name: le}}\n"
    );
    let expected = [
        "apps/v1 Deployment social/web",
        "v1 Service edge/web",
        "v1 Namespace social",
        "cert-manager.io/v1 ClusterIssuer le",
    ];
    assert_eq!(labels(&text), expected);
    assert_eq!(read(WEB, Some("social")).unwrap()[0].object["metadata"]["namespace"], "social");
}

#[test]
fn a_definition_beside_it_says_where_a_custom_object_lives() {
    let definition = |scope| {
        format!(
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: notes.example.test}}\n\
             spec: {{group: example.test, scope: {scope}, names: {{kind: Note, plural: notes}}}}\n---\n\
             apiVersion: example.test/v1\nkind: Note\nmetadata: {{name: n}}\n"
        )
    };
    assert_eq!(labels(&definition("Cluster"))[1], "example.test/v1 Note n");
    assert_eq!(labels(&definition("Namespaced"))[1], "example.test/v1 Note social/n");
}

#[test]
fn what_is_known_to_be_wrong_is_refused_with_document_line_and_cure() {
    let secret = |values: &str| format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: db}}\n{values}\n");
    for (text, expected) in [
        (format!("{WEB}---\n- a\n"), "document 2, line 5: it is no object"),
        ("kind: Pod\nmetadata: {name: a}".to_owned(), "document 1, line 1: `apiVersion` is missing"),
        ("apiVersion: v1\nmetadata: {name: a}".to_owned(), "`kind` is missing"),
        ("apiVersion: v1\nkind: Pod".to_owned(), "`metadata.name` is missing"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {name: a b}".to_owned(), "no object can be called"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {generateName: a-}".to_owned(), "Give it a `metadata.name`"),
        ("apiVersion: v1\nkind: List\nitems: []".to_owned(), "a document of its own"),
        (format!("{WEB}---\n{WEB}"), "document 2, line 5: apps/v1 Deployment social/web stands here a second time; first in document 1, line 1"),
        (secret("stringData: {password: abc}"), "data_wo"),
        (secret("data: {password: YWJj}"), "data_wo"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {name: a, annotations: {socle.platform/prevent-prune: \"maybe\"}}".to_owned(), "Allowed"),
        ("a: [".to_owned(), "document 1, line "),
    ] {
        let found = problem(&text);
        assert!(found.contains(expected), "{found}\n  does not say {expected:?}");
    }
}

#[test]
fn a_secret_without_values_is_no_secret() {
    let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: t}\ntype: kubernetes.io/service-account-token\ndata: null\n";
    assert_eq!(labels(text), ["v1 Secret social/t"]);
}

#[test]
fn every_refusal_is_told_at_once() {
    let refused = read("kind: Pod\n---\napiVersion: v1\n---\n- x\n", None).unwrap_err();
    assert_eq!(refused.len(), 3);
}

#[test]
fn two_versions_of_one_object_are_one_object() {
    let hpa = |version| {
        format!("apiVersion: autoscaling/{version}\nkind: HorizontalPodAutoscaler\nmetadata: {{name: a}}\n")
    };
    assert!(problem(&format!("{}---\n{}", hpa("v1"), hpa("v2"))).contains("second time"));
}

#[test]
fn a_digest_follows_the_meaning_not_the_spelling() {
    let digest = |text: &str| read(text, Some("a")).unwrap()[0].digest();
    let spelled = "# comment\n{\"kind\": Deployment, apiVersion: 'apps/v1', metadata: {creationTimestamp: null, name: web}, status: {}}";
    assert_eq!(digest(WEB), digest(spelled));
    assert_ne!(digest(WEB), digest(&WEB.replace("web", "api")));
    let mut sealed = read(WEB, Some("a")).unwrap().remove(0);
    sealed.seal = Seal::Is("2".to_owned());
    assert_ne!(sealed.digest(), digest(WEB));
}

proptest! {
    #[test]
    fn an_identity_in_the_plan_leads_back_to_its_document(
        kind in "[A-Z][a-z]{1,8}", name in "[a-z0-9][a-z0-9.-]{0,8}", namespace in "[a-z]{1,6}",
    ) {
        let text = format!("apiVersion: example.test/v1\nkind: '{kind}'\nmetadata: {{name: '{name}', namespace: '{namespace}'}}\n");
        let manifest = read(&text, None).unwrap().remove(0);
        prop_assert_eq!(Identity::parse(&manifest.identity.to_string()), Some(manifest.identity));
    }

    #[test]
    fn order_and_number_of_documents_survive(names in proptest::collection::btree_set("[a-z]{1,6}", 1..8)) {
        let text: Vec<_> = names.iter().map(|name| WEB.replace("web", &format!("'{name}'"))).collect();
        let expected: Vec<_> = names.iter().map(|name| format!("apps/v1 Deployment social/{name}")).collect();
        prop_assert_eq!(labels(&text.join("---\n")), expected);
    }
}
