//! The role `backup_agent` on a real server, by the real Ansible: it brings a policy once, and takes it away again.

mod policy;

/// The module is a mark: where servers cannot run, its tests are left out by `--skip on_servers`.
mod on_servers {
    use acceptance::ansible::{Ansible, Run};
    use acceptance::servers::Servers;
    use serde_json::{Value, json};

    use super::policy::{Result, Stage};

    const SERVER: &str = "server-1";

    /// What a user would write; secrets come from elsewhere.
    fn play(stage: &Stage<'_>, wanted: &str) -> Result<String> {
        let location = json!({
            "bucket": stage.bucket,
            "region": stage.site.variable("AWS_REGION")?,
            "endpoint": stage.site.variable("AWS_ENDPOINT_URL")?,
        });
        let variables = json!({
            "backup_agent_name": "files",
            "backup_agent_state": wanted,
            "backup_agent_location": location,
            "backup_agent_schedule": "15 2 * * *",
            "backup_agent_time_zone": "Europe/Paris",
            "backup_agent_retention": { "last": 3, "daily": 7 },
            "backup_agent_files": { "paths": ["/srv/data"] },
            "backup_agent_drill": { "schedule": "0 5 * * 0", "files": ["/srv/data/a.txt"] },
        });
        Ok(format!(
            "- hosts: {SERVER}\n  gather_facts: false\n  vars_files: [secrets.json]\n  roles:\n    \
             - role: socle.platform.backup_agent\n      vars: {variables}\n"
        ))
    }

    /// How many tasks changed something in a run that went well and told no secret.
    fn changes(stage: &Stage<'_>, run: &Run) -> Result<usize> {
        let recap = run.recap(SERVER).ok_or_else(|| run.said.clone())?;
        assert!(run.succeeded && recap.bad == 0, "{}", run.said);
        for secret in [&stage.password, &stage.access_key, &stage.secret_key] {
            assert!(!run.said.contains(secret), "a secret is told");
        }
        Ok(recap.changed)
    }

    #[test]
    fn a_role_brings_a_policy_once_and_takes_it_away() -> Result {
        let site = Servers::up("role-backup", &["--servers", "1", "--aws"])?;
        let stage = Stage::new(&site, 1)?;
        // The bucket alone.
        stage.apply("")?;
        stage.on_host("mkdir -p /srv/data; echo hello >/srv/data/a.txt")?;
        let ansible = Ansible::on(&site)?;
        let secrets = json!({
            "backup_agent_password": stage.password,
            "backup_agent_access_key": stage.access_key,
            "backup_agent_secret_key": stage.secret_key,
        });
        ansible.write("secrets.json", &secrets.to_string())?;
        ansible.write("backups.yml", &play(&stage, "present")?)?;
        let went = |words: &[&str]| changes(&stage, &ansible.playbook([&["-vvv"], words].concat())?);

        assert_eq!(went(&["--check", "--diff", "backups.yml"])?, 1);
        let traces = "ls -d /etc/systemd/system/socle-* /etc/socle /var/lib/socle/backup 2>/dev/null | wc -l";
        assert_eq!(stage.on_host(traces)?.trim(), "0", "a look leaves nothing");
        assert_eq!(went(&["--diff", "backups.yml"])?, 1);
        for words in [&["backups.yml"][..], &["--check", "--diff", "backups.yml"]] {
            assert_eq!(went(words)?, 0, "{words:?}");
        }
        stage.on_host("systemctl start socle-backup-files.service socle-backup-files.drill.service")?;
        let status: Value = serde_json::from_str(&stage.on_host("socle-backup-files status")?)?;
        assert_eq!(status["last_run"]["outcome"], "success", "{status:#}");
        assert_eq!(
            (&status["last_drill"]["ok"], &status["last_forget"]["outcome"]),
            (&json!(true), &json!("success"))
        );

        stage.on_host("systemctl disable --now socle-backup-files.timer")?;
        assert_eq!(went(&["--check", "backups.yml"])?, 1, "drift");
        assert_eq!(went(&["backups.yml"])?, 1);

        // That of the first run, which the role started, and ours: one where they were the same.
        let kept = stage.objects("files/snapshots/")?;
        assert!((1..=2).contains(&kept), "{kept} snapshots");
        ansible.write("backups.yml", &play(&stage, "absent")?)?;
        assert_eq!(went(&["--check", "backups.yml"])?, 1);
        assert_eq!(went(&["backups.yml"])?, 1);
        assert_eq!(went(&["backups.yml"])?, 0);
        let left = "ls -d /etc/systemd/system/socle-* /etc/socle/backup/* /var/lib/socle/backup/* 2>/dev/null | wc -l";
        assert_eq!(stage.on_host(left)?.trim(), "0", "nothing is left on the host");
        assert_eq!(stage.objects("files/snapshots/")?, kept, "and the repository stays");
        stage.terraform.destroy()?;
        Ok(())
    }
}
