//! The clients of the world outside: they connect, authenticate, keep a service's rate and try again.
//!
//! Nothing outside this room retries, waits between attempts or counts requests.

pub mod aws;
pub mod rate;
pub mod retry;
