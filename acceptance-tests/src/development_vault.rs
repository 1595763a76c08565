//! A real Vault on loopback that keeps everything in memory, for tests of what reads from one.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use sandbox::cache::Cache;

use crate::tether::Tethered;

/// A Vault with a KV version 2 engine at `secret`. It ends when this is dropped.
#[derive(Debug)]
pub struct DevelopmentVault {
    program: PathBuf,
    address: String,
    token: String,
    _server: Tethered,
}

impl DevelopmentVault {
    /// Starts a Vault that lets this token do everything; the program is built on first use.
    pub fn start(token: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let program = sandbox::vault::programs(&Cache::of_this_user()?, || ())?.join("vault");
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let mut command = Command::new(&program);
        command.args(["server", "-dev", "-dev-no-store-token"]);
        command
            .arg(format!("-dev-listen-address=127.0.0.1:{port}"))
            .arg(format!("-dev-root-token-id={token}"));
        let ready = |line: &str| line.contains("Development mode should NOT").then_some(());
        let (server, ()) = Tethered::start(&command, Duration::from_mins(1), ready)?;
        let address = format!("http://127.0.0.1:{port}");
        Ok(Self { program, address, token: token.to_owned(), _server: server })
    }

    /// Where it listens, as `VAULT_ADDR` has it.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Writes a new version of the secret `secret/PATH`.
    pub fn put(&self, path: &str, fields: &[(&str, &str)]) -> io::Result<()> {
        let fields = fields.iter().map(|(name, value)| format!("{name}={value}"));
        let written = Command::new(&self.program)
            .args(["kv", "put", "-mount=secret", path])
            .args(fields)
            .env("VAULT_ADDR", &self.address)
            .env("VAULT_TOKEN", &self.token)
            .output()?;
        let said = String::from_utf8_lossy(&written.stderr).into_owned();
        if written.status.success() { Ok(()) } else { Err(io::Error::other(said)) }
    }
}
