//! `socle_cluster` without bundles: this machine downloads the programs, and hosts pull images from a registry. Sites
//! and registry stand on this machine, and have what the sandbox's bundle is made of.

/// The module is a mark: where servers cannot run, its tests are left out by `--skip on_servers`.
mod on_servers {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use acceptance::cluster_stage::{ClusterStage, RELEASE, Result, WantedCluster, control_plane};
    use acceptance::file_server::FileServer;
    use acceptance::servers::Servers;
    use serde_json::{Value, json};

    #[test]
    fn a_server_becomes_a_cluster_of_what_is_downloaded() -> Result {
        let servers = Servers::up("downloads", &["--servers", "1", "--kubernetes", RELEASE])?;
        let scratch = tempfile::tempdir()?;
        let [sites, images, cache] = ["sites", "images", "cache"].map(|name| scratch.path().join(name));
        let mut stage = ClusterStage::new(&servers)?;
        fs::create_dir(&sites)?;
        let mirror = FileServer::of("127.0.0.1", &sites)?;
        stage.terraform = stage
            .terraform
            .with_variable("SOCLE_RELEASE_MIRROR", &mirror.url())
            .with_variable("SOCLE_CACHE", &cache.display().to_string());
        write_without_bundles(&stage)?;

        // Nobody has published anything yet.
        let refused = stage.terraform.apply().err().ok_or("it was applied")?.to_string();
        let missing = format!(
            "{}/dl.k8s.io/release/v{RELEASE}/bin/linux/amd64/kubeadm.sha256 does not exist",
            mirror.url()
        );
        assert!(flat(&refused).contains(&missing) && flat(&refused).contains("Host cp-1"), "{refused}");

        publish(&stage.bundle(), &sites)?;
        let registry = serve_images(&servers, &stage.bundle(), &images)?;
        mirror.asked();
        stage.terraform.run(&["plan"])?;
        assert_eq!(mirror.asked(), [""; 0]);
        stage.terraform.apply()?;
        assert_eq!(mirror.asked().len(), 12);
        stage.terraform.assert_plan_is_empty();

        let node = stage.object(&["node", "cp-1"])?;
        assert_eq!(node["status"]["nodeInfo"]["kubeletVersion"], format!("v{RELEASE}"));
        let pulled = registry.asked();
        let api_server = format!("v2/kube-apiserver/manifests/v{RELEASE}");
        assert!(pulled.contains(&api_server), "{pulled:#?}");
        let kept = cache.join("releases/amd64").join(RELEASE);
        run(Command::new("sha256sum").args(["--check", "--quiet", "SHA256SUMS"]).current_dir(kept))?;
        Ok(stage.terraform.destroy()?)
    }

