//! An apply that takes longer than its credentials live: a real Vault signs certificates of seconds, and gives tokens of
//! seconds, for work on real servers.

/// The module is a mark: where servers cannot run, its tests are left out by `--skip on_servers`.
mod on_servers {
    use std::fs;
    use std::path::Path;
    use std::process::Command;
    use std::time::{Duration, Instant};
    use std::{env, thread};

    use acceptance::host_programs::HostPrograms;
    use acceptance::provider_binary::ProviderBinary;
    use acceptance::servers::Servers;
    use acceptance::terraform::{Program, Workspace};
    use sandbox::cache::Cache;
    use sandbox::state::Sandbox;
    use sandbox::vault::Vault;
    use sandbox::vault::client::Client;
    use serde_json::{Value, json};

    type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

    /// How long tokens and certificates live, as Vault writes it. `make test-full` asks for minutes.
    fn life() -> String {
        env::var("SOCLE_CREDENTIAL_LIFE").unwrap_or_else(|_| "20s".to_owned())
    }

    /// Vault as its operator sees it, with a role `short` whose credentials end soon.
    fn vault_of(servers: &Servers) -> Result<(Vault, Client)> {
        let vault = Vault::of(&Sandbox::named(&Cache::of_this_user()?, servers.name().parse()?));
        let mut client = vault.client()?;
        client.set_token(&vault.root_token()?);
        let policy = "path \"ssh/sign/short\" { capabilities = [\"update\"] }";
        client.write("sys/policies/acl/short", &json!({ "policy": policy }))?;
        let life = life();
        client.write(
            "auth/jwt/role/short",
            &json!({
                "role_type": "jwt", "user_claim": "user_login",
                "bound_audiences": [sandbox::vault::identity_token::AUDIENCE],
                "bound_claims": { "ref_protected": "true" },
                "token_policies": ["short"], "token_ttl": life, "token_max_ttl": life,
            }),
        )?;
        client.write(
            "ssh/roles/short",
            &json!({
                "key_type": "ca", "allow_user_certificates": true, "allowed_users": "admin",
                "ttl": life, "max_ttl": life, "not_before_duration": "5s",
            }),
        )?;
        Ok((vault, client))
    }

    fn trust_certificates(servers: &Servers, client: &Client) -> Result {
        let key = client.read("ssh/config/ca")?["data"]["public_key"]
            .as_str()
            .unwrap_or_default()
            .trim()
            .to_owned();
        for server in ["server-1", "server-2"] {
            servers.on(
                server,
                &format!(
                    "echo '{key}' >/etc/ssh/vault.pub; echo 'TrustedUserCAKeys /etc/ssh/vault.pub' \
                     >/etc/ssh/sshd_config.d/vault.conf; rm -f /home/admin/.ssh/authorized_keys; systemctl reload ssh"
                ),
            )?;
        }
        Ok(())
    }

    /// Two servers, one after the other; between them the apply stands still until somebody writes into the pipe.
    fn configuration(servers: &Servers, gate: &Path) -> Result<String> {
        let (one, other) = (servers.server(1)?, servers.server(2)?);
        let gate = gate.display();
        let host = |name: &str, address: &str, key: &str, after: &str| {
            format!(
                "resource \"socle_host\" \"{name}\" {{\n  address = \"{address}\"\n  host_key = \"{key}\"\n  {after}\n  \
                 firewall {{\n    ssh_from = [\"198.18.0.0/15\"]\n  }}\n}}\n"
            )
        };
        Ok("terraform {\n  required_providers {\n    socle = { source = \"socle-platform/socle\" }\n  }\n}\n\
            provider \"socle\" {\n  vault {\n    auth {\n      jwt { role = \"short\" }\n    }\n  }\n  \
            ssh {\n    user = \"admin\"\n    vault { role = \"short\" }\n  }\n}\n"
            .to_owned()
            + &host("one", &one.address, &one.host_key, "")
            + &format!(
                "resource \"terraform_data\" \"gate\" {{\n  depends_on = [socle_host.one]\n  provisioner \"local-exec\" {{\n    \
                 command = \"touch {gate}.reached && cat {gate}\"\n  }}\n}}\n"
            )
            + &host("other", &other.address, &other.host_key, "depends_on = [terraform_data.gate]"))
    }

    /// The tokens that the role `short` gave and that still live.
    fn living(client: &Client) -> Result<usize> {
        let listed = client.read("auth/token/accessors?list=true")?;
        let accessors = listed["data"]["keys"].as_array().cloned().unwrap_or_default();
        let of_role = |accessor: &&Value| {
            let told = client.write("auth/token/lookup-accessor", &json!({ "accessor": accessor }));
            told.is_ok_and(|told| told["data"]["meta"]["role"] == "short")
        };
        Ok(accessors.iter().filter(of_role).count())
    }

    /// Waits for something that is bound to come.
    fn until(what: &str, patience: Duration, mut is_so: impl FnMut() -> Result<bool>) -> Result {
        let deadline = Instant::now() + patience;
        while !is_so()? {
            assert!(Instant::now() < deadline, "{what}: not within {patience:?}");
            thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    }

    #[test]
    fn an_apply_goes_on_when_its_credentials_end_in_the_middle() -> Result {
        let servers = Servers::up("short", &["--servers", "2", "--vault"])?;
        let (vault, client) = vault_of(&servers)?;
        trust_certificates(&servers, &client)?;
        let terraform = Workspace::new(&Program::terraform()?)?
            .with_provider("socle-platform/socle", ProviderBinary::built()?.folder())
            .with_variable("SOCLE_HOST_PROGRAMS", &HostPrograms::built()?.folder().display().to_string())
            .with_variable("VAULT_ADDR", &servers.variable("VAULT_ADDR")?)
            .with_variable("VAULT_CACERT", &servers.variable("VAULT_CACERT")?)
            .with_variable("VAULT_ID_TOKEN", servers.run("token", &["--protected"])?.trim());
        let gate = terraform.folder().join("gate");
        assert!(Command::new("mkfifo").arg(&gate).status()?.success());
        terraform.write("main.tf", &configuration(&servers, &gate)?)?;

        let patience = Duration::from_mins(10);
        let applied = thread::scope(|scope| -> Result<_> {
            let apply = scope.spawn(|| terraform.apply());
            let reached = gate.with_extension("reached");
            until("the gate", patience, || Ok(reached.exists() || apply.is_finished()))?;
            until("the end of the credentials", patience, || Ok(living(&client)? == 0))?;
            if !apply.is_finished() {
                fs::write(&gate, "go on")?;
            }
            Ok(apply.join().expect("the apply does not panic"))
        })?;
        applied?;
        terraform.assert_plan_is_empty();
        let logins = fs::read_to_string(vault.audit_file())?;
        let is_login = |line: &&str| {
            line.contains("\"type\":\"response\"") && line.contains("\"path\":\"auth/jwt/login\"")
        };
        assert!(logins.lines().filter(is_login).count() >= 2, "Vault saw fewer than two logins");
        Ok(())
    }
}
