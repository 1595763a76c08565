//! A host becomes ready to be a node: the crate `host` installs, from a bundle of which only what the host lacks was
//! brought.

use std::fs;
use std::io::ErrorKind;

use host::bundle::{Location, loaded_images};
use host::container_runtime::{self, ContainerRuntime, Source};
use host::kubelet::{self, Kubelet};
use host::owner;
use host::{Fault, Host, Mode, Outcome, Program, checksum, package};
use node::bundle::{Bundle, CHECKSUMS};
use node::ownership::{self, SUBJECT};
use node::specification::{Cluster, Settings};

use crate::failure::Failure;
use crate::files::{self, Readers};

/// What was prepared here: a [`Bundle`], as JSON.
const RECORD: &str = "/var/lib/socle/prepared.json";
/// The same, while it is under way: one that was killed did not end.
const BEGUN: &str = "/var/lib/socle/preparing.json";

/// What a node of ours calls, beside what any kubelet and kubeadm do; runc is linked against one of them.
const PACKAGES: [&str; 5] = ["haproxy", "ipset", "libseccomp2", "nftables", "wireguard-tools"];
/// Who keeps the clock, unless one of the others does already: two cannot be installed together.
const CLOCK: &str = "chrony";
const OTHER_CLOCKS: [&str; 4] = ["systemd-timesyncd", "ntpsec", "openntpd", "ntp"];
/// Debian's own unit of the balancer; ours is another.
const BALANCER: (&str, &str) = ("haproxy", "haproxy.service");

/// Is a preparation under way, or was one killed?
pub(crate) fn is_begun(host: &Host) -> bool {
    host.exists(BEGUN)
}

/// Was the host prepared by us, and not by a role or by hand?
pub(crate) fn is_ours(host: &Host) -> bool {
    host.exists(RECORD)
}

/// Who prepares this host, and nobody else may.
pub(crate) fn owner(host: &Host) -> Result<Option<String>, Failure> {
    Ok(owner::owner_of(host, SUBJECT)?)
}

// === what must be brought ===

/// The files of the bundle that must still be brought, by their paths in it.
pub(crate) fn missing(host: &Host, bundle: &Bundle) -> Result<Vec<String>, Failure> {
    let images = loaded_images(host)?;
    let folder = bundle.place();
    let mut missing = Vec::new();
    for (path, sum) in &bundle.files {
        let needed = match path.split_once('/') {
            Some(("images", _)) => bundle.images.get(path).is_some_and(|name| images.get(name) != Some(sum)),
            Some(("packages", file)) => lacks_package(host, file)?,
            Some((kind, name)) => match destination(kind, name) {
                Some(place) => checksum::of_file(host, &place)?.as_ref() != Some(sum),
                None => false,
            },
            None => true,
        };
        let waits = || checksum::of_file(host, &format!("{folder}/{path}"));
        if needed && waits()?.as_ref() != Some(sum) {
            missing.push(path.clone());
        }
    }
    if !host.exists(&format!("{folder}/{CHECKSUMS}")) {
        missing.push(CHECKSUMS.to_owned());
    }
    Ok(missing)
}

/// Where a program of a bundle is installed; none for one that a node does not need.
fn destination(kind: &str, name: &str) -> Option<String> {
    match (kind, name) {
        ("cni", name) => Some(format!("/opt/cni/bin/{name}")),
        ("bin", "runc") => Some("/usr/local/sbin/runc".to_owned()),
        ("bin", "etcdctl" | "etcdutl") => None,
        ("bin", name) => Some(format!("/usr/local/bin/{name}")),
        _ => None,
    }
}

/// Is `CODENAME/NAME_VERSION_ARCHITECTURE.deb` of this host's release, and not installed?
fn lacks_package(host: &Host, file: &str) -> Result<bool, Failure> {
    let release = host.read_text("/etc/os-release")?.unwrap_or_default();
    let code_name = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    let Some((folder, file)) = file.split_once('/') else { return Ok(false) };
    let name = file.split('_').next().unwrap_or(file);
    Ok(code_name.map(|name| name.trim_matches('"')) == Some(folder)
        && package::version(host, name)?.is_none()
        && !(name == CLOCK && has_clock(host)?))
}

