//! Manifests as their projects publish them, unchanged: applied, planned empty, destroyed. They come from the projects'
//! Go modules when the test runs. There is no kubelet, so nothing waits for their pods.

use std::error::Error;
use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

use acceptance::kube_stage::{KubeStage, WEB};
use acceptance::plan::Action::{Create, NoOp};
use tempfile::TempDir;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// The folder of a Go module, as the module cache has it.
fn module(name: &str) -> Result<PathBuf> {
    let output =
        Command::new("go").args(["mod", "download", "-json", name]).current_dir(env::temp_dir()).output()?;
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let folder = answer["Dir"].as_str().ok_or_else(|| format!("{name}: {answer}"))?;
    Ok(PathBuf::from(folder))
}

/// Applies `text`, plans empty, destroys; `kinds` are such that all its objects but namespaces are among them.
fn published(text: &str, kinds: &str) -> Result {
    let stage = KubeStage::new()?;
    stage.terraform.write("published.yaml", text)?;
    let configuration = stage.manifests("", "wait = \"applied\"\n  timeouts {\n    create = \"5m\"\n  }");
    let (head, rest) = configuration.split_once("  documents").ok_or("no documents")?;
    let (_, tail) = rest.split_once("\n  YAML\n").ok_or("no end of documents")?;
    stage.write(&format!("{head}  documents = file(\"published.yaml\")\n{tail}"))?;
    assert_eq!(stage.terraform.validate()?, []);
    let plan = stage.terraform.plan()?;
    assert_eq!(plan.actions(WEB), [Create]);
    let planned = plan.change(WEB).after()["objects"].as_object().map_or(0, serde_json::Map::len);
    assert!(planned > 2, "{planned} objects");
    stage.terraform.apply_plan(&plan)?;
    assert!(stage.owned(kinds)?.len() > 2);
    // Their own controllers are not here, but the cluster's are: what those write is no difference.
    for arguments in [&[][..], &["-refresh=false"]] {
        let plan = stage.terraform.plan_with(arguments)?;
        assert_eq!(plan.actions(WEB), [NoOp], "{arguments:?}: {plan}");
    }
    stage.terraform.destroy()?;
    assert_eq!(stage.owned(kinds)?, Vec::<String>::new());
    Ok(())
}

const KINDS: &str = "customresourcedefinitions,clusterroles,clusterrolebindings,roles,rolebindings,serviceaccounts,\
                     configmaps,services,deployments,daemonsets,jobs,apiservices,\
                     validatingwebhookconfigurations,mutatingwebhookconfigurations";

#[test]
fn prometheus_operator_with_its_definitions() -> Result {
    let module = module("github.com/prometheus-operator/prometheus-operator@v0.83.0")?;
    published(&fs::read_to_string(module.join("bundle.yaml"))?, KINDS)
}

#[test]
fn metrics_server_as_kustomize_builds_it() -> Result {
    let stage = KubeStage::new()?;
    let module = module("sigs.k8s.io/metrics-server@v0.7.2")?;
    let overlay = module.join("manifests/overlays/release").display().to_string();
    published(&stage.api.kubectl(&["kustomize", &overlay])?, KINDS)
}

#[test]
fn an_ingress_controller() -> Result {
    let module = module("github.com/projectcontour/contour@v1.30.2")?;
    published(&fs::read_to_string(module.join("examples/render/contour.yaml"))?, KINDS)
}

/// The chart of cert-manager, as its release makes it: in its module, Chart.yaml and the definitions stand apart.
fn chart_of_cert_manager() -> Result<TempDir> {
    let module = module("github.com/cert-manager/cert-manager@v1.16.3")?;
    let source = module.join("deploy/charts/cert-manager");
    let chart = tempfile::tempdir()?;
    fs::create_dir(chart.path().join("templates"))?;
    fs::copy(source.join("values.yaml"), chart.path().join("values.yaml"))?;
    fs::copy(source.join("Chart.template.yaml"), chart.path().join("Chart.yaml"))?;
    for folder in [source.join("templates"), module.join("deploy/crds")] {
        for file in fs::read_dir(folder)? {
            let file = file?;
            if file.path().extension().is_some_and(|extension| extension == "yaml" || extension == "tpl") {
                fs::copy(file.path(), chart.path().join("templates").join(file.file_name()))?;
            }
        }
    }
    Ok(chart)
}

/// By Helm itself, built from its Go module; definitions, deployments, roles and webhooks.
#[test]
fn cert_manager_as_helm_renders_it() -> Result {
    let chart = chart_of_cert_manager()?;
    let output = Command::new("go")
        .args(["run", "helm.sh/helm/v3/cmd/helm@v3.19.0", "template", "cert-manager"])
        .arg(chart.path())
        .args([
            "--namespace=cert-manager",
            "--kube-version=1.37.2",
            "--set=startupapicheck.enabled=false,crds.enabled=true",
        ])
        .current_dir(env::temp_dir())
        .output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rendered = String::from_utf8(output.stdout)?;
    for kind in ["kind: Deployment", "kind: CustomResourceDefinition", "kind: ValidatingWebhookConfiguration"]
    {
        assert!(rendered.contains(kind), "{kind}: {rendered}");
    }
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: cert-manager\n";
    published(&format!("{namespace}---\n{rendered}"), KINDS)
}
