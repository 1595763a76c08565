//! Servers on the real thing: podman, debootstrap, ssh. Needs root; each test has a sandbox of its own.

mod site;

/// The module is a mark: where servers cannot run, its tests are left out by `--skip on_servers`.
mod on_servers {
    use std::fs;
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;
    use std::process::{Command, Stdio};
    use std::time::Instant;

    use sandbox::cache::Cache;
    use sandbox::server::Podman;
    use sandbox::state::Sandbox;

    use crate::site::{Result, Site, printed};

    /// What tells the traces of this sandbox from those of others: its name, and the numbers that the kernel gave to its
    /// network.
    struct Marks {
        marks: Vec<String>,
        /// The kernel gives the number of a namespace to the next one, unless somebody holds it.
        _held: Vec<fs::File>,
    }

    fn marks(site: &Site) -> Result<Marks> {
        let sandbox = Sandbox::named(&Cache::of_this_user()?, site.name().parse()?);
        let slot = sandbox.record()?.ok_or("there is no record")?.slot;
        let mut marks = vec![format!("socle-{}-", site.name()), format!("/{}/", site.name())];
        let namespaces = [slot.link(), slot.server_namespace(1), slot.server_namespace(2)];
        let opened = namespaces.iter().map(|name| fs::File::open(Path::new("/run/netns").join(name)));
        let held: Vec<_> = opened.filter_map(std::result::Result::ok).collect();
        for namespace in &held {
            marks.push(format!("net:[{}]", namespace.metadata()?.ino()));
        }
        let number = fs::read_to_string(Path::new("/sys/class/net").join(slot.link()).join("ifindex"))?;
        marks.push(format!("{}: {}", number.trim(), slot.link()));
        // Where its AWS and its package service listen.
        marks.push(format!(" {} ", slot.machine()));
        let podman = Podman::of(&Cache::of_this_user()?)?;
        let own = format!("--filter=name=socle-{}-", site.name());
        let ids = printed(podman.query().args(["ps", "--all", "--no-trunc", "--quiet", &own]))?;
        marks.extend(ids.lines().map(str::to_owned));
        Ok(Marks { marks, _held: held })
    }

    /// Every process, mount, interface, container and cgroup of the machine, one a line, and what runc remembers.
    fn everything() -> Result<String> {
        let mut all = fs::read_to_string("/proc/self/mountinfo")?;
        for process in fs::read_dir("/proc")?.flatten() {
            let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
            all += &(String::from_utf8_lossy(&line).replace('\0', " ") + "\n");
        }
        all += &printed(Command::new("ip").args(["-oneline", "link"]))?;
        let podman = Podman::of(&Cache::of_this_user()?)?;
        all += &printed(podman.query().args(["ps", "--all", "--format={{.Names}}"]))?;
        all += &printed(Command::new("find").args([
            "/sys/fs/cgroup",
            "-ignore_readdir_race",
            "-type",
            "d",
            "-path",
            "*/socle-sandbox/*",
        ]))?;
        all += &printed(Command::new("find").args(["/run", "-ignore_readdir_race", "-name", "state.json"]))?;
        Ok(all)
    }

    /// The lines of [`everything`] that bear one of `marks`.
    fn traces(Marks { marks, .. }: &Marks) -> Result<Vec<String>> {
        let everything = everything()?;
        let marked = everything.lines().filter(|line| marks.iter().any(|mark| line.contains(mark.as_str())));
        Ok(marked.map(str::to_owned).collect())
    }

    #[test]
    fn are_reached_by_keys_that_were_known_before_they_booted() -> Result {
        let site = Site::up("--servers 1 --aws")?;
        assert_eq!(site.ssh("root", "server-1", "hostname; id -un")?, "server-1\nroot\n");
        assert_eq!(site.ssh("admin", "server-1", "sudo -n id -un")?, "root\n");
        assert_eq!(site.ssh("admin", "server-1", "systemctl is-system-running")?, "running\n");
        let aws = format!("{}/moto-api/data.json", site.variable("AWS_ENDPOINT_URL")?);
        let code = format!("curl --silent --output /dev/null --write-out '%{{http_code}}' {aws}");
        assert_eq!(site.ssh("admin", "server-1", &code)?, "200");
        assert_eq!(printed(Command::new("sh").args(["-c", &code]))?, "200");
        Ok(())
    }

