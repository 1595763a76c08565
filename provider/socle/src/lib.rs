//! The Socle provider: one room a subject.

pub mod dns;
