//! One server at a time: ours by Ansible, dev-sec's by Ansible, ours by Terraform.

use std::time::Duration;

use acceptance::ansible::Ansible;
use acceptance::benchmark::{Cost, Result, median, server_names};
use acceptance::peer::DevSec;
use acceptance::servers::Servers;
use serde_json::{Value, json};

use crate::{OWNER, PROFILE, RUNS, ansible, our_play, played, prepared};

/// What was measured of one server for each.
pub(crate) struct Alone {
    /// `ansible-playbook` with a task that does nothing on the host.
    pub(crate) floor: Duration,
    pub(crate) ours: Side,
    pub(crate) theirs: Option<Side>,
    /// The second run of dev-sec's with `pipelining`, which Ansible leaves off by default.
    pub(crate) theirs_pipelined: Option<Duration>,
    /// Our module by itself, on the host.
    pub(crate) on_host: Duration,
    /// The same with the search of the whole file system.
    pub(crate) on_host_with_audit: Duration,
}

/// One of the two.
pub(crate) struct Side {
    pub(crate) first: Cost,
    pub(crate) again: Cost,
    /// How many tasks changed something, each time.
    pub(crate) changed: [usize; 2],
    /// Lynis' index before and after.
    pub(crate) index: [u32; 2],
}

/// What dev-sec's roles must be told of a server of the sandbox. It shares the machine's kernel, so it is given the parameters that
/// are its own, and its auditd, configured all the same, cannot be restarted (which the role has this word for). Its one host key is
/// of the kind ed25519. `passwdqc` is in no repository there.
const PEER_VARIABLES: &str = r#"
    sysctl_unsupported_entries: "{{ sysctl_config | combine(sysctl_custom_config | default({})) | select('match', '(fs|kernel|vm)[.]') | list }}"
    molecule_yml: { driver: { name: docker } }
    ssh_host_key_files: [/etc/ssh/ssh_host_ed25519_key]
    os_auth_pam_passwdqc_enable: false
"#;

/// A task that does nothing, without a look at the host.
const NOTHING: &str =
    "- hosts: server-1\n  gather_facts: false\n  tasks:\n    - ansible.builtin.raw: 'true'\n";

/// How strong Lynis holds a server to be, of 100.
const LYNIS: &str = "lynis audit system --quick --quiet --no-colors >/dev/null 2>&1 || :; \
                     sed -n 's/^hardening_index=//p' /var/log/lynis-report.dat";

pub(crate) fn measure(peer: Option<&DevSec>) -> Result<Alone> {
    let names = server_names(1, 2);
    let servers = prepared("bench-hardening", &names)?;
    let ours = ansible(&servers)?;
    let side = Side::measure(&servers, &names[..1], &ours, &our_play("server-1"), RUNS)?;
    if side.changed[1] != 0 {
        return Err("the second run of ours changed something".into());
    }
    let floor = (0..RUNS).map(|_| played(&servers, &names[..1], &ours, NOTHING).map(|(cost, _)| cost.time));
    let floor = median(floor.collect::<Result<_>>()?);
    let (theirs, theirs_pipelined) =
        peer.map(|peer| theirs(&servers, &names[1..], peer)).transpose()?.unzip();
    Ok(Alone {
        floor,
        ours: side,
        theirs,
        theirs_pipelined,
        on_host: on_host(&servers, false)?,
        on_host_with_audit: on_host(&servers, true)?,
    })
}

impl Side {
    fn measure(
        servers: &Servers,
        names: &[String],
        ansible: &Ansible,
        play: &str,
        runs: usize,
    ) -> Result<Self> {
        let before = index(servers, &names[0])?;
        eprintln!("{}: first run", names[0]);
        let (first, changed) = played(servers, names, ansible, play)?;
        eprintln!("{}: second run", names[0]);
        let again = (0..runs).map(|_| played(servers, names, ansible, play)).collect::<Result<Vec<_>>>()?;
        let last = again.last().map_or(0, |(_, recap)| recap.changed);
        Ok(Self {
            first,
            again: median(again.into_iter().map(|(cost, _)| cost).collect()),
            changed: [changed.changed, last],
            index: [before, index(servers, &names[0])?],
        })
    }
}

fn theirs(servers: &Servers, names: &[String], peer: &DevSec) -> Result<(Side, Duration)> {
    let collections = peer.collections.display().to_string();
    let ansible = Ansible::on(servers)?.with("ANSIBLE_COLLECTIONS_PATH", &collections);
    let play = format!(
        "- hosts: {}\n  roles:\n    - devsec.hardening.os_hardening\n    - devsec.hardening.ssh_hardening\n  vars:{PEER_VARIABLES}",
        names[0]
    );
    let side = Side::measure(servers, names, &ansible, &play, 1)?;
    let pipelined = ansible.with("ANSIBLE_PIPELINING", "true");
    let (pipelined, _) = played(servers, names, &pipelined, &play)?;
    Ok((side, pipelined.time))
}

fn index(servers: &Servers, name: &str) -> Result<u32> {
    eprintln!("{name}: lynis");
    Ok(servers.on(name, LYNIS)?.trim().parse()?)
}

/// Our module as the role installed it, with the role's arguments, and nothing to change.
fn on_host(servers: &Servers, audit: bool) -> Result<Duration> {
    let arguments = json!({ "profile": PROFILE, "owner": OWNER, "audit": audit });
    let script = format!(
        "program=$(ls /usr/local/libexec/socle/hardening-*); from=$(date +%s%N); told=$($program - <<'END'\n{arguments}\nEND\n); \
         echo $(($(date +%s%N) - from)); printf '%s' \"$told\""
    );
    let times = (0..RUNS).map(|_| -> Result<Duration> {
        let told = servers.on("server-1", &script)?;
        let (time, answer) = told.split_once('\n').ok_or("the module says nothing")?;
        let answer: Value = serde_json::from_str(answer)?;
        if answer["changed"] != false || answer["failed"] == true {
            return Err(format!("{}", answer["msg"]).into());
        }
        Ok(Duration::from_nanos(time.parse()?))
    });
    Ok(median(times.collect::<Result<_>>()?))
}
