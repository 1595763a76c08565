//! The program `firewall` on a server of its own, over ssh, as an ordinary user with sudo.

/// The module is a mark: where servers cannot run, its tests are left out by `--skip on_servers`.
mod on_servers {
    use std::io::Write;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Stdio};

    use serde_json::{Value, json};

    type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

    /// A sandbox with one server, and the program on it.
    struct Server {
        name: String,
        sandbox: PathBuf,
        config: String,
    }

    impl Drop for Server {
        fn drop(&mut self) {
            drop(Command::new(&self.sandbox).args(["--name", &self.name, "down", "--quiet"]).status());
        }
    }

    impl Server {
        fn up(test: &str) -> Result<Server> {
            let firewall = Path::new(env!("CARGO_BIN_EXE_firewall"));
            printed(Command::new(env!("CARGO")).args(["build", "--quiet", "--package", "sandbox"]))?;
            let (name, sandbox) =
                (format!("fw-{test}-{}", std::process::id()), firewall.with_file_name("sandbox"));
            let mut server = Server { name, sandbox, config: String::new() };
            printed(&mut server.sandbox(&["up", "--quiet", "--servers", "1"]))?;
            let variables: Value = serde_json::from_str(&printed(&mut server.sandbox(&["env", "--json"]))?)?;
            variables["SOCLE_SANDBOX_SSH_CONFIG"]
                .as_str()
                .ok_or("no ssh configuration")?
                .clone_into(&mut server.config);
            let firewall = firewall.to_str().ok_or("the path is not UTF-8")?;
            printed(Command::new("scp").args([
                "-q",
                "-F",
                &server.config,
                firewall,
                "server-1:/var/tmp/firewall",
            ]))?;
            Ok(server)
        }

        fn sandbox(&self, words: &[&str]) -> Command {
            let mut command = Command::new(&self.sandbox);
            command.args(["--name", &self.name]).args(words);
            command
        }

        /// What a script prints on the server, as root, without the network.
        fn on(&self, script: &str) -> Result<String> {
            printed(&mut self.sandbox(&["exec", "server-1", "--", "bash", "-euc", script]))
        }

        /// What the program answers over a new connection.
        fn firewall(&self, arguments: &Value) -> Result<Value> {
            let mut ssh = Command::new("ssh");
            ssh.args(["-T", "-F", &self.config, "-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "server-1"]);
            let mut child =
                ssh.arg("sudo /var/tmp/firewall -").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
            child.stdin.take().ok_or("no input")?.write_all(arguments.to_string().as_bytes())?;
            Ok(serde_json::from_slice(&child.wait_with_output()?.stdout)?)
        }

        fn address_of_the_machine(&self) -> Result<String> {
            Ok(self.on("ip -4 -oneline address show scope global | sed -E 's/.* inet ([0-9.]+)\\.[0-9]+\\/.*/\\1.1/'")?.trim().to_owned())
        }
    }

    fn printed(command: &mut Command) -> Result<String> {
        let output = command.stdin(Stdio::null()).output()?;
        if !output.status.success() {
            return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    const TRACES: &str = "find /etc/socle /var/lib/socle /etc/systemd/system -newer /var/tmp/mark 2>/dev/null || true; nft list tables";

    #[test]
    fn a_session_that_would_lock_itself_out_is_refused_and_check_mode_writes_nothing() -> Result {
        let server = Server::up("lock")?;
        server.on("touch /var/tmp/mark")?;
        let refused = server.firewall(&json!({ "ssh_from": ["192.0.2.0/24"] }))?;
        assert_eq!((&refused["failed"], &refused["changed"]), (&json!(true), &json!(false)), "{refused}");
        let machine = server.address_of_the_machine()?;
        assert!(refused["msg"].as_str().unwrap_or_default().contains(&machine), "{refused}");
        let checked = server.firewall(&json!({ "ssh_from": [machine], "_ansible_check_mode": true }))?;
        assert_eq!(checked["items"][0]["state"], "would-change", "{checked}");
        assert_eq!(server.on(TRACES)?, "");
        Ok(())
    }

    #[test]
    fn rules_go_away_by_themselves_and_stay_when_a_new_session_confirms_them() -> Result {
        let server = Server::up("confirm")?;
        server.on("nft add table ip theirs")?;
        let machine = server.address_of_the_machine()?;
        let wanted = |seconds: u16| json!({ "ssh_from": [machine], "confirm_within": seconds });
        let loaded = server.firewall(&wanted(5))?;
        assert_eq!(
            (&loaded["changed"], &loaded["awaiting_confirmation"]),
            (&json!(true), &json!(true)),
            "{loaded}"
        );
        let journal =
            "timeout 60 journalctl --follow --lines=all --unit=socle-firewall-rollback.service 2>/dev/null";
        server.on(&format!("grep --quiet --max-count=1 'Deactivated successfully' < <({journal})"))?;
        assert_eq!(server.on("nft list tables")?, "table ip theirs\n");
        let late = server.firewall(&json!({ "state": "confirmed" }))?;
        assert!(late["msg"].as_str().unwrap_or_default().contains("not confirmed in time"), "{late}");

        assert_eq!(server.firewall(&wanted(60))?["changed"], true);
        assert_eq!(server.firewall(&json!({ "state": "confirmed" }))?["changed"], true);
        let again = server.firewall(&wanted(60))?;
        assert_eq!((&again["changed"], &again["failed"]), (&json!(false), &json!(false)), "{again}");
        let timers = server.on("systemctl list-timers --all --no-legend 'socle-*'")?;
        assert_eq!(timers, "");
        printed(&mut server.sandbox(&["restart", "server-1"]))?;
        let rebooted = server.firewall(&wanted(60))?;
        assert_eq!((&rebooted["changed"], &rebooted["failed"]), (&json!(false), &json!(false)), "{rebooted}");
        Ok(())
    }

    #[test]
    fn a_rule_that_somebody_added_to_our_table_is_drift_and_a_second_owner_is_refused() -> Result {
        let server = Server::up("drift")?;
        let machine = server.address_of_the_machine()?;
        let wanted = json!({ "ssh_from": [machine], "owner": "socle_host.a" });
        server.firewall(&wanted)?;
        server.firewall(&json!({ "state": "confirmed" }))?;
        server.on("nft add rule inet socle part_host tcp dport 8080 accept")?;
        assert_eq!(server.firewall(&wanted)?["changed"], true);
        server.firewall(&json!({ "state": "confirmed" }))?;
        assert!(!server.on("nft list table inet socle")?.contains("8080"));
        let other = server.firewall(&json!({ "ssh_from": [machine], "owner": "role firewall" }))?;
        assert!(other["msg"].as_str().unwrap_or_default().contains("belongs to socle_host.a"), "{other}");
        Ok(())
    }

    #[test]
    fn a_full_disk_is_told_and_leaves_the_rollback_armed() -> Result {
        let server = Server::up("full")?;
        let machine = server.address_of_the_machine()?;
        server.firewall(&json!({ "ssh_from": [machine], "confirm_within": 300 }))?;
        server.on("mkdir -p /etc/socle; mount -t tmpfs -o size=4k tmpfs /etc/socle; head -c 4096 /dev/zero > /etc/socle/full")?;
        let told = server.firewall(&json!({ "state": "confirmed" }))?;
        assert!(told["msg"].as_str().unwrap_or_default().contains("the file system is full"), "{told}");
        assert_eq!(
            server.on("ls -A /etc/socle; systemctl is-active socle-firewall-rollback.timer")?,
            "full\nactive\n"
        );
        server.on("umount /etc/socle")?;
        assert_eq!(server.firewall(&json!({ "state": "confirmed" }))?["failed"], false);
        Ok(())
    }
}
