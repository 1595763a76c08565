//! `examples/social-network` in full: its three environments side by side, each a cluster of its own, made and then changed
//! by the jobs of its pipeline.

#[path = "project/mod.rs"]
mod project;

/// The module is a mark: where servers cannot run, its tests are left out by `--skip on_servers`.
mod on_servers {
    use std::fmt::Write as _;
    use std::fs;

    use acceptance::cluster_stage::RELEASE;
    use acceptance::gitlab::Cause;
    use acceptance::host_programs::HostPrograms;
    use acceptance::http_client::HttpClient;
    use acceptance::servers::{Server, Servers};
    use serde_json::{Value, json};

    use super::project::{Bench, Result, operator};

    /// The same in all places that have a server: what a server of the sandbox asks of Kubernetes.
    const NEEDS: &str = r#"
resource "socle_cluster" "main" {
  ignore_preflight_errors = jsondecode(file("${path.module}/sandbox.json")).ignore_preflight_errors
  kubelet { extra_config = jsondecode(file("${path.module}/sandbox.json")).kubelet }
  kube_proxy { extra_config = jsondecode(file("${path.module}/sandbox.json")).kube_proxy }
  container_runtime { extra_config = jsondecode(file("${path.module}/sandbox.json")).container_runtime }
}
"#;
    const CONTROL: &str = "sysctl.net-ipv4-conf-all-accept-redirects";
    /// Who asks from the machine.
    const MACHINE: &str = "198.18.0.0/15";

    /// A server in an environment: its name there, its role, its number.
    type Rented = (&'static str, &'static str, usize);

    const PRODUCTION: [Rented; 3] =
        [("cp-1", "control-plane", 1), ("cp-2", "control-plane", 2), ("cp-3", "control-plane", 3)];
    const STAGING: [Rented; 1] = [("staging-1", "control-plane", 4)];
    const TECHNICAL: [Rented; 1] = [("technical-1", "control-plane", 5)];
    const ADDED: Rented = ("worker-1", "worker", 6);

    /// The example's project, whose servers are six of the sandbox.
    struct Site {
        bench: Bench,
        bundles: String,
        image: String,
    }

    impl Site {
        fn new() -> Result<Self> {
            let words = ["--aws", "--vault", "--servers", "6", "--kubernetes", RELEASE];
            let mut bench = Bench::in_a(Servers::up("social", &words)?)?;
            bench.project.set("SOCLE_HOST_PROGRAMS", &HostPrograms::built()?.folder().to_string_lossy());
            let bundles = bench.sandbox.variable("TF_VAR_bundles")?;
            let needs = bench.sandbox.variable("TF_VAR_nested_kubernetes")?;
            bench.project.write("modules/environment/sandbox.json", &needs)?;
            bench.project.write("modules/environment/sandbox_override.tf", NEEDS)?;
            let prometheus =
                format!("module \"observability\" {{\n  image = {:?}\n}}\n", image(&bundles, "prometheus")?);
            bench.project.write("environments/technical/sandbox_override.tf", &prometheus)?;
            for number in 1..=6 {
                bench.trust_vault_on(&bench.sandbox.server(number)?)?;
            }
            let chance = tempfile::tempdir()?;
            for environment in ["production", "staging"] {
                let secret = json!({ "data": { "user": "social", "password": chance.path() } });
                operator(&bench.sandbox)?.write(&format!("secret/data/{environment}/database"), &secret)?;
            }
            let image = image(&bundles, "nginx")?;
            Ok(Self { bench, bundles, image })
        }

        /// Writes the variables of an environment, and commits them.
        fn rent(&self, environment: &str, servers: &[Rented], more: &str) -> Result {
            let mut text = format!(
                "domain         = \"example.social\"\nadministrators = [\"{MACHINE}\"]\n\
                 kubernetes     = {{ version = \"{RELEASE}\", bundles = {:?} }}\nservers = {{\n",
                self.bundles
            );
            for (name, role, number) in servers {
                let Server { address, host_key, .. } = self.bench.sandbox.server(*number)?;
                let _ = writeln!(
                    text,
                    "  {name:?} = {{ role = {role:?}, address = {address:?}, host_key = {host_key:?} }}"
                );
            }
            text.push_str("}\n");
            text.push_str(more);
            self.bench.project.write(&format!("environments/{environment}/terraform.tfvars"), &text)?;
            Ok(self.bench.project.commit(&format!("Change {environment}"))?)
        }

