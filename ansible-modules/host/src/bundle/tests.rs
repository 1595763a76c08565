use std::fs;

use proptest::prelude::*;

use super::images::ARCHIVE;
use super::*;
use crate::testing::Root;
use crate::{Item, Mode, Output, State};

/// A bundle with these files, for this processor, in `/bundle` of a temporary root.
pub(crate) fn bundled(files: &[(&str, &str)]) -> Root {
    let architecture = if std::env::consts::ARCH == "aarch64" { "arm64" } else { "amd64" };
    let images = files.iter().filter_map(|(path, _)| path.strip_prefix("images/")?.strip_suffix(".tar"));
    let images: Vec<_> = images
        .map(|name| serde_json::json!({ "name": format!("registry.k8s.io/{name}:1"), "file": format!("images/{name}.tar") }))
        .collect();
    let manifest = serde_json::json!({
        "format": 1, "kubernetes": "1.37.2", "architecture": architecture, "components": { "pause": "1" }, "images": images,
    });
    let manifest = manifest.to_string();
    let root = Root::new();
    let all: Vec<_> = files.iter().copied().chain([(MANIFEST, manifest.as_str())]).collect();
    for (path, text) in &all {
        root.write(&format!("/bundle/{path}"), text);
    }
    let sum = |(path, text): &(&str, &str)| format!("{}  {path}\n", checksum::of_bytes(text.as_bytes()));
    let sums = all.iter().map(sum).collect::<Vec<_>>().concat();
    root.write(&format!("/bundle/{CHECKSUMS}"), &sums);
    root
}

pub(crate) fn location() -> Location {
    Location { folder: "/bundle".to_owned(), checksum: None }
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Fault>) -> String {
    let fault = result.unwrap_err();
    assert_eq!(fault.state(), State::Refused);
    fault.to_string()
}

#[test]
fn a_bundle_that_is_not_the_one_is_refused() {
    let root = bundled(&[("bin/a", "a")]);
    let host = root.host();
    let sums = checksum::of_file(&host, "/bundle/SHA256SUMS").unwrap();
    let one = Location { checksum: sums, ..location() };
    assert_eq!(one.open(&host).unwrap().below("bin").count(), 1);
    let other = Location { checksum: Some("0".repeat(64)), ..location() };
    assert!(refusal(other.open(&host)).contains("this is another bundle"));
    root.write("/bundle/manifest.json", "{}");
    assert!(refusal(location().open(&host)).contains("is not one of a bundle"));
    assert!(
        refusal(Location { folder: "/none".into(), checksum: None }.open(&host)).contains("copy the bundle")
    );
}

#[test]
fn a_bundle_for_another_processor_or_of_another_release_is_refused() {
    let manifest = r#"{ "format": 1, "kubernetes": "1.37.2", "architecture": "arm64" }"#;
    let bundle = Bundle::parse("/b", manifest, "").unwrap();
    assert!(
        refusal(bundle.fits("x86_64")).contains("is for arm64, and this host is x86_64: give one for amd64")
    );
    assert!(refusal(bundle.fits("riscv64")).contains("give one for riscv64"));
    bundle.fits("aarch64").unwrap();
    bundle.is_release("v1.37.2").unwrap();
    assert!(refusal(bundle.is_release("1.36.3")).contains("is of Kubernetes 1.37.2, and 1.36.3 is wanted"));
    let newer = manifest.replace("\"format\": 1", "\"format\": 2");
    assert!(refusal(Bundle::parse("/b", &newer, "")).contains("layout 2"));
}

