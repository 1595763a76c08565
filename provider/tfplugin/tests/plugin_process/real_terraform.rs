//! The real Terraform and the example: what only Terraform itself can judge.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;

use crate::terraform::{Debugged, isolated, notes, output};

/// The configuration of the example, with a folder of its own for the notes.
struct Module(TempDir);

impl Module {
    fn of_the_example() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/notes/main.tf");
        let example = fs::read_to_string(path).expect("the example");
        let own = format!("\"{}\"", folder.path().display());
        assert_eq!(example.matches("\"/tmp\"").count(), 1, "the folder stands in the example once");
        fs::write(folder.path().join("main.tf"), example.replace("\"/tmp\"", &own)).expect("a module");
        Self(folder)
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.0.path().join(file)).expect(file)
    }

    /// Runs Terraform, which knows nothing of the user's.
    async fn terraform(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let program = std::env::var_os("TERRAFORM").unwrap_or_else(|| "terraform".into());
        let mut command = isolated(program, variables);
        command.args(arguments).current_dir(self.0.path());
        command.env("HOME", self.0.path()).env("CHECKPOINT_DISABLE", "1");
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        output(command).await
    }
}

/// It went well, and said all that it had to say.
fn assert_success(output: &Output) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}

#[tokio::test]
async fn a_provider_in_debug_mode_serves_one_terraform_after_the_other() {
    let module = Module::of_the_example();
    let temporary = tempfile::tempdir().expect("a folder");
    let mut debugged = Debugged::start(notes(&[]), temporary.path()).await;
    let variables = [("TF_REATTACH_PROVIDERS", debugged.reattach.clone())];
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));

    assert_success(&module.terraform(&["apply", "-auto-approve", "-no-color"], &variables).await);
    assert_eq!(module.read("hello-world"), "How are you?");

    let plan = ["plan", "-detailed-exitcode", "-no-color"];
    assert_success(&module.terraform(&plan, &variables).await);
    assert_eq!(debugged.process.try_wait().expect("a process"), None, "it outlives both");
    assert!(debugged.interrupt().await.success());
}

#[tokio::test]
async fn terraforms_log_has_the_fields_of_the_providers_lines() {
    let module = Module::of_the_example();
    let program = Path::new(env!("CARGO_BIN_EXE_terraform-provider-notes"));
    let folder = program.parent().expect("a folder").display();
    let dev_override = format!("dev_overrides {{\n \"example.social/socle/notes\" = \"{folder}\"\n}}");
    let settings = format!("provider_installation {{\n{dev_override}\ndirect {{}}\n}}\n");
    fs::write(module.0.path().join("dev.tfrc"), settings).expect("settings");
    let variables = [("TF_CLI_CONFIG_FILE", "dev.tfrc"), ("TF_LOG", "JSON"), ("TF_LOG_PATH", "log")];
    assert_success(&module.terraform(&["plan", "-no-color"], &variables).await);

    let log = module.read("log");
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut planned = lines.filter(|line| line["tf_rpc"] == "PlanResourceChange");
    let line = planned.find(|line| line["@message"] == "answered").expect("a line with its fields");
    assert_eq!(line["@level"], "debug");
    assert_eq!(line["tf_resource_type"], "notes_note");
    assert!(line["tf_req_id"].is_string() && line["tf_req_duration_ms"].is_number(), "{line}");
}
