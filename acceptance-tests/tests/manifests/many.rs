//! Many objects at once.

use std::time::Duration;

use acceptance::fault_rule::Rule;
use acceptance::kube_stage::KubeStage;

use super::{APPLICATION, KINDS, Result, SETTINGS};

fn config_maps(count: usize) -> String {
    let one = |n: usize| {
        format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{n}}}\ndata: {{number: \"{n}\"}}\n")
    };
    (0..count).map(one).collect()
}

#[test]
fn five_hundred_objects_are_one_resource_and_a_plan_is_a_few_calls() -> Result {
    let stage = KubeStage::new()?;
    stage.apply(&config_maps(500))?;
    assert_eq!(stage.owned("configmaps")?.len(), 500);
    stage.proxy.take_calls();
    stage.terraform.assert_plan_is_empty();
    let calls = stage.proxy.calls();
    assert!(calls.len() < 10, "{} calls", calls.len());
    stage.write_documents(&config_maps(500).replace("number: \"7\"", "number: \"eight\""))?;
    stage.proxy.take_calls();
    stage.terraform.apply()?;
    assert_eq!(stage.proxy.count("PATCH"), 1);
    stage.terraform.destroy()?;
    assert_eq!(stage.owned("configmaps")?.len(), 0);
    Ok(())
}

#[test]
fn objects_of_one_rank_go_side_by_side_but_not_all_at_once() -> Result {
    let stage = KubeStage::new()?;
    // The first goes alone; the next ones stay long enough for all to come that may.
    stage.proxy.inject(Rule::on("PATCH configmaps").first(17).delay(Duration::from_secs(1)));
    stage.proxy.inject(Rule::on("DELETE configmaps").first(16).delay(Duration::from_secs(1)));
    stage.apply(&config_maps(50))?;
    assert_eq!(stage.proxy.most_at_once("PATCH configmaps"), 16);
    stage.terraform.destroy()?;
    assert_eq!(stage.proxy.most_at_once("DELETE configmaps"), 16);
    Ok(())
}

#[test]
fn pods_of_many_objects_are_looked_at_side_by_side_but_not_all_at_once() -> Result {
    let stage = KubeStage::new()?;
    stage.proxy.inject(Rule::on("LIST pods").first(16).delay(Duration::from_secs(1)));
    // Nobody schedules here: every pod waits for ever.
    let one = |n: usize| {
        let (_, web) = APPLICATION.rsplit_once("---").expect("three documents");
        web.replace("replicas: 0", "replicas: 1").replace("name: web,", &format!("name: web-{n},"))
    };
    let all = (0..30).map(one).collect::<Vec<_>>().join("---");
    stage.write(&stage.manifests(&all, "timeouts {\n    create = \"15s\"\n  }"))?;
    let failed = stage.terraform.apply().expect_err("no pod ever runs");
    assert!(failed.says("0 of 1 replicas available"), "{failed}");
    assert_eq!(stage.proxy.most_at_once("LIST pods"), 16);
    Ok(())
}

#[test]
fn a_list_that_grows_old_between_two_pages_begins_anew() -> Result {
    let stage = KubeStage::new()?;
    stage.apply(&config_maps(510))?;
    stage.proxy.take_calls();
    stage.proxy.expire_next_page();
    let plan = stage.terraform.plan()?;
    assert!(plan.is_empty(), "{plan}");
    let pages: Vec<_> = stage
        .proxy
        .calls()
        .into_iter()
        .filter(|call| call.action == "LIST configmaps")
        .map(|call| (call.target.contains("continue="), call.answered))
        .collect();
    assert_eq!(pages, [(false, Some(200)), (true, Some(410)), (false, Some(200)), (true, Some(200))]);
    stage.terraform.destroy()?;
    assert_eq!(stage.owned("configmaps")?.len(), 0);
    Ok(())
}

#[test]
fn a_resource_without_objects_is_legal() -> Result {
    let stage = KubeStage::new()?;
    stage.apply("# nothing yet")?;
    stage.terraform.assert_plan_is_empty();
    stage.apply(SETTINGS)?;
    stage.apply("# nothing again")?;
    assert_eq!(stage.owned(KINDS)?, Vec::<String>::new());
    Ok(())
}
