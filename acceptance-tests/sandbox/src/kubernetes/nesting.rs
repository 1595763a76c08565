//! What Kubernetes must be told on a server that is a container on a machine with the first version of cgroups.
//!
//! On a rented server none of it is needed, so none of it is in the provider: it is given as arguments of the resource.

use serde_json::{Value, json};

/// The arguments, by the names that `socle_cluster` has for them.
pub fn arguments() -> Value {
    json!({
        // The machine's kernel has no configuration to look at, the machine may swap, and its cgroups are of version 1.
        "ignore_preflight_errors": ["SystemVerification", "Swap", "Mem", "NumCPU", "FileContent--proc-sys-net-bridge-bridge-nf-call-iptables"],
        "kubelet": {
            // Source: KEP 4569; 1.35 and later refuse version 1 of cgroups unless told otherwise.
            "failCgroupV1": false,
            "failSwapOn": false,
            "protectKernelDefaults": false,
            // All servers share the machine's disk: shares of it would call a large one with room enough full.
            "evictionHard": { "memory.available": "100Mi", "nodefs.available": "1Gi", "imagefs.available": "1Gi" },
            "imageGCHighThresholdPercent": 100,
        },
        // Those settings are the machine's.
        "kube_proxy": { "conntrack": { "maxPerCore": 0 } },
        // No process here may lower its own score, and without this every sandbox of a pod dies at its start.
        "container_runtime": { "plugins": { "io.containerd.cri.v1.runtime": { "restrict_oom_score_adj": true } } },
    })
}
