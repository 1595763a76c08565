//! A real DNS server on a loopback address of its own: NSD, authoritative for the zones it is given.
//!
//! NSD rather than BIND, because BIND listens only on addresses that an interface of the machine has.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use std::{env, fs, io};

use tempfile::TempDir;

use crate::cache::{Cache, CacheError};
use crate::tether::{TetherError, Tethered};

/// The port of [`DnsServer::serving`]; anyone may listen there.
const PORT: u16 = 5300;
const PATIENCE: Duration = Duration::from_secs(30);

/// Unpacks Debian's package, and the libraries that the machine lacks for it, without installing either: the package
/// would start a name server on port 53 of this machine.
const UNPACK: &str = r#"
mkdir partial
download() {
    apt-get -qq -y --no-install-recommends --download-only \
        -o Dir::Cache::archives="$PWD" -o Debug::NoLocking=1 install nsd
}
download || { apt-get -qq update && download; }
for package in ./*.deb; do dpkg-deb -x "$package" . && rm "$package"; done
"#;

/// A running name server, ended when this is dropped.
#[derive(Debug)]
pub struct DnsServer {
    address: SocketAddr,
    _server: Tethered,
    _folder: TempDir,
}

/// Why there is no name server.
#[derive(Debug, thiserror::Error)]
pub enum DnsServerError {
    /// The cache folder could not be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// A configuration file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// There is no `nsd`, and Debian's package could not be fetched.
    #[error("cannot fetch NSD (Debian: nsd); install it so that `nsd` is in PATH:\n{0}")]
    Fetch(String),
    /// The server did not come up.
    #[error(transparent)]
    Server(#[from] TetherError),
    /// The server is up, without one of the zones.
    #[error("NSD refused a zone: {0}")]
    Zone(String),
}

impl DnsServer {
    /// Serves `zones`, pairs of origin and master file, on a fresh address and an ordinary port.
    pub fn serving(zones: &[(&str, &str)]) -> Result<Self, DnsServerError> {
        Self::serving_at(SocketAddr::new(fresh_address(), PORT), zones)
    }

    /// Serves `zones` at `address`, which a zone of another server may already have named.
    pub fn serving_at(address: SocketAddr, zones: &[(&str, &str)]) -> Result<Self, DnsServerError> {
        let folder =
            tempfile::tempdir().map_err(|source| DnsServerError::File { path: env::temp_dir(), source })?;
        let configuration = write_configuration(folder.path(), address, zones)?;
        let mut nsd = nsd()?;
        nsd.args(["-d", "-c"]).arg(configuration);
        let (server, zones) = Tethered::start(&nsd, PATIENCE, zones_loaded)?;
        zones.map_err(DnsServerError::Zone)?;
        Ok(Self { address, _server: server, _folder: folder })
    }

    /// Where it answers, over UDP and TCP.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// A loopback address that no other test has: its middle is the process, its end counts up.
pub fn fresh_address() -> IpAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 64 | (high & 63), low, NEXT.fetch_add(1, Ordering::Relaxed)).into()
}

/// Whether a line of the log tells that the server answers, or that a zone is not as it was given. NSD reads its zones
/// before it says that it has started.
fn zones_loaded(line: &str) -> Option<Result<(), String>> {
    if line.contains("error: ") {
        Some(Err(line.to_owned()))
    } else {
        line.contains("nsd started").then_some(Ok(()))
    }
}

fn write_configuration(
    folder: &Path,
    address: SocketAddr,
    zones: &[(&str, &str)],
) -> Result<PathBuf, DnsServerError> {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|source| DnsServerError::File { path: path.clone(), source })?;
        Ok(path)
    };
    let mut configuration = options(folder, address);
    for (number, (origin, master_file)) in zones.iter().enumerate() {
        let file = format!("zone-{number}");
        write(&file, master_file)?;
        // Writing to a string cannot fail.
        let _ = writeln!(configuration, "zone:\n  name: {origin}\n  zonefile: {file}");
    }
    write("nsd.conf", &configuration)
}

fn options(folder: &Path, address: SocketAddr) -> String {
    let (ip, port, folder) = (address.ip(), address.port(), folder.display());
    format!(
        r#"server:
  ip-address: {ip}@{port}
  zonesdir: "{folder}"
  xfrdir: "{folder}"
  zonelistfile: "{folder}/zones.list"
  xfrdfile: ""
  database: ""
  pidfile: ""
  username: ""
  server-count: 1
  log-only-syslog: no
remote-control:
  control-enable: no
"#
    )
}

/// `nsd` from `PATH`, else from Debian's package in the cache.
fn nsd() -> Result<Command, DnsServerError> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    if let Some(installed) = folders.map(|folder| folder.join("nsd")).find(|program| program.is_file()) {
        return Ok(Command::new(installed));
    }
    let package = Cache::of_this_user()?.entry("nsd", &[UNPACK, env::consts::ARCH], unpack)?;
    let mut command = Command::new(package.join("usr/sbin/nsd"));
    let libraries = package.join(format!("usr/lib/{}-linux-gnu", env::consts::ARCH));
    command.env("LD_LIBRARY_PATH", libraries);
    Ok(command)
}

fn unpack(folder: &Path) -> Result<(), DnsServerError> {
    let unpacked = Command::new("sh").args(["-e", "-c", UNPACK]).current_dir(folder).output();
    match unpacked {
        Ok(Output { status, .. }) if status.success() => Ok(()),
        Ok(Output { stderr, .. }) => {
            Err(DnsServerError::Fetch(String::from_utf8_lossy(&stderr).into_owned()))
        }
        Err(source) => Err(DnsServerError::Fetch(source.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use hickory_proto::op::{Message, Query};
    use hickory_proto::rr::{Name, RecordType};

    use super::*;

    const ZONE: &str = "$TTL 60\n@ SOA ns. root. 1 2 3 4 5\n  NS ns.example.\nwww A 192.0.2.7\n";

    fn ask(server: SocketAddr, name: &str) -> Vec<String> {
        let mut question = Message::query();
        question.add_query(Query::query(Name::from_ascii(name).unwrap(), RecordType::A));
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.send_to(&question.to_vec().unwrap(), server).unwrap();
        let mut buffer = [0; 512];
        let length = socket.recv(&mut buffer).unwrap();
        Message::from_vec(&buffer[..length])
            .unwrap()
            .answers
            .iter()
            .map(|record| record.data.to_string())
            .collect()
    }

    #[test]
    fn answers_from_the_zones_it_is_given() {
        let server = DnsServer::serving(&[("example.test", ZONE), ("other.test", ZONE)]).unwrap();
        assert_eq!(ask(server.address(), "www.example.test."), ["192.0.2.7"]);
        assert_eq!(ask(server.address(), "www.other.test."), ["192.0.2.7"]);
        assert_eq!(ask(server.address(), "www.third.test."), Vec::<String>::new());
    }

    #[test]
    fn servers_stand_side_by_side() {
        let one = DnsServer::serving(&[("example.test", ZONE)]).unwrap();
        let other = DnsServer::serving(&[("example.test", &ZONE.replace(".7", ".8"))]).unwrap();
        assert_ne!(ask(one.address(), "www.example.test."), ask(other.address(), "www.example.test."));
    }

    #[test]
    fn reports_a_zone_that_it_cannot_load() {
        let refused = DnsServer::serving(&[("example.test", "www A not-an-address\n")]).unwrap_err();
        assert!(
            matches!(&refused, DnsServerError::Zone(line) if line.contains("not-an-address")),
            "{refused}"
        );
    }
}
