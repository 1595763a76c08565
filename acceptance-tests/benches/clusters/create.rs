//! From bare servers to nodes that are ready.

use std::time::Duration;

use acceptance::benchmark::{Cost, Result, at_once, cost, host_programs, median, timed};
use acceptance::by_hand::ByHand;
use acceptance::cluster_stage::{ClusterStage, RELEASE, WantedCluster, control_plane, worker};
use acceptance::servers::Server;

use crate::fresh;

/// How often a plan is measured; the median counts.
const PLANS: usize = 3;
/// One control plane, and its workers.
const NAMES: [&str; 3] = ["cp-1", "w-1", "w-2"];
const READY: [&str; 5] = ["wait", "--for=condition=Ready", "nodes", "--all", "--timeout=240s"];

/// What was measured of kubeadm by hand.
pub(crate) struct ByHands {
    /// All of it.
    pub(crate) all: Duration,
    /// Of that, bringing the bundle and preparing the servers.
    pub(crate) preparation: Duration,
}

/// What was measured of `socle_cluster`.
pub(crate) struct BySocle {
    pub(crate) create: Cost,
    /// A plan when nothing has changed.
    pub(crate) plan: Duration,
    pub(crate) destroy: Duration,
}

/// As one who knows kubeadm does it, with all that can be done at once done at once.
pub(crate) fn by_hand(count: usize) -> Result<ByHands> {
    let (servers, _) = fresh(count)?;
    eprintln!("by hand: {count} nodes");
    let nodes =
        (1..=count).map(|number| servers.server(number)).collect::<std::result::Result<Vec<_>, _>>()?;
    let hand = ByHand::on(&servers, RELEASE)?;
    let mut preparation = Duration::ZERO;
    let all = timed(|| -> Result {
        preparation = timed(|| {
            at_once(&nodes, |node| {
                hand.bring(node, RELEASE)?;
                hand.prepare(node)
            })
        })?;
        let first = &nodes[0];
        hand.init(first)?;
        at_once(&nodes[1..], |node| hand.join(first, node))?;
        hand.connect(&nodes.iter().collect::<Vec<&Server>>())?;
        hand.kubectl(first, &READY.join(" "))?;
        Ok(())
    })?;
    Ok(ByHands { all, preparation })
}

/// In that mode, with the addons that it has by default or without any.
pub(crate) fn by_socle(count: usize, mode: &'static str, addons: bool) -> Result<BySocle> {
    let (servers, names) = fresh(count)?;
    eprintln!("socle_cluster: {count} nodes, {mode}");
    let mut stage = ClusterStage::new(&servers)?;
    stage.terraform =
        stage.terraform.with_variable("TF_LOG", "").with_variable("SOCLE_HOST_PROGRAMS", &host_programs()?);
    let roles = [control_plane(NAMES[0], 1), worker(NAMES[1], 2), worker(NAMES[2], 3)];
    let mut wanted = WantedCluster::of(mode, roles.into_iter().take(count));
    if !addons {
        wanted.more += "addons {\n    metrics_server = false\n    local_storage = false\n  }\n";
    }
    let create = cost(&servers, &names, || -> Result {
        stage.apply(&wanted)?;
        stage.kubectl(&READY).map(drop)
    })?;
    // By its exit status a plan tells whether it is empty.
    let plan = || timed(|| stage.terraform.run(&["plan", "-input=false", "-detailed-exitcode"]).map(drop));
    let plan = median((0..PLANS).map(|_| plan()).collect::<std::result::Result<_, _>>()?);
    let destroy = timed(|| stage.terraform.destroy())?;
    Ok(BySocle { create, plan, destroy })
}
