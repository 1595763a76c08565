//! Searches in what the system says of itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{Fault, Host, Program, kernel_module};

/// Sockets that listen on other addresses than loopback.
pub(super) fn listening(host: &Host) -> Result<Vec<String>, Fault> {
    /// In the kernel's tables: TCP that listens, and UDP without another end.
    const TABLES: [(&str, &str, &str); 4] = [
        ("tcp", "/proc/net/tcp", "0A"),
        ("tcp", "/proc/net/tcp6", "0A"),
        ("udp", "/proc/net/udp", "07"),
        ("udp", "/proc/net/udp6", "07"),
    ];
    let mut found = Vec::new();
    for (protocol, table, state) in TABLES {
        let text = host.read_text(table)?.unwrap_or_default();
        let open = text.lines().skip(1).filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (address, port) = end(fields.get(1)?)?;
            (*fields.get(3)? == state && !address.is_loopback())
                .then(|| format!("{protocol} port {port} on {address}"))
        });
        found.extend(open);
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// An address and a port as the kernel's tables have them: words in the byte order of the machine, which is little.
fn end(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let words: Option<Vec<u32>> = address
        .as_bytes()
        .chunks(8)
        .map(|word| u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok())
        .collect();
    let bytes: Vec<u8> = words?.into_iter().flat_map(u32::to_le_bytes).collect();
    let address = match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(four) => IpAddr::from(Ipv4Addr::from(four)),
        Err(_) => IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)),
    };
    Some((address, u16::from_str_radix(port, 16).ok()?))
}

/// Sources without a signature, and the list of all.
pub(super) fn package_sources(host: &Host) -> Result<Vec<String>, Fault> {
    let mut files = vec!["/etc/apt/sources.list".to_owned()];
    files.extend(
        host.names("/etc/apt/sources.list.d")?
            .into_iter()
            .map(|name| format!("/etc/apt/sources.list.d/{name}")),
    );
    let mut found = Vec::new();
    for file in files {
        let text = host.read_text(&file)?.unwrap_or_default();
        let unsigned = text.lines().filter(|line| {
            let line = line.trim().to_ascii_lowercase();
            !line.starts_with('#') && (line.contains("trusted=yes") || line.starts_with("trusted: yes"))
        });
        found.extend(unsigned.map(|line| format!("{file}: `{}` needs no signature", line.trim())));
    }
    Ok(found)
}

/// Security updates that wait, by apt's lists as they are.
pub(super) fn security_updates(host: &Host) -> Result<Vec<String>, Fault> {
    if !host.has_program("apt-get") {
        return Err(Fault::unsupported("this host has no apt"));
    }
    let output = host.run(&Program::new("apt-get").args([
        "--simulate",
        "--quiet=2",
        "--option=Debug::NoLocking=true",
        "upgrade",
    ]))?;
    let waiting = output.stdout.lines().filter(|line| line.starts_with("Inst ") && line.contains("ecurity"));
    Ok(waiting.map(|line| line.trim_start_matches("Inst ").to_owned()).collect())
}

/// Profiles that complain instead of enforcing.
pub(super) fn apparmor(host: &Host) -> Result<Vec<String>, Fault> {
    let Some(text) = host.read_text("/sys/kernel/security/apparmor/profiles").ok().flatten() else {
        return Err(Fault::unsupported("this kernel shows no AppArmor profiles here"));
    };
    Ok(text.lines().filter(|line| !line.ends_with("(enforce)")).map(str::to_owned).collect())
}

/// Options that should be built in, or must not be.
const WANTED: [(&str, bool); 18] = [
    ("CONFIG_STRICT_KERNEL_RWX", true),
    ("CONFIG_STRICT_MODULE_RWX", true),
    ("CONFIG_STACKPROTECTOR_STRONG", true),
    ("CONFIG_SCHED_STACK_END_CHECK", true),
    ("CONFIG_HARDENED_USERCOPY", true),
    ("CONFIG_FORTIFY_SOURCE", true),
    ("CONFIG_RANDOMIZE_BASE", true),
    ("CONFIG_SLAB_FREELIST_RANDOM", true),
    ("CONFIG_SLAB_FREELIST_HARDENED", true),
    ("CONFIG_VMAP_STACK", true),
    ("CONFIG_REFCOUNT_FULL", true),
    ("CONFIG_SECCOMP_FILTER", true),
    ("CONFIG_SECURITY_YAMA", true),
    ("CONFIG_MODULE_SIG", true),
    ("CONFIG_BUG_ON_DATA_CORRUPTION", true),
    ("CONFIG_DEVKMEM", false),
    ("CONFIG_LEGACY_VSYSCALL_EMULATE", false),
    ("CONFIG_KEXEC", false),
];

/// What differs from it in the kernel that runs.
pub(super) fn kernel_build(host: &Host) -> Result<Vec<String>, Fault> {
    let release = kernel_module::release(host)?.unwrap_or_default();
    let Some(text) = host.read_text(&format!("/boot/config-{release}"))? else {
        return Err(Fault::unsupported(format!("this host has no /boot/config-{release}")));
    };
    let is_built = |option: &str| text.lines().any(|line| line == format!("{option}=y"));
    let differing = WANTED.iter().filter(|(option, wanted)| is_built(option) != *wanted);
    Ok(differing
        .map(|(option, wanted)| format!("{option} is {}", if *wanted { "not built in" } else { "built in" }))
        .collect())
}
