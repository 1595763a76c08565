//! The session that this program runs in: the TCP connection of the sshd above it.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::{Fault, Host};

/// A connection to this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Where it comes from.
    pub from: IpAddr,
    /// The port at the other end: with it, one connection is told from the next.
    pub from_port: u16,
    /// The port on this host.
    pub port: u16,
}

impl Session {
    /// The session above this process; none when it was not started over the network. Sudo hides the environment, so
    /// processes are followed upwards until one holds a TCP connection.
    pub fn above(host: &Host) -> Result<Option<Session>, Fault> {
        let connections = connections(host)?;
        let mut process = std::process::id();
        while process > 1 {
            for inode in sockets(host, process) {
                if let Some((_, session)) = connections.iter().find(|(number, _)| *number == inode) {
                    return Ok(Some(*session));
                }
            }
            process = parent(host, process)?;
        }
        Ok(None)
    }
}

fn parent(host: &Host, process: u32) -> Result<u32, Fault> {
    let status = host.read_text(&format!("/proc/{process}/status"))?.unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    Ok(line.and_then(|number| number.trim().parse().ok()).unwrap_or(0))
}

/// The numbers of the sockets that a process holds; empty when it ended just now.
fn sockets(host: &Host, process: u32) -> Vec<u64> {
    let Ok(entries) = fs::read_dir(host.path(&format!("/proc/{process}/fd"))) else { return Vec::new() };
    let links = entries.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    links
        .filter_map(|link| link.to_string_lossy().strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok())
        .collect()
}

fn connections(host: &Host) -> Result<Vec<(u64, Session)>, Fault> {
    let mut all = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let text = host.read_text(table)?.unwrap_or_default();
        all.extend(text.lines().skip(1).filter_map(connection));
    }
    Ok(all)
}

/// A line of the kernel's table, if the connection is established.
fn connection(line: &str) -> Option<(u64, Session)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (_, port) = end(fields.get(1)?)?;
    let (from, from_port) = end(fields.get(2)?)?;
    let established = *fields.get(3)? == "01";
    let inode = fields.get(9)?.parse().ok()?;
    established.then_some((inode, Session { from, from_port, port }))
}

/// One end: the kernel prints words of the address in its own byte order, which is little on all that we run on.
fn end(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let words: Option<Vec<u32>> = address
        .as_bytes()
        .chunks(8)
        .map(|word| u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok())
        .collect();
    let bytes: Vec<u8> = words?.into_iter().flat_map(u32::to_le_bytes).collect();
    let address = match bytes.len() {
        4 => IpAddr::from(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        _ => IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)),
    };
    Some((address.to_canonical(), u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_families_are_read() {
        let line = "   0: 0B02 x";
        assert_eq!(connection(line), None);
        let v4 =
            "   1: 0B0212C6:0016 010212C6:D431 01 00000000:00000000 02:000A 00000000     0        0 4242 2";
        let session = Session { from: "198.18.2.1".parse().unwrap(), from_port: 0xD431, port: 22 };
        assert_eq!(connection(v4), Some((4242, session)));
        let mapped = v4
            .replace("010212C6", "0000000000000000FFFF0000010212C6")
            .replace("0B0212C6", "0000000000000000FFFF00000B0212C6");
        assert_eq!(connection(&mapped), Some((4242, session)));
        assert_eq!(connection(&v4.replace(" 01 ", " 0A ")), None);
    }
}
