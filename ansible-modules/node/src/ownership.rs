//! Who prepares a host, as the host's own records name it: one owner, whoever comes first.

/// What of a host is owned by whoever prepares it.
pub const SUBJECT: &str = "node";

/// How the name of an owner begins that is a cluster.
pub const KIND: &str = "socle_cluster";

/// The name of a cluster as an owner. Two clusters of one name never meet on a host: its journal tells them apart.
pub fn of_cluster(name: &str) -> String {
    format!("{KIND} {name}")
}
