//! What a host is: read from files wherever there is one, so that it takes milliseconds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::owner::OwnerFault;
use crate::time_sync::Daemon;
use crate::{Fault, Host, Program, kernel_module, owner, time_sync};

/// What a host is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The distribution.
    pub os: Os,
    /// As `uname -m` has it: `x86_64`, `aarch64`.
    pub architecture: String,
    /// As `uname -r` has it.
    pub kernel: String,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Processors that are online.
    pub processors: usize,
    /// Disks by name.
    pub disks: BTreeMap<String, Disk>,
    /// 1 or 2; 1 also where both are mounted.
    pub cgroup_version: u8,
    /// `systemd`, or the name of process 1.
    pub init: String,
    /// Network interfaces by name.
    pub interfaces: BTreeMap<String, Interface>,
    /// Swap in MiB that is in use or ready for it.
    pub swap_mib: u64,
    /// The kind of container this is; none on a machine.
    pub container: Option<String>,
    /// The maker and product of a virtual machine; none on bare metal, and where the kernel hides it.
    pub virtualization: Option<String>,
    /// The content of `/etc/machine-id`.
    pub machine_id: Option<String>,
    /// Who keeps the clock right.
    pub time_sync: TimeSync,
    /// Versions of programs that are installed: `kubelet`, `kubeadm`, `containerd`, `runc`.
    pub versions: BTreeMap<String, String>,
    /// Who owns which subject of this host.
    pub owners: BTreeMap<String, String>,
    /// Whether packages ask for a restart.
    pub reboot_required: bool,
}

/// The distribution, from `os-release`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Os {
    /// `debian`, `ubuntu`, …; `unknown` where no file says it.
    pub id: String,
    /// `12`, `24.04`, …
    pub version: String,
    /// For people.
    pub name: String,
}

/// A disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// In MiB.
    pub size_mib: u64,
    /// Its model, where the kernel knows it.
    pub model: Option<String>,
    /// Whether it turns.
    pub rotational: bool,
    /// What it says of itself, through `smartctl` where that is installed.
    pub health: Health,
}

/// What a disk says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// It passes its own test.
    Good,
    /// It expects to fail.
    Failing,
    /// It cannot be asked.
    Unknown,
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// Its hardware address.
    pub mac: String,
    /// The largest packet.
    pub mtu: u32,
    /// Its addresses with the lengths of their prefixes.
    pub addresses: Vec<String>,
}

/// Who keeps the clock right, and whether it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeSync {
    /// The daemon that is installed.
    pub daemon: Daemon,
    /// Whether it has the time from somewhere; none where it cannot be asked.
    pub synchronized: Option<bool>,
}

