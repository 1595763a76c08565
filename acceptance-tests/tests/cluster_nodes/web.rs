//! A workload that tells which of its pods answered, from the one image with an interpreter that every node has.

use std::collections::BTreeSet;
use std::time::Duration;

use acceptance::cluster_stage::{ClusterStage, RELEASE, Result};

/// Two replicas on two nodes, and a Service before them. kube-proxy's image is a Debian, which comes with perl.
fn manifest() -> String {
    format!(
        r#"
apiVersion: apps/v1
kind: Deployment
metadata: {{ name: web, namespace: default }}
spec:
  replicas: 2
  selector: {{ matchLabels: {{ app: web }} }}
  template:
    metadata: {{ labels: {{ app: web }} }}
    spec:
      affinity:
        podAntiAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            - {{ topologyKey: kubernetes.io/hostname, labelSelector: {{ matchLabels: {{ app: web }} }} }}
      containers:
        - name: web
          image: registry.k8s.io/kube-proxy:v{RELEASE}
          command: [perl, -MIO::Socket::INET, -e]
          args:
            - |
              $SIG{{TERM}} = sub {{ exit }};
              my $l = IO::Socket::INET->new(LocalPort => 8080, Listen => 9, ReuseAddr => 1) or die;
              while (my $c = $l->accept) {{ print $c $ENV{{HOSTNAME}}, "\n"; close $c }}
          readinessProbe: {{ tcpSocket: {{ port: 8080 }}, periodSeconds: 1 }}
---
apiVersion: v1
kind: Service
metadata: {{ name: web, namespace: default }}
spec:
  selector: {{ app: web }}
  ports: [{{ port: 80, targetPort: 8080 }}]
"#
    )
}

/// Brings it up, and checks that each pod finds all of them by name, wherever they run.
pub(crate) fn assert_pods_reach_each_other(stage: &ClusterStage<'_>) -> Result {
    stage.kubectl_reading(&["apply", "--filename=-"], &manifest())?;
    stage.kubectl(&["rollout", "status", "deployment/web", "--timeout=180s"])?;
    let pods = stage.object(&["pods", "--selector=app=web"])?;
    let pods = pods["items"].as_array().cloned().unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let nodes: BTreeSet<_> = pods.iter().map(|pod| text(&pod["spec"]["nodeName"])).collect();
    assert_eq!(nodes.len(), 2, "two replicas on two nodes: {nodes:?}");
    let names: BTreeSet<_> = pods.iter().map(|pod| text(&pod["metadata"]["name"])).collect();
    for pod in &names {
        stage.wait_until("an answer of every pod", Duration::from_mins(1), || {
            Ok(answers(stage, pod)? == names)
        })?;
    }
    Ok(())
}

/// Who answers a pod that asks the Service by its name.
fn answers(stage: &ClusterStage<'_>, pod: &str) -> Result<BTreeSet<String>> {
    const ASK: &str = r#"for (1 .. 20) {
        my $s = IO::Socket::INET->new(PeerAddr => "web.default.svc.cluster.local:80", Timeout => 5) or die "$@";
        print scalar <$s>;
    }"#;
    let said = stage.kubectl(&["exec", pod, "--", "perl", "-MIO::Socket::INET", "-e", ASK])?;
    Ok(said.lines().map(str::to_owned).collect())
}
