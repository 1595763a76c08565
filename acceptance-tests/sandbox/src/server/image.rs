//! The image of a server: a Debian with an init system and sshd, made once from the sandbox's package repository.

use std::path::Path;
use std::process::Command;

use crate::cache::{Cache, key_of};
use crate::command::run;
use crate::packages::Release;
use crate::state::write;
use crate::step::Steps;
use crate::wireguard;

use super::ServerError;
use super::podman::Podman;

/// What a rented server comes with, besides what Debian calls required. The rest is installed from the repository.
const PACKAGES: &[&str] = &[
    "ca-certificates",
    "conntrack",
    "curl",
    "dbus",
    "ethtool",
    "iproute2",
    "iptables",
    "iputils-ping",
    "kmod",
    "libpam-systemd",
    "nftables",
    "openssh-server",
    "procps",
    "socat",
    "sudo",
    "systemd",
    "systemd-sysv",
];

const BUILD: &str = include_str!("../../server/image.sh");
const INIT: &str = include_str!("../../server/init.sh");

/// The program with which a container of the image starts.
pub(super) const FIRST_PROCESS: &str = "/usr/local/sbin/sandbox-init";

/// The name of the image in podman's storage: made from the package repository in the folder `repository`, or there
/// already.
pub fn ensured(
    cache: &Cache,
    podman: &Podman,
    release: Release,
    repository: &Path,
    steps: &Steps,
) -> Result<String, ServerError> {
    let (repository, suite) = (repository.to_string_lossy(), release.code_name());
    let wanted = PACKAGES.join(",");
    let wireguard = steps.run("wireguard", |step| {
        wireguard::ensured(cache, || step.doing("building it for kernels that have none"))
    })?;
    let wireguard = wireguard.to_string_lossy();
    let inputs = [repository.as_ref(), suite, &wanted, BUILD, INIT, &wireguard];
    let name = format!("localhost/socle-server:{suite}-{}", key_of(&inputs));
    steps.run("server image", |step| {
        if podman.has_image(&name)? {
            return Ok(name);
        }
        step.doing("installing Debian");
        let entry = cache.entry("server-image", &inputs, |folder| {
            build(folder, &[&repository, suite, &wanted, &wireguard])
        })?;
        step.doing("unpacking it into podman's storage");
        run(podman.query().args(["import", "--quiet"]).arg(entry.join("root.tar")).arg(&name))?;
        Ok(name)
    })
}

fn build(folder: &Path, materials: &[&str]) -> Result<(), ServerError> {
    for (name, text) in [("image.sh", BUILD), ("init.sh", INIT)] {
        write(&folder.join(name), text)?;
    }
    run(alone().arg("sh").arg(folder.join("image.sh")).arg(folder).args(materials))?;
    Ok(())
}

/// A command before a command, which runs that with mounts and processes of its own: `debootstrap` mounts things, and
/// when it is killed, they must be gone together with all that it started.
pub(crate) fn alone() -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child"]);
    command
}
