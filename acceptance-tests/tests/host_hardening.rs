//! The program `hardening` on servers: every profile, and what would have gone off later.

/// The module is a mark: where servers cannot run, its tests are left out by `--skip on_servers`.
mod on_servers {
    use std::collections::BTreeMap;
    use std::sync::OnceLock;
    use std::time::{SystemTime, UNIX_EPOCH};

    use acceptance::host_programs::HostPrograms;
    use acceptance::host_stage::{HostStage, StageError, hardening, host};
    use acceptance::plan::Action::{NoOp, Update};
    use acceptance::servers::{Server, Servers};
    use serde_json::{Value, json};

    type Result<T = ()> = std::result::Result<T, StageError>;

    const PROFILES: [&str; 7] =
        ["baseline", "anssi-minimal", "anssi-intermediary", "anssi-enhanced", "anssi-high", "cis-1", "cis-2"];
    const PROGRAM: &str = "/usr/local/sbin/hardening";

    /// One data centre for all tests; each test has a server of its own.
    fn site() -> &'static Servers {
        static SITE: OnceLock<Servers> = OnceLock::new();
        SITE.get_or_init(|| Servers::up("profiles", &["--servers", "10"]).expect("servers"))
    }

    fn prepared(number: usize) -> Result<String> {
        let server = site().server(number)?.name;
        site().install(&server, &HostPrograms::built()?.program("hardening"), PROGRAM)?;
        Ok(server)
    }

    /// What the program answers over a new connection of an ordinary user with sudo.
    fn told(server: &str, arguments: &Value) -> Result<Value> {
        let output =
            site().over_ssh(server, &format!("sudo {PROGRAM} -"), arguments.to_string().as_bytes())?;
        serde_json::from_slice(&output.stdout).map_err(|error| {
            format!(
                "{error}: {}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            )
            .into()
        })
    }

    /// What was changed, or would be: id → before and after.
    fn changes(answer: &Value) -> BTreeMap<String, (Value, Value)> {
        let items = answer["items"].as_array().into_iter().flatten().filter(|item| item["changed"] == true);
        items.map(|item| (item["id"].to_string(), (item["before"].clone(), item["after"].clone()))).collect()
    }

    fn assert_settled(server: &str, arguments: &Value) -> Result {
        let again = told(server, arguments)?;
        assert_eq!((&again["changed"], &again["failed"]), (&json!(false), &json!(false)), "{}", again["msg"]);
        assert_eq!(changes(&again), BTreeMap::new());
        let id = site().over_ssh(server, "sudo -n id -u", b"")?;
        assert_eq!(String::from_utf8_lossy(&id.stdout), "0\n", "{}", String::from_utf8_lossy(&id.stderr));
        Ok(())
    }

    #[test]
    fn every_profile_does_what_check_mode_told_and_then_nothing() -> Result {
        let server = prepared(1)?;
        for profile in PROFILES {
            let arguments = json!({ "profile": profile });
            let mut checked = arguments.clone();
            checked["_ansible_check_mode"] = true.into();
            let expected = told(&server, &checked)?;
            let done = told(&server, &arguments)?;
            assert_eq!(
                (&done["changed"], &done["failed"]),
                (&json!(true), &json!(false)),
                "{profile}: {}",
                done["msg"]
            );
            let (expected, done) = (changes(&expected), changes(&done));
            let missed: Vec<_> = done.keys().filter(|id| !expected.contains_key(*id)).collect();
            assert!(missed.is_empty(), "{profile}: check mode did not tell of {missed:?}");
            assert_settled(&server, &arguments)?;
        }
        Ok(())
    }

    /// A server under a profile, kept by Terraform, which comes as an ordinary user with sudo.
    struct Kept {
        profile: &'static str,
        server: Server,
        stage: HostStage,
    }

    impl Kept {
        fn new(profile: &'static str, number: usize) -> Result<Self> {
            let (server, stage) = (site().server(number)?, HostStage::new(site())?);
            stage.apply(&host(&server, &hardening(profile, "")))?;
            Ok(Self { profile, server, stage })
        }

        fn on(&self, script: &str) -> Result<String> {
            Ok(site().on(&self.server.name, script)?)
        }

        /// A plan finds nothing to do, and a new connection becomes root; what its clock shows.
        fn assert_works(&self, when: &str) -> Result<u64> {
            let plan = self.stage.terraform.plan()?;
            assert_eq!(plan.actions("socle_host.x"), [NoOp], "{}, {when}: {plan}", self.profile);
            let output = site().over_ssh(&self.server.name, "sudo -n id -u; date +%s", b"")?;
            let [said, complaints] =
                [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
            let (id, clock) = said.split_once('\n').unwrap_or_default();
            assert_eq!(id, "0", "{}, {when}: {complaints}", self.profile);
            Ok(clock.trim().parse()?)
        }
    }

    const MARTIANS: &str = "/proc/sys/net/ipv4/conf/all/log_martians";
    const FULL_AND_NOTHING_RUNS: &str = "mkdir -p /var/log/audit; mount -t tmpfs -o size=64k,mode=750 tmpfs /var/log/audit; \
         dd if=/dev/zero of=/var/log/audit/audit.log bs=1k 2>/dev/null || :; chmod 640 /var/log/audit/audit.log; \
         mount -t tmpfs -o noexec,nosuid,nodev,mode=1777 tmpfs /tmp; \
         mount --bind /home /home; mount -o remount,bind,noexec,nosuid,nodev /home";
    const AHEAD: &str = "apt-get update -qq && apt-get install -qq -y libfaketime >/dev/null; \
                         echo +400d >/etc/faketimerc; find /usr/lib -name libfaketime.so.1 >/etc/ld.so.preload; \
                         systemctl restart ssh";

    #[test]
    fn under_every_profile_administrators_get_in_whatever_comes_later() -> Result {
        for (number, profile) in (4..).zip(PROFILES) {
            let kept = Kept::new(profile, number)?;
            kept.assert_works("at once")?;
            site().run("restart", &[&kept.server.name])?;
            kept.assert_works("after a restart")?;

            // Before the partition is full: what is ahead is installed by apt.
            kept.on(AHEAD)?;
            let there = kept.assert_works("400 days later")?;
            let days = there.saturating_sub(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs()) / 86_400;
            assert!(days >= 399, "sshd, PAM and sudo live {days} days ahead");

            kept.on(FULL_AND_NOTHING_RUNS)?;
            assert!(
                !kept.on("cat /etc/audit/auditd.conf 2>/dev/null || :")?.to_lowercase().contains("= halt")
            );
            kept.assert_works("with a full audit partition, and nothing run from /tmp and /home")?;
            // The programs are brought over such a /tmp and /home, too, and change something.
            kept.on(&format!("rm -rf /usr/local/libexec/socle; echo 0 >{MARTIANS}"))?;
            let plan = kept.stage.terraform.plan()?;
            assert_eq!(plan.actions("socle_host.x"), [Update], "{profile}: {}", kept.stage.plan_in_words()?);
            kept.stage.terraform.apply_plan(&plan)?;
            kept.assert_works("after one more apply")?;
        }
        Ok(())
    }

    #[test]
    fn a_kubernetes_node_keeps_forwarding_and_a_second_owner_is_refused() -> Result {
        let server = prepared(2)?;
        let arguments = json!({ "profile": "cis-2", "kubernetes_node": true, "owner": "socle_host 7f" });
        let done = told(&server, &arguments)?;
        assert_eq!(done["failed"], false, "{}", done["msg"]);
        assert_eq!(site().on(&server, "cat /proc/sys/net/ipv4/ip_forward")?, "1\n");
        assert_settled(&server, &arguments)?;
        let other = told(&server, &json!({ "profile": "baseline" }))?;
        assert!(
            other["msg"].as_str().unwrap_or_default().contains("belongs to socle_host 7f"),
            "{}",
            other["msg"]
        );
        Ok(())
    }

    #[test]
    fn a_configuration_that_sshd_refuses_is_never_activated() -> Result {
        let server = prepared(3)?;
        let wrong = json!({ "profile": "baseline", "overrides": { "ssh.ciphers": "rot13" } });
        let told = told(&server, &wrong)?;
        assert_eq!(told["failed"], true, "{}", told["msg"]);
        assert!(told["msg"].as_str().unwrap_or_default().contains("Bad SSH2 cipher spec"), "{}", told["msg"]);
        let left = site().on(&server, "grep -rl rot13 /etc/ssh || sshd -t")?;
        assert_eq!(left, "", "no file of sshd's has it, and sshd takes them all");
        let id = site().over_ssh(&server, "sudo -n id -u", b"")?;
        assert_eq!(String::from_utf8_lossy(&id.stdout), "0\n", "a new connection gets in");
        Ok(())
    }
}
