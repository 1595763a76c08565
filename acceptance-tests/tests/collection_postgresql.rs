//! The role `postgresql` on real servers: from nothing to a database that only who is named reaches, and what becomes of
//! changes, faults and runs that broke off.

/// The module is a mark: where servers cannot run, its tests are left out by `--skip on_servers`.
mod on_servers {
    use acceptance::ansible::{Ansible, Run};
    use acceptance::servers::Servers;
    use serde_json::{Value, json};

    type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

    const DATABASE: &str = "server-1";
    const CLIENT: &str = "server-2";

    struct Stage {
        site: Servers,
        ansible: Ansible,
        address: String,
        client: String,
    }

    impl Stage {
        fn up() -> Result<Self> {
            let site = Servers::up("postgresql", &["--servers", "3"])?;
            let ansible = Ansible::on(&site)?.with("ANSIBLE_PIPELINING", "1");
            // What is thrown away need not be on the disk at every moment.
            let hurry = "echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/hurry";
            for (server, packages) in [
                (DATABASE, "python3 python3-apt"),
                (CLIENT, "postgresql-client"),
                ("server-3", "postgresql-client"),
            ] {
                let install = "apt-get update -q >/dev/null; DEBIAN_FRONTEND=noninteractive apt-get install -qqy --no-install-recommends";
                site.on(server, &format!("{hurry}; {install} {packages} >/dev/null 2>&1"))?;
            }
            let (address, client) = (site.server(1)?.address, site.server(2)?.address);
            Ok(Self { site, ansible, address, client })
        }

        /// What a user would write, with `more` beside it.
        fn variables(&self, password: &str, more: &Value) -> Value {
            let mut variables = json!({
                "postgresql_listen_addresses": ["localhost", self.address],
                "postgresql_users": [
                    { "name": "social", "password": password, "member_of": ["pg_monitor"] },
                    { "name": "o'dd \"name", "password": "p'ä\"ss \\ word" },
                ],
                "postgresql_databases": [{ "name": "social", "owner": "social" }],
                "postgresql_access": [{ "user": "social", "database": "social", "networks": [format!("{}/32", self.client)] }],
                "postgresql_settings": { "log_statement": "all", "work_mem": "8MB" },
            });
            for (name, value) in more.as_object().into_iter().flatten() {
                variables[name] = value.clone();
            }
            variables
        }

        fn run(&self, variables: &Value, words: &[&str]) -> Result<Run> {
            let play = format!(
                "- hosts: {DATABASE}\n  roles:\n    - role: socle.platform.postgresql\n      vars: {variables}\n  post_tasks:\n    \
                 - ansible.builtin.copy:\n        content: \"{{{{ postgresql_certificate | default('') }}}}\"\n        dest: server.crt\n        \
                 mode: \"0644\"\n      delegate_to: localhost\n      become: false\n      changed_when: false\n      check_mode: false\n"
            );
            self.ansible.write("database.yml", &play)?;
            Ok(self.ansible.playbook([&["database.yml"], words].concat())?)
        }

        /// How many tasks changed something in a run that went well.
        fn changes(&self, variables: &Value, words: &[&str]) -> Result<usize> {
            let run = self.run(variables, words)?;
            let recap = run.recap(DATABASE).ok_or("no recap")?;
            assert!(run.succeeded && recap.bad == 0, "{}", run.said);
            Ok(recap.changed)
        }

        /// What `psql` says on a server when it logs in over the network.
        fn psql(&self, from: &str, password: &str, how: &str) -> Result<String> {
            let certificate = std::fs::read_to_string(self.ansible.folder().join("server.crt"))?;
            let script = format!(
                "cat >/root/server.crt <<'END'\n{certificate}\nEND\nexport PGPASSWORD='{password}' PGCONNECT_TIMEOUT=5\n\
                 psql -XAtc 'select ssl, version from pg_stat_ssl where pid = pg_backend_pid()' \
                 'host={} user=social sslrootcert=/root/server.crt {how}' 2>&1 || :",
                self.address
            );
            Ok(self.site.on(from, &script)?)
        }

        fn sql(&self, statement: &str) -> Result<String> {
            Ok(self
                .site
                .on(DATABASE, &format!("runuser -u postgres -- psql -XAtc \"{statement}\""))?
                .trim()
                .to_owned())
        }
    }

    const STRICT: &str = "dbname=social sslmode=verify-full";

    fn made_up() -> Result<String> {
        let folder = tempfile::tempdir()?;
        Ok(folder.path().file_name().ok_or("no name")?.to_string_lossy().replace('.', ""))
    }

