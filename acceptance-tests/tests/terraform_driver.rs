//! The driver itself, on the one resource that Terraform has built in. What is proved here about the harness holds
//! for the tests of the provider.

use std::error::Error;

use acceptance::plan::Action;
use acceptance::terraform::{Program, Workspace};
use serde_json::json;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

fn workspace(configuration: &str) -> Result<Workspace> {
    let workspace = Workspace::new(&Program::terraform()?)?;
    workspace.write("main.tf", configuration)?;
    Ok(workspace)
}

fn stored(input: &str, trigger: &str) -> String {
    format!(
        "resource \"terraform_data\" \"x\" {{\n  input = {input:?}\n  triggers_replace = [{trigger:?}]\n}}\n"
    )
}

#[test]
fn second_apply_changes_nothing() -> Result {
    let workspace = workspace(&stored("one", "a"))?;
    assert_eq!(workspace.plan()?.actions("terraform_data.x"), [Action::Create]);
    workspace.apply()?;
    workspace.assert_plan_is_empty();
    assert_eq!(workspace.state_of("terraform_data.x")?["output"], "one");
    Ok(())
}

#[test]
fn a_plan_tells_update_from_replacement() -> Result {
    let workspace = workspace(&stored("one", "a"))?;
    workspace.apply()?;
    workspace.write("main.tf", &stored("two", "a"))?;
    let update = workspace.plan()?;
    assert_eq!(update.actions("terraform_data.x"), [Action::Update]);
    assert_eq!(update.change("terraform_data.x").after_unknown()["output"], true);
    workspace.write("main.tf", &stored("two", "b"))?;
    let replacement = workspace.plan()?;
    assert_eq!(replacement.actions("terraform_data.x"), [Action::Delete, Action::Create]);
    assert_eq!(replacement.change("terraform_data.x").replace_paths(), ["triggers_replace"]);
    Ok(())
}

#[test]
fn applies_exactly_the_plan_that_was_made() -> Result {
    let workspace = workspace(&stored("one", "a"))?;
    let plan = workspace.plan()?;
    workspace.write("main.tf", &stored("two", "a"))?;
    workspace.apply_plan(&plan)?;
    assert_eq!(workspace.state_of("terraform_data.x")?["output"], "one");
    Ok(())
}

#[test]
fn sensitive_values_are_marked_in_the_plan() -> Result {
    let workspace = workspace("resource \"terraform_data\" \"x\" {\n  input = sensitive(\"one\")\n}\n")?;
    assert_eq!(workspace.plan()?.change("terraform_data.x").after_sensitive(), &json!({ "input": true }));
    Ok(())
}

#[test]
fn imports_and_destroys() -> Result {
    let workspace = workspace("resource \"terraform_data\" \"x\" {}\n")?;
    workspace.import("terraform_data.x", "from-elsewhere")?;
    assert_eq!(workspace.state_of("terraform_data.x")?["id"], "from-elsewhere");
    workspace.destroy()?;
    assert!(workspace.state_of("terraform_data.x")?.is_null());
    Ok(())
}

#[test]
fn an_invalid_configuration_is_reported_with_the_line_it_is_in() -> Result {
    let diagnostics = workspace("resource \"terraform_data\" \"x\" {\n  inptu = 1\n}\n")?.validate()?;
    assert_eq!(diagnostics.len(), 1, "{diagnostics:?}");
    assert!(
        diagnostics[0].snippet.as_ref().is_some_and(|snippet| snippet.code.contains("inptu")),
        "{diagnostics:?}"
    );
    Ok(())
}

#[test]
fn a_failed_apply_tells_what_the_program_said() -> Result {
    let workspace = workspace(
        "resource \"terraform_data\" \"x\" {\n  lifecycle {\n    postcondition {\n      condition = self.output != null\n      \
         error_message = \"nothing was stored at all, which is rather long and will be broken over lines\"\n    }\n  }\n}\n",
    )?;
    let failed = workspace.apply().expect_err("the postcondition cannot hold");
    assert!(failed.says("rather long and will be broken over lines"), "{failed}");
    Ok(())
}

#[test]
fn knows_no_way_to_a_registry() -> Result {
    let workspace = workspace("resource \"aws_instance\" \"x\" {}\n")?;
    let failed = workspace.run(&["init"]).expect_err("there is no mirror to install from");
    assert!(failed.says("hashicorp/aws"), "{failed}");
    Ok(())
}

#[test]
fn opentofu_goes_through_the_same_loop() -> Result {
    let workspace = Workspace::new(acceptance::opentofu::program()?)?;
    workspace.write("main.tf", &stored("one", "a"))?;
    workspace.apply()?;
    workspace.assert_plan_is_empty();
    workspace.destroy()?;
    assert!(workspace.state_of("terraform_data.x")?.is_null());
    Ok(())
}
