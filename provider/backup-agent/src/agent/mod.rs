//! The agent itself: what the program's commands do.

pub mod cli;
pub mod dump;
pub mod files;
pub mod journal;
pub mod lock;
pub mod objects;
pub mod pace;
pub mod patience;
pub mod postgresql;
pub mod process;
pub mod repository;
pub mod run;
pub mod secret;
pub mod session;
pub mod sizes;
pub mod stop;
pub mod storage;