    #[test]
    fn boot_in_seconds_and_tell_what_happened() -> Result {
        let site = Site::new()?;
        let said = site.up_in_words("--servers 1 --aws")?;
        let took = said.lines().find_map(|line| line.strip_prefix("server-1: done in ")?.strip_suffix(" s"));
        let took: f64 = took.ok_or(&*said)?.parse()?;
        // It takes one or two on an idle machine, and a machine that runs tests is none.
        assert!(took < 60.0, "{took} s");
        for (of, line) in
            [("server-1", "Startup finished in"), ("aws", "Running on http"), ("packages", "198.18.")]
        {
            let log = site.run(&format!("logs {of}"))?;
            assert!(log.contains(line), "{of}: {log}");
        }
        let never = site.run("logs vault").unwrap_err().to_string();
        assert!(never.contains("vault never ran in this sandbox"), "{never}");
        site.run("stop server-1")?;
        for words in ["logs server-1", "exec server-1 -- true"] {
            let refused = site.run(words).unwrap_err().to_string();
            assert!(refused.contains("server-1 does not run; `sandbox mend server-1` boots it"), "{refused}");
        }
        Ok(())
    }

    #[test]
    fn run_debian_13_when_it_is_asked_for() -> Result {
        let site = Site::up("--servers 1 --debian trixie")?;
        let system = ". /etc/os-release; echo $VERSION_CODENAME; systemctl is-system-running";
        assert_eq!(site.ssh("admin", "server-1", system)?, "trixie\nrunning\n");
        site.on("server-1", "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes chrony")?;
        assert_eq!(site.on("server-1", "systemctl is-active chrony")?, "active\n");
        let refused = site.run("up --quiet --servers 2").unwrap_err().to_string();
        assert!(refused.contains("the servers run Debian trixie"), "{refused}");
        Ok(())
    }

    #[test]
    fn install_packages_and_leave_the_machines_kernel_and_clock_alone() -> Result {
        let site = Site::up("--servers 1")?;
        site.on("server-1", "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes chrony")?;
        assert_eq!(site.on("server-1", "systemctl is-active chrony")?, "active\n");
        let capabilities = site.on("server-1", "sed -n 's/^CapBnd:\\t//p' /proc/1/status")?;
        let set_time = u64::from_str_radix(capabilities.trim(), 16)? >> 25 & 1;
        assert_eq!(set_time, 0, "a server may set the machine's clock");
        let before = fs::read_to_string("/proc/sys/kernel/panic")?;
        assert!(site.on("server-1", "sysctl -w kernel.sysrq=1").is_err());
        // One of the three that a kubelet writes: a server has it to itself.
        assert!(site.on("server-1", "sysctl -w kernel.panic=4711").is_ok());
        assert_eq!(fs::read_to_string("/proc/sys/kernel/panic")?, before);
        assert!(site.on("server-1", "sysctl -w net.ipv4.ip_forward=1").is_ok());
        Ok(())
    }

    #[test]
    fn have_no_way_out() -> Result {
        let forwarded = || -> Result<Option<String>> {
            let counters = fs::read_to_string("/proc/net/snmp")?;
            let line = counters.lines().filter(|line| line.starts_with("Ip: ")).nth(1);
            Ok(line.and_then(|line| line.split(' ').nth(6)).map(str::to_owned))
        };
        let echoes = "grep -c OutType8 /proc/net/snmp || true";
        let site = Site::up("--servers 1")?;
        let address = site.status()?["servers"][0]["address"].as_str().unwrap_or_default().to_owned();
        let (network, _) = address.rsplit_once('.').ok_or("no address")?;
        let routes = site.on("server-1", "ip -4 route show; ip -6 route show default")?;
        assert_eq!(routes, format!("{network}.0/24 dev eth0 proto kernel scope link src {address} \n"));
        let before = (forwarded()?, site.on("server-1", echoes)?);
        let refused = site.on("server-1", "ping -c 1 -W 30 192.0.2.1").unwrap_err().to_string();
        assert!(refused.contains("Network is unreachable"), "{refused}");
        assert_eq!((forwarded()?, site.on("server-1", echoes)?), before);
        assert_eq!(before.1, "0\n");
        // Nor has one that is given a route: the machine takes no packet for others from it.
        site.on("server-1", &format!("ip route add default via {network}.1"))?;
        assert!(site.on("server-1", "ping -c 1 -W 1 192.0.2.1").is_err());
        assert_eq!(forwarded()?, before.0);
        let link =
            printed(Command::new("ip").args(["-brief", "address", "show", "to", &format!("{network}.1")]))?;
        let link = link.split(['@', ' ']).next().unwrap_or_default();
        let forwarding = Path::new("/proc/sys/net/ipv4/conf").join(link).join("forwarding");
        assert_eq!(fs::read_to_string(forwarding)?, "0\n");
        Ok(())
    }

