//! The provider's process as Terraform sees it: started, called and ended over its real boundary.

mod command_line;
mod connection;
mod ending;
mod handshake;
mod reports;
mod terraform;
