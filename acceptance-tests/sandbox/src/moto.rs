//! moto: a simulated AWS on loopback, in a virtual environment of its own with every version pinned.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;
use std::{fs, io};

use crate::cache::{Cache, CacheError};
use crate::python::{PythonError, environment};
use crate::tether::{TetherError, Tethered};

/// The pinned distribution, with all it depends on.
const REQUIREMENTS: &str = include_str!("../aws/requirements.txt");

/// moto's server, with stricter rules for record sets than moto's own.
const SERVER: &str = include_str!("../aws/server.py");

/// moto answers within two seconds; a machine that is busy compiling takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A running moto server, ended when this is dropped or when the process ends.
///
/// It keeps accounts apart by the header `x-moto-account-id`: so one moto serves all tests of a process at once.
#[derive(Debug)]
pub struct Moto {
    url: String,
    _server: Tethered,
}

/// Why there is no moto.
#[derive(Debug, thiserror::Error)]
pub enum MotoError {
    /// The cache folder could not be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// Its virtual environment could not be made.
    #[error("moto: {0}")]
    Environment(#[from] PythonError),
    /// The file of the server could not be written.
    #[error("cannot write {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The server did not come up.
    #[error(transparent)]
    Server(#[from] TetherError),
}

impl Moto {
    /// The one server of this process, started on first use.
    pub fn shared() -> Result<&'static Self, &'static MotoError> {
        static SHARED: OnceLock<Result<Moto, MotoError>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// A server of one's own, on a port that the system chose.
    pub fn start() -> Result<Self, MotoError> {
        let command = command(&Cache::of_this_user()?, (Ipv4Addr::LOCALHOST, 0).into(), || ())?;
        let (server, url) = Tethered::start(&command, PATIENCE, announced_url)?;
        Ok(Self { url, _server: server })
    }

    /// Where it answers, as `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// The command that serves AWS at `listen`; port 0 lets the system choose. It runs in the foreground and prints a line once
/// it listens, which [`announced_url`] reads. Its environment is made on first use, before which `making` is called.
pub fn command(cache: &Cache, listen: SocketAddr, making: impl FnOnce()) -> Result<Command, MotoError> {
    let environment = environment(cache, "moto", REQUIREMENTS, making)?;
    let server = cache.entry("moto-server", &[SERVER], |folder| write(&folder.join("server.py"), SERVER))?;
    let mut python = Command::new(environment.join("bin/python"));
    python.arg("-u").arg(server.join("server.py"));
    python.args(["-H", &listen.ip().to_string(), "-p", &listen.port().to_string()]);
    Ok(python)
}

/// The address in the line that the server prints once its socket listens.
pub fn announced_url(line: &str) -> Option<String> {
    line.split_once("Running on ").map(|(_, url)| url.trim().to_owned())
}

fn write(path: &Path, text: &str) -> Result<(), MotoError> {
    fs::write(path, text).map_err(|source| MotoError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn reads_the_address_that_the_server_announces() {
        assert_eq!(
            announced_url(" * Running on http://127.0.0.1:41547"),
            Some("http://127.0.0.1:41547".to_owned())
        );
        assert_eq!(announced_url("WARNING: This is a development server."), None);
    }

    #[test]
    fn answers_as_soon_as_it_is_started() {
        let address = Moto::shared().unwrap().url().strip_prefix("http://").unwrap();
        let mut connection = TcpStream::connect(address).unwrap();
        write!(connection, "GET /moto-api/data.json HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 ") || answer.starts_with("HTTP/1.0 200 "), "{answer}");
    }
}
