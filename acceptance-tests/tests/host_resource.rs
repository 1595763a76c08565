//! `socle_host`: real servers, the real Terraform.
//!
//! The host programs are small scripts here that keep the contract of the real ones: what is tried is the resource, the
//! way to the host, and what happens when the host is not there. What the real programs do is tested beside them.

/// The module is a mark: where servers cannot run, its tests are left out by `--skip on_servers`.
mod on_servers {
    use std::fs;
    use std::sync::OnceLock;

    use acceptance::provider_binary::ProviderBinary;
    use acceptance::servers::{Server, Servers};
    use acceptance::terraform::{Program, Workspace};
    use serde_json::json;
    use tempfile::TempDir;

    type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

    const HARDENING: &str = r#"#!/bin/sh
arguments=$(cat)
key=/proc/sys/net/ipv4/conf/all/log_martians
changed=false state=ok
if [ "$(cat $key)" != 1 ]; then
    changed=true
    case $arguments in
        *'"_ansible_check_mode":true'*) state=would-change ;;
        *) state=changed; echo 1 >$key ;;
    esac
fi
printf '{"changed":%s,"items":[{"id":"network.log-martians","state":"%s","changed":%s}]}' $changed $state $changed
"#;

    const FACTS: &str = r#"#!/bin/sh
