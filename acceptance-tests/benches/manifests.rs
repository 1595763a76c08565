//! `socle_manifests` beside kubectl, on the same Kubernetes API, in one run: 500 objects applied, and looked at again when
//! nothing has changed. Prints a report in Markdown, and writes it to the file that the first argument names.

// The other benchmark's steps are of zones.
#[allow(dead_code, reason = "shared with the benchmark of zones, which uses more of it")]
#[path = "side_by_side/measure.rs"]
mod measure;

use acceptance::benchmark::{Result, publish, seconds};
use acceptance::kube_api::KubeApi;
use acceptance::provider_binary::ProviderBinary;
use acceptance::terraform::{Program, Workspace};

use measure::{Measurement, measured, median};

/// How many objects.
const OBJECTS: usize = 500;
/// How often each is measured; the median counts.
const RUNS: usize = 3;

const HEAD: &str = "\
# Benchmarks of workloads

Made by `make bench`: the same 500 objects (ConfigMaps, Services, Deployments) through `socle_manifests` with Terraform, and through kubectl
with the same server-side apply, on the same Kubernetes API, in one run on one machine. Medians of three.
kubectl does not wait, so neither does the resource here (`wait = \"applied\"`). Times of ours include Terraform's own.
";

fn main() -> Result {
    let api = KubeApi::shared()?;
    let mut runs: [Vec<Measurement>; 4] = Default::default();
    for _ in 0..RUNS {
        let namespace = KubeApi::fresh_name("bench");
        eprintln!("kubectl: {OBJECTS} objects in {namespace}");
        let text = objects(&namespace);
        api.kubectl(&["create", "namespace", &namespace])?;
        runs[1].push(measured(|| api.kubectl_with(&["apply", "--server-side", "-f", "-"], &text).map(drop))?);
        runs[3].push(measured(|| api.kubectl_with(&["diff", "--server-side", "-f", "-"], &text).map(drop))?);

        let namespace = KubeApi::fresh_name("bench");
        eprintln!("socle: {OBJECTS} objects in {namespace}");
        let workspace = workspace(api, &namespace)?;
        runs[0].push(measured(|| workspace.apply())?);
        runs[2].push(measured(|| workspace.plan().map(drop))?);
    }
    let [apply, kubectl_apply, plan, kubectl_diff] = runs.map(median);
    let report = format!(
        "{HEAD}\n| work | socle_manifests | kubectl | ratio | memory of the provider |\n|---|---:|---:|---:|---:|\n{}{}",
        line("apply of something new (`kubectl apply --server-side`)", apply, kubectl_apply),
        line("plan when nothing has changed (`kubectl diff --server-side`)", plan, kubectl_diff),
    );
    Ok(publish(&report)?)
}

fn line(work: &str, ours: Measurement, kubectl: Measurement) -> String {
    let ratio = ours.time.as_secs_f64() / kubectl.time.as_secs_f64();
    format!(
        "| {work} | {} | {} | {ratio:.2} | {} MiB |\n",
        seconds(ours.time),
        seconds(kubectl.time),
        ours.memory / 1024
    )
}

/// A typical mix: eight of configuration and one service to each deployment.
fn objects(namespace: &str) -> String {
    let one = |n: usize| match n % 10 {
        0 => format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: d{n}, namespace: {namespace}}}\nspec:\n  replicas: 0\n  \
             selector: {{matchLabels: {{app: d{n}}}}}\n  template:\n    metadata: {{labels: {{app: d{n}}}}}\n    spec:\n      \
             containers: [{{name: a, image: 'registry.example.test/a:1', resources: {{requests: {{cpu: 1000m}}}}}}]\n"
        ),
        1 => format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: s{n}, namespace: {namespace}}}\nspec: {{selector: {{app: d{n}}}, ports: \
             [{{port: 80}}]}}\n"
        ),
        _ => format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{n}, namespace: {namespace}}}\ndata: {{number: '{n}'}}\n"
        ),
    };
    (0..OBJECTS).map(one).collect::<Vec<_>>().join("---\n")
}

fn workspace(api: &KubeApi, namespace: &str) -> Result<Workspace> {
    let provider = ProviderBinary::built()?;
    let workspace =
        Workspace::new(&Program::terraform()?)?.with_provider("socle-platform/socle", provider.folder());
    workspace.write("objects.yaml", &objects(namespace))?;
    let kubeconfig = api.kubeconfig().display().to_string();
    let configuration = format!(
        "terraform {{\n  required_providers {{\n    socle = {{ source = \"socle-platform/socle\" }}\n  }}\n}}\n\
         resource \"socle_manifests\" \"bench\" {{\n  name = \"{namespace}\"\n  namespace = \"{namespace}\"\n  \
         kubeconfig_path = {kubeconfig:?}\n  wait = \"applied\"\n  documents = file(\"objects.yaml\")\n}}\n"
    );
    workspace.write("main.tf", &configuration)?;
    Ok(workspace)
}