    /// The machine's way to the world, in a network of its own: nobody else's packets are counted. What is sent to the
    /// world asks for the hardware address of a router first, and that counts, too.
    const WORLD: &str = "
        for family in default all; do
            echo 1 >/proc/sys/net/ipv6/conf/$family/disable_ipv6 || :
        done 2>/dev/null
        ip link set lo up
        ip link add world type veth peer name router
        ip link set router up
        ip link set world up
        ip address add 203.0.113.2/24 dev world
        ip route add default via 203.0.113.1
        sent() { sed -n 's/^ *world://p' /proc/net/dev | tr -s ' ' | cut -d ' ' -f 11; }
    ";

    #[test]
    fn come_up_and_install_packages_while_nothing_leaves_the_machine() -> Result {
        let site = Site::new()?;
        // What a cache lacks comes from the world.
        site.run("prepare --quiet --vault")?;
        let up = site.sandbox("up --quiet --servers 1 --aws --vault");
        let install = "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes chrony";
        let script = format!(
            "{WORLD}
            up=$1 name=$2
            shift 2
            $up \"$@\" >/dev/null
            $up exec --name=$name server-1 -- sh -euc '{install}' >/dev/null
            echo sent $(sent)
            curl --silent --max-time 1 http://192.0.2.1/ >/dev/null || :
            echo and $(sent)
            $up down --quiet --name=$name"
        );
        let mut alone = Command::new("unshare");
        alone.args(["--net", "sh", "-euc", &script, "alone"]).arg(up.get_program());
        let counted = printed(alone.arg(site.name()).args(up.get_args()))?;
        let (before, after) = counted.trim().split_once('\n').ok_or(&*counted)?;
        assert_eq!(before, "sent 0");
        assert_ne!(after, "and 0", "nothing would be counted anyway");
        Ok(())
    }

    #[test]
    fn are_cut_off_slowed_down_and_mended() -> Result {
        let site = Site::up("--servers 2")?;
        let address = site.status()?["servers"][1]["address"].as_str().unwrap_or_default().to_owned();
        let reach = format!("ping -c 1 -W 1 {address}");
        site.on("server-1", &reach)?;
        site.run("cut server-2")?;
        assert!(site.on("server-1", &reach).is_err());
        site.run("restart server-2")?;
        assert!(site.on("server-1", &reach).is_err(), "a restart joined the cable");
        site.run("mend server-2")?;
        site.on("server-1", &reach)?;
        site.run("slow server-2 4mbit")?;
        let slowed = times(&site)?;
        site.run("restart server-2")?;
        let restarted = times(&site)?;
        for times in [slowed, restarted] {
            assert!(times.iter().all(|time| (1.5..10.0).contains(time)), "8 Mbit at 4 Mbit/s: {times:?} s");
        }
        site.run("mend server-2")?;
        // What else it takes is up to the machine; the two seconds must be gone.
        let mended = times(&site)?;
        let gone = restarted.iter().zip(mended).all(|(slow, mended)| slow - mended > 1.0);
        assert!(gone, "8 Mbit took {mended:?} s after mending, and {restarted:?} s before");
        Ok(())
    }

    /// How many seconds a megabyte takes from a server, and to it.
    fn times(site: &Site) -> Result<[f64; 2]> {
        let megabyte = tempfile::tempfile()?;
        megabyte.set_len(1_000_000)?;
        let time = |script: &str, stdin: Stdio| -> Result<_> {
            let started = Instant::now();
            printed(site.ssh_command("root", "server-2", script)?.stdin(stdin))?;
            Ok(started.elapsed().as_secs_f64())
        };
        let from = time("dd if=/dev/zero bs=1000000 count=1 status=none", Stdio::null())?;
        Ok([from, time("cat >/dev/null", megabyte.into())?])
    }

