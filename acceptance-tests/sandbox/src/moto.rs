//! moto: a simulated AWS on loopback, in a virtual environment of its own with every version pinned.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::Duration;

use crate::cache::{Cache, CacheError};
use crate::tether::{TetherError, Tethered};

/// The pinned distribution, with all it depends on.
const REQUIREMENTS: &str = include_str!("../aws/requirements.txt");

/// moto's server, with stricter rules for record sets than moto's own.
const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/aws/server.py");

/// moto answers within two seconds; a machine that is busy compiling takes longer.
const PATIENCE: Duration = Duration::from_mins(1);

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
    /// Python is missing, or not to be started.
    #[error("cannot run {program}: {source}; install Python 3 with its venv module (Debian: python3-venv)")]
    Python {
        /// What was to be run.
        program: String,
        /// The system's answer.
        source: io::Error,
    },
    /// A step of making the virtual environment failed.
    #[error("{program} failed ({status}):\n{output}")]
    Environment {
        /// The program with its arguments.
        program: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// All it printed.
        output: String,
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
        let mut command = Command::new(environment()?.join("bin/python"));
        command.args(["-u", SERVER, "-H", "127.0.0.1", "-p", "0"]);
        let (server, url) = Tethered::start(&command, PATIENCE, announced_url)?;
        Ok(Self { url, _server: server })
    }

    /// Where it answers, as `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// The address in the line that the server prints once its socket listens.
fn announced_url(line: &str) -> Option<String> {
    line.split_once("Running on ").map(|(_, url)| url.trim().to_owned())
}

/// The folder of the virtual environment, made on first use. It depends on the interpreter that made it.
fn environment() -> Result<PathBuf, MotoError> {
    let interpreter =
        run(Command::new("python3").args(["-c", "import sys; print(sys.version, sys.base_prefix)"]))?;
    Cache::of_this_user()?.entry("moto", &[REQUIREMENTS, &interpreter], make_environment)
}

fn make_environment(folder: &Path) -> Result<(), MotoError> {
    run(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    let requirements = concat!(env!("CARGO_MANIFEST_DIR"), "/aws/requirements.txt");
    run(Command::new(folder.join("bin/python")).args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "-r",
        requirements,
    ]))?;
    Ok(())
}

/// What `command` printed on its standard output.
fn run(command: &mut Command) -> Result<String, MotoError> {
    let program = format!("{command:?}");
    match command.output() {
        Ok(Output { status, stdout, .. }) if status.success() => {
            Ok(String::from_utf8_lossy(&stdout).into_owned())
        }
        Ok(Output { status, stdout, stderr }) => {
            let output = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
            Err(MotoError::Environment { program, status, output })
        }
        Err(source) => Err(MotoError::Python { program, source }),
    }
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
