//! `socle_backup_policy` with a real PostgreSQL and a real Vault: backups, drills, drift, rotation, rivals, and the restic of
//! Debian that reads it all.

mod policy;

/// The module is a mark: where servers cannot run, its tests are left out by `--skip on_servers`.
mod on_servers {
    use std::sync::OnceLock;

    use acceptance::development_vault::DevelopmentVault;
    use acceptance::plan::Action;
    use acceptance::servers::Servers;
    use serde_json::json;

    use super::policy::{POLICY, Result, Stage, random_name};

    /// One data centre for all tests; each test has a server of its own.
    fn site() -> &'static Servers {
        static SITE: OnceLock<Servers> = OnceLock::new();
        SITE.get_or_init(|| Servers::up("full-backup", &["--servers", "4", "--aws"]).expect("servers"))
    }

    /// A small social network.
    const SOCIAL: &str = "apt-get update -q >/dev/null; DEBIAN_FRONTEND=noninteractive apt-get install -qy postgresql restic >/dev/null; \
        runuser -u postgres -- psql -q -v ON_ERROR_STOP=1 <<'SQL'
create role social_app login;
create database social owner social_app;
\\connect social
create table users (id bigint primary key, name text not null);
create table posts (id bigint primary key, author bigint not null references users, body text not null);
insert into users select n, 'user ' || n from generate_series(1, 500) n;
insert into posts select n, 1 + n % 500, repeat(md5(n::text), 8) from generate_series(1, 5000) n;
SQL
";

    /// A policy of that database, with its secrets in Vault.
    fn of_database(stage: &Stage<'_>, more: &str) -> String {
        stage.policy(
            "social-db",
            &format!(
                "schedule = \"15 2 * * *\"\n  initial_backup = \"wait\"\n  prefix = \"databases/social\"\n  \
                 metrics_file = \"/var/tmp/socle-backup-social-db.prom\"\n  postgresql {{\n    databases = [\"social\"]\n  }}\n  \
                 encryption_password_vault {{\n    mount = \"secret\"\n    path = \"backup/social-db\"\n    field = \"password\"\n  }}\n  \
                 recovery_password_vault {{\n    mount = \"secret\"\n    path = \"backup/offline\"\n    field = \"password\"\n  }}\n  \
                 credentials_vault {{\n    mount = \"secret\"\n    path = \"backup/s3\"\n    access_key_field = \"id\"\n    \
                 secret_key_field = \"key\"\n  }}\n  {more}"
            ),
        )
    }

    const DRILL: &str = "drill {\n    schedule = \"0 5 * * 0\"\n    max_rpo = \"26h\"\n    query {\n      sql = \"select count(*) = 500 from users\"\n      \
                         expect = \"t\"\n    }\n  }\n";

    fn status(stage: &Stage<'_>, bound: &str) -> String {
        format!(
            "data \"socle_backup_status\" \"main\" {{\n  name = \"social-db\"\n  {}\n  depends_on = [{POLICY}]\n  lifecycle {{\n    \
             postcondition {{\n      condition = timecmp(timeadd(self.last_success_at, \"{bound}\"), plantimestamp()) > 0\n      \
             error_message = \"The newest backup is older than {bound}.\"\n    }}\n  }}\n}}\n\
             output \"status\" {{\n  value = data.socle_backup_status.main\n}}\n",
            stage.host()
        )
    }

    /// restic on the server, with the password in a file that only root can read.
    fn restic(stage: &Stage<'_>, password: &str, words: &str) -> Result<String> {
        let url = stage.site.variable("AWS_ENDPOINT_URL")?;
        stage.on_host(&format!(
            "umask 077; printf %s '{password}' >/root/p; export AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x; \
             restic --no-cache --repo s3:{url}/{}/databases/social --password-file /root/p {words}; rm /root/p",
            stage.bucket
        ))
    }

    #[test]
    fn a_database_is_backed_up_proved_and_its_password_changed() -> Result {
        let (first, second, offline) = (random_name()?, random_name()?, random_name()?);
        let token = random_name()?;
        let vault = DevelopmentVault::start(&token)?;
        let stage = Stage::new(site(), 1)?
            .with_variable("VAULT_ADDR", vault.address())
            .with_variable("VAULT_TOKEN", &token);
        vault.put("backup/social-db", &[("password", &first)])?;
        vault.put("backup/offline", &[("password", &offline)])?;
        vault.put("backup/s3", &[("id", &stage.access_key), ("key", &stage.secret_key)])?;
        stage.on_host(SOCIAL)?;

        stage.apply(&(of_database(&stage, DRILL) + &status(&stage, "26h")))?;
        let told = stage.terraform.output_value("status")?;
        assert_eq!(
            (&told["snapshots"], &told["last_run"]["outcome"]),
            (&json!(1), &json!("success")),
            "{told:#}"
        );
        stage.terraform.assert_plan_is_empty();
        stage.on_host(
            "systemctl start socle-backup-social-db.drill.service socle-backup-social-db.check.service",
        )?;
        stage.terraform.apply()?;
        let told = stage.terraform.output_value("status")?;
        assert_eq!(
            (&told["last_drill"]["ok"], &told["last_check"]["ok"]),
            (&json!(true), &json!(true)),
            "{told:#}"
        );
        assert!(told["last_drill"]["rto"].as_u64().is_some(), "{told:#}");
        let metrics = stage.on_host("cat /var/tmp/socle-backup-social-db.prom")?;
        assert!(metrics.contains("socle_backup_drill_success{policy=\"social-db\"} 1"), "{metrics}");

        let listed = restic(&stage, &first, "snapshots --json")?;
        assert_eq!(serde_json::from_str::<serde_json::Value>(&listed)?.as_array().map(Vec::len), Some(1));
        let checked = restic(&stage, &first, "check --read-data")?;
        assert!(checked.contains("no errors were found"), "{checked}");
        assert!(restic(&stage, &offline, "snapshots").is_ok(), "the recovery password opens it, too");

        vault.put("backup/social-db", &[("password", &second)])?;
        let plan = stage.terraform.plan()?;
        assert_eq!(plan.actions(POLICY), [Action::Update], "{plan}");
        assert_eq!(plan.change(POLICY).after()["encryption_password_version"], 2);
        stage.terraform.apply()?;
        assert_eq!(stage.objects("databases/social/keys/")?, 2, "the new one's and the recovery's");
        assert!(restic(&stage, &second, "snapshots").is_ok() && restic(&stage, &first, "snapshots").is_err());
        stage.on_host("systemctl start socle-backup-social-db.service")?;
        assert_eq!(stage.terraform.plan()?.actions(POLICY), [Action::NoOp], "its status alone is another");
        stage.assert_no_secret(&[&first, &second, &offline, &token])?;

        stage.write(&(of_database(&stage, DRILL) + &status(&stage, "1s")))?;
        let refused = stage.terraform.plan().map(drop).expect_err("the newest backup is older than a second");
        assert!(refused.says("The newest backup is older than 1s"), "{refused}");
        stage.apply("")?;
        assert!(stage.objects("databases/social/snapshots/")? >= 2, "the repository stays");
        assert!(restic(&stage, &second, "check --read-data")?.contains("no errors were found"));
        Ok(())
    }

    #[test]
    fn each_part_that_somebody_changes_shows_and_is_put_right() -> Result {
        let stage = Stage::new(site(), 2)?;
        stage.on_host("mkdir -p /srv/data; echo hello >/srv/data/a.txt")?;
        let arguments = format!(
            "schedule = \"15 2 * * *\"\n  initial_backup = \"none\"\n  files {{\n    paths = [\"/srv/data\"]\n  }}\n  {}",
            Stage::WRITE_ONLY
        );
        stage.apply(&stage.policy("files", &arguments))?;
        let service = "/etc/systemd/system/socle-backup-files.service";
        for (change, part) in [
            ("echo '# mine' >>/etc/systemd/system/socle-backup-files.service", format!("file {service}")),
            ("systemctl disable --now socle-backup-files.timer", "unit socle-backup-files.timer".to_owned()),
            ("echo >>/etc/socle/backup/files.json", "file /etc/socle/backup/files.json".to_owned()),
            (
                "rm /etc/socle/backup/files/s3-secret-key",
                "secret /etc/socle/backup/files/s3-secret-key".to_owned(),
            ),
            (
                "chmod 0644 /etc/socle/backup/files/password",
                "secret /etc/socle/backup/files/password".to_owned(),
            ),
            ("for f in /usr/local/libexec/socle/socle-backup-*; do echo >>$f; done", "agent".to_owned()),
        ] {
            stage.on_host(change)?;
            let shown = stage.terraform.run(&["plan", "-input=false"])?;
            let line = shown.lines().find(|line| line.contains(&format!("\"{part}\"")));
            assert!(
                line.is_some_and(|line| line.contains("\"drifted\" -> \"applied\"")),
                "{change}:\n{shown}"
            );
            stage.terraform.apply()?;
            stage.terraform.assert_plan_is_empty();
        }
        stage.on_host("systemctl start socle-backup-files.service")?;
        Ok(())
    }

    #[test]
    fn a_policy_has_one_owner_and_what_a_killed_create_left_is_taken_over() -> Result {
        let (stage, rival) = (Stage::new(site(), 3)?, Stage::new(site(), 3)?);
        stage.on_host("mkdir -p /srv/data")?;
        let arguments = format!(
            "schedule = \"15 2 * * *\"\n  initial_backup = \"none\"\n  files {{\n    paths = [\"/srv/data\"]\n  }}\n  {}",
            Stage::WRITE_ONLY
        );
        stage.on_host(
            "mkdir -p /var/lib/socle/owners; echo '{\"owner\":\"socle_backup_policy 00\",\"state\":\"creating\"}' \
             >/var/lib/socle/owners/backup-files.json",
        )?;
        stage.apply(&stage.policy("files", &arguments))?;
        let record = stage.on_host("cat /var/lib/socle/owners/backup-files.json")?;
        assert!(record.contains("complete") && !record.contains("socle_backup_policy 00"), "{record}");
        rival.write(&rival.policy("files", &arguments))?;
        let refused = rival.terraform.apply().expect_err("it has an owner");
        assert!(refused.says("belongs to socle_backup_policy"), "{refused}");
        stage.terraform.destroy()?;
        rival.terraform.apply()?;
        Ok(())
    }

    #[test]
    fn a_first_backup_that_fails_is_a_warning_and_shows_in_the_status() -> Result {
        let stage = Stage::new(site(), 4)?;
        let arguments = format!(
            "schedule = \"15 2 * * *\"\n  initial_backup = \"wait\"\n  files {{\n    paths = [\"/srv/not-there\"]\n  }}\n  {}",
            Stage::WRITE_ONLY
        );
        stage.write(&stage.policy("files", &arguments))?;
        let said = stage.terraform.run(&["apply", "-json", "-input=false", "-auto-approve"])?;
        assert!(said.contains("First backup failed"), "{said}");
        stage.terraform.assert_plan_is_empty();
        Ok(())
    }

    #[test]
    fn systemd_starts_a_timer_when_next_runs_says() -> Result {
        let stage = Stage::new(site(), 4)?;
        for schedule in
            ["15 2 * * *", "*/20 1-3 * * *", "0 5 13 * 5", "30 2 29 2 *", "0 0 * * 0", "59 23 31 12 *"]
        {
            stage.terraform.write(
                "main.tf",
                &format!(
                    "terraform {{\n  required_providers {{\n    socle = {{ source = \"socle-platform/socle\" }}\n  }}\n}}\n\
                     output \"runs\" {{\n  value = provider::socle::next_runs(\"{schedule}\", \"Europe/Paris\", \"2026-03-27T12:00:00Z\", 40)\n}}\n"
                ),
            )?;
            stage.terraform.apply()?;
            let told = stage.terraform.output_value("runs")?;
            let told: Vec<_> = told.as_array().into_iter().flatten().filter_map(|run| run.as_str()).collect();
            let second = |run: &&str| Ok(run.parse::<jiff::Timestamp>()?.as_second().to_string());
            let expected = told.iter().map(second).collect::<Result<Vec<_>>>()?;
            let parsed: backup_agent::schedule::Schedule = schedule.parse()?;
            let lines = parsed.on_calendar(&jiff::tz::TimeZone::get("Europe/Paris")?);
            let mut found = Vec::new();
            for line in lines {
                let asked = format!(
                    "systemd-analyze calendar --base-time='2026-03-27 12:00:00 UTC' --iterations=40 '{line}' | \
                     sed -nE 's/.*(Next elapse|Iter. #[0-9]+): //p' | while read -r at; do date -d \"$at\" +%s; done"
                );
                found.extend(stage.on_host(&asked)?.lines().map(str::to_owned).collect::<Vec<_>>());
            }
            found.sort();
            found.dedup();
            found.truncate(expected.len());
            assert_eq!(found, expected, "{schedule}");
        }
        Ok(())
    }
}