        fn release(&self, replicas: usize) -> String {
            format!("release = {{ image = {:?}, replicas = {replicas} }}\n", self.image)
        }

        /// The names of the nodes that are ready, as the cluster of that server tells them.
        fn nodes(&self, server: &str) -> Result<Vec<String>> {
            let columns = "custom-columns=:metadata.name,:status.conditions[?(@.type==\"Ready\")].status";
            let asked = format!(
                "kubectl --kubeconfig=/etc/kubernetes/admin.conf get nodes --no-headers --output='{columns}'"
            );
            let nodes = self.bench.sandbox.on(server, &asked)?;
            Ok(nodes
                .lines()
                .filter_map(|line| line.strip_suffix("True"))
                .map(|name| name.trim().to_owned())
                .collect())
        }

        /// Is the public answered with success at a server?
        fn answers(&self, server: usize) -> Result<bool> {
            let address = self.bench.sandbox.server(server)?.address;
            Ok(HttpClient::new().get(&format!("http://{address}/"))?.status == 200)
        }
    }

    /// The full name of one of the images beside the bundles.
    fn image(bundles: &str, own: &str) -> Result<String> {
        let manifest: Value =
            serde_json::from_str(&fs::read_to_string(format!("{bundles}/extra-images/manifest.json"))?)?;
        let names =
            manifest["images"].as_array().into_iter().flatten().filter_map(|image| image["name"].as_str());
        Ok(names.into_iter().find(|name| name.contains(own)).ok_or("no such image")?.to_owned())
    }

    #[test]
    fn stand_side_by_side_and_are_changed_by_their_pipeline() -> Result {
        let site = Site::new()?;
        let bench = &site.bench;

        site.rent("production", &PRODUCTION, &site.release(2))?;
        bench.passes(Cause::Push, &["plan production", "apply production"]);
        bench.project.branch("develop")?;
        site.rent("technical", &TECHNICAL, "")?;
        site.rent("staging", &STAGING, &site.release(1))?;
        bench.passes(Cause::Push, &["apply technical", "apply staging"]);
        assert_eq!(site.nodes("server-1")?, ["cp-1", "cp-2", "cp-3"]);
        assert_eq!(site.nodes("server-4")?, ["staging-1"]);
        assert_eq!(site.nodes("server-5")?, ["technical-1"]);
        for server in 1..=4 {
            assert!(site.answers(server)?, "server-{server}");
        }
        assert_eq!(bench.addresses()?.len(), 3, "{:?}", bench.addresses()?);
        bench.passes(Cause::Schedule, &["drift technical", "drift staging"]);

        // Production grows by a node, which takes the public from then on; and the zone by a name.
        bench.project.branch("main")?;
        let name = "records = {\n  \"api A\" = { name = \"api\", type = \"A\", ttl = 60, values = [\"192.0.2.9\"] }\n}\n";
        let grown: Vec<_> = PRODUCTION.into_iter().chain([ADDED]).collect();
        site.rent("production", &grown, &(site.release(2) + name))?;
        let planned = bench.passes(Cause::Push, &["plan production"]);
        for shown in ["module.environment.socle_host.server[\"worker-1\"]", "worker-1", "api A"] {
            assert!(planned.log.contains(shown), "{shown}:\n{}", planned.log);
        }
        assert_eq!(site.nodes("server-1")?.len(), 3, "a plan changes nothing");
        bench.passes(Cause::Push, &["plan production", "apply production"]);
        assert_eq!(site.nodes("server-1")?, ["cp-1", "cp-2", "cp-3", "worker-1"]);
        assert!(site.answers(6)?);
        assert!(bench.addresses()?.contains(&"api.example.social. = 192.0.2.9".to_owned()));
        bench.passes(Cause::Schedule, &["drift production"]);

        // What is changed by hand is found at night, and the next run mends it.
        bench.meddle("api", "192.0.2.66")?;
        bench.sandbox.on("server-2", "echo 1 >/proc/sys/net/ipv4/conf/all/accept_redirects")?;
        let drift = bench.fails(Cause::Schedule, &["drift production"]);
        for found in ["socle_host.server[\"cp-2\"]", CONTROL, "socle_dns_zone", "api A"] {
            assert!(drift.log.contains(found), "{found}:\n{}", drift.log);
        }
        bench.passes(Cause::Push, &["plan production", "apply production"]);
        bench.passes(Cause::Schedule, &["drift production"]);
        Ok(())
    }
}