    #[test]
    fn restart_as_machines_do() -> Result {
        let site = Site::up("--servers 1")?;
        let host_key = site.variable("TF_VAR_servers")?;
        for (verbs, kept) in [(&["restart"][..], true), (&["kill", "mend"], true), (&["stop", "up"], true)] {
            site.on("server-1", "touch /root/on-disk /run/in-memory; sysctl -w net.ipv4.ip_forward=1")?;
            for verb in verbs {
                let server = if *verb == "up" { "--quiet" } else { "server-1" };
                site.run(&format!("{verb} {server}"))?;
            }
            let found = site.on("server-1", "cd /; ls root/on-disk run/in-memory 2>/dev/null || true")?;
            assert_eq!(found == "root/on-disk\n", kept, "{verbs:?}: {found}");
            assert_eq!(site.on("server-1", "cat /proc/sys/net/ipv4/ip_forward")?, "0\n", "{verbs:?}");
            assert_eq!(site.ssh("admin", "server-1", "hostname")?, "server-1\n");
        }
        assert_eq!(site.variable("TF_VAR_servers")?, host_key);
        Ok(())
    }

    #[test]
    fn come_up_however_often_up_is_killed() -> Result {
        let site = Site::new()?;
        let arguments = "--servers 2 --aws";
        for moment in ["package service: serving", "server-", "server-", "server-1: done", "aws: starting"] {
            assert!(site.kill_up_at(arguments, moment)?, "{moment:?} was not reached");
        }
        site.run(&format!("up {arguments}"))?;
        assert_eq!(site.states()?, ["running", "running"]);
        assert_eq!(site.ssh("admin", "server-2", "hostname")?, "server-2\n");
        let again = printed(site.sandbox("up").stderr(Stdio::inherit()))?;
        assert!(again.contains("server-2"), "{again}");
        Ok(())
    }

    #[test]
    fn are_left_out_where_they_cannot_run_and_join_when_they_can() -> Result {
        let site = Site::new()?;
        let up = site.sandbox("up --servers 1 --aws");
        let mut without_rights = Command::new("setpriv");
        without_rights.args(["--bounding-set=-net_admin", "--inh-caps=-net_admin"]);
        let left_out = without_rights.arg(up.get_program()).args(up.get_args()).output()?;
        let said = String::from_utf8(left_out.stderr)?;
        assert!(left_out.status.success() && said.contains("servers: left out: "), "{said}");
        assert_eq!(site.states()?, [""; 0]);
        assert!(site.variable("AWS_ENDPOINT_URL")?.starts_with("http://127.0.0.1:"));
        site.run("up --quiet --servers 1")?;
        assert_eq!(site.states()?, ["running"]);
        assert!(site.variable("AWS_ENDPOINT_URL")?.starts_with("http://198.18."));
        Ok(())
    }

    #[test]
    fn leave_nothing_behind() -> Result {
        for moment in ["server-", "aws: starting", "never"] {
            let site = Site::new()?;
            site.kill_up_at("--servers 2 --aws", moment)?;
            let marks = marks(&site)?;
            assert!(!traces(&marks)?.is_empty(), "nothing would be found anyway");
            site.run("down --quiet")?;
            assert_eq!(traces(&marks)?, [""; 0], "killed at {moment:?}");
            assert_eq!(site.run("status --json")?, "null\n");
        }
        Ok(())
    }

    #[test]
    fn of_two_sandboxes_do_not_meet() -> Result {
        let (one, two) = (Site::up("--servers 1 --aws")?, Site::up("--servers 1 --aws")?);
        assert_ne!(one.variable("AWS_ENDPOINT_URL")?, two.variable("AWS_ENDPOINT_URL")?);
        let address = two.status()?["servers"][0]["address"].as_str().unwrap_or_default().to_owned();
        let refused = one.on("server-1", &format!("ping -c 1 -W 1 {address}")).unwrap_err().to_string();
        assert!(refused.contains("Network is unreachable"), "{refused}");
        one.run("down --quiet")?;
        assert_eq!(two.ssh("admin", "server-1", "hostname")?, "server-1\n");
        Ok(())
    }
}
