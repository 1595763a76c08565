//! The kernel: parameters of `kernel.*`, `fs.*` and `vm.*`, modules, core dumps.

use super::slug;
use crate::hardening::control::{Control, SettingsFile, Wanted};

fn sysctl(key: &'static str, value: &'static str, why: &'static str) -> Control {
    let wanted = Wanted::Sysctl { key, value };
    Control::new(format!("sysctl.{}", slug(key)), format!("{key} = {value}"), why, wanted)
}

fn blocked(module: &'static str, why: &'static str) -> Control {
    let title = format!("Kernel module {module} cannot be loaded");
    Control::new(format!("module.{}", slug(module)), title, why, Wanted::ModuleBlocked { module })
}

const FILE_SYSTEM: &str =
    "A server never mounts this file system, and its parser runs on whatever a disk contains.";
const PROTOCOL: &str =
    "A server rarely speaks this protocol, and its code has had holes that any local user could reach.";

pub(super) fn controls() -> Vec<Control> {
    let mut all = parameters();
    all.extend(node_parameters());
    all.extend(modules());
    all.extend(core_dumps());
    all
}

fn parameters() -> Vec<Control> {
    vec![
        sysctl("kernel.kptr_restrict", "2", "Kernel addresses that leak defeat the randomisation of the kernel's memory.").anssi(&[9]).baseline(),
        sysctl("kernel.dmesg_restrict", "1", "The kernel's log shows addresses and devices to every user.").anssi(&[9]).baseline(),
        sysctl("kernel.randomize_va_space", "2", "Randomised addresses make memory errors hard to exploit.").anssi(&[9]).cis(&["1.5.1"]).baseline(),
        sysctl("kernel.sysrq", "0", "The magic keys reach the kernel from any console, a server's remote console included.").anssi(&[9]).baseline(),
        sysctl("kernel.unprivileged_bpf_disabled", "1", "Programs for the kernel's virtual machine were the way in of many a local exploit.").anssi(&[9]).baseline(),
        sysctl("kernel.perf_event_paranoid", "2", "Performance counters show what other processes and the kernel do.").anssi(&[9]).baseline(),
        sysctl("kernel.perf_event_max_sample_rate", "1", "A low rate leaves little to an attack that measures time.").anssi(&[9]),
        sysctl("kernel.perf_cpu_time_max_percent", "1", "Profiling must not take the processor from the work.").anssi(&[9]),
        sysctl("kernel.pid_max", "65536", "A stated range of process numbers keeps a host from being filled with processes unnoticed.")
            .anssi(&[9])
            .on_node("4194304", "many pods use up a small range of process numbers"),
        sysctl("kernel.panic_on_oops", "1", "After an internal error the kernel's state cannot be trusted.").anssi(&[9]).needed_on_node("1", "the kubelet with `protectKernelDefaults` refuses another value"),
        sysctl("kernel.yama.ptrace_scope", "1", "A process of a user must not read the memory of that user's other processes.").anssi(&[11]).cis(&["1.5.2"]).baseline(),
        sysctl("kernel.kexec_load_disabled", "1", "Another kernel must not replace the running one without a boot.").baseline().reboot(),
        sysctl("kernel.core_uses_pid", "1", "Core dumps of two processes must not overwrite each other."),
        sysctl("kernel.modules_disabled", "1", "With modules locked, root cannot load code into the kernel.")
            .anssi(&[10])
            .by_name("no module can be loaded until the next boot: new disks, network cards, file systems and firewalls may not work")
            .reboot()
            .not_on_node("kube-proxy, the container runtime and storage drivers load modules when they need them"),
        sysctl("fs.suid_dumpable", "0", "The memory of privileged programs contains secrets and must not be dumped.").anssi(&[14]).cis(&["1.5.3"]).baseline(),
        sysctl("fs.protected_fifos", "2", "A named pipe in a shared folder can be a trap set by another user.").anssi(&[14]).baseline(),
        sysctl("fs.protected_regular", "2", "A file in a shared folder can be a trap set by another user.").anssi(&[14]).baseline(),
        sysctl("fs.protected_symlinks", "1", "Links in shared folders led privileged programs to other files.").anssi(&[14]).baseline(),
        sysctl("fs.protected_hardlinks", "1", "A hard link must not keep a vulnerable privileged program alive.").anssi(&[14]).baseline(),
        sysctl("vm.mmap_min_addr", "65536", "Memory at address zero turns null pointers of the kernel into code of the attacker.").anssi(&[8]).baseline(),
        sysctl("vm.mmap_rnd_bits", "32", "More random bits make addresses harder to guess."),
        sysctl("vm.mmap_rnd_compat_bits", "16", "More random bits make addresses of 32-bit programs harder to guess."),
    ]
}

