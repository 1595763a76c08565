//! A Linux host: observe, compare, change. This crate knows neither Ansible nor Terraform.
//!
//! Everything that is managed is an [`Item`]: it **observes** what is, **compares** it with what is wanted (a pure
//! function), and **applies** the changes. [`Item::bring`] does the three in order, observes again, and tells it as an
//! [`Outcome`]. Check mode is the same without the applying; diff mode reads `before` and `after` of the outcome. What the
//! kernel, a container or a missing program refuses is the outcome of that one item, never the end of the run.
//!
//! A [`Host`] is a root folder, a [`Runner`] of programs and a [`Clock`]: tests give a temporary folder, a runner of their
//! own and a fixed time.
//!
//! | room | what it manages |
//! |---|---|
//! | [`file`], [`edit`] | whole files and folders; keys, lines and blocks in files that others own too |
//! | [`sysctl`], [`kernel_module`], [`mount`], [`swap`] | the kernel |
//! | [`unit`], [`journald`], [`cron`], [`time_sync`] | systemd and what runs by the clock |
//! | [`package`], [`account`], [`limits`], [`login_defs`], [`pam`], [`sshd`], [`audit`] | packages, accounts, access |
//! | [`nftables`], [`firewall`] | rule sets; ours, which rolls back unless it is confirmed |
//! | [`facts`] | what the host is |
//! | [`nftables`] | rule sets |
//! | [`bundle`], [`checksum`] | what a node of Kubernetes is made from, and that it is whole |
//! | [`container_runtime`], [`kubelet`] | what a node is before kubeadm works on it |
//! | [`preparation`], [`service`], [`installed`] | items that belong to one service; what they leave |
//! | [`hardening`] | the table of hardening controls, profiles, and what is selected |
//! | [`owner`] | who owns a subject (hardening, firewall, …) of this host |
//! | [`pending`] | what must still be done (a reload, a restart) after a change, also after a crash |

pub mod account;
pub mod audit;
pub mod bundle;
pub mod checksum;
pub mod container_runtime;
pub mod cron;
pub mod edit;
pub mod facts;
mod fault;
pub mod file;
pub mod firewall;
pub mod hardening;
mod host;
pub mod installed;
mod item;
pub mod journald;
pub mod kernel_module;
pub mod kubelet;
pub mod limits;
pub mod login_defs;
pub mod mount;
pub mod nftables;
pub mod owner;
pub mod package;
pub mod pam;
pub mod pending;
pub mod preparation;
mod program;
pub mod service;
pub mod sshd;
pub mod swap;
pub mod sysctl;
pub mod time_sync;
mod toml;
pub mod unit;

pub use fault::Fault;
pub use host::{Clock, Host, SystemClock};
pub use item::{Item, Managed, Mode, Outcome, State};
pub use program::{Missing, Output, Program, Runner, System};

#[cfg(test)]
mod testing;
