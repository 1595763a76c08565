//! Secrets of `socle_manifests` whose values come from a real Vault.

use std::error::Error;

use acceptance::development_vault::DevelopmentVault;
use acceptance::kube_stage::{KubeStage, WEB};
use acceptance::plan::Action::{NoOp, Update};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

fn block(version: &str) -> String {
    format!(
        "secret {{\n    name = \"db\"\n    data_vault {{\n      mount = \"secret\"\n      path  = \"db\"\n      {version}\n    }}\n  }}\n"
    )
}

fn password(stage: &KubeStage) -> Result<String> {
    stage.kubectl(&["get", "secret/db", "-o", "go-template={{.data.password | base64decode}}"])
}

#[test]
fn a_rotation_in_vault_shows_as_a_change_and_the_value_nowhere() -> Result {
    let stage = KubeStage::new()?;
    let token = format!("token-of-{}", stage.name);
    let vault = DevelopmentVault::start(&token)?;
    let stage = stage.with_variable("VAULT_ADDR", vault.address()).with_variable("VAULT_TOKEN", &token);

    vault.put("db", &[("user", "admin"), ("password", "the-first-one")])?;
    stage.apply_with("", &block(""))?;
    assert_eq!(password(&stage)?, "the-first-one");
    stage.terraform.assert_plan_is_empty();

    vault.put("db", &[("user", "admin"), ("password", "the-second-one")])?;
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.actions(WEB), [Update], "{plan}");
    assert_eq!(plan.change(WEB).after()["secret"][0]["data_vault_version"], 2);
    stage.assert_is_in_no_plan(&plan, "the-second-one")?;
    stage.terraform.apply_plan(&plan)?;
    assert_eq!(password(&stage)?, "the-second-one");
    stage.terraform.assert_plan_is_empty();

    stage.apply_with("", &block("version = 1"))?;
    assert_eq!(password(&stage)?, "the-first-one");
    vault.put("db", &[("user", "admin"), ("password", "the-third-one")])?;
    assert_eq!(stage.terraform.plan()?.actions(WEB), [NoOp]);
    let stored = stage.terraform.read("terraform.tfstate")?;
    assert!(!stored.contains("-one"), "a value stands in the state");
    Ok(())
}