    #[test]
    fn from_nothing_to_a_database_that_only_who_is_named_reaches() -> Result {
        let stage = Stage::up()?;
        let password = made_up()?;
        let wanted = stage.variables(&password, &json!({}));
        assert_eq!(stage.changes(&wanted, &["--check", "--diff"])?, 1, "that PostgreSQL would be installed");
        assert!(stage.changes(&wanted, &["--diff"])? > 5);
        for words in [&[][..], &["--check", "--diff"]] {
            assert_eq!(stage.changes(&wanted, words)?, 0, "{words:?}");
        }

        assert_eq!(stage.psql(CLIENT, &password, STRICT)?.trim(), "t|TLSv1.3");
        for (from, password, how, refusal) in [
            (CLIENT, "wrong", STRICT, "password authentication failed"),
            (CLIENT, password.as_str(), "dbname=social sslmode=disable", "no pg_hba.conf entry"),
            (CLIENT, password.as_str(), "dbname=postgres sslmode=verify-full", "no pg_hba.conf entry"),
            ("server-3", password.as_str(), STRICT, "no pg_hba.conf entry"),
        ] {
            let said = stage.psql(from, password, how)?;
            assert!(said.contains(refusal), "{from} {how}: {said}");
        }
        let owner = "select pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate from pg_database where datname = 'social'";
        assert_eq!(stage.sql(owner)?, "social|UTF8|C.UTF-8");
        let left = format!(
            "grep -rlF {password} /etc/postgresql /var/log /var/lib/postgresql /root /home /tmp || :"
        );
        assert_eq!(stage.site.on(DATABASE, &left)?, "", "the password never reached the server");

        changes_are_told_and_made(&stage, &password)?;
        faults_leave_what_was(&stage, &password)
    }

    fn changes_are_told_and_made(stage: &Stage, password: &str) -> Result {
        let new = made_up()?;
        let other = stage.variables(&new, &json!({}));
        let foreseen = stage.run(&other, &["--check", "--diff"])?;
        assert_eq!(foreseen.recap(DATABASE).map(|recap| recap.changed), Some(1), "{}", foreseen.said);
        assert!(!foreseen.said.contains(&new) && !foreseen.said.contains(password), "{}", foreseen.said);
        assert_eq!(stage.changes(&other, &[])?, 1);
        assert!(stage.psql(CLIENT, password, STRICT)?.contains("password authentication failed"));

        let moved = stage.variables(&new, &json!({ "postgresql_port": 5433 }));
        assert!(stage.changes(&moved, &[])? >= 2, "the settings, and a restart");
        assert_eq!(stage.psql(CLIENT, &new, &format!("{STRICT} port=5433"))?.trim(), "t|TLSv1.3");
        assert_eq!(stage.changes(&moved, &[])?, 0);
        assert!(stage.changes(&stage.variables(password, &json!({})), &[])? >= 3, "back again");
        Ok(())
    }

    fn faults_leave_what_was(stage: &Stage, password: &str) -> Result {
        let settings = json!({ "postgresql_settings": { "work_mem": "much" } });
        let refused = stage.run(&stage.variables(password, &settings), &[])?;
        assert!(!refused.succeeded && refused.said.contains("work_mem"), "{}", refused.said);
        assert_eq!(stage.sql("show work_mem")?, "8MB");
        let conf = "cat /etc/postgresql/15/main/conf.d/socle.conf";
        assert!(!stage.site.on(DATABASE, conf)?.contains("much"), "what would not start is not written");

        // As if a run had been killed after it wrote the file.
        stage.site.on(DATABASE, "echo 'local all all reject' >>/etc/postgresql/15/main/pg_hba.conf")?;
        let wanted = stage.variables(password, &json!({}));
        assert_eq!(stage.changes(&wanted, &[])?, 2, "the file is written back, and loaded");
        stage.site.on(DATABASE, "touch -d '+2 sec' /etc/postgresql/15/main/pg_hba.conf")?;
        assert_eq!(stage.changes(&wanted, &[])?, 1, "it is loaded, because the server has not");
        assert_eq!(stage.changes(&wanted, &[])?, 0);

        stage.site.on(DATABASE, "rm /etc/postgresql/15/main/socle/server.key")?;
        assert!(stage.changes(&wanted, &[])? >= 2, "half a pair is made anew, and loaded");
        assert_eq!(stage.psql(CLIENT, password, STRICT)?.trim(), "t|TLSv1.3");
        Ok(())
    }
}
