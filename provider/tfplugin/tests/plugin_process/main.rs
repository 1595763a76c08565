//! The provider's process as Terraform sees it: started, called and ended over its real boundary.

mod command_line;
mod connection;
mod ending;
mod handshake;
mod notes;
mod real_terraform;
mod reports;
mod terraform;
