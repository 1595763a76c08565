//! `examples/social-network` as its GitLab project would run: the jobs of its `.gitlab-ci.yml`, run by gitlab-ci-local, with
//! tokens that carry GitLab's claims, against a real Vault, a simulated AWS and a server of the sandbox.

#[path = "project/mod.rs"]
mod project;

use std::fs;
use std::process::Command;

use acceptance::gitlab::Cause;
use acceptance::servers::Servers;
use project::{Bench, Result, operator, record, tell_vault, vault};
use sandbox::vault::client::Client;
use serde_json::{Value, json};

#[test]
fn a_change_goes_from_a_merge_request_to_production_and_drift_is_caught() -> Result {
    let bench = Bench::up()?;
    let Bench { project, sandbox, .. } = &bench;
    bench.change("production", &record("www", "192.0.2.1"), "Publish the site")?;
    assert_eq!(
        project.jobs(sandbox, Cause::Push)?,
        ["format", "validate", "lint", "ansible-lint", "plan production", "apply production"]
    );

    // Production is planned by one who may only look, and applied by hand.
    let planned = bench.passes(Cause::Push, &["plan production"]);
    assert!(planned.log.contains("2 to add"), "{}", planned.log);
    assert_eq!(bench.route53.zones_named("example.social")?, []);
    bench.passes(Cause::Push, &["plan production", "apply production"]);
    assert_eq!(bench.addresses()?, ["www.example.social. = 192.0.2.1"]);

    // A merge request plans staging and changes nothing.
    project.branch("develop")?;
    project.branch("feature")?;
    bench.change("staging", &record("staging", "192.0.2.2"), "Publish staging")?;
    assert_eq!(
        project.jobs(sandbox, Cause::MergeRequest)?,
        ["format", "validate", "lint", "ansible-lint", "plan staging"]
    );
    bench.passes(Cause::MergeRequest, &["format", "validate", "lint", "ansible-lint", "plan staging"]);
    assert_eq!(bench.addresses()?, ["www.example.social. = 192.0.2.1"]);

    // Merged, it is applied.
    project.branch("develop")?;
    bench.passes(Cause::Push, &["apply technical", "apply staging"]);
    let both = ["staging.example.social. = 192.0.2.2", "www.example.social. = 192.0.2.1"];
    assert_eq!(bench.addresses()?, both);

    // At night nothing has drifted; after a change by hand the job names what it was.
    bench.passes(Cause::Schedule, &["drift technical", "drift staging"]);
    bench.meddle("staging", "192.0.2.66")?;
    let drift = bench.fails(Cause::Schedule, &["drift staging"]);
    assert!(
        drift.log.contains("socle_dns_records.staging") && drift.log.contains("staging A"),
        "{}",
        drift.log
    );
    bench.passes(Cause::Push, &["apply staging"]);
    assert_eq!(bench.addresses()?, both);

    // A rollback is a revert.
    project.revert()?;
    bench.passes(Cause::Push, &["apply staging"]);
    assert_eq!(bench.addresses()?, ["www.example.social. = 192.0.2.1"]);
    Ok(())
}

/// What Vault gives to a job that these words describe, under that role.
fn login(sandbox: &Servers, role: &str, job: &[&str]) -> Result<Client> {
    let (_, mut client) = vault(sandbox)?;
    let token = sandbox.run("token", job)?;
    let answer = client.write("auth/jwt/login", &json!({ "role": role, "jwt": token.trim() }))?;
    client.set_token(answer["auth"]["client_token"].as_str().unwrap_or_default());
    Ok(client)
}

/// A certificate for `admin`, as `ssh-keygen -L` shows it.
fn certificate(client: &Client, role: &str, asked: &Value) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let key = folder.path().join("key");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status()?;
    assert!(made.success());
    let mut body =
        json!({ "public_key": fs::read_to_string(key.with_extension("pub"))?, "valid_principals": "admin" });
    if let (Value::Object(body), Value::Object(asked)) = (&mut body, asked.clone()) {
        body.extend(asked);
    }
    let signed = client.write(&format!("ssh/sign/{role}"), &body)?;
    let file = folder.path().join("certificate.pub");
    fs::write(&file, signed["data"]["signed_key"].as_str().unwrap_or_default())?;
    let shown = Command::new("ssh-keygen").arg("-L").arg("-f").arg(&file).output()?;
    Ok(String::from_utf8_lossy(&shown.stdout).into_owned())
}