/// Why facts could not be gathered.
#[derive(Debug, thiserror::Error)]
pub enum FactsFault {
    /// The host refused.
    #[error(transparent)]
    Host(#[from] Fault),
    /// A record of an owner is damaged.
    #[error(transparent)]
    Owner(#[from] OwnerFault),
}

impl Facts {
    /// Gathers all of them.
    pub fn of(host: &Host) -> Result<Facts, FactsFault> {
        let text = |path: &str| host.read_text(path).map(Option::unwrap_or_default);
        Ok(Facts {
            os: os(&os_release(host)?),
            architecture: rustix::system::uname().machine().to_string_lossy().into_owned(),
            kernel: kernel_module::release(host)?.unwrap_or_default(),
            memory_mib: memory_mib(&text("/proc/meminfo")?),
            processors: text("/proc/cpuinfo")?.lines().filter(|line| line.starts_with("processor")).count(),
            disks: disks(host)?,
            cgroup_version: if host.exists("/sys/fs/cgroup/cgroup.controllers") { 2 } else { 1 },
            init: init(host)?,
            interfaces: interfaces(host)?,
            swap_mib: swap_mib(&text("/proc/swaps")?),
            container: container(host)?,
            virtualization: virtualization(host)?,
            machine_id: host.read_text("/etc/machine-id")?.map(|id| id.trim().to_owned()),
            time_sync: clock(host)?,
            versions: versions(host)?,
            owners: owner::all(host)?.into_iter().collect(),
            reboot_required: host.exists("/run/reboot-required") || host.exists("/var/run/reboot-required"),
        })
    }
}

fn os_release(host: &Host) -> Result<String, Fault> {
    let etc = host.read_text("/etc/os-release")?;
    Ok(match etc {
        Some(text) => text,
        None => host.read_text("/usr/lib/os-release")?.unwrap_or_default(),
    })
}

fn os(text: &str) -> Os {
    let field = |name: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        value.map(|value| value.trim_matches(['"', '\'']).to_owned())
    };
    Os {
        id: field("ID").unwrap_or_else(|| "unknown".to_owned()),
        version: field("VERSION_ID").unwrap_or_default(),
        name: field("PRETTY_NAME").unwrap_or_default(),
    }
}

fn memory_mib(meminfo: &str) -> u64 {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn swap_mib(swaps: &str) -> u64 {
    let sizes = swaps.lines().skip(1).filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok());
    sizes.sum::<u64>() / 1024
}

fn init(host: &Host) -> Result<String, Fault> {
    if host.exists("/run/systemd/system") {
        return Ok("systemd".to_owned());
    }
    Ok(host.read_text("/proc/1/comm")?.unwrap_or_default().trim().to_owned())
}

fn disks(host: &Host) -> Result<BTreeMap<String, Disk>, Fault> {
    let mut disks = BTreeMap::new();
    for name in host.names("/sys/block")? {
        let folder = format!("/sys/block/{name}");
        // Loops, RAM disks and mapped devices have no device behind them.
        if !host.exists(&format!("{folder}/device")) {
            continue;
        }
        let text = |file: &str| host.read_text(&format!("{folder}/{file}"));
        let sectors: u64 = text("size")?.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        let disk = Disk {
            size_mib: sectors / 2048,
            model: text("device/model")?.map(|model| model.trim().to_owned()),
            rotational: text("queue/rotational")?.is_some_and(|text| text.trim() == "1"),
            health: health(host, &name)?,
        };
        disks.insert(name, disk);
    }
    Ok(disks)
}

fn health(host: &Host, name: &str) -> Result<Health, Fault> {
    if !host.has_program("smartctl") {
        return Ok(Health::Unknown);
    }
    let output = host.ask(&Program::new("smartctl").args(["--json", "--health", &format!("/dev/{name}")]))?;
    let told: serde_json::Value = serde_json::from_str(&output.stdout).unwrap_or_default();
    Ok(match told["smart_status"]["passed"].as_bool() {
        Some(true) => Health::Good,
        Some(false) => Health::Failing,
        None => Health::Unknown,
    })
}

fn interfaces(host: &Host) -> Result<BTreeMap<String, Interface>, Fault> {
    if !host.has_program("ip") {
        return Ok(BTreeMap::new());
    }
    let output = host.run(&Program::new("ip").args(["-json", "address", "show"]))?;
    Ok(links(&serde_json::from_str(&output.stdout).unwrap_or_default()))
}

fn links(told: &serde_json::Value) -> BTreeMap<String, Interface> {
    let links = told.as_array().into_iter().flatten();
    let read = links.filter_map(|link| {
        let addresses = link["addr_info"].as_array().into_iter().flatten();
        let addresses =
            addresses.filter_map(|a| Some(format!("{}/{}", a["local"].as_str()?, a["prefixlen"])));
        let interface = Interface {
            mac: link["address"].as_str().unwrap_or_default().to_owned(),
            mtu: link["mtu"].as_u64().and_then(|mtu| u32::try_from(mtu).ok()).unwrap_or(0),
            addresses: addresses.collect(),
        };
        Some((link["ifname"].as_str()?.to_owned(), interface))
    });
    read.collect()
}

/// Whether this is a container, whose kernel is its machine's.
pub fn is_container(host: &Host) -> bool {
    container(host).is_ok_and(|kind| kind.is_some())
}

fn container(host: &Host) -> Result<Option<String>, Fault> {
    if let Some(kind) = host.read_text("/run/systemd/container")? {
        return Ok(Some(kind.trim().to_owned()));
    }
    let variables = host.read_text("/proc/1/environ").ok().flatten().unwrap_or_default();
    Ok(variables.split('\0').find_map(|variable| variable.strip_prefix("container=")).map(str::to_owned))
}

fn virtualization(host: &Host) -> Result<Option<String>, Fault> {
    let flags = host.read_text("/proc/cpuinfo")?.unwrap_or_default();
    if !flags
        .lines()
        .any(|line| line.starts_with("flags") && line.split(' ').any(|flag| flag == "hypervisor"))
    {
        return Ok(None);
    }
    let text = |file: &str| host.read_text(&format!("/sys/class/dmi/id/{file}")).ok().flatten();
    let made: Vec<String> = ["sys_vendor", "product_name"].iter().filter_map(|file| text(file)).collect();
    let made = made.iter().map(|text| text.trim()).collect::<Vec<_>>().join(" ");
    Ok(Some(if made.is_empty() { "unknown".to_owned() } else { made }))
}

fn clock(host: &Host) -> Result<TimeSync, Fault> {
    let daemon = time_sync::daemon(host)?;
    let synchronized = match daemon {
        Daemon::Timesyncd => Some(host.exists("/run/systemd/timesync/synchronized")),
        Daemon::Chrony if host.has_program("chronyc") => {
            let output = host.ask(&Program::new("chronyc").args(["-c", "tracking"]))?;
            // The third field is the stratum: 0 is "not synchronised".
            output.success().then(|| output.stdout.split(',').nth(2).is_some_and(|stratum| stratum != "0"))
        }
        _ => None,
    };
    Ok(TimeSync { daemon, synchronized })
}

fn versions(host: &Host) -> Result<BTreeMap<String, String>, Fault> {
    let mut versions = BTreeMap::new();
    let questions = [
        ("kubelet", &["--version"][..]),
        ("kubeadm", &["version", "-o", "short"]),
        ("containerd", &["--version"]),
        ("runc", &["--version"]),
    ];
    for (name, arguments) in questions {
        if host.has_program(name) {
            let output = host.ask(&Program::new(name).args(arguments.iter().copied()))?;
            versions.extend(version_in(&output.stdout).map(|version| (name.to_owned(), version)));
        }
    }
    Ok(versions)
}

/// The first word that looks like a version: digits and points, perhaps after a `v`.
fn version_in(text: &str) -> Option<String> {
    let bare = |word: &str| word.strip_prefix('v').unwrap_or(word).to_owned();
    let words = text.split_whitespace().map(bare);
    words.into_iter().find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Root;

    #[test]
    fn an_empty_folder_has_facts_too() {
        let facts = Facts::of(&Root::new().host()).unwrap();
        assert_eq!((facts.os.id.as_str(), facts.memory_mib, facts.cgroup_version), ("unknown", 0, 1));
    }

    #[test]
    fn files_tell_the_most_of_it() {
        let root = Root::with(&[
            (
                "/etc/os-release",
                "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n",
            ),
            ("/proc/meminfo", "MemTotal:       24576000 kB\nMemFree: 1 kB\n"),
            ("/proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 2097152 0 -2\n"),
            ("/sys/block/sda/size", "41943040\n"),
            ("/sys/block/sda/device/model", "SSD 1\n"),
            ("/sys/block/loop0/size", "8\n"),
            ("/run/systemd/container", "podman\n"),
            ("/run/reboot-required", ""),
            ("/var/lib/socle/owners/hardening.json", "{\"owner\":\"socle_host.a\"}"),
        ]);
        let facts = Facts::of(&root.host()).unwrap();
        assert_eq!((facts.os.id.as_str(), facts.os.version.as_str()), ("debian", "12"));
        assert_eq!((facts.memory_mib, facts.swap_mib, facts.reboot_required), (24000, 2048, true));
        assert_eq!(facts.disks.keys().collect::<Vec<_>>(), ["sda"]);
        assert_eq!((facts.disks["sda"].size_mib, facts.container.as_deref()), (20480, Some("podman")));
        assert_eq!(facts.owners["hardening"], "socle_host.a");
    }

    #[test]
    fn versions_are_found_in_what_programs_say() {
        assert_eq!(version_in("Kubernetes v1.37.2\n").as_deref(), Some("1.37.2"));
        assert_eq!(
            version_in("containerd github.com/containerd/containerd/v2 v2.3.7 abc\n").as_deref(),
            Some("2.3.7")
        );
        assert_eq!(version_in("runc version 1.1.5+ds1\n").as_deref(), Some("1.1.5+ds1"));
    }
}
