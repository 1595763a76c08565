//! A PostgreSQL server as its own tools reach it.

use std::path::{Path, PathBuf};

use super::process::{Account, ProcessError, Program, first_existing};
use super::stop::Stop;

/// Debian's folder of installed versions.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The database to connect to for what belongs to no database: every server has it, and nobody replaces it.
pub const ENTRANCE: &str = "template1";

/// A server and the tools to talk to it.
#[derive(Debug, Clone)]
pub struct Server {
    /// The system user that the tools run as.
    pub account: Account,
    /// The role that connects.
    pub user: String,
    /// The folder of its socket.
    pub socket: PathBuf,
    /// Its port.
    pub port: u16,
    /// The folder of the tools.
    pub programs: PathBuf,
    /// Ends what is started.
    pub stop: Stop,
}

/// The tables whose rows a dump holds, as JSON: `["public.users", …]`. Those of extensions come with their extension.
pub const TABLES: &str = "select coalesce(json_agg(format('%I.%I', n.nspname, c.relname)), '[]') \
    from pg_class c join pg_namespace n on n.oid = c.relnamespace \
    where c.relkind = 'r' and c.relpersistence <> 't' \
    and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)' \
    and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')";

impl Server {
    /// A tool with its connection to a database.
    pub fn tool(&self, name: &str, database: &str) -> Program {
        self.plain_tool(name).arg("--no-password").arg(format!("--dbname={}", self.connection(database)))
    }

    /// A tool without a connection.
    pub fn plain_tool(&self, name: &str) -> Program {
        Program::new(self.programs.join(name)).run_as(&self.account).env("PGAPPNAME", "socle-backup")
    }

    /// psql that takes statements from its standard input, and ends at the first error.
    pub fn psql(&self, database: &str) -> Program {
        let quiet = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"];
        self.tool("psql", database).args(quiet).with_input()
    }

    /// What statements answer.
    pub fn ask(&self, database: &str, sql: &str) -> Result<String, ProcessError> {
        let answer = self.psql(database).output_on(&self.stop, &format!("{sql};\n"))?;
        Ok(answer.trim_end_matches('\n').to_owned())
    }

    fn connection(&self, database: &str) -> String {
        let port = self.port.to_string();
        let socket = self.socket.to_string_lossy();
        let values = [("host", &*socket), ("port", &port), ("user", &self.user), ("dbname", database)];
        values.map(|(key, value)| format!("{key}={}", quoted(value))).join(" ")
    }
}

/// The folder with the tools of this major version.
pub fn programs_of(major: u32) -> PathBuf {
    let debian = Path::new(DEBIAN).join(major.to_string()).join("bin");
    if debian.join("pg_dump").is_file() { debian } else { PathBuf::from("/usr/bin") }
}

/// A folder with some psql, to ask a server for its version.
pub fn any_programs() -> PathBuf {
    let installed = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let installed = installed.map(|entry| entry.path().join("bin/psql"));
    let found = first_existing([PathBuf::from("/usr/bin/psql")].into_iter().chain(installed));
    found.and_then(|psql| psql.parent().map(Path::to_owned)).unwrap_or_else(|| PathBuf::from("/usr/bin"))
}

/// The major version in what a tool says of itself: `pg_dump (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`.
pub fn major_of(told: &str) -> Option<u32> {
    let after = told.split("(PostgreSQL) ").nth(1)?;
    let digits = after.find(|character: char| !character.is_ascii_digit()).unwrap_or(after.len());
    after[..digits].parse().ok()
}

/// A value in a connection string.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// A text in SQL.
pub fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_tools_say() {
        assert_eq!(major_of("pg_dump (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"), Some(15));
        assert_eq!(major_of("pg_dump (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major_of("something else 3.1"), None);
    }

    #[test]
    fn a_name_cannot_become_another_setting_of_the_connection() {
        assert_eq!(quoted("x' host='evil"), r"'x\' host=\'evil'");
        assert_eq!(literal(r"a'b\c"), r"E'a''b\\c'");
    }
}
