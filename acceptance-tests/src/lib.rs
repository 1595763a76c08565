//! What the acceptance tests stand on: the real Terraform and OpenTofu, an AWS that runs on this machine, a proxy
//! in front of it that misbehaves by rule, and real DNS servers on loopback.
//!
//! A test takes what it needs and shares nothing with its neighbours but the programs in the [`cache`]:
//!
//! ```no_run
//! # use acceptance::{fault_proxy::FaultProxy, fault_rule::Rule, moto::Moto, terraform::{Program, Workspace}};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let aws = FaultProxy::in_front_of(Moto::shared()?.url())
//!     .rule(Rule::on("ChangeResourceRecordSets").nth(2).cut_after())
//!     .start()?;
//! let workspace = Workspace::new(&Program::terraform()?)?;
//! workspace.write("main.tf", r#"resource "terraform_data" "x" { input = "y" }"#)?;
//! workspace.apply()?;
//! workspace.assert_plan_is_empty();
//! assert_eq!(aws.count("ChangeResourceRecordSets"), 0);
//! # Ok(())
//! # }
//! ```

pub mod ansible;
pub mod artifacts;
pub mod aws_action;
pub mod aws_rules;
pub mod benchmark;
pub mod by_hand;
pub mod cluster_stage;
pub mod development_vault;
pub mod dns_server;
pub mod fault_proxy;
pub mod fault_rule;
pub mod file_server;
pub mod gitlab;
pub mod host_programs;
pub mod host_stage;
pub mod http_client;
pub mod kube_api;
pub mod kube_proxy;
pub mod kube_stage;
pub mod opentofu;
pub mod peer;
pub mod plan;
pub mod provider_binary;
pub mod route53;
pub mod servers;
pub mod stage;
pub mod terraform;

pub use sandbox::{cache, moto, tether};
