//! The machine below this host.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use node::observation::Machine;

use crate::failure::Failure;
use crate::files;

/// What it is now; its clock is read last.
pub(crate) fn look() -> Result<Machine, Failure> {
    let text = |path: &str| files::read(path).map(Option::unwrap_or_default);
    let listens = [text("/proc/net/tcp")?, text("/proc/net/tcp6")?];
    Ok(Machine {
        os: value(&text("/etc/os-release")?, "ID=").trim_matches('"').to_owned(),
        architecture: std::env::consts::ARCH.to_owned(),
        memory_mib: number(value(&text("/proc/meminfo")?, "MemTotal:")) / 1024,
        free_mib: free_mib("/var/lib")?,
        listens: listens.iter().flat_map(|table| listening(table)).collect(),
        clock: clock(),
    })
}

fn clock() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or_default()
}

fn value<'t>(text: &'t str, key: &str) -> &'t str {
    text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default().trim()
}

/// The number at the beginning: `4028424 kB`.
fn number(text: &str) -> u64 {
    text.split(' ').next().and_then(|digits| digits.parse().ok()).unwrap_or_default()
}

fn free_mib(path: &str) -> Result<u64, Failure> {
    let found = rustix::fs::statvfs(path)
        .map_err(|source| Failure::File { path: path.to_owned(), source: source.into() })?;
    Ok(found.f_bavail * found.f_frsize / (1 << 20))
}

/// The ports of a table of the kernel's (`/proc/net/tcp`) whose state is `0A`: somebody listens.
fn listening(table: &str) -> BTreeSet<u16> {
    let port = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let (own, state) = (words.next()?, words.nth(1)?);
        let (_, port) = own.rsplit_once(':')?;
        (state == "0A").then(|| u16::from_str_radix(port, 16).ok()).flatten()
    };
    table.lines().filter_map(port).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_listens_holds_a_port() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue\n   \
                     0: 0100007F:192B 00000000:0000 0A 00000000:00000000\n   \
                     1: 0100007F:280A 0100007F:9C40 01 00000000:00000000\n";
        assert_eq!(listening(table), BTreeSet::from([6443]));
    }

    #[test]
    fn values_are_found_by_their_keys() {
        assert_eq!(number(value("MemFree: 1 kB\nMemTotal:        4028424 kB\n", "MemTotal:")), 4_028_424);
        assert_eq!(value("NAME=x\nID=debian\n", "ID="), "debian");
    }
}
