//! The collection on real servers, by the real Ansible over ssh: how a module comes to a host and what it is told there.

/// The module is a mark: where servers cannot run, its tests are left out by `--skip on_servers`.
mod on_servers {
    use std::path::{Path, PathBuf};
    use std::process::Command;
    use std::sync::OnceLock;

    use acceptance::ansible::{Ansible, COLLECTION, Recap, Run};
    use acceptance::host_programs::HostPrograms;
    use acceptance::servers::Servers;
    use serde_json::json;

    type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

    /// One data centre for all tests; each test has a server of its own.
    fn site() -> &'static Servers {
        static SITE: OnceLock<Servers> = OnceLock::new();
        SITE.get_or_init(|| Servers::up("collection", &["--servers", "3"]).expect("servers"))
    }

    /// A play without facts, so without Python on the host.
    fn play(hosts: &str, tasks: &str) -> String {
        format!("- hosts: {hosts}\n  gather_facts: false\n  tasks:\n{tasks}")
    }

    fn role(host: &str, role: &str, variables: &serde_json::Value) -> String {
        format!(
            "- hosts: {host}\n  gather_facts: false\n  roles:\n    - role: socle.platform.{role}\n      vars: {variables}\n"
        )
    }

    fn went(run: &Run, host: &str, changed: usize) {
        let recap = run.recap(host).unwrap_or_else(|| panic!("{}", run.said));
        assert_eq!((recap.bad, recap.changed), (0, changed), "{}", run.said);
        assert!(run.succeeded, "{}", run.said);
    }

    const NOEXEC: &str = "for place in /tmp /home /var/tmp; do mount --bind $place $place; mount -o remount,bind,noexec $place; done; \
                          ! sh -c 'cp /bin/true /tmp/true && /tmp/true' 2>/dev/null";

    #[test]
    fn a_program_is_brought_once_where_nothing_may_be_run_and_a_warm_task_is_one_command() -> Result {
        let (ansible, server) = (Ansible::on(site())?, "server-1");
        site().on(server, NOEXEC)?;
        ansible.write("look.yml", &play(server, "    - socle.platform.host_facts:\n"))?;
        let cold = ansible.playbook(["-vvv", "look.yml"])?;
        went(&cold, server, 0);
        assert_eq!(cold.commands().len(), 3, "it asks, brings, runs: {}", cold.said);
        let warm = ansible.playbook(["-vvv", "look.yml"])?;
        went(&warm, server, 0);
        assert_eq!(warm.commands().len(), 1, "{}", warm.said);
        let installed = "stat -c '%U %a %n' /usr/local/libexec/socle /usr/local/libexec/socle/*; \
                         cd /usr/local/libexec/socle; for f in *; do test $(sha256sum $f | cut -d' ' -f1) = ${f#*-}; done; \
                         find /tmp /home /var/tmp -newer /usr/local/libexec -name '*socle*'";
        let listing = site().on(server, installed)?;
        let folder = "root 755 /usr/local/libexec/socle\nroot 755 /usr/local/libexec/socle/host_facts-";
        assert!(listing.starts_with(folder) && listing.lines().count() == 2, "{listing}");
        Ok(())
    }

    #[test]
    fn arguments_are_in_no_argument_list_and_a_program_that_was_cut_short_is_not_installed() -> Result {
        let (ansible, server) = (Ansible::on(site())?, "server-1");
        let secret = tempfile::tempdir()?.path().file_name().ok_or("no name")?.to_string_lossy().into_owned();
        let task =
            format!("    - socle.platform.host_facts:\n        token: \"{secret}\"\n      no_log: true\n");
        ansible.write("secret.yml", &play(server, &task))?;
        let run = ansible.playbook(["-vvvv", "secret.yml"])?;
        assert_eq!(run.recap(server).map(|recap| recap.bad), Some(1), "an unknown argument is refused");
        assert!(!run.said.contains(&secret), "{}", run.said);
        let left = site()
            .on(server, &format!("grep -rl {secret} /usr/local/libexec /var/log /tmp /home /root || :"))?;
        assert_eq!(left, "");
        Ok(())
    }

    #[test]
    fn the_firewall_is_told_before_it_is_loaded_and_a_second_run_changes_nothing() -> Result {
        let (ansible, server) = (Ansible::on(site())?, "server-2");
        let machine =
            site().on(server, "ip -4 route show scope link | sed -E 's/^([0-9.]+)\\.0\\/.*/\\1.1/'")?;
        let open = json!({ "https": { "port": 443 } });
        let variables = json!({ "firewall_ssh_from": [machine.trim()], "firewall_open": open });
        ansible.write("firewall.yml", &role(server, "firewall", &variables))?;
        let foreseen = ansible.playbook(["--check", "--diff", "firewall.yml"])?;
        went(&foreseen, server, 1);
        assert!(foreseen.said.contains("443"), "the diff shows the rule: {}", foreseen.said);
        assert_eq!(site().on(server, "nft list tables")?, "");
        let first = ansible.playbook(["--diff", "firewall.yml"])?;
        went(&first, server, 2);
        assert!(site().on(server, "nft list table inet socle")?.contains("443"));
        for words in [&["firewall.yml"][..], &["--check", "--diff", "firewall.yml"]] {
            went(&ansible.playbook(words)?, server, 0);
        }
        Ok(())
    }

    /// What Ansible says of a task that fails, on one line.
    fn failure(run: &Run, host: &str) -> String {
        assert!(!run.succeeded, "{}", run.said);
        let Some(Recap { bad: 1, .. }) = run.recap(host) else { panic!("{}", run.said) };
        run.said.replace("\\n", "\n")
    }

    #[test]
    fn faults_name_the_host_and_the_step() -> Result {
        let (ansible, server) = (Ansible::on(site())?, "server-3");
        site().on(
            server,
            "useradd --create-home plain; install -d -o plain -m 700 /home/plain/.ssh; \
                           install -o plain -m 600 /home/admin/.ssh/authorized_keys /home/plain/.ssh/",
        )?;
        ansible.write("look.yml", &play(server, "    - socle.platform.host_facts:\n"))?;

        let run = ansible.playbook(["look.yml", "-e", "ansible_user=plain"])?;
        let said = failure(&run, server);
        assert!(said.contains("server-3: could not run host_facts") && said.contains("sudo"), "{said}");

        let run = ansible.playbook(["look.yml", "-e", "ansible_user=plain ansible_become=false"])?;
        let said = failure(&run, server);
        assert!(said.contains("server-3: could not install host_facts: root must do that"), "{said}");

        let run = ansible.playbook(["look.yml", "-e", "ansible_host=127.0.0.9 ansible_port=9"])?;
        let said = failure(&run, server);
        assert!(
            said.contains("UNREACHABLE") && said.contains("server-3: could not run host_facts"),
            "{said}"
        );

        let programs = tempfile::tempdir()?;
        std::fs::create_dir(programs.path().join("aarch64"))?;
        std::fs::write(programs.path().join("aarch64/host_facts"), "")?;
        let foreign =
            Ansible::on(site())?.with("SOCLE_HOST_PROGRAMS", &programs.path().display().to_string());
        foreign.write("look.yml", &play(server, "    - socle.platform.host_facts:\n"))?;
        let said = failure(&foreign.playbook(["look.yml"])?, server);
        assert!(said.contains("there is no build of it for x86_64, only for aarch64"), "{said}");

        site().on(
            server,
            "mkdir -p /usr/local/libexec/socle; mount -t tmpfs -o size=64k tmpfs /usr/local/libexec/socle",
        )?;
        let said = failure(&ansible.playbook(["look.yml"])?, server);
        assert!(said.contains("could not install host_facts") && said.contains("No space left"), "{said}");
        assert_eq!(site().on(server, "ls -A /usr/local/libexec/socle; umount /usr/local/libexec/socle")?, "");
        Ok(())
    }

    #[test]
    fn terraform_outputs_are_an_inventory_whose_host_keys_are_checked() -> Result {
        let ansible = Ansible::on(site())?;
        let server = site().server(1)?;
        let key = site().variable("TF_VAR_private_key_file")?;
        let outputs = |host_key: &str| {
            json!({ "secret": { "value": "no", "sensitive": true }, "servers": { "value": { "web-1": {
                "address": server.address, "port": null, "user": "admin", "host_key": host_key,
                "private_address": "10.0.0.1", "groups": ["web", "staging"], "variables": { "color": "blue" },
            } } } })
        };
        ansible.write("outputs.json", &outputs(&server.host_key).to_string())?;
        ansible.write("terraform.yml", "plugin: socle.platform.terraform\nfile: outputs.json\n")?;
        let told = ansible.run("ansible-inventory", ["-i", "terraform.yml", "--list"])?;
        let inventory: serde_json::Value = serde_json::from_str(&told.said)?;
        // Ansible marks what came from elsewhere: it is never taken for a template.
        let variable =
            |name: &str| inventory["_meta"]["hostvars"]["web-1"][name]["__ansible_unsafe"].as_str();
        assert_eq!(
            (variable("color"), variable("ansible_user")),
            (Some("blue"), Some("admin")),
            "{}",
            told.said
        );
        for group in ["web", "staging", "servers"] {
            assert_eq!(inventory[group]["hosts"], json!(["web-1"]), "{}", told.said);
        }
        assert!(!told.said.contains("\"no\""), "{}", told.said);

        ansible.write("look.yml", &play("web", "    - socle.platform.host_facts:\n"))?;
        let words = ["-i", "terraform.yml", "look.yml", "--become", "--private-key", &key];
        went(&ansible.playbook(words)?, "web-1", 0);
        let other = site().server(2)?.host_key;
        ansible.write("outputs.json", &outputs(&other).to_string())?;
        let refused = ansible.with("ANSIBLE_SSH_CONTROL_PATH_DIR", "cp").playbook(words)?;
        assert!(failure(&refused, "web-1").contains("Host key verification failed"), "{}", refused.said);
        Ok(())
    }

    /// What `make collection` builds, of programs as they are here: not static, and without what debugs them.
    fn tarball(target: &Path, ansible: &Ansible) -> Result<PathBuf> {
        let place = target.join("host-programs").join(std::env::consts::ARCH);
        std::fs::create_dir_all(&place)?;
        for entry in std::fs::read_dir(format!("{COLLECTION}/plugins/modules"))? {
            let file = entry?.path();
            let Some(name) = file.file_stem().filter(|_| file.extension().is_some_and(|end| end == "yml"))
            else {
                continue;
            };
            let program = HostPrograms::built()?.program(&name.to_string_lossy());
            // A verb of another program.
            if !program.exists() {
                continue;
            }
            let stripped = Command::new("strip").arg("-o").arg(place.join(name)).arg(program).status()?;
            assert!(stripped.success());
        }
        let script = format!("{COLLECTION}/../build-collection.sh");
        let output = ansible.command(&script).env("CARGO_TARGET_DIR", target).output()?;
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        Ok(target.join("collection").join(concat!("socle-platform-", env!("CARGO_PKG_VERSION"), ".tar.gz")))
    }

    #[test]
    fn the_tarball_is_installed_and_is_all_that_a_playbook_needs() -> Result {
        let (ansible, server) = (Ansible::on(site())?, "server-2");
        let tarball = tarball(&ansible.folder().join("target"), &ansible)?.display().to_string();
        let installed = ansible.folder().join("installed").display().to_string();
        let ansible = ansible.with("ANSIBLE_COLLECTIONS_PATH", &installed).with("SOCLE_HOST_PROGRAMS", "");
        let words = ["collection", "install", "--offline", "--collections-path", &installed, &tarball];
        let run = ansible.run("ansible-galaxy", words)?;
        assert!(run.succeeded, "{}", run.said);
        ansible.write("look.yml", &play(server, "    - socle.platform.host_facts:\n"))?;
        went(&ansible.playbook(["look.yml"])?, server, 0);
        Ok(())
    }
}
