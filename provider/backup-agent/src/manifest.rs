//! What a backup of databases holds: `manifest.json` beside the dumps in every snapshot, a public contract.
//!
//! ```text
//! /postgresql/databases/NAME.dump    pg_dump's custom format, not compressed (the repository compresses)
//! /postgresql/globals/roles.sql      pg_dumpall --roles-only
//! /postgresql/globals/tablespaces.sql
//! /postgresql/manifest.json
//! ```
//!
//! Rows are counted in the dump itself as it streams by, and tables are listed by the catalogue in the same transaction:
//! a drill compares both with what it restored.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The version of this contract.
pub const VERSION: u32 = 1;

/// What is in a backup of databases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`VERSION`].
    pub version: u32,
    /// The server's version, as `15.14`.
    pub server_version: String,
    /// When the backup began; no data in it is older.
    pub started_at: Timestamp,
    /// The databases, by name.
    pub databases: BTreeMap<String, Database>,
}

/// A dumped database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// The size of the dump in bytes.
    pub dump_bytes: u64,
    /// The size of the database on its server, with its indexes, in bytes.
    pub server_bytes: u64,
    /// Rows of each table, by its quoted name with its schema, as `public.users`.
    pub rows: BTreeMap<String, u64>,
}

impl Manifest {
    /// What a restore of all of it needs on disk, in bytes, with room for sorting and for the log.
    pub fn room(&self) -> u64 {
        let sizes = self.databases.values().map(|database| database.server_bytes.max(database.dump_bytes));
        let sum = sizes.fold(0_u64, u64::saturating_add);
        sum.saturating_add(sum / 2).saturating_add(256 << 20)
    }
}

impl Database {
    /// What `restored` lacks or has otherwise, in sentences.
    pub fn differences(&self, restored: &BTreeMap<String, u64>) -> Vec<String> {
        let told = self.rows.iter().filter_map(|(table, rows)| match restored.get(table) {
            None => Some(format!("table {table} with {rows} rows is not there")),
            Some(found) if found != rows => Some(format!("table {table} has {found} rows instead of {rows}")),
            Some(_) => None,
        });
        told.collect()
    }
}

/// Counts rows by table in what `pg_restore --data-only` writes, line by line.
#[derive(Debug, Default)]
pub struct RowCounter {
    rows: BTreeMap<String, u64>,
    table: Option<String>,
}

impl RowCounter {
    /// Takes a line, without its line break.
    pub fn line(&mut self, line: &[u8]) {
        match &self.table {
            Some(_) if line == b"\\." => self.table = None,
            Some(table) => {
                if let Some(rows) = self.rows.get_mut(table) {
                    *rows += 1;
                }
            }
            None => {
                self.table = copied_table(line);
                if let Some(table) = &self.table {
                    self.rows.entry(table.clone()).or_default();
                }
            }
        }
    }

    /// Rows by table; none: the data broke off in the middle of a table.
    pub fn finish(self) -> Option<BTreeMap<String, u64>> {
        self.table.is_none().then_some(self.rows)
    }
}

/// The table of a line `COPY schema.table (columns) FROM stdin;`.
fn copied_table(line: &[u8]) -> Option<String> {
    let line = std::str::from_utf8(line).ok()?;
    let rest = line.strip_prefix("COPY ")?;
    line.ends_with(" FROM stdin;").then_some(())?;
    let schema = identifier(rest)?;
    let table = identifier(rest[schema.len()..].strip_prefix('.')?)?;
    Some(format!("{schema}.{table}"))
}

/// The identifier that a text begins with, quotes and all.
fn identifier(text: &str) -> Option<&str> {
    let end = if let Some(quoted) = text.strip_prefix('"') {
        let mut bytes = quoted.bytes().enumerate();
        loop {
            let (at, byte) = bytes.next()?;
            // Two quotes stand for one.
            if byte == b'"' {
                if quoted.as_bytes().get(at + 1) != Some(&b'"') {
                    break at + 2;
                }
                bytes.next();
            }
        }
    } else {
        text.find(['.', ' ', '(']).unwrap_or(text.len())
    };
    (end > 0).then(|| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(text: &str) -> Option<BTreeMap<String, u64>> {
        let mut counter = RowCounter::default();
        text.lines().for_each(|line| counter.line(line.as_bytes()));
        counter.finish()
    }

    #[test]
    fn counts_the_rows_of_each_table() {
        let text = "SET x = 1;\n\nCOPY public.users (id, name) FROM stdin;\n1\ta\n2\tCOPY x FROM stdin;\n\\.\n\n\
                    COPY \"we ird\".\"a\"\"b.c\" (id) FROM stdin;\n\\.\nSELECT 1;\n";
        let expected =
            BTreeMap::from([("public.users".to_owned(), 2), ("\"we ird\".\"a\"\"b.c\"".to_owned(), 0)]);
        assert_eq!(counted(text), Some(expected));
    }

    #[test]
    fn data_that_break_off_in_a_table_are_no_count() {
        assert_eq!(counted("COPY public.users (id) FROM stdin;\n1\n"), None);
    }

    #[test]
    fn a_missing_table_and_a_missing_row_are_told() {
        let rows = |pairs: &[(&str, u64)]| pairs.iter().map(|(t, n)| ((*t).to_owned(), *n)).collect();
        let database = Database { rows: rows(&[("public.a", 1), ("public.b", 2)]), ..Database::default() };
        assert_eq!(database.differences(&database.rows.clone()), [""; 0]);
        let told = database.differences(&rows(&[("public.b", 1), ("public.new", 5)]));
        assert_eq!(told.len(), 2, "{told:?}");
    }
}
