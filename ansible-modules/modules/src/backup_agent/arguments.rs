//! What a policy is told as.

use module::{arguments, choices};

choices! {
    /// What is done.
    pub enum State {
        /// The policy is on the host and runs by its schedule.
        Present = "present",
        /// The policy's schedule, configuration, secrets and records leave the host. The repository stays.
        Absent = "absent",
    }
}

choices! {
    /// Whether a first backup is begun.
    pub enum InitialBackup {
        /// The schedule makes the first one.
        None = "none",
        /// It is begun at once when none was ever begun, and not waited for.
        Start = "start",
    }
}

choices! {
    /// How far the owner is.
    pub enum Progress {
        /// It is being made: the next owner of its kind may take over.
        Creating = "creating",
        /// It is made.
        Complete = "complete",
    }
}

choices! {
    /// Access to the disk.
    pub enum Io { BestEffort = "best_effort", Idle = "idle" }
}

arguments! {
    /// Where backups go.
    pub struct Location {
        /// The bucket.
        required bucket: String,
        /// Its region, such as C(eu-west-3).
        required region: String,
        /// The URL of an S3 that is not AWS.
        optional endpoint: Option<String>,
        /// The folder in the bucket, which nothing else uses. The name of the policy when it is left out.
        optional prefix: Option<String>,
    }
}

arguments! {
    /// How many backups are kept.
    pub struct Retention {
        /// The newest so many.
        optional last: u32 = 0,
        /// The newest of each of so many hours that have one.
        optional hourly: u32 = 0,
        /// The newest of each of so many days that have one.
        optional daily: u32 = 0,
        /// The newest of each of so many weeks that have one.
        optional weekly: u32 = 0,
        /// The newest of each of so many months that have one.
        optional monthly: u32 = 0,
        /// The newest of each of so many years that have one.
        optional yearly: u32 = 0,
    }
}

arguments! {
    /// A PostgreSQL server on the host.
    pub struct Postgresql {
        /// The databases. All but templates when it is left out.
        optional databases: Option<Vec<String>>,
        /// The role that connects.
        optional user: String = "postgres".to_owned(),
        /// The system user that the tools run as.
        optional system_user: String = "postgres".to_owned(),
        /// The folder of the server's socket.
        optional socket: String = "/var/run/postgresql".to_owned(),
        /// The server's port.
        optional port: u16 = 5432,
        /// The folder of C(pg_dump) and its siblings. Found by the server's version when it is left out.
        optional programs: Option<String>,
    }
}

arguments! {
    /// Files and folders.
    pub struct Files {
        /// Absolute paths; folders with all that is in them.
        required paths: Vec<String>,
        /// Patterns of what is left out, as in a C(.gitignore).
        optional exclude: Vec<String>,
        /// A command before files are read, which begins with the absolute path of a program.
        optional pre: Option<Vec<String>>,
        /// A command after files were read.
        optional post: Option<Vec<String>>,
    }
}

arguments! {
    /// An assertion about a restored database.
    pub struct Query {
        /// The database. The only one when it is left out.
        optional database: Option<String>,
        /// One statement.
        required sql: String,
        /// What it must answer, as C(psql --tuples-only --no-align) prints it.
        required expect: String,
    }
}

arguments! {
    /// How backups are proved.
    pub struct Drill {
        /// When, as five fields of cron. Only by hand when it is left out.
        optional schedule: Option<String>,
        /// Assertions about databases.
        optional queries: Vec<Query>,
        /// Files that must be there and not empty.
        optional files: Vec<String>,
        /// The oldest that restored data may be, such as C(26h).
        optional max_rpo: Option<String>,
        /// The longest that a restore may take, such as C(2h).
        optional max_rto: Option<String>,
        /// The folder for throwaway servers and files.
        optional scratch: String = "/var/lib/socle-drill".to_owned(),
        /// The system user of the throwaway server. It is made when it is missing.
        optional system_user: String = "socle-drill".to_owned(),
    }
}

arguments! {
    /// What is verified between drills.
    pub struct Check {
        /// When, as five fields of cron.
        optional schedule: String = "0 4 * * 6".to_owned(),
        /// The share of the data that is read, in percent.
        optional read_data_percent: u16 = 5,
    }
}

arguments! {
    /// Bounds of each command of the agent.
    pub struct Limits {
        /// A command that takes longer is ended.
        optional time: String = "6h".to_owned(),
        /// How long a command may wait, in all, for an S3 that errs or does not answer.
        optional retries: String = "10m".to_owned(),
        /// How long to wait for somebody else's lock on the repository.
        optional lock_wait: String = "10m".to_owned(),
        /// Bytes a second to and from S3 together, such as C(10MB). No limit when it is left out.
        optional bandwidth: Option<String>,
        /// Niceness, 0 to 19.
        optional nice: u16 = 10,
        /// Access to the disk.
        optional io: Io = Io::BestEffort,
    }
}

arguments! {
    /// The arguments of `backup_agent`.
    pub struct Arguments {
        /// C(present) installs the policy. C(absent) removes its schedule, configuration, secrets and records from the host
        /// and keeps the repository.
        optional state: State = State::Present,
        /// The policy's name: lower case letters, digits and dashes.
        required name: String,
        /// Who owns the policy on this host. A second owner is refused with the first one's name.
        optional owner: String = "ansible".to_owned(),
        /// How far the owner is. What one that is C(creating) left, the next of its kind takes over.
        optional progress: Progress = Progress::Complete,
        /// The agent on the host, as C(/usr/local/libexec/socle/socle-backup-SHA256). The action plugin brings it.
        optional agent: Option<String>,
        /// Where backups go. Required when O(state=present).
        optional location: Option<Location>,
        /// When backups are made, as five fields of cron. Required when O(state=present).
        optional schedule: Option<String>,
        /// An IANA time zone, such as C(Europe/Paris), for the schedules and the retention.
        optional time_zone: String = "UTC".to_owned(),
        /// How many backups are kept; at least one rule. Required when O(state=present).
        optional retention: Option<Retention>,
        /// Back up databases. Exactly one of O(postgresql) and O(files) is required when O(state=present).
        optional postgresql: Option<Postgresql>,
        /// Back up files.
        optional files: Option<Files>,
        /// Prove backups by restoring them.
        optional drill: Option<Drill>,
        /// Verify data between drills. Its defaults hold when it is left out.
        optional check: Option<Check>,
        /// Bounds of each command. Its defaults hold when it is left out.
        optional limits: Option<Limits>,
        /// A file for Prometheus' textfile collector. O(state=absent) removes it.
        optional metrics_file: Option<String>,
        /// The repository's password. The first time it must be given; later, what is on the host stays when it is not.
        /// Another one replaces it: its key is added before that of the old one is removed.
        secret password: Option<String>,
        /// A second password, kept offline. What is on the host stays when it is not given.
        secret recovery_password: Option<String>,
        /// Whether a recovery password that is on the host stays when none is given.
        optional keep_recovery_password: bool = true,
        /// The id of the S3 access key. The first time it must be given, unless O(host_role).
        secret access_key: Option<String>,
        /// The secret of the S3 access key.
        secret secret_key: Option<String>,
        /// Ask S3 with the role of the machine (EC2 instance metadata), not with a key.
        optional host_role: bool = false,
        /// Whether a first backup is begun.
        optional initial_backup: InitialBackup = InitialBackup::None,
    }
}
