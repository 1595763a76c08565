//! Secrets, whose values nobody is to see.

use acceptance::fault_rule::Rule;
use acceptance::kube_stage::{KubeStage, WEB};
use acceptance::plan::Action::Update;
use serde_json::json;

use super::{Result, SETTINGS, object};

const SECRET: &str = r#"
secret {
    name            = "db"
    data_wo         = { password = var.password, user = "admin" }
    data_wo_version = 1
  }
"#;

const PASSWORD: &str = "variable \"password\" {\n  type      = string\n  ephemeral = true\n}\n";

fn with_password(stage: &KubeStage, password: &str, version: u8) -> Result {
    let block = SECRET.replace("= 1", &format!("= {version}"));
    stage.write(&(stage.manifests(SETTINGS, &block) + PASSWORD))?;
    Ok(stage
        .terraform
        .run(&["apply", "-auto-approve", "-input=false", "-var", &format!("password={password}")])
        .map(drop)?)
}

fn password(stage: &KubeStage) -> Result<String> {
    stage.kubectl(&["get", "secret/db", "-o", "go-template={{.data.password | base64decode}}"])
}

#[test]
fn secret_values_reach_the_cluster_and_nothing_else() -> Result {
    let stage = KubeStage::new()?;
    let value = format!("value-of-{}", stage.name);
    with_password(&stage, &value, 1)?;
    assert_eq!(password(&stage)?, value);
    let stored = stage.terraform.read("terraform.tfstate")?;
    let encoded = stage.kubectl(&["get", "secret/db", "-o", "jsonpath={.data.password}"])?;
    assert!(!stored.contains(&value) && !stored.contains(&encoded), "the value stands in the state");
    let of = |version| ["-var".to_owned(), format!("password={version}")];
    let [flag, variable] = of("whatever");
    let plan = stage.terraform.plan_with(&[&flag, &variable])?;
    assert!(plan.is_empty(), "{plan}");
    with_password(&stage, &value, 1)?;
    let [flag, variable] = ["-var".to_owned(), format!("password={value}-of-the-plan")];
    let block = SECRET.replace("= 1", "= 2");
    let configuration = stage.manifests(SETTINGS, &block) + PASSWORD;
    stage.write(&configuration)?;
    let plan = stage.terraform.plan_with(&[&flag, &variable])?;
    assert_eq!(plan.actions(WEB), [Update]);
    stage.assert_is_in_no_plan(&plan, &format!("{value}-of-the-plan"))?;
    // Another value alone changes nothing; its version does.
    with_password(&stage, "another-value", 1)?;
    assert_eq!(password(&stage)?, value);
    with_password(&stage, "another-value", 2)?;
    assert_eq!(password(&stage)?, "another-value");
    Ok(())
}

#[test]
fn a_hand_edit_of_a_secret_shows_by_its_key_and_is_taken_back() -> Result {
    let stage = KubeStage::new()?;
    with_password(&stage, "the-right-one", 1)?;
    stage.kubectl(&[
        "patch",
        "secret/db",
        "--type=merge",
        "-p",
        r#"{"stringData":{"password":"by-hand"}}"#,
    ])?;
    let plan = stage.terraform.plan_with(&["-var", "password=the-right-one"])?;
    let label = stage.label("v1", "Secret", "db");
    assert_eq!(object(plan.change(WEB).before(), &label)["drifted_fields"], json!(["data.password"]));
    with_password(&stage, "the-right-one", 1)?;
    assert_eq!(password(&stage)?, "the-right-one");
    Ok(())
}

#[test]
fn secret_values_are_in_no_log() -> Result {
    let stage = KubeStage::new()?;
    stage.write(&(stage.manifests(SETTINGS, SECRET) + PASSWORD))?;
    stage.terraform.validate()?;
    let log = stage.terraform.folder().join("provider.log");
    let mut command = stage.terraform.command(&stage.terraform.folder().join(".settings"));
    command.args(["apply", "-auto-approve", "-input=false"]);
    command
        .env("TF_LOG_PROVIDER", "TRACE")
        .env("TF_LOG_PATH", &log)
        .env("TF_VAR_password", "never-to-be-seen");
    assert!(command.output()?.status.success());
    let log = std::fs::read_to_string(log)?;
    assert!(log.contains("tf_rpc"), "the log is empty");
    let encoded = stage.kubectl(&["get", "secret/db", "-o", "jsonpath={.data.password}"])?;
    assert!(!log.contains("never-to-be-seen") && !log.contains(&encoded));
    Ok(())
}

// === many ===

/// As a pipeline's merge request and its nightly job do, whose identity sees no values.
#[test]
fn who_may_not_look_at_secrets_plans_all_the_same() -> Result {
    let stage = KubeStage::new()?;
    with_password(&stage, "first", 1)?;
    stage.proxy.inject(Rule::on("LIST secrets").forbidden());
    stage.proxy.inject(Rule::on("GET secrets").forbidden());
    stage.kubectl(&["patch", "configmap/settings", "--patch", r#"{"data": {"colour": "red"}}"#])?;
    let plan = stage.terraform.plan_with(&["-var=password=whatever"])?;
    let (before, after) = (plan.change(WEB).before(), plan.change(WEB).after());
    let settings = stage.label("v1", "ConfigMap", "settings");
    assert_eq!(object(before, &settings)["drifted_fields"], json!(["data.colour"]), "{plan}");
    let secret = stage.label("v1", "Secret", "db");
    assert_eq!(object(before, &secret), object(after, &secret), "it is as it was: {plan}");
    // The summary by which a drift job knows it.
    let said = stage.terraform.run(&["plan", "-input=false", "-no-color", "-var=password=whatever"])?;
    assert!(said.contains("Warning: Secret cannot be seen"), "{said}");
    Ok(())
}
