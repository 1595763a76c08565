//! The provider's clients of hosts and of Vault, on real servers with a real sshd, and a real Vault.

/// The module is a mark: where servers cannot run, its tests are left out by `--skip on_servers`.
mod on_servers {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::{Path, PathBuf};
    use std::process::Command as Process;
    use std::sync::{Arc, OnceLock};
    use std::time::{Duration, Instant};

    use acceptance::servers::{Server, Servers};
    use serde_json::{Map, Value, json};
    use socle::clients::retry::Budget;
    use socle::clients::secret::Secret;
    use socle::clients::ssh::{
        Command, FirstContact, Host, LoginMethod, Missing, Mode, ProgramCall, Programs, Ssh, SshError,
        SshSettings, in_parallel,
    };
    use socle::clients::vault::{Credential, Vault, VaultError, VaultLogin, VaultSettings};
    use tokio_util::sync::CancellationToken;

    type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

    /// One data centre for all tests: `server-1` and `server-2` stay as they are, `server-3` is cut off, `server-4` is
    /// stopped, `server-5` is changed.
    fn site() -> &'static Servers {
        static SITE: OnceLock<Servers> = OnceLock::new();
        SITE.get_or_init(|| Servers::up("ssh", &["--servers", "5", "--vault"]).expect("servers"))
    }

    fn budget() -> Budget {
        Budget::new(Duration::from_secs(90), CancellationToken::new())
    }

    fn host(server: &Server) -> Host {
        Host {
            address: server.address.clone(),
            port: 22,
            host_key: Some(server.host_key.clone()),
            ..Host::default()
        }
    }

    fn settings() -> Result<SshSettings> {
        Ok(SshSettings {
            user: Some(site().admin().to_owned()),
            login: LoginMethod::PrivateKey(Secret::new(site().admin_key()?)),
            ..SshSettings::default()
        })
    }

    fn client(settings: SshSettings) -> Ssh {
        with_programs(settings, Programs::default())
    }

    fn with_programs(settings: SshSettings, programs: Programs) -> Ssh {
        Ssh::new(settings, Arc::new(Vault::new(VaultSettings::default())), programs)
    }

    fn echo(stdin: &[u8]) -> Command<'_> {
        Command { step: "echo", line: "cat; echo done >&2; exit 3", stdin }
    }

    #[tokio::test]
    async fn a_command_gets_its_input_and_gives_output_status_and_complaints() -> Result {
        let (ssh, host) = (client(settings()?), host(&site().server(1)?));
        let megabyte = vec![b'x'; 1 << 20];
        let output = ssh.run(&host, echo(&megabyte), &budget()).await?;
        assert_eq!((output.status, output.stdout.len(), output.stderr.as_str()), (3, 1 << 20, "done"));
        Ok(())
    }

    #[tokio::test]
    async fn thirty_commands_on_two_hosts_share_two_connections() -> Result {
        let ssh = client(settings()?);
        let hosts = [host(&site().server(1)?), host(&site().server(2)?)];
        let budget = budget();
        let asked = hosts.iter().cycle().take(30);
        let who = Command { step: "who", line: "echo $SSH_CONNECTION", stdin: b"" };
        let said = in_parallel(asked, |host| ssh.run(host, who, &budget)).await;
        let mut connections: Vec<_> = said
            .into_iter()
            .map(|output| output.map(|output| output.stdout))
            .collect::<std::result::Result<_, _>>()?;
        connections.sort();
        connections.dedup();
        assert_eq!(connections.len(), 2);
        Ok(())
    }

    #[tokio::test]
    async fn another_host_key_is_refused_with_both_fingerprints() -> Result {
        let [one, other] = [site().server(1)?, site().server(2)?];
        let wrong = Host { host_key: Some(other.host_key.clone()), ..host(&one) };
        let error = client(settings()?).greet(&wrong, &budget()).await.unwrap_err();
        let SshError::KeyDiffers { expected, offered, .. } = &error else { panic!("{error}") };
        assert_eq!(
            (expected.as_slice(), offered),
            ([fingerprint(&other.host_key)?].as_slice(), &fingerprint(&one.host_key)?)
        );
        Ok(())
    }

    /// As `ssh-keygen` sees it.
    fn fingerprint(key: &str) -> Result<String> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("key.pub"), key)?;
        let said = Process::new("ssh-keygen").arg("-lf").arg(folder.path().join("key.pub")).output()?;
        Ok(String::from_utf8(said.stdout)?.split(' ').nth(1).ok_or("no fingerprint")?.to_owned())
    }

    #[tokio::test]
    async fn a_stranger_is_refused_known_hosts_lets_it_in_and_so_does_a_first_contact() -> Result {
        let server = site().server(1)?;
        let stranger = Host { host_key: None, ..host(&server) };
        let error = client(settings()?).greet(&stranger, &budget()).await.unwrap_err();
        assert!(matches!(&error, SshError::UnknownHost { key, .. } if *key == server.host_key), "{error}");
        let known_hosts = format!("{} {}\n", server.address, server.host_key);
        client(SshSettings { known_hosts, ..settings()? }).greet(&stranger, &budget()).await?;
        let first = Host { first_contact: FirstContact::Accept, ..stranger };
        assert_eq!(client(settings()?).greet(&first, &budget()).await?, server.host_key);
        Ok(())
    }

    #[tokio::test]
    async fn a_key_that_the_host_does_not_know_is_refused_by_name() -> Result {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("key");
        assert!(
            Process::new("ssh-keygen")
                .args(["-qt", "ed25519", "-N", "", "-f"])
                .arg(&file)
                .status()?
                .success()
        );
        let login = LoginMethod::PrivateKey(Secret::new(fs::read_to_string(&file)?));
        let stranger = client(SshSettings { login, ..settings()? });
        let error = stranger.greet(&host(&site().server(1)?), &budget()).await.unwrap_err();
        assert!(
            matches!(&error, SshError::AuthenticationRefused { user, .. } if user == site().admin()),
            "{error}"
        );
        Ok(())
    }

    #[tokio::test]
    async fn a_second_server_is_reached_through_the_first() -> Result {
        let bastion = Some(host(&site().server(1)?));
        let ssh = client(SshSettings { bastion, ..settings()? });
        let target = host(&site().server(2)?);
        let from = Command { step: "from", line: "echo ${SSH_CONNECTION%% *}", stdin: b"" };
        let output = ssh.run(&target, from, &budget()).await?;
        assert_eq!(String::from_utf8(output.stdout)?.trim(), site().server(1)?.address);
        Ok(())
    }

    #[tokio::test]
    async fn a_bastion_with_another_key_is_refused() -> Result {
        let bastion = Host { host_key: Some(site().server(2)?.host_key), ..host(&site().server(1)?) };
        let ssh = client(SshSettings { bastion: Some(bastion), ..settings()? });
        let error = ssh.greet(&host(&site().server(2)?), &budget()).await.unwrap_err();
        assert!(matches!(error, SshError::KeyDiffers { .. }), "{error}");
        Ok(())
    }

    #[tokio::test]
    async fn a_cut_in_the_middle_is_an_outcome_unknown_and_the_host_is_reached_again() -> Result {
        let (ssh, host) = (client(settings()?), host(&site().server(3)?));
        let budget = budget();
        ssh.greet(&host, &budget).await?;
        let begun = Command { step: "a long step", line: "touch /tmp/begun; exec sleep 300", stdin: b"" };
        let cut = tokio::task::spawn_blocking(|| {
            site().on("server-3", "until test -e /tmp/begun; do sleep 0.1; done")?;
            site().run("cut", &["server-3"])
        });
        let (said, cut) = tokio::join!(ssh.run(&host, begun, &budget), cut);
        cut??;
        let error = said.unwrap_err();
        assert!(matches!(&error, SshError::OutcomeUnknown { step, .. } if step == "a long step"), "{error}");
        site().run("mend", &["server-3"])?;
        ssh.run(&host, Command { step: "again", line: "true", stdin: b"" }, &budget).await?;
        slow_network_is_only_slow(&host).await
    }

    /// On the same server, after it was mended: a megabyte over 4 Mbit/s takes its two seconds and arrives whole.
    async fn slow_network_is_only_slow(host: &Host) -> Result {
        site().run("slow", &["server-3", "4mbit"])?;
        let ssh = client(settings()?);
        let megabyte = vec![b'x'; 1 << 20];
        let count = Command { step: "count", line: "wc -c", stdin: &megabyte };
        let output = ssh.run(host, count, &budget()).await?;
        assert_eq!(String::from_utf8(output.stdout)?.trim(), (1 << 20).to_string());
        site().run("mend", &["server-3"])?;
        Ok(())
    }

    #[tokio::test]
    async fn a_cancel_ends_a_running_command_within_two_seconds() -> Result {
        let (ssh, host) = (client(settings()?), host(&site().server(1)?));
        let cancel = CancellationToken::new();
        let budget = Budget::new(Duration::from_secs(90), cancel.clone());
        ssh.greet(&host, &budget).await?;
        let begun = Instant::now();
        let long = Command { step: "a long step", line: "sleep 300", stdin: b"" };
        let (said, ()) = tokio::join!(ssh.run(&host, long, &budget), async { cancel.cancel() });
        assert!(matches!(said, Err(SshError::OutcomeUnknown { .. } | SshError::Stopped { .. })), "{said:?}");
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        Ok(())
    }

    #[tokio::test]
    async fn a_stopped_server_is_unreachable_and_is_reached_again_when_it_runs() -> Result {
        let (ssh, host) = (client(settings()?), host(&site().server(4)?));
        let nothing = Command { step: "nothing", line: "true", stdin: b"" };
        ssh.run(&host, nothing, &budget()).await?;
        site().run("stop", &["server-4"])?;
        let short = budget().within(Duration::from_secs(8));
        let error = ssh.run(&host, nothing, &short).await.unwrap_err();
        assert!(matches!(error, SshError::Unreachable { .. }), "{error}");
        site().run("mend", &["server-4"])?;
        ssh.run(&host, nothing, &budget()).await?;
        Ok(())
    }

    /// A folder with one program, which says in its result what it was told.
    fn program(folder: &Path) -> Result<Programs> {
        let place = folder.join("x86_64");
        fs::create_dir_all(&place)?;
        let script = "#!/bin/sh\nprintf '{\"changed\": false, \"user\": \"%s\", \"told\": %s}' \"$(id -un)\" \"$(cat)\"\n";
        fs::write(place.join("tell"), script)?;
        Ok(Programs::of([folder.to_owned()]))
    }

    fn call(arguments: &Map<String, Value>, missing: Missing) -> ProgramCall<'_> {
        ProgramCall { name: "tell", arguments, mode: Mode::Check, missing }
    }

    #[tokio::test]
    async fn a_program_is_brought_once_and_runs_as_root_with_its_arguments_on_standard_input() -> Result {
        let folder = tempfile::tempdir()?;
        let ssh = with_programs(settings()?, program(folder.path())?);
        let (host, budget) = (host(&site().server(5)?), budget());
        let arguments = json!({"profile": "baseline"}).as_object().cloned().unwrap_or_default();
        let absent = ssh.run_program(&host, call(&arguments, Missing::Report), &budget).await;
        assert!(matches!(absent, Err(SshError::NotPrepared { .. })), "{absent:?}");
        let result = ssh.run_program(&host, call(&arguments, Missing::Upload), &budget).await?;
        assert_eq!(result.more["user"], "root");
        assert_eq!(result.more["told"], json!({"profile": "baseline", "_ansible_check_mode": true}));
        let installed = "stat -c '%U %a %n' /usr/local/libexec/socle /usr/local/libexec/socle/*; ls -A /tmp | grep -c socle || true";
        let listing = site().on("server-5", installed)?;
        assert!(
            listing.starts_with("root 755 /usr/local/libexec/socle\nroot 755 /usr/local/libexec/socle/tell-"),
            "{listing}"
        );
        assert!(listing.ends_with("\n0\n"), "nothing is left in /tmp: {listing}");
        let warm = ssh.run_program(&host, call(&arguments, Missing::Report), &budget).await?;
        assert_eq!(warm, result);
        Ok(())
    }

    #[tokio::test]
    async fn a_user_without_sudo_is_told_so() -> Result {
        let folder = tempfile::tempdir()?;
        let ssh = with_programs(settings()?, program(folder.path())?);
        site().on(
            "server-2",
            "id plain >/dev/null 2>&1 || useradd --create-home --shell /bin/sh plain; \
             install -d -o plain -m 700 ~plain/.ssh; install -o plain -m 600 ~admin/.ssh/authorized_keys ~plain/.ssh/authorized_keys",
        )?;
        let plain = host(&site().server(2)?).with_user("plain");
        let said = ssh.run_program(&plain, call(&Map::new(), Missing::Upload), &budget()).await;
        assert!(matches!(&said, Err(SshError::NoSudo { user, .. }) if user == "plain"), "{said:?}");
        Ok(())
    }

    /// Vault as its operator sees it. Its client blocks, so it has a thread of its own.
    fn as_operator<T: Send>(
        work: impl FnOnce(&sandbox::vault::client::Client) -> Result<T> + Send,
    ) -> Result<T> {
        let job = || {
            let cache = sandbox::cache::Cache::of_this_user().map_err(|error| error.to_string())?;
            let name = site().name().parse().map_err(|error| format!("{error}"))?;
            let vault = sandbox::vault::Vault::of(&sandbox::state::Sandbox::named(&cache, name));
            let mut client = vault.client().map_err(|error| error.to_string())?;
            client.set_token(&vault.root_token().map_err(|error| error.to_string())?);
            work(&client).map_err(|error| error.to_string())
        };
        let joined = std::thread::scope(|scope| scope.spawn(job).join());
        Ok(joined.map_err(|_| "the operator's thread panicked")??)
    }

    /// A login to Vault by a role of its own, whose tokens end after that many calls.
    fn vault(purpose: &str, uses: u8) -> Result<(Vault, tempfile::TempDir)> {
        let (role_id, secret_id) = as_operator(|root| {
            let role = format!("auth/approle/role/{purpose}");
            root.write(
                &role,
                &json!({"token_policies": ["prod"], "token_num_uses": uses, "token_ttl": "20s"}),
            )?;
            root.write("secret/data/prod/db", &json!({"data": {"password": "one", "user": "app"}}))?;
            let role_id = root.read(&format!("{role}/role-id"))?["data"]["role_id"].clone();
            let secret_id =
                root.write(&format!("{role}/secret-id"), &json!({}))?["data"]["secret_id"].clone();
            Ok((role_id, secret_id))
        })?;
        let folder = tempfile::tempdir()?;
        let file: PathBuf = folder.path().join("secret-id");
        fs::write(&file, secret_id.as_str().ok_or("no secret id")?)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
        let role_id = role_id.as_str().ok_or("no role id")?.to_owned();
        let settings = VaultSettings {
            address: Some(site().variable("VAULT_ADDR")?),
            ca_certificate: Some(fs::read_to_string(site().variable("VAULT_CACERT")?)?),
            namespace: None,
            login: VaultLogin::AppRole {
                mount: "approle".to_owned(),
                role_id,
                secret_id: Credential::File(file),
            },
        };
        Ok((Vault::new(settings), folder))
    }

    #[tokio::test]
    async fn a_secret_is_read_at_a_version_and_a_token_that_ended_is_replaced() -> Result {
        let (vault, _folder) = vault("reader", 2)?;
        for _ in 0..5 {
            let newest = vault.secret("secret", "prod/db", None, &budget()).await?;
            let same = vault.secret("secret", "prod/db", Some(newest.version), &budget()).await?;
            assert_eq!(same.field("password").ok_or("no field")?.expose(), "one");
        }
        Ok(())
    }

    #[tokio::test]
    async fn what_is_not_there_and_what_is_forbidden_are_told_apart() -> Result {
        let (vault, _folder) = vault("stranger", 0)?;
        let absent = vault.secret("secret", "prod/none", None, &budget()).await;
        assert!(matches!(absent, Err(VaultError::NotFound { .. })), "{absent:?}");
        let forbidden = vault.secret("secret", "staging/db", None, &budget()).await;
        assert!(matches!(forbidden, Err(VaultError::Refused { status: 403, .. })), "{forbidden:?}");
        Ok(())
    }

    #[tokio::test]
    async fn a_certificate_of_vault_opens_the_door_to_hosts_that_trust_it() -> Result {
        let (vault, _folder) = vault("signer", 0)?;
        let authority = sandbox_authority()?;
        site().on(
            "server-1",
            &format!(
                "echo '{authority}' > /etc/ssh/vault.pub; echo 'TrustedUserCAKeys /etc/ssh/vault.pub' > \
                 /etc/ssh/sshd_config.d/vault.conf; systemctl reload ssh"
            ),
        )?;
        let login = LoginMethod::Vault { mount: "ssh".to_owned(), role: "prod".to_owned() };
        let ssh = Ssh::new(SshSettings { login, ..settings()? }, Arc::new(vault), Programs::default());
        ssh.greet(&host(&site().server(1)?), &budget()).await?;
        let error = ssh.greet(&host(&site().server(2)?), &budget()).await.unwrap_err();
        assert!(matches!(error, SshError::AuthenticationRefused { .. }), "{error}");
        Ok(())
    }

    fn sandbox_authority() -> Result<String> {
        let answer = as_operator(|root| Ok(root.read("ssh/config/ca")?))?;
        Ok(answer["data"]["public_key"].as_str().ok_or("no authority")?.trim().to_owned())
    }
}
