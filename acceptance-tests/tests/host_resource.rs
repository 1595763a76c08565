//! `socle_host`: real servers, the real Terraform, the real programs.

/// The module is a mark: where servers cannot run, its tests are left out by `--skip on_servers`.
mod on_servers {
    use std::sync::OnceLock;

    use acceptance::host_stage::{HostStage, StageError, hardening, host};
    use acceptance::servers::{Server, Servers};
    use serde_json::json;

    type Result<T = ()> = std::result::Result<T, StageError>;

    /// One data centre for all tests; each test has a server of its own.
    fn site() -> &'static Servers {
        static SITE: OnceLock<Servers> = OnceLock::new();
        SITE.get_or_init(|| Servers::up("host", &["--servers", "8"]).expect("servers"))
    }

    fn stage(number: usize) -> Result<(HostStage, Server)> {
        Ok((HostStage::new(site())?, site().server(number)?))
    }

    fn hardened(server: &Server, more: &str) -> String {
        host(server, &format!("{more}\n  {}", hardening("baseline", "")))
    }

    /// The address from which this machine comes to the server.
    fn ours(server: &Server) -> String {
        let (network, _) = server.address.rsplit_once('.').expect("an IPv4 address");
        format!("{network}.1/32")
    }

    fn walled(from: &str) -> String {
        format!(
            "firewall {{\n    ssh_from = [\"{from}\"]\n    open = {{ https = {{ port = 443, from = [\"0.0.0.0/0\"] }} }}\n  }}"
        )
    }

    #[test]
    fn has_a_firewall_that_a_new_session_confirmed_and_whose_drift_shows() -> Result {
        let (stage, server) = stage(1)?;
        stage.apply(&host(&server, &walled(&ours(&server))))?;
        assert_eq!(stage.terraform.state_of("socle_host.x")?["controls"], json!({"firewall": "applied"}));
        let kept =
            "systemctl list-timers --all --no-legend 'socle-*'; systemctl is-enabled socle-firewall.service";
        assert_eq!(
            site().on(&server.name, kept)?,
            "enabled\n",
            "confirmed: no timer, and a restart loads it"
        );
        stage.terraform.assert_plan_is_empty();

        site().on(&server.name, "nft add rule inet socle part_host tcp dport 8080 accept")?;
        let shown = stage.terraform.run(&["plan", "-input=false"])?;
        assert!(shown.contains("\"drifted\" -> \"applied\""), "{shown}");
        stage.terraform.apply()?;
        assert!(!site().on(&server.name, "nft list table inet socle")?.contains("8080"));
        stage.terraform.assert_plan_is_empty();
        Ok(())
    }

    #[test]
    fn refuses_a_firewall_that_would_lock_us_out() -> Result {
        let (stage, server) = stage(2)?;
        stage.write(&host(&server, &walled("192.0.2.0/24")))?;
        let refused = stage.terraform.apply().expect_err("we are not in that range");
        assert!(refused.says("these rules would lock out"), "{refused}");
        assert_eq!(site().on(&server.name, "nft list tables")?, "");
        Ok(())
    }

    #[test]
    fn keeps_sshd_as_it_was_when_it_does_not_take_a_value_and_tells_what_it_reached() -> Result {
        let (stage, server) = stage(3)?;
        stage.apply(&host(&server, &hardening("baseline", "")))?;
        let wrong = hardening("baseline", "overrides = { \"ssh.ciphers\" = \"rot13\" }");
        stage.write(&host(&server, &wrong))?;
        let failed = stage.terraform.apply().expect_err("sshd does not take it");
        assert!(failed.says("ssh.ciphers") && failed.says("Bad SSH2 cipher spec"), "{failed}");
        let controls = &stage.terraform.state_of("socle_host.x")?["controls"];
        assert_eq!(
            (&controls["ssh.ciphers"], &controls["ssh.max-auth-tries"]),
            (&json!("drifted"), &json!("applied"))
        );
        assert_eq!(site().over_ssh(&server.name, "sudo sshd -t", b"")?.status.code(), Some(0));
        stage.apply(&host(&server, &hardening("baseline", "")))?;
        stage.terraform.assert_plan_is_empty();
        Ok(())
    }

    #[test]
    fn with_a_control_that_does_not_exist_is_refused_before_anything_is_asked_of_it() -> Result {
        let (stage, server) = stage(4)?;
        stage.write(&host(
            &server,
            &hardening("baseline", "exceptions = { \"ssh.tcp-forwading\" = \"bastion\" }"),
        ))?;
        let refused = stage.terraform.run(&["validate"]).expect_err("no such control");
        assert!(refused.says("did you mean \"ssh.tcp-forwarding\""), "{refused}");
        Ok(())
    }

    #[test]
    fn is_refreshed_by_a_reader_who_may_change_nothing() -> Result {
        let (stage, server) = stage(4)?;
        stage.apply(&host(&server, &hardening("baseline", "")))?;
        let controls = &stage.terraform.state_of("socle_host.x")?["controls"];
        assert_eq!(
            controls["sysctl.kernel-kptr-restrict"],
            json!("unsupported"),
            "its kernel is the machine's"
        );
        let reader = "useradd --create-home --shell /bin/sh --groups socle-readers reader; \
                      install -d -o reader -m 700 ~reader/.ssh; install -o reader -m 600 ~admin/.ssh/authorized_keys ~reader/.ssh/";
        site().on(&server.name, reader)?;
        site().on(&server.name, "echo 0 >/proc/sys/net/ipv4/conf/all/log_martians")?;
        stage.write_as("reader", &host(&server, &hardening("baseline", "")))?;
        let shown = stage.terraform.run(&["plan", "-no-color", "-input=false"])?;
        assert!(
            shown.contains("\"drifted\" -> \"applied\"") && !shown.contains("Host is not prepared"),
            "{shown}"
        );
        let failed = stage.terraform.apply().expect_err("a reader changes nothing");
        assert!(failed.says("sudo"), "{failed}");
        let tried = site().on(
            &server.name,
            "su reader -c 'sudo -n id; sudo -n /usr/local/libexec/socle/hardening-*' 2>&1 || :",
        )?;
        assert!(tried.contains("password is required") && !tried.contains("uid=0"), "{tried}");
        Ok(())
    }

    #[test]
    fn that_is_down_keeps_its_state_with_a_warning_and_can_be_forgotten() -> Result {
        let (stage, server) = stage(5)?;
        stage.apply(&hardened(&server, "on_unreachable = \"forget\""))?;
        site().run("stop", &[&server.name])?;
        let said = stage.plan_in_words()?;
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
        let (stage, server) = stage(6)?;
        stage.apply(&hardened(&server, ""))?;
        site().on(
            &server.name,
            "rm /etc/ssh/ssh_host_*; ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key; systemctl restart ssh",
        )?;
        let said = stage.plan_in_words()?;
        assert!(said.contains("Host key differs") && said.contains("SHA256:"), "{said}");
        stage.write(&hardened(&server, "user = \"root\""))?;
        let failed = stage.terraform.apply().expect_err("the key differs");
        assert!(failed.says("Host key differs"), "{failed}");
        Ok(())
    }

    #[test]
    fn that_was_just_rented_is_made_ours_at_the_first_contact() -> Result {
        let (stage, server) = stage(7)?;
        let fresh = format!(
            "resource \"socle_host\" \"x\" {{\n  address = \"{}\"\n  host_key = null\n  user = \"deploy\"\n  bootstrap {{\n    \
             accept_new_host_key = true\n  }}\n  {}\n}}\n",
            server.address,
            hardening("baseline", "")
        );
        stage.apply(&fresh)?;
        assert_eq!(stage.terraform.state_of("socle_host.x")?["accepted_host_key"], json!(server.host_key));
        let made = "id -un deploy; stat -c %a /etc/sudoers.d/socle-deploy /etc/sudoers.d/socle-readers";
        assert_eq!(site().on(&server.name, made)?, "deploy\n440\n440\n");
        stage.terraform.assert_plan_is_empty();

        let rival = HostStage::new(site())?;
        rival.write(&hardened(&server, ""))?;
        let refused = rival.terraform.apply().expect_err("it has an owner");
        assert!(refused.says("belongs to socle_host "), "{refused}");
        stage.terraform.destroy()?;
        rival.terraform.apply()?;
        Ok(())
    }

    #[test]
    fn that_lacks_the_programs_of_this_version_is_a_warning_and_a_plan_to_bring_them() -> Result {
        let (stage, server) = stage(8)?;
        stage.apply(&hardened(&server, ""))?;
        site().on(&server.name, "rm /usr/local/libexec/socle/*")?;
        let said = stage.plan_in_words()?;
        assert!(said.contains("Host is not prepared yet"), "{said}");
        stage.terraform.apply()?;
        stage.terraform.assert_plan_is_empty();
        Ok(())
    }

    #[test]
    fn is_imported_by_user_and_address_and_plans_empty() -> Result {
        let (stage, server) = stage(2)?;
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
        let found = stage.terraform.state_of("socle_host.x")?;
        assert_eq!(
            (&found["accepted_host_key"], &found["reachable"]),
            (&json!(server.host_key), &json!(true))
        );
        stage.terraform.assert_plan_is_empty();
        Ok(())
    }
}
