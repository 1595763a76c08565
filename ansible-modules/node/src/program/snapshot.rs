//! The last words of a cluster: etcd's data, with what is needed to read them, at a path that a reset leaves.

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use node::journal::Journal;
use node::render::policy;

use crate::etcd::Etcd;
use crate::failure::Failure;
use crate::files::{self, Readers};

/// Where they stand: root alone may enter.
const FOLDER: &str = "/var/backups/socle";

fn folder(name: &str, cluster_id: &str) -> String {
    format!("{FOLDER}/{name}-{cluster_id}")
}

/// The path of the final snapshot of a cluster, where there is one.
pub(crate) fn found(name: &str, cluster_id: &str) -> Option<String> {
    let path = format!("{}/etcd.db", folder(name, cluster_id));
    files::exists(&path).then_some(path)
}

/// Keeps them. Where etcd does not answer, its file is copied as it is.
pub(crate) fn take(journal: &Journal) -> Result<bool, Failure> {
    let (name, id) = (&journal.fixed.name, &journal.cluster_id);
    if found(name, id).is_some() {
        return Ok(false);
    }
    let folder = folder(name, id);
    files::private_folder(FOLDER)?;
    files::private_folder(&folder)?;
    for path in [
        policy::ENCRYPTION,
        "/etc/kubernetes/pki/ca.crt",
        "/etc/kubernetes/pki/ca.key",
        "/etc/kubernetes/pki/sa.key",
        "/etc/kubernetes/pki/sa.pub",
    ] {
        if let Some(text) = files::read(path)? {
            let name = path.rsplit('/').next().unwrap_or(path);
            files::write(&format!("{folder}/{name}"), &text, Readers::Root)?;
        }
    }
    write_data(&folder)?;
    Ok(true)
}

fn write_data(folder: &str) -> Result<(), Failure> {
    let (path, begun) = (format!("{folder}/etcd.db"), format!("{folder}/.etcd.db.new"));
    let failed = |source| Failure::File { path: begun.clone(), source };
    let mut file = File::create(&begun).map_err(failed)?;
    let streamed = Etcd::here(Duration::from_mins(10)).and_then(|etcd| etcd.snapshot(&mut file));
    match streamed {
        Ok(bytes) if bytes > 0 => {}
        _ => drop(std::fs::copy("/var/lib/etcd/member/snap/db", &begun).map_err(failed)?),
    }
    file.flush().and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(&begun, &path).map_err(failed)
}
