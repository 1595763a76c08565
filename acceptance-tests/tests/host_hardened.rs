//! `socle_host` from the first apply to the destroy: a real server, the real Terraform, the real programs.

/// The module is a mark: where servers cannot run, its tests are left out by `--skip on_servers`.
mod on_servers {
    use acceptance::host_stage::{HostStage, StageError, hardening, host};
    use acceptance::servers::Servers;
    use serde_json::json;

    const MARTIANS: &str = "/proc/sys/net/ipv4/conf/all/log_martians";

    #[test]
    fn is_hardened_stays_so_shows_drift_and_is_forgotten() -> Result<(), StageError> {
        let site = Servers::up("hardened", &["--servers", "1"])?;
        let (stage, server) = (HostStage::new(&site)?, site.server(1)?);
        // What apt has to bring takes longer than all the rest, and is tried by the long tests.
        let exceptions = "exceptions = { \"unit.timesyncd\" = \"no package is to be installed\" }";
        stage.apply(&host(&server, &hardening("baseline", exceptions)))?;
        let found = stage.terraform.state_of("socle_host.x")?;
        let controls = &found["controls"];
        assert_eq!(controls["sysctl.net-ipv4-conf-all-log-martians"], json!("applied"));
        assert_eq!((&found["reachable"], &found["facts"]["os"]), (&json!(true), &json!("debian 12")));
        stage.terraform.assert_plan_is_empty();

        site.on("server-1", &format!("echo 0 >{MARTIANS}"))?;
        let shown = stage.terraform.run(&["plan", "-input=false"])?;
        let drift = r#"~ "sysctl.net-ipv4-conf-all-log-martians" = "drifted" -> "applied""#;
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words(&shown).contains(drift), "{shown}");
        stage.terraform.apply()?;
        assert_eq!(site.on("server-1", &format!("cat {MARTIANS}"))?.trim(), "1");
        stage.terraform.assert_plan_is_empty();

        stage.terraform.destroy()?;
        let left =
            "ls -d /var/lib/socle /usr/local/libexec/socle /etc/sudoers.d/socle-readers 2>/dev/null || :";
        assert_eq!(
            site.on("server-1", &format!("cat {MARTIANS}; {left}"))?.trim(),
            "1",
            "the hardening stays, our traces go"
        );
        stage.assert_no_secret()
    }
}
