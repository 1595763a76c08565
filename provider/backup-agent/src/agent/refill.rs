//! Putting dumps back into a server that has none of the databases, and counting what is there afterwards.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use rustic_core::repofile::SnapshotFile;
use rustic_core::{IndexedFull, Repository};

use super::dump::ROOT;
use super::postgresql::{ENTRANCE, Server, TABLES, literal};
use super::process::{ProcessError, Running};
use super::repository::{RepositoryError, format_error};
use crate::manifest::Manifest;

/// The database that a server has from the first; it is replaced while nobody made anything in it.
const OWN: &str = "postgres";

/// Whether nobody made anything in a database: what `initdb` makes has ids below 16384 (`FirstNormalObjectId`).
const IS_UNTOUCHED: &str = "select not exists (select oid from pg_class where oid >= 16384 \
    union all select oid from pg_proc where oid >= 16384 union all select oid from pg_namespace where oid >= 16384)";

/// Why a server does not take the dumps.
#[derive(Debug, thiserror::Error)]
pub enum RefillError {
    /// It is not a backup of databases.
    #[error("the backup holds no {0}: it is not one of databases, or it is damaged")]
    NotDumps(String),
    /// Its manifest is not ours.
    #[error("the backup's manifest cannot be understood: {0}")]
    Manifest(#[from] serde_json::Error),
    /// The repository cannot be read.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// A database of that name is there.
    #[error(
        "the server has a database {0:?} already: nothing is overwritten; drop it, or restore into another server"
    )]
    Exists(String),
    /// A tool did not do its work.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// An answer cannot be understood.
    #[error("psql says {0:?}, which cannot be understood")]
    Answer(String),
    /// What was restored is not what was backed up.
    #[error("the restored databases are not what was backed up: {}", .0.join("; "))]
    Differs(Vec<String>),
}

/// What a backup of databases says is in it.
pub fn read_manifest<S: IndexedFull>(
    repository: &Repository<S>,
    snapshot: &SnapshotFile,
) -> Result<Manifest, RefillError> {
    let mut text = Vec::new();
    pour(repository, snapshot, "manifest.json", &mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

/// Restores roles and all databases, then compares rows; gives the differences in sentences.
pub fn refill<S: IndexedFull>(
    repository: &Repository<S>,
    snapshot: &SnapshotFile,
    manifest: &Manifest,
    server: &Server,
    options: &[&str],
) -> Result<Vec<String>, RefillError> {
    refuse_existing(server, manifest)?;
    let mut roles = Vec::new();
    pour(repository, snapshot, "globals/roles.sql", &mut roles)?;
    let roles = without_existing_roles(&String::from_utf8_lossy(&roles));
    server.psql(ENTRANCE).without_output().output_on(&server.stop, &roles)?;
    let mut differences = Vec::new();
    for (name, database) in &manifest.databases {
        // Any other was just found missing, so only an empty one goes.
        let replaced: &[_] = if name == OWN { &["--clean", "--if-exists"] } else { &[] };
        let restoring = server.tool("pg_restore", ENTRANCE).args(replaced);
        let restoring = restoring.args(["--create", "--exit-on-error", "--no-tablespaces"]).args(options);
        let mut restoring = restoring.without_output().with_input().start(&server.stop)?;
        let poured = feed(repository, snapshot, &format!("databases/{name}.dump"), &mut restoring);
        // Why it did not take all of it says more than that it did not.
        restoring.finish()?;
        poured?;
        let found = database.differences(&count_rows(server, name)?);
        differences.extend(found.into_iter().map(|difference| format!("database {name}: {difference}")));
    }
    Ok(differences)
}

fn refuse_existing(server: &Server, manifest: &Manifest) -> Result<(), RefillError> {
    let answer = server.ask(ENTRANCE, "select coalesce(json_agg(datname), '[]') from pg_database")?;
    let there: Vec<String> = serde_json::from_str(&answer).map_err(|_| RefillError::Answer(answer))?;
    for name in manifest.databases.keys().filter(|name| there.contains(name)) {
        let is_untouched = name == OWN && server.ask(name, IS_UNTOUCHED)? == "t";
        if !is_untouched {
            return Err(RefillError::Exists(name.clone()));
        }
    }
    Ok(())
}

fn feed<S: IndexedFull>(
    repository: &Repository<S>,
    snapshot: &SnapshotFile,
    file: &str,
    restoring: &mut Running,
) -> Result<(), RefillError> {
    match restoring.child.stdin.take() {
        Some(mut input) => pour(repository, snapshot, file, &mut input),
        None => Ok(()),
    }
}

/// Writes a file of the backup.
fn pour<S: IndexedFull>(
    repository: &Repository<S>,
    snapshot: &SnapshotFile,
    file: &str,
    into: &mut impl Write,
) -> Result<(), RefillError> {
    // The path that was backed up: ours, or wherever somebody else's tool found the dumps.
    let root = snapshot.paths.iter().next().map_or_else(|| ROOT.to_owned(), Clone::clone);
    let path = Path::new(&root).join(file);
    let node = repository.node_from_snapshot_and_path(snapshot, &path.to_string_lossy());
    let node = node.map_err(|_| RefillError::NotDumps(path.display().to_string()))?;
    repository.dump(&node, into).map_err(format_error("read the backup"))?;
    Ok(())
}

/// Roles that the server has are changed to what they were, and not made.
fn without_existing_roles(script: &str) -> String {
    let line = |line: &str| {
        let name = line.strip_prefix("CREATE ROLE ").and_then(|rest| rest.strip_suffix(';'));
        name.map_or_else(
            || format!("{line}\n"),
            |name| {
                let body =
                    format!("begin CREATE ROLE {name}; exception when duplicate_object then null; end");
                format!("do {};\n", literal(&body))
            },
        )
    };
    script.lines().map(line).collect()
}

/// Rows of each table, counted one by one.
fn count_rows(server: &Server, database: &str) -> Result<BTreeMap<String, u64>, RefillError> {
    let answer = server.ask(database, TABLES)?;
    let tables: Vec<String> = serde_json::from_str(&answer).map_err(|_| RefillError::Answer(answer))?;
    let count = |table: &String| format!("select {}, (select count(*) from only {table})", literal(table));
    let counts: Vec<_> = tables.iter().map(count).collect();
    if counts.is_empty() {
        return Ok(BTreeMap::new());
    }
    let all = counts.join(" union all ");
    let answer =
        server.ask(database, &format!("select json_object_agg(t, n) from ({all}) as counted(t, n)"))?;
    serde_json::from_str(&answer).map_err(|_| RefillError::Answer(answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_that_is_there_is_not_made_again() {
        let script = without_existing_roles("CREATE ROLE \"o'neil\";\nALTER ROLE \"o'neil\" WITH LOGIN;\n");
        let expected = "do E'begin CREATE ROLE \"o''neil\"; exception when duplicate_object then null; end';\n\
                        ALTER ROLE \"o'neil\" WITH LOGIN;\n";
        assert_eq!(script, expected);
    }
}