#[test]
fn a_name_cannot_lead_out_of_the_folder() {
    let sums = "aa  bin/kubelet\nbb  bin/../../etc/passwd\ncc  cni/bridge\n";
    let bundle = Bundle::parse("/b", r#"{ "format": 1, "architecture": "amd64" }"#, sums).unwrap();
    assert_eq!(bundle.below("bin").collect::<Vec<_>>(), [("kubelet", "aa")]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn what_is_observed_after_an_installation_is_what_the_bundle_has(
        before in proptest::option::of(".{0,20}"), wanted in ".{0,20}",
    ) {
        let root = bundled(&[("bin/a", &wanted)]);
        let host = root.host();
        if let Some(before) = &before {
            root.write("/usr/local/bin/a", before);
        }
        let bundle = location().open(&host).unwrap();
        let item = Installed::new(&bundle, "bin/a", "/usr/local/bin/a");
        let checked = item.bring(&host, Mode::Check);
        prop_assert_eq!(host.read_text("/usr/local/bin/a").unwrap(), before);
        let first = item.bring(&host, Mode::Apply);
        prop_assert_eq!((checked.changed, checked.after), (first.changed, first.after));
        prop_assert_eq!(root.read("/usr/local/bin/a"), wanted);
        prop_assert_eq!(item.bring(&host, Mode::Apply).state, State::Ok);
    }
}

#[test]
fn a_damaged_file_is_not_installed_and_one_that_is_there_is_not_needed_again() {
    let root = bundled(&[("bin/a", "good")]);
    let host = root.host();
    let bundle = location().open(&host).unwrap();
    let item = Installed::new(&bundle, "bin/a", "/usr/local/bin/a");
    root.write("/bundle/bin/a", "damaged");
    let outcome = item.bring(&host, Mode::Apply);
    assert_eq!((outcome.state, outcome.changed), (State::Refused, false));
    assert!(outcome.message.contains("it is damaged, copy the bundle again"), "{}", outcome.message);
    assert!(!host.exists("/usr/local/bin"));
    root.write("/bundle/bin/a", "good");
    item.bring(&host, Mode::Apply);
    fs::remove_file(host.path("/bundle/bin/a")).unwrap();
    assert_eq!(item.bring(&host, Mode::Apply).state, State::Ok);
}

/// A runtime that keeps what is imported, with its labels.
fn runtime(root: &Root, images: &str) -> Host {
    let images = std::sync::Mutex::new(images.to_owned());
    root.answering(move |program| {
        let mut images = images.lock().unwrap();
        let words: Vec<_> = program.arguments().iter().skip(3).map(String::as_str).collect();
        match words.as_slice() {
            ["label", name, labels @ ..] => {
                let line =
                    format!("{name} application/x sha256:0 1.0 MiB linux/amd64 {}\n", labels.join(","));
                images.push_str(&line);
            }
            ["rm", name] => {
                let kept = images.lines().filter(|line| !line.starts_with(*name));
                *images = kept.flat_map(|line| [line, "\n"]).collect();
            }
            _ => {}
        }
        let stdout = if words == ["ls"] { images.clone() } else { String::new() };
        Output { code: Some(0), stdout, ..Output::default() }
    })
}

#[test]
fn only_images_that_are_missing_or_other_are_loaded_and_pinned() {
    let root = bundled(&[("images/etcd.tar", "e"), ("images/pause.tar", "p")]);
    let (etcd, other) = (checksum::of_bytes(b"e"), checksum::of_bytes(b"other"));
    let line =
        |name: &str, labels: &str| format!("{name} application/x sha256:0 1.0 MiB linux/amd64 {labels}\n");
    let there = line("registry.k8s.io/etcd:1", &format!("a=b,{ARCHIVE}={etcd}"))
        + &line("registry.k8s.io/pause:1", &format!("{ARCHIVE}={other}"))
        + &line("others:1", "-");
    let host = runtime(&root, &there);
    let bundle = location().open(&host).unwrap();
    assert_eq!(bundle.sandbox_image(), Some("registry.k8s.io/pause:1"));
    let changes = Images::new(&bundle, None).unwrap();
    let changes = changes.compare(&changes.observe(&host).unwrap()).unwrap();
    let told: Vec<_> = changes.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["load registry.k8s.io/pause:1"]);
}

#[test]
fn images_are_loaded_once_and_can_be_taken_away() {
    let root = bundled(&[("images/etcd.tar", "e"), ("images/pause.tar", "p")]);
    let host =
        runtime(&root, "REF TYPE DIGEST SIZE PLATFORMS LABELS\nothers:1 x sha256:0 1 MiB linux/amd64 -\n");
    let bundle = location().open(&host).unwrap();
    let images = Images::new(&bundle, None).unwrap();
    assert_eq!(images.bring(&host, Mode::Apply).state, State::Changed);
    assert_eq!(images.bring(&host, Mode::Apply).state, State::Ok);
    assert!(root.asked().iter().any(|asked| asked.contains("io.cri-containerd.pinned=pinned")));
    assert_eq!(
        NoImages.bring(&host, Mode::Apply).message,
        "remove registry.k8s.io/etcd:1; remove registry.k8s.io/pause:1"
    );
    assert_eq!(NoImages.bring(&host, Mode::Apply).state, State::Ok);
}

#[test]
fn a_damaged_archive_or_an_image_that_the_bundle_has_not_is_refused() {
    let root = bundled(&[("images/pause.tar", "p")]);
    let host = root.obeying();
    let bundle = location().open(&host).unwrap();
    let other = ["registry.k8s.io/none:1".to_owned()];
    assert!(refusal(Images::new(&bundle, Some(&other))).contains("has no image registry.k8s.io/none:1"));
    root.write("/bundle/images/pause.tar", "damaged");
    assert_eq!(Images::new(&bundle, None).unwrap().bring(&host, Mode::Check).state, State::Refused);
}
