//! Files over plain HTTP: Python's own server, which every machine with moto has.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::Command;

/// Its server would ask DNS for the name of the address that it listens on: of no use, and it leaves the machine.
const SERVER: &str = "import runpy, socket; socket.getfqdn = lambda name='': name; \
                      runpy.run_module('http.server', run_name='__main__')";

/// The command that serves `folder` at `listen`; port 0 lets the system choose. It runs in the foreground and prints
/// one line once it listens, which [`announced_address`] reads, and one for each file that is fetched.
pub fn command(folder: &Path, listen: SocketAddr) -> Command {
    let mut python = Command::new("python3");
    python
        .args(["-u", "-c", SERVER, "--bind", &listen.ip().to_string(), "--directory"])
        .arg(folder)
        .arg(listen.port().to_string());
    python
}

/// The address in the line that the server prints once it listens.
pub fn announced_address(line: &str) -> Option<SocketAddr> {
    let (address, _) = line.strip_prefix("Serving HTTP on ")?.split_once(" (")?;
    let (ip, port) = address.split_once(" port ")?;
    Some(SocketAddr::new(ip.parse::<IpAddr>().ok()?, port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_address_that_the_server_announces() {
        let line = "Serving HTTP on 10.89.0.1 port 41547 (http://10.89.0.1:41547/) ...";
        assert_eq!(announced_address(line), Some("10.89.0.1:41547".parse().unwrap()));
        assert_eq!(announced_address("10.89.0.2 - - \"GET / HTTP/1.1\" 200 -"), None);
    }
}
