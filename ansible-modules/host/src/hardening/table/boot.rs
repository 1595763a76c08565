//! The boot: the kernel's command line, the boot loader, mounts.

use crate::hardening::control::{Control, Wanted};

fn argument(id: &str, words: &'static [&'static str], why: &'static str) -> Control {
    let title = format!("Kernel command line has {}", words.join(" "));
    Control::new(format!("boot.{id}"), title, why, Wanted::KernelArguments { words }).reboot()
}

fn mount(id: &str, path: &'static str, options: &'static [&'static str]) -> Control {
    let why = "Nobody puts devices or privileged programs here, except an attacker.";
    let title = format!("{path} is mounted with {}", options.join(","));
    Control::new(format!("mount.{id}"), title, why, Wanted::MountOptions { path, options })
}

const STORES: &str =
    "containerd, the kubelet and etcd keep their files below /var: its options would reach into containers";

pub(super) fn controls() -> Vec<Control> {
    let mut all = command_line();
    all.extend(mounts());
    all
}

fn command_line() -> Vec<Control> {
    vec![
        argument("iommu", &["iommu=force"], "Devices must not read memory that was not given to them.")
            .anssi(&[7])
            .by_name("some machines do not boot with it: try it where you have a console"),
        argument("l1tf", &["l1tf=full,force"], "Processors with this fault let a guest read the host's memory; hyper-threading is turned off where needed.").anssi(&[8]),
        argument("mds", &["mds=full,nosmt"], "Processors with this fault leak buffers between threads; hyper-threading is turned off where needed.").anssi(&[8]),
        argument("page-poison", &["page_poison=on"], "Freed memory must not keep its secrets.").anssi(&[8]),
        argument("pti", &["pti=on"], "User programs must not see the kernel's pages.").anssi(&[8]),
        argument("slab-nomerge", &["slab_nomerge=yes"], "An overflow in one kind of object must not reach another kind.").anssi(&[8]),
        argument("slub-debug", &["slub_debug=FZP"], "Errors in the kernel's memory are found before they are used.").anssi(&[8]),
        argument("spec-store-bypass", &["spec_store_bypass_disable=seccomp"], "Confined programs must not read past their own stores.").anssi(&[8]),
        argument("spectre-v2", &["spectre_v2=on"], "Branch prediction must not be trained by another program.").anssi(&[8]),
        argument("mce", &["mce=0"], "After an uncorrected memory error the host must stop rather than compute on.").anssi(&[8]),
        argument("page-alloc-shuffle", &["page_alloc.shuffle=1"], "Memory pages in random order are hard to aim at.").anssi(&[8]),
        argument("rng-quality", &["rng_core.default_quality=500"], "Random numbers are good early in the boot where hardware gives them.").anssi(&[8]),
        argument("apparmor", &["apparmor=1", "security=apparmor"], "Confinement must be on from the first program.").anssi(&[45]).cis(&["1.3.1.2"]),
        argument("audit", &["audit=1"], "What starts before auditd must be recorded too.").anssi(&[73]).cis(&["6.2.1.3"]),
        argument("audit-backlog", &["audit_backlog_limit=8192"], "A burst of events during the boot must not be lost.").cis(&["6.2.1.4"]),
    ]
}

fn mounts() -> Vec<Control> {
    const NOSHM: &str = "Shared memory is not a place for programs.";
    let shm = Wanted::MountOptions { path: "/dev/shm", options: &["nodev", "nosuid", "noexec"] };
    let proc = Wanted::MountOptions { path: "/proc", options: &["hidepid=invisible"] };
    vec![
        Control::new("mount.dev-shm".into(), "/dev/shm is mounted with nodev,nosuid,noexec".into(), NOSHM, shm)
            .cis(&["1.1.2.2.1", "1.1.2.2.2", "1.1.2.2.3", "1.1.2.2.4"])
            .baseline(),
        mount("tmp", "/tmp", &["nodev", "nosuid"]).anssi(&[28]).cis(&["1.1.2.1.2", "1.1.2.1.3"]).baseline(),
        mount("tmp-noexec", "/tmp", &["noexec"])
            .anssi(&[28])
            .cis(&["1.1.2.1.4"])
            .by_name("programs that unpack themselves into /tmp (installers, maintainer scripts of packages) stop working"),
        mount("home", "/home", &["nodev", "nosuid"]).anssi(&[28]).cis(&["1.1.2.3.2", "1.1.2.3.3"]),
        mount("home-noexec", "/home", &["noexec"])
            .anssi(&[28])
            .by_name("users cannot run programs of their own, and tools that upload into a home folder stop working"),
        mount("var", "/var", &["nodev", "nosuid"]).anssi(&[28]).cis(&["1.1.2.4.2", "1.1.2.4.3"]).not_on_node(STORES),
        mount("var-noexec", "/var", &["noexec"])
            .anssi(&[28])
            .by_name("dpkg runs the scripts of packages from /var/lib/dpkg: no package can be installed, updated or removed")
            .not_on_node(STORES),
        mount("var-tmp", "/var/tmp", &["nodev", "nosuid", "noexec"]).anssi(&[28]).cis(&["1.1.2.5.2", "1.1.2.5.3", "1.1.2.5.4"]),
        mount("var-log", "/var/log", &["nodev", "nosuid", "noexec"]).anssi(&[28]).cis(&["1.1.2.6.2", "1.1.2.6.3", "1.1.2.6.4"]),
        mount("var-log-audit", "/var/log/audit", &["nodev", "nosuid", "noexec"]).cis(&["1.1.2.7.2", "1.1.2.7.3", "1.1.2.7.4"]),
        mount("boot", "/boot", &["nosuid", "noexec"]).anssi(&[28]),
        mount("boot-noauto", "/boot", &["noauto"]).anssi(&[29]).by_name("updates of the kernel are written beside /boot, and the next boot starts the old one"),
        mount("opt", "/opt", &["nosuid"]).anssi(&[28]),
        mount("srv", "/srv", &["nosuid"]).anssi(&[28]),
        Control::new("mount.proc-hidepid".into(), "/proc shows users only their own processes".into(), "Command lines of other users' programs are nobody's business.", proc)
            .anssi(&[28])
            .by_name("systemd-logind, polkit and monitoring agents that do not run as root no longer see processes")
            .not_on_node("monitoring agents and the kubelet's neighbours read other processes"),
    ]
}
