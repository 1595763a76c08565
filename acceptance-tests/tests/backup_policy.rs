//! `socle_backup_policy` on a real server with the real agent: files, from the first backup to the last trace.

mod policy;

/// The module is a mark: where servers cannot run, its tests are left out by `--skip on_servers`.
mod on_servers {
    use acceptance::plan::Action;
    use acceptance::servers::Servers;
    use serde_json::json;

    use super::policy::{POLICY, Result, Stage};

    #[test]
    fn files_are_backed_up_shown_when_they_drift_and_left_in_the_repository() -> Result {
        let site = Servers::up("backup", &["--servers", "1", "--aws"])?;
        let stage = Stage::new(&site, 1)?;
        stage.on_host("mkdir -p /srv/data; echo hello >/srv/data/a.txt")?;
        let policy = |schedule: &str| {
            let arguments = format!(
                "schedule = \"{schedule}\"\n  initial_backup = \"wait\"\n  files {{\n    paths = [\"/srv/data\"]\n  }}\n  \
                 drill {{\n    schedule = \"0 5 * * 0\"\n    files = [\"/srv/data/a.txt\"]\n  }}\n  {}",
                Stage::WRITE_ONLY
            );
            stage.policy("files", &arguments)
        };
        let status = format!(
            "data \"socle_backup_status\" \"main\" {{\n  name = \"files\"\n  {}\n  depends_on = [{POLICY}]\n}}\n\
             output \"status\" {{\n  value = data.socle_backup_status.main\n}}\n",
            stage.host()
        );
        stage.apply(&(policy("15 2 * * *") + &status))?;
        let told = stage.terraform.output_value("status")?;
        assert_eq!(
            (&told["snapshots"], &told["last_run"]["outcome"]),
            (&json!(1), &json!("success")),
            "{told:#}"
        );
        let timers = stage.on_host("systemctl list-timers --all --no-legend 'socle-backup-*' | wc -l")?;
        assert_eq!(timers.trim(), "3", "backups, checks and drills");
        stage.terraform.assert_plan_is_empty();

        stage.on_host(
            "sed -i 's/02:15/03:33/' /etc/systemd/system/socle-backup-files.timer; systemctl daemon-reload; \
             systemctl disable --now socle-backup-files.check.timer",
        )?;
        let plan = stage.terraform.plan()?;
        assert_eq!(plan.actions(POLICY), [Action::Update], "{plan}");
        let shown = stage.terraform.run(&["plan", "-input=false"])?;
        for part in
            ["file /etc/systemd/system/socle-backup-files.timer", "unit socle-backup-files.check.timer"]
        {
            assert!(
                shown.contains(&format!("~ \"{part}\"")) && shown.contains("\"drifted\" -> \"applied\""),
                "{shown}"
            );
        }
        stage.terraform.apply()?;
        let timer = stage.on_host("cat /etc/systemd/system/socle-backup-files.timer")?;
        assert!(timer.contains("OnCalendar=*-*-* 02:15:00 Europe/Paris"), "{timer}");
        stage.terraform.assert_plan_is_empty();

        stage.apply(&(policy("30 4 * * *") + &status))?;
        stage.on_host("systemctl start socle-backup-files.drill.service socle-backup-files.service")?;
        stage.terraform.apply()?;
        let told = stage.terraform.output_value("status")?;
        assert_eq!((&told["snapshots"], &told["last_drill"]["ok"]), (&json!(2), &json!(true)), "{told:#}");
        assert_eq!(told["last_forget"]["ok"], true, "{told:#}");
        let restored = stage.on_host("socle-backup-files restore --target /var/tmp/restored >/dev/null; cat /var/tmp/restored/srv/data/a.txt")?;
        assert_eq!(restored, "hello\n", "by the command for people");
        stage.assert_no_secret(&[])?;

        stage.apply("")?;
        let left = "ls /etc/systemd/system/socle-* /etc/socle /var/lib/socle /usr/local/libexec/socle 2>/dev/null | wc -l";
        assert_eq!(stage.on_host(left)?.trim(), "0", "nothing is left on the host");
        assert_eq!(stage.objects("files/snapshots/")?, 2, "and the repository stays");
        stage.terraform.destroy()?;
        Ok(())
    }
}
