//! Backups of databases of a real PostgreSQL, against a simulated S3, judged by restic and by PostgreSQL itself.

#[path = "../stage/mod.rs"]
mod stage;

mod on_servers;