#[test]
fn who_may_look_may_not_change() -> Result {
    let sandbox = Servers::up("identities", &["--vault"])?;
    tell_vault(&sandbox)?;
    let feature: &[&str] = &["--ref", "feature"];
    let unprotected: &[&str] = &["--ref", "develop"];
    let develop: &[&str] = &["--ref", "develop", "--protected"];
    let main: &[&str] = &["--ref", "main", "--protected"];

    // Only a protected branch changes its environments, and only its own.
    for (role, job) in [
        ("staging", feature),
        ("staging", unprotected),
        ("staging", main),
        ("production", develop),
        ("production-plan", feature),
        ("technical-plan", feature),
    ] {
        assert!(login(&sandbox, role, job).is_err(), "{job:?} is {role}");
    }
    login(&sandbox, "production", main)?;
    login(&sandbox, "technical", develop)?;

    // A merge request looks at staging: by certificates whose command is forced, whatever it asks for.
    let looks = login(&sandbox, "staging-plan", feature)?;
    let shown = certificate(&looks, "staging-plan", &json!({}))?;
    assert!(shown.contains("force-command") && shown.contains("--check"), "{shown}");
    assert!(!shown.contains("permit-"), "{shown}");
    for asked in [
        json!({ "critical_options": { "source-address": "0.0.0.0/0" } }),
        json!({ "critical_options": { "force-command": "/bin/sh" } }),
        json!({ "extensions": { "permit-pty": "" } }),
    ] {
        assert!(certificate(&looks, "staging-plan", &asked).is_err(), "{asked}");
    }
    assert!(certificate(&looks, "staging", &json!({})).is_err());
    assert!(looks.read("secret/data/staging/database").is_err_and(|error| error.is_refusal(403)));
    Ok(())
}

/// The module is a mark: where servers cannot run, its tests are left out by `--skip on_servers`.
mod on_servers {
    use acceptance::host_programs::HostPrograms;

    use super::*;

    const CONTROL: &str = "sysctl.net-ipv4-conf-all-accept-redirects";
    const TIMER: &str = "socle-backup-staging-database.timer";

    /// A database's server in staging, which trusts Vault's certificates and nothing else, and is to be backed up.
    fn staging_with_a_server(bench: &Bench) -> Result {
        let server = bench.sandbox.server(1)?;
        bench.trust_vault_on(&server)?;
        let chance = tempfile::tempdir()?;
        let secret = json!({ "password": chance.path(), "access_key": "moto", "secret_key": chance.path() });
        operator(&bench.sandbox)?.write("secret/data/staging/backup", &json!({ "data": secret }))?;
        let variables = format!(
            "domain         = \"example.social\"\nadministrators = [\"198.18.0.0/15\"]\nbackup_bucket  = \"example-social-staging-backups\"\n\
             servers = {{\n  \"staging-db\" = {{ role = \"database\", address = \"{}\", host_key = \"{}\" }}\n}}\n",
            server.address, server.host_key
        );
        bench.project.write("environments/staging/terraform.tfvars", &variables)?;
        // The simulated S3 speaks no TLS.
        let plain = "resource \"socle_backup_store\" \"main\" {\n  tls_only = false\n}\n";
        bench.project.write("modules/backup/sandbox_override.tf", plain)?;
        Ok(bench.project.commit("Rent a server for staging")?)
    }

    #[test]
    fn what_is_changed_by_hand_on_a_server_is_seen_by_one_who_may_only_look() -> Result {
        let mut bench = Bench::in_a(Servers::up("drift", &["--aws", "--vault", "--servers", "1"])?)?;
        bench.project.set("SOCLE_HOST_PROGRAMS", &HostPrograms::built()?.folder().to_string_lossy());
        bench.project.commit("A zone")?;
        bench.passes(Cause::Push, &["plan production", "apply production"]);
        bench.project.branch("develop")?;
        staging_with_a_server(&bench)?;
        bench.passes(Cause::Push, &["apply staging"]);
        bench.passes(Cause::Schedule, &["drift staging"]);
        let by_hand = format!("echo 1 >/proc/sys/net/ipv4/conf/all/accept_redirects; systemctl stop {TIMER}");
        bench.sandbox.on("server-1", &by_hand)?;
        let drift = bench.fails(Cause::Schedule, &["drift staging"]);
        for found in ["socle_host.server[\"staging-db\"]", CONTROL, "socle_backup_policy.database", TIMER] {
            assert!(drift.log.contains(found), "{found}:\n{}", drift.log);
        }
        bench.passes(Cause::Push, &["apply staging"]);
        bench.passes(Cause::Schedule, &["drift staging"]);
        bench.sandbox.run("kill", &["server-1"])?;
        let unseen = bench.fails(Cause::Schedule, &["drift staging"]);
        for said in ["staging could not be looked at in full", "Host cannot be reached"] {
            assert!(unseen.log.contains(said), "{said}:\n{}", unseen.log);
        }
        Ok(())
    }
}
