//! apt with a root of its own: other sources than the machine's, and nothing installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::PackagesError;
use crate::command::run;

/// A folder that apt takes for its root.
#[derive(Debug)]
pub(super) struct AptRoot {
    folder: PathBuf,
}

impl AptRoot {
    /// Makes the root in `folder`, with these sources and the machine's way to the network.
    pub(super) fn make(folder: &Path, sources: &[String]) -> Result<Self, PackagesError> {
        let root = Self { folder: folder.to_owned() };
        for needed in ["etc/apt/apt.conf.d", "etc/apt/preferences.d", "var/lib/dpkg", "var/cache/apt"] {
            let path = folder.join(needed);
            fs::create_dir_all(&path).map_err(PackagesError::at("make the folder", &path))?;
        }
        let settings = settings(folder, &run(Command::new("apt-config").arg("dump"))?);
        for (name, text) in [
            ("etc/apt/sources.list", sources.join("\n") + "\n"),
            ("var/lib/dpkg/status", String::new()),
            ("settings", settings),
        ] {
            let path = folder.join(name);
            fs::write(&path, text).map_err(PackagesError::at("write", &path))?;
        }
        root.get(&["update"])?;
        Ok(root)
    }

    /// What `apt-get` with these arguments prints.
    pub(super) fn get(&self, arguments: &[&str]) -> Result<String, PackagesError> {
        // One that goes on when nobody waits for it any more would write to what the next one clears away.
        Ok(run(Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "apt-get", "--yes", "--quiet"])
            .args(arguments)
            .env("APT_CONFIG", self.folder.join("settings")))?)
    }
}

/// apt's configuration. It is read before the machine's, and names another place for that: so hooks, caches and keys
/// of the machine have no part in this. Only its proxies do, out of `machine`, a dump of its configuration.
fn settings(folder: &Path, machine: &str) -> String {
    let folder = folder.display();
    let own = format!(
        r#"Dir "{folder}";
Dir::State::status "{folder}/var/lib/dpkg/status";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "3";
Debug::NoLocking "true";
Acquire::AllowInsecureRepositories "false";
"#
    );
    let proxies = machine.lines().filter(|line| line.starts_with("Acquire::http"));
    proxies.fold(own, |settings, line| settings + line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_machines_proxy_and_none_of_its_hooks() {
        let machine =
            "Acquire::http::Proxy \"http://proxy.example:3128\";\nAPT::Update::Post-Invoke:: \"rm -rf /\";\n";
        let settings = settings(Path::new("/root-of-apt"), machine);
        assert!(settings.starts_with("Dir \"/root-of-apt\";\n"));
        assert!(settings.ends_with("Acquire::http::Proxy \"http://proxy.example:3128\";\n"));
        assert!(!settings.contains("Post-Invoke"));
    }
}
