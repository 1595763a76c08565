//! The agent itself: what the program's commands do.

pub mod check;
pub mod cli;
pub mod drill;
pub mod dump;
pub mod files;
pub mod forget;
pub mod journal;
pub mod keys;
pub mod lock;
pub mod objects;
pub mod pace;
pub mod patience;
pub mod postgresql;
pub mod process;
pub mod refill;
pub mod repository;
pub mod restore;
pub mod run;
pub mod scratch;
pub mod secret;
pub mod session;
pub mod sizes;
pub mod stop;
pub mod storage;
