use serde_json::json;

use super::*;

fn served(api_version: &str, namespaced: bool) -> Served {
    Served {
        api_version: api_version.to_owned(),
        kind: "Thing".to_owned(),
        plural: "things".to_owned(),
        namespaced,
    }
}

#[test]
fn paths_are_those_of_the_api() {
    assert_eq!(served("v1", true).object(Some("a"), "b"), "/api/v1/namespaces/a/things/b");
    assert_eq!(served("apps/v1", true).collection(None), "/apis/apps/v1/things");
    assert_eq!(
        served("x/v1", false).object(Some("ignored"), "system:a/b"),
        "/apis/x/v1/things/system%3Aa%2Fb"
    );
}

#[test]
fn discovery_is_read_from_both_answers_and_its_older_form_is_told() {
    let resource = |kind: &str, verbs: &[&str]| json!({"resource": kind.to_lowercase() + "s", "scope": "Namespaced", "verbs": verbs, "responseKind": {"kind": kind}});
    let all = ["list", "patch", "delete"];
    let group = |name: &str, versions: Value| json!({"metadata": {"name": name}, "versions": versions});
    let core = json!({"kind": "APIGroupDiscoveryList", "items": [
        {"metadata": {}, "versions": [{"version": "v1", "resources": [resource("Pod", &all), resource("Binding", &["create"]), resource("Event", &all)]}]}
    ]});
    let apis = json!({"kind": "APIGroupDiscoveryList", "items": [
        group("apps", json!([{"version": "v1", "resources": [resource("Deployment", &all)]}, {"version": "v1beta1", "resources": [resource("Deployment", &all)]}]))
    ]});
    let discovery = Discovery::read(&[core, apis]).unwrap();
    assert_eq!(discovery.find("", "v1", "Pod").unwrap().plural, "pods");
    assert_eq!(discovery.find("apps", "v1", "Pod"), None);
    assert_eq!(discovery.versions("apps", "Deployment"), ["v1", "v1beta1"]);
    let all: Vec<_> = discovery.all().iter().map(|served| (&*served.api_version, &*served.kind)).collect();
    assert_eq!(all, [("v1", "Pod"), ("apps/v1", "Deployment")]);
    assert_eq!(Discovery::read(&[json!({"kind": "APIVersions"})]), None);
}
