//! The Socle provider: one room a subject.

pub mod clients;
pub mod dns;