printf '{"changed":false,"facts":{"os":"debian 12","architecture":"%s","kernel":"%s","memory_mib":1024,"disks":[]}}' "$(uname -m)" "$(uname -r)"
"#;

    /// One data centre for all tests; each test has a server of its own.
    fn site() -> &'static Servers {
        static SITE: OnceLock<Servers> = OnceLock::new();
        SITE.get_or_init(|| Servers::up("host", &["--servers", "5"]).expect("servers"))
    }

    struct Stage {
        terraform: Workspace,
        _programs: TempDir,
    }

    impl Stage {
        fn new() -> Result<Self> {
            let programs = tempfile::tempdir()?;
            let place = programs.path().join("x86_64");
            fs::create_dir(&place)?;
            fs::write(place.join("hardening"), HARDENING)?;
            fs::write(place.join("host_facts"), FACTS)?;
            let terraform = Workspace::new(&Program::terraform()?)?;
            let log = terraform.folder().join("trace.log").display().to_string();
            let terraform = terraform
                .with_provider("socle-platform/socle", ProviderBinary::built()?.folder())
                .with_variable("SOCLE_HOST_PROGRAMS", &programs.path().display().to_string())
                .with_variable("TF_LOG", "TRACE")
                .with_variable("TF_LOG_PATH", &log);
            Ok(Self { terraform, _programs: programs })
        }

        fn write(&self, resources: &str) -> Result {
            let (user, key) = (site().admin(), site().variable("TF_VAR_private_key_file")?);
            let head = format!(
                "terraform {{\n  required_providers {{\n    socle = {{ source = \"socle-platform/socle\" }}\n  }}\n}}\n\
                 provider \"socle\" {{\n  ssh {{\n    user = \"{user}\"\n    private_key = file(\"{key}\")\n  }}\n}}\n"
            );
            Ok(self.terraform.write("main.tf", &(head + resources))?)
        }

        fn apply(&self, resources: &str) -> Result {
            self.write(resources)?;
            Ok(self.terraform.apply()?)
        }

        /// What `plan` says, warnings included.
        fn plan(&self) -> Result<String> {
            Ok(self.terraform.run(&["plan", "-json", "-input=false"])?)
        }

        /// No line of the private key stands in any file that Terraform wrote.
        fn assert_no_secret(&self) -> Result {
            let key = site().admin_key()?;
            let lines: Vec<_> = key.lines().filter(|line| !line.contains("-----")).collect();
            for file in fs::read_dir(self.terraform.folder())? {
                let text = fs::read(file?.path()).unwrap_or_default();
                let text = String::from_utf8_lossy(&text);
                assert!(!lines.iter().any(|line| text.contains(*line)), "the private key was written down");
            }
            Ok(())
        }
    }

    fn hardened(server: &Server, more: &str) -> String {
        format!(
            "resource \"socle_host\" \"x\" {{\n  address = \"{}\"\n  host_key = \"{}\"\n  {more}\n  hardening {{\n    \
             profile = \"baseline\"\n  }}\n}}\n",
            server.address, server.host_key
        )
    }

    #[test]
    fn is_hardened_stays_so_shows_drift_and_is_forgotten() -> Result {
        let (stage, server) = (Stage::new()?, site().server(1)?);
        stage.apply(&hardened(&server, ""))?;
        let state = stage.terraform.state_of("socle_host.x")?;
        assert_eq!(state["controls"], json!({"network.log-martians": "applied"}));
        assert_eq!((&state["reachable"], &state["facts"]["os"]), (&json!(true), &json!("debian 12")));
        stage.terraform.assert_plan_is_empty();

        site().on("server-1", "echo 0 >/proc/sys/net/ipv4/conf/all/log_martians")?;
        let shown = stage.terraform.run(&["plan", "-input=false"])?;
        assert!(shown.contains(r#"~ "network.log-martians" = "drifted" -> "applied""#), "{shown}");
        stage.terraform.apply()?;
        assert_eq!(site().on("server-1", "cat /proc/sys/net/ipv4/conf/all/log_martians")?.trim(), "1");
        stage.terraform.assert_plan_is_empty();

        stage.terraform.destroy()?;
        let left = "cat /proc/sys/net/ipv4/conf/all/log_martians; ls -d /var/lib/socle /usr/local/libexec/socle 2>/dev/null || :";
        assert_eq!(site().on("server-1", left)?.trim(), "1", "the hardening stays, our traces go");
        stage.assert_no_secret()
    }

    #[test]
    fn that_is_down_keeps_its_state_with_a_warning_and_can_be_forgotten() -> Result {
        let (stage, server) = (Stage::new()?, site().server(2)?);
        stage.apply(&hardened(&server, "on_unreachable = \"forget\""))?;
        site().run("stop", &["server-2"])?;
        let said = stage.plan()?;
        assert!(said.contains("Host cannot be reached") && !said.contains(r#""@level":"error""#), "{said}");
        assert!(
            stage.terraform.plan()?.changes().next().is_none(),
            "nothing is planned for a host that is down"
        );
        stage.terraform.destroy()?;
        Ok(())
    }

    #[test]
    fn that_shows_another_key_is_a_warning_for_a_plan_and_an_error_for_an_apply() -> Result {
        let (stage, server) = (Stage::new()?, site().server(3)?);
        stage.apply(&hardened(&server, ""))?;
        site().on(
            "server-3",
            "rm /etc/ssh/ssh_host_*; ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key; systemctl restart ssh",
        )?;
        let said = stage.plan()?;
        assert!(said.contains("Host key differs") && said.contains("SHA256:"), "{said}");
        stage.write(&hardened(&server, "user = \"root\""))?;
        let failed = stage.terraform.apply().expect_err("the key differs");
        assert!(failed.says("Host key differs"), "{failed}");
        Ok(())
    }

    #[test]
    fn that_was_just_rented_is_made_ours_at_the_first_contact() -> Result {
        let (stage, server) = (Stage::new()?, site().server(4)?);
        let fresh = format!(
            "resource \"socle_host\" \"x\" {{\n  address = \"{}\"\n  host_key = null\n  user = \"deploy\"\n  bootstrap {{\n    \
             accept_new_host_key = true\n  }}\n  hardening {{\n    profile = \"baseline\"\n  }}\n}}\n",
            server.address
        );
        stage.apply(&fresh)?;
        assert_eq!(stage.terraform.state_of("socle_host.x")?["accepted_host_key"], json!(server.host_key));
        assert_eq!(
            site().on("server-4", "id -un deploy; stat -c %a /etc/sudoers.d/socle-deploy")?,
            "deploy\n440\n"
        );
        stage.terraform.assert_plan_is_empty();

        let rival = Stage::new()?;
        rival.write(&hardened(&server, ""))?;
        let refused = rival.terraform.apply().expect_err("it has an owner");
        assert!(refused.says("belongs to socle_host "), "{refused}");
        stage.terraform.destroy()?;
        rival.terraform.apply()?;
        Ok(())
    }

    #[test]
    fn is_imported_by_user_and_address_and_plans_empty() -> Result {
        let (stage, server) = (Stage::new()?, site().server(5)?);
        stage.terraform.write("known_hosts", &site().known_hosts()?)?;
        let (user, key) = (site().admin(), site().variable("TF_VAR_private_key_file")?);
        stage.terraform.write(
            "main.tf",
            &format!(
                "terraform {{\n  required_providers {{\n    socle = {{ source = \"socle-platform/socle\" }}\n  }}\n}}\n\
                 provider \"socle\" {{\n  ssh {{\n    private_key = file(\"{key}\")\n    known_hosts = file(\"known_hosts\")\n  }}\n}}\n\
                 resource \"socle_host\" \"x\" {{\n  address = \"{}\"\n  user = \"{user}\"\n  host_key = null\n}}\n",
                server.address
            ),
        )?;
        stage.terraform.import("socle_host.x", &format!("{user}@{}", server.address))?;
        let state = stage.terraform.state_of("socle_host.x")?;
        assert_eq!(
            (&state["accepted_host_key"], &state["reachable"]),
            (&json!(server.host_key), &json!(true))
        );
        stage.terraform.assert_plan_is_empty();
        Ok(())
    }
}