    /// The configuration of whoever has a way out: all as ever, and no bundles.
    fn write_without_bundles(stage: &ClusterStage<'_>) -> Result {
        stage.write(&WantedCluster::of("wireguard", [control_plane("cp-1", 1)]))?;
        let text = stage.terraform.read("main.tf")?;
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("bundles = "));
        Ok(stage.terraform.write("main.tf", &lines.collect::<Vec<_>>().join("\n"))?)
    }

    /// What Terraform prints, without the lines and frames that it breaks it into.
    fn flat(text: &str) -> String {
        text.split(['\n', '│', ' ']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    }

    // === the sites ===

    /// Publishes the programs of a bundle as their projects do, checksums in the shape that each of them uses.
    fn publish(bundle: &Path, sites: &Path) -> Result {
        let kubernetes = sites.join(format!("dl.k8s.io/release/v{RELEASE}/bin/linux/amd64"));
        fs::create_dir_all(&kubernetes)?;
        for name in ["kubeadm", "kubelet", "kubectl"] {
            let file = kubernetes.join(name);
            symlink(bundle.join("bin").join(name), &file)?;
            fs::write(kubernetes.join(format!("{name}.sha256")), sum(&file)?)?;
        }
        let file = release(sites, "opencontainers/runc", "1.5.2", "runc.amd64")?;
        symlink(bundle.join("bin/runc"), &file)?;
        fs::write(file.with_file_name("runc.sha256sum"), format!("{}  runc.amd64\n", sum(&file)?))?;
        let file = release(sites, "containerd/containerd", "2.3.7", "containerd-2.3.7-linux-amd64.tar.gz")?;
        pack(bundle, &["bin/containerd", "bin/containerd-shim-runc-v2", "bin/ctr"], &file)?;
        list(&file, "sha256sum")?;
        let file =
            release(sites, "containernetworking/plugins", "1.9.1", "cni-plugins-linux-amd64-v1.9.1.tgz")?;
        pack(&bundle.join("cni"), &["."], &file)?;
        list(&file, "sha256")
    }

    /// The place of a file of a release on GitHub.
    fn release(sites: &Path, project: &str, version: &str, name: &str) -> Result<PathBuf> {
        let folder = sites.join(format!("github.com/{project}/releases/download/v{version}"));
        fs::create_dir_all(&folder)?;
        Ok(folder.join(name))
    }

    fn pack(folder: &Path, files: &[&str], archive: &Path) -> Result {
        let mut tar = Command::new("tar");
        // Fast, not small.
        tar.args(["--create", "--use-compress-program=gzip -1", "--file"]).arg(archive);
        run(tar.arg("--directory").arg(folder).args(files)).map(drop)
    }

    /// Writes a list of one checksum beside a file.
    fn list(file: &Path, ending: &str) -> Result {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        fs::write(file.with_file_name(format!("{name}.{ending}")), format!("{}  {name}\n", sum(file)?))?;
        Ok(())
    }

    fn sum(file: &Path) -> Result<String> {
        let told = run(Command::new("sha256sum").arg(file))?;
        Ok(told.split_whitespace().next().ok_or("no sum")?.to_owned())
    }

    fn run(command: &mut Command) -> Result<String> {
        let output = command.output()?;
        if output.status.success() {
            return Ok(String::from_utf8(output.stdout)?);
        }
        Err(format!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr)).into())
    }

    // === the registry ===

    /// Serves the images of a bundle where servers reach it, and tells containerd that it stands for all registries.
    fn serve_images(servers: &Servers, bundle: &Path, folder: &Path) -> Result<FileServer> {
        let manifest: Value = serde_json::from_str(&fs::read_to_string(bundle.join("manifest.json"))?)?;
        for image in manifest["images"].as_array().ok_or("no images")? {
            let text = |field: &str| image[field].as_str().ok_or("an image without a name");
            let (_, path) = text("name")?.split_once('/').ok_or("no registry")?;
            let (name, tag) = path.rsplit_once(':').ok_or("no tag")?;
            lay_out(&bundle.join(text("file")?), &folder.join("v2").join(name), tag)?;
        }
        let address = servers.server(1)?.address;
        let (network, _) = address.rsplit_once('.').ok_or("no address")?;
        let registry = FileServer::of(&format!("{network}.1"), folder)?;
        let mirror = format!("[host.\"{}\"]\ncapabilities = [\"pull\", \"resolve\"]\n", registry.url());
        let script = "for name in registry.k8s.io docker.io; do mkdir -p /etc/containerd/certs.d/$name; \
                      cat >/etc/containerd/certs.d/$name/hosts.toml <<'END'\n";
        servers.on("server-1", &format!("{script}{mirror}END\ndone"))?;
        Ok(registry)
    }

    /// Lays an archive of Docker's form out as a registry names its parts: `manifests/TAG`, `blobs/DIGEST`.
    fn lay_out(archive: &Path, place: &Path, tag: &str) -> Result {
        let [manifests, blobs] = ["manifests", "blobs"].map(|name| place.join(name));
        fs::create_dir_all(&manifests)?;
        fs::create_dir_all(&blobs)?;
        run(Command::new("tar").args(["--extract", "--file"]).arg(archive).arg("--directory").arg(&blobs))?;
        let inner: Value = serde_json::from_str(&fs::read_to_string(blobs.join("manifest.json"))?)?;
        let blob = |name: &Value, kind: &str| -> Result<Value> {
            let file = blobs.join(name.as_str().ok_or("no name")?);
            let (digest, size) = (format!("sha256:{}", sum(&file)?), fs::metadata(&file)?.len());
            fs::rename(&file, blobs.join(&digest))?;
            Ok(
                json!({ "mediaType": format!("application/vnd.oci.image.{kind}"), "digest": digest, "size": size }),
            )
        };
        let layers = inner[0]["Layers"].as_array().ok_or("no layers")?;
        let manifest = json!({
            "schemaVersion": 2, "mediaType": acceptance::file_server::MANIFEST,
            "config": blob(&inner[0]["Config"], "config.v1+json")?,
            "layers": layers.iter().map(|layer| blob(layer, "layer.v1.tar")).collect::<Result<Vec<_>>>()?,
        });
        let file = manifests.join(tag);
        fs::write(&file, manifest.to_string())?;
        Ok(symlink(tag, manifests.join(format!("sha256:{}", sum(&file)?)))?)
    }
}