/// What the kubelet's `protectKernelDefaults` demands.
fn node_parameters() -> Vec<Control> {
    const KUBELET: &str = "The kubelet with `protectKernelDefaults` refuses to start with another value.";
    vec![
        sysctl("vm.overcommit_memory", "1", KUBELET).only_on_node(),
        sysctl("vm.panic_on_oom", "0", KUBELET).only_on_node(),
        sysctl("kernel.panic", "10", KUBELET).only_on_node(),
        sysctl("kernel.keys.root_maxkeys", "1000000", KUBELET).only_on_node(),
        sysctl("kernel.keys.root_maxbytes", "25000000", KUBELET).only_on_node(),
    ]
}

fn modules() -> Vec<Control> {
    vec![
        blocked("cramfs", FILE_SYSTEM).cis(&["1.1.1.1"]).baseline(),
        blocked("freevxfs", FILE_SYSTEM).cis(&["1.1.1.2"]).baseline(),
        blocked("hfs", FILE_SYSTEM).cis(&["1.1.1.3"]).baseline(),
        blocked("hfsplus", FILE_SYSTEM).cis(&["1.1.1.4"]).baseline(),
        blocked("jffs2", FILE_SYSTEM).cis(&["1.1.1.5"]).baseline(),
        blocked("overlay", "Layered mounts by unprivileged users have led to root.")
            .cis(&["1.1.1.6"])
            .not_on_node("containerd keeps every container's files on overlay mounts"),
        blocked("squashfs", FILE_SYSTEM).cis(&["1.1.1.7"]),
        blocked("udf", FILE_SYSTEM).cis(&["1.1.1.8"]).baseline(),
        blocked("usb-storage", "A stick in a server's port is a way in and a way out for data.")
            .cis(&["1.1.1.9"]),
        blocked("afs", FILE_SYSTEM).cis(&["1.1.1.10"]),
        blocked("ceph", FILE_SYSTEM)
            .cis(&["1.1.1.10"])
            .not_on_node("volumes of Ceph are mounted by the node's kernel"),
        blocked("cifs", FILE_SYSTEM)
            .cis(&["1.1.1.10"])
            .not_on_node("volumes of SMB servers are mounted by the node's kernel"),
        blocked("exfat", FILE_SYSTEM).cis(&["1.1.1.10"]),
        blocked("gfs2", FILE_SYSTEM).cis(&["1.1.1.10"]),
        blocked("dccp", PROTOCOL).cis(&["3.2.1"]).baseline(),
        blocked("tipc", PROTOCOL).cis(&["3.2.2"]).baseline(),
        blocked("rds", PROTOCOL).cis(&["3.2.3"]).baseline(),
        blocked("sctp", PROTOCOL).cis(&["3.2.4"]).not_on_node("Services may speak SCTP"),
        blocked("bluetooth", "A server has nobody to talk to over Bluetooth.").cis(&["3.1.3"]),
        blocked("cfg80211", "A server's network is a cable; a radio is a second way in.").cis(&["3.1.2"]),
    ]
}

fn core_dumps() -> Vec<Control> {
    const WHY: &str = "A core dump holds the secrets of the program that crashed.";
    let limit = Wanted::Limit { domain: "*", kind: "hard", item: "core", value: "0" };
    let storage = Wanted::Setting { file: SettingsFile::Coredump, key: "Storage", value: "none" };
    let size = Wanted::Setting { file: SettingsFile::Coredump, key: "ProcessSizeMax", value: "0" };
    vec![
        Control::new("limits.core".into(), "Sessions write no core dumps".into(), WHY, limit)
            .anssi(&[14])
            .cis(&["1.5.3"])
            .baseline(),
        Control::new("coredump.storage".into(), "systemd keeps no core dumps".into(), WHY, storage)
            .cis(&["1.5.3"])
            .baseline(),
        Control::new("coredump.size".into(), "systemd processes no core dumps".into(), WHY, size)
            .cis(&["1.5.3"])
            .baseline(),
    ]
}