fn has_clock(host: &Host) -> Result<bool, Failure> {
    for name in OTHER_CLOCKS {
        if package::version(host, name)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

// === preparation ===

/// Installs what was brought; says whether anything was changed. What was begun is gone on with by the next call.
pub(crate) fn prepare(
    host: &Host,
    bundle: &Bundle,
    extra: Option<&Bundle>,
    cluster: &Cluster,
) -> Result<bool, Failure> {
    owner::claim(host, SUBJECT, &ownership::of_cluster(&cluster.name))?;
    files::write(BEGUN, &serde_json::to_string_pretty(bundle).unwrap_or_default(), Readers::Root)?;
    let had_balancer = package::version(host, BALANCER.0)?.is_some();
    let mut changed = settled(runtime(bundle, &cluster.settings).bring(host, Mode::Apply))?;
    changed |= settled(kubelet(host, bundle)?.bring(host, Mode::Apply))?;
    if !had_balancer && package::version(host, BALANCER.0)?.is_some() {
        host.run(&Program::new("systemctl").args(["disable", "--now", BALANCER.1]))?;
    }
    if let Some(extra) = extra {
        changed |= settled(kubelet::load(host, &location(extra), Mode::Apply))?;
        clear(&extra.place())?;
    }
    clear(&bundle.place())?;
    fs::rename(BEGUN, RECORD).map_err(|source| Failure::File { path: BEGUN.to_owned(), source })?;
    Ok(changed)
}

fn runtime(bundle: &Bundle, settings: &Settings) -> ContainerRuntime {
    let extra_config = settings.container_runtime.clone().into_iter().collect();
    ContainerRuntime { source: Source::Bundle(location(bundle)), extra_config, ..ContainerRuntime::default() }
}

fn kubelet(host: &Host, bundle: &Bundle) -> Result<Kubelet, Failure> {
    let clock = (!has_clock(host)?).then_some(CLOCK);
    let packages = kubelet::PACKAGES.into_iter().chain(PACKAGES).chain(clock);
    Ok(Kubelet {
        bundle: location(bundle),
        release: Some(bundle.kubernetes.clone()),
        packages: packages.map(str::to_owned).collect(),
        images: Some(bundle.images.values().cloned().collect()),
        ..Kubelet::default()
    })
}

fn location(bundle: &Bundle) -> Location {
    Location { folder: bundle.place(), checksum: None }
}

/// Brings the container runtime to what is wanted; containers go on.
pub(crate) fn configure_runtime(host: &Host, settings: &Settings) -> Result<bool, Failure> {
    match record(RECORD)? {
        Some(bundle) => settled(runtime(&bundle, settings).bring(host, Mode::Apply)),
        None => Ok(false),
    }
}

/// Was anything changed? What this host cannot do is left to kubeadm's own preflight checks.
fn settled(outcomes: Vec<Outcome>) -> Result<bool, Failure> {
    let changed = outcomes.iter().any(|outcome| outcome.changed);
    for outcome in outcomes {
        match outcome.fault() {
            Err(Fault::Unsupported { .. }) | Ok(()) => {}
            Err(fault) => return Err(fault.into()),
        }
    }
    Ok(changed)
}

/// Manifest and checksums stay, by which the runtime is configured again.
fn clear(folder: &str) -> Result<(), Failure> {
    for name in ["bin", "cni", "images", "packages"] {
        remove_all(&format!("{folder}/{name}"))?;
    }
    Ok(())
}

fn remove_all(folder: &str) -> Result<(), Failure> {
    match fs::remove_dir_all(folder) {
        Err(source) if source.kind() != ErrorKind::NotFound => {
            Err(Failure::File { path: folder.to_owned(), source })
        }
        _ => Ok(()),
    }
}

fn record(path: &str) -> Result<Option<Bundle>, Failure> {
    // One of another release of this program says no more than that there was one.
    Ok(files::read(path)?.and_then(|text| serde_json::from_str(&text).ok()))
}

// === and back ===

/// Leaves nothing of what [`prepare`] brought but packages, which others may use by now. Where it brought nothing,
/// nothing is done.
pub(crate) fn undo(host: &Host) -> Result<bool, Failure> {
    let undone = uninstall(host)?;
    // A record that cannot be read is not known to be ours.
    if let Some(cluster) = owner(host).ok().flatten().filter(|owner| owner.starts_with(ownership::KIND)) {
        owner::release(host, SUBJECT, &cluster)?;
        // Where others own something it is not empty, and stays.
        let _ = fs::remove_dir(owner::FOLDER);
    }
    Ok(undone)
}

fn uninstall(host: &Host) -> Result<bool, Failure> {
    if !is_ours(host) && !is_begun(host) {
        return Ok(false);
    }
    settled(kubelet::remove(host, Mode::Apply))?;
    settled(container_runtime::remove(host, Mode::Apply))?;
    for folder in ["/var/lib/containerd", "/run/containerd"] {
        files::empty(folder)?;
    }
    remove_all(node::bundle::PLACE)?;
    files::remove(BEGUN)?;
    files::remove(RECORD)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const TEXT_SUM: &str = "982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1";

    fn bundle(files: &[&str]) -> Bundle {
        Bundle {
            kubernetes: "1.37.2".into(),
            architecture: "amd64".into(),
            images: BTreeMap::new(),
            files: files.iter().map(|path| ((*path).to_owned(), TEXT_SUM.to_owned())).collect(),
        }
    }

    fn write(root: &tempfile::TempDir, path: &str, text: &str) {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn only_what_is_neither_installed_nor_waiting_is_missing() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        let bundle = bundle(&["bin/kubelet", "bin/etcdctl", "cni/bridge", "packages/trixie/a_1_all.deb"]);
        assert_eq!(missing(&host, &bundle).unwrap(), ["bin/kubelet", "cni/bridge", CHECKSUMS]);
        write(&root, "usr/local/bin/kubelet", "text");
        write(&root, &format!("var/lib/socle/bundle/1.37.2/{CHECKSUMS}"), "");
        assert_eq!(missing(&host, &bundle).unwrap(), ["cni/bridge"]);
        write(&root, "var/lib/socle/bundle/1.37.2/cni/bridge", "text");
        assert_eq!(missing(&host, &bundle).unwrap(), [""; 0]);
    }

    #[test]
    fn packages_are_those_of_the_hosts_release_that_it_lacks() {
        let root = tempfile::tempdir().unwrap();
        write(&root, "etc/os-release", "ID=debian\nVERSION_CODENAME=bookworm\n");
        let installed = |name: &str| format!("Package: {name}\nStatus: install ok installed\nVersion: 1\n\n");
        write(&root, "var/lib/dpkg/status", &(installed("haproxy") + &installed("systemd-timesyncd")));
        write(&root, &format!("var/lib/socle/bundle/1.37.2/{CHECKSUMS}"), "");
        let file = |name: &str| format!("packages/bookworm/{name}_1_amd64.deb");
        let files =
            [file("haproxy"), file("chrony"), file("socat"), "packages/trixie/socat_2_amd64.deb".into()];
        let files: Vec<_> = files.iter().map(String::as_str).collect();
        assert_eq!(missing(&Host::at(root.path()), &bundle(&files)).unwrap(), [file("socat")]);
    }
}
