//! `socle_cluster` beside kubeadm by hand: the same kind of servers, the same bundle, in one run, from bare servers until all nodes
//! are ready; and how long it takes to prepare many servers. Prints a report in Markdown, and writes it to the file that the first
//! argument names.
//!
//! `SOCLE_BENCH_NODES` lists how many servers are prepared at once (`3,10,20`). Each takes 3 GB of disk meanwhile.

mod create;
mod preparation;
mod report;

use std::env;

use acceptance::benchmark::{Result, publish, server_names, watch, why_no_servers};
use acceptance::cluster_stage::RELEASE;
use acceptance::servers::Servers;

use create::{by_hand, by_socle};
use preparation::prepare;
use report::Report;

fn main() -> Result {
    if let Some(reason) = why_no_servers() {
        eprintln!("the benchmark of clusters is left out: {reason}");
        return Ok(());
    }
    let report = Report {
        hand: [by_hand(1)?, by_hand(3)?],
        socle: [by_socle(1, "private", false)?, by_socle(3, "private", false)?],
        mesh: by_socle(3, "wireguard", false)?,
        whole: by_socle(3, "wireguard", true)?,
        prepared: sizes()?.into_iter().map(prepare).collect::<Result<_>>()?,
    };
    Ok(publish(&report.to_string())?)
}

/// Fresh servers, for one thing alone: a reset leaves packages.
fn fresh(count: usize) -> Result<(Servers, Vec<String>)> {
    let names = server_names(1, count);
    let servers = Servers::up("bench-cluster", &["--servers", &count.to_string(), "--kubernetes", RELEASE])?;
    watch(&servers, &names)?;
    Ok((servers, names))
}

fn sizes() -> Result<Vec<usize>> {
    let list = env::var("SOCLE_BENCH_NODES").unwrap_or_else(|_| "3,10,20".to_owned());
    let sizes = list.split(',').map(|size| size.trim().parse());
    sizes
        .collect::<std::result::Result<_, _>>()
        .map_err(|error| format!("SOCLE_BENCH_NODES: {list:?}: {error}").into())
}
