//! Whether the host's clock is kept right, and by whom.

use serde::{Deserialize, Serialize};

use crate::{Fault, Host, Managed, package, unit};

/// The program that keeps the clock right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Daemon {
    /// chrony.
    Chrony,
    /// systemd-timesyncd.
    Timesyncd,
    /// ntpsec or ntpd.
    Ntp,
    /// None is installed.
    None,
}

/// The daemon that is installed.
pub fn daemon(host: &Host) -> Result<Daemon, Fault> {
    if package::version(host, "chrony")?.is_some() || host.has_program("chronyd") {
        return Ok(Daemon::Chrony);
    }
    if package::version(host, "ntpsec")?.is_some() || host.has_program("ntpd") {
        return Ok(Daemon::Ntp);
    }
    let timesyncd =
        host.exists("/lib/systemd/systemd-timesyncd") || host.exists("/usr/lib/systemd/systemd-timesyncd");
    Ok(if timesyncd { Daemon::Timesyncd } else { Daemon::None })
}

/// What keeps the clock right: the daemon that is there runs; where none is, chrony is installed.
pub fn kept(host: &Host) -> Result<Vec<Box<dyn Managed>>, Fault> {
    Ok(match daemon(host)? {
        Daemon::Chrony => vec![Box::new(unit::Unit::on("chrony.service"))],
        Daemon::Timesyncd => vec![Box::new(unit::Unit::on("systemd-timesyncd.service"))],
        Daemon::Ntp => vec![Box::new(unit::Unit::on("ntpsec.service"))],
        Daemon::None => {
            vec![Box::new(package::Package::installed("chrony")), Box::new(unit::Unit::on("chrony.service"))]
        }
    })
}
