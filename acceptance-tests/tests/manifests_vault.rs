//! Secrets of `socle_manifests` whose values come from a real Vault.

use std::error::Error;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use acceptance::kube_stage::{KubeStage, WEB};
use acceptance::plan::Action::{NoOp, Update};
use acceptance::tether::Tethered;
use sandbox::cache::Cache;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// A Vault that keeps everything in memory, with a KV version 2 engine at `secret`.
struct DevelopmentVault {
    program: PathBuf,
    address: String,
    token: String,
    _server: Tethered,
}

impl DevelopmentVault {
    fn start(token: &str) -> Result<Self> {
        let program = sandbox::vault::programs(&Cache::of_this_user()?, || ())?.join("vault");
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let mut command = Command::new(&program);
        command.args(["server", "-dev", "-dev-no-store-token"]);
        command
            .arg(format!("-dev-listen-address=127.0.0.1:{port}"))
            .arg(format!("-dev-root-token-id={token}"));
        let ready = |line: &str| line.contains("Development mode should NOT").then_some(());
        let (server, ()) = Tethered::start(&command, Duration::from_mins(1), ready)?;
        let address = format!("http://127.0.0.1:{port}");
        Ok(Self { program, address, token: token.to_owned(), _server: server })
    }

    /// Writes a new version of `secret/db`.
    fn put(&self, password: &str) -> Result {
        let written = Command::new(&self.program)
            .args(["kv", "put", "-mount=secret", "db", "user=admin", &format!("password={password}")])
            .env("VAULT_ADDR", &self.address)
            .env("VAULT_TOKEN", &self.token)
            .output()?;
        assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
        Ok(())
    }
}

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
    let stage = stage.with_variable("VAULT_ADDR", &vault.address).with_variable("VAULT_TOKEN", &token);

    vault.put("the-first-one")?;
    stage.apply_with("", &block(""))?;
    assert_eq!(password(&stage)?, "the-first-one");
    stage.terraform.assert_plan_is_empty();

    vault.put("the-second-one")?;
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.actions(WEB), [Update], "{plan}");
    assert_eq!(plan.change(WEB).after()["secret"][0]["data_vault_version"], 2);
    stage.terraform.apply_plan(&plan)?;
    assert_eq!(password(&stage)?, "the-second-one");
    stage.terraform.assert_plan_is_empty();

    stage.apply_with("", &block("version = 1"))?;
    assert_eq!(password(&stage)?, "the-first-one");
    vault.put("the-third-one")?;
    assert_eq!(stage.terraform.plan()?.actions(WEB), [NoOp]);
    let stored = stage.terraform.read("terraform.tfstate")?;
    assert!(!stored.contains("-one"), "a value stands in the state");
    Ok(())
}
