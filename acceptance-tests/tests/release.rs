//! What `make release` packs: installed from a mirror, as from a registry, it serves.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use acceptance::host_programs::HostPrograms;
use acceptance::provider_binary::ProviderBinary;
use acceptance::terraform::{Program, Workspace};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Packs a provider and its host programs into a folder.
fn pack(provider: &Path, host_programs: &Path, into: &Path) -> Result {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../provider/package.py");
    let mut python = Command::new("python3");
    python.arg(script).arg(provider).arg(host_programs).arg(VERSION).arg(into);
    succeeds(python.env("SOURCE_DATE_EPOCH", "1800000000"))
}

fn succeeds(command: &mut Command) -> Result {
    let output = command.output()?;
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// A program without what only a debugger reads, as a release has it.
fn stripped(program: &Path, into: &Path) -> Result {
    succeeds(Command::new("strip").arg("-o").arg(into).arg(program))
}

fn package(folder: &Path) -> PathBuf {
    folder.join(format!("terraform-provider-socle_{VERSION}_linux_amd64.zip"))
}

#[test]
fn packing_twice_gives_the_same_bytes() -> Result {
    let programs = tempfile::tempdir()?;
    fs::create_dir_all(programs.path().join("hosts/x86_64"))?;
    for name in ["provider", "hosts/x86_64/firewall", "hosts/x86_64/hardening"] {
        fs::write(programs.path().join(name), name)?;
    }
    let sums = || -> Result<String> {
        let into = tempfile::tempdir()?;
        pack(&programs.path().join("provider"), &programs.path().join("hosts"), into.path())?;
        Ok(fs::read_to_string(into.path().join(format!("terraform-provider-socle_{VERSION}_SHA256SUMS")))?)
    };
    let one = sums()?;
    // A file that was copied again has another time.
    fs::write(programs.path().join("provider"), "provider")?;
    assert_eq!(one, sums()?);
    assert_eq!(one.lines().count(), 2, "{one}");
    Ok(())
}

#[test]
fn a_copy_that_is_installed_from_a_mirror_serves_and_has_its_programs_beside_it() -> Result {
    let programs = tempfile::tempdir()?;
    let hosts = programs.path().join("hosts/x86_64");
    fs::create_dir_all(&hosts)?;
    stripped(&HostPrograms::built()?.program("host_facts"), &hosts.join("host_facts"))?;
    stripped(ProviderBinary::built()?.path(), &programs.path().join("provider"))?;
    let packed = tempfile::tempdir()?;
    pack(&programs.path().join("provider"), &programs.path().join("hosts"), packed.path())?;
    let mirror = tempfile::tempdir()?;
    let place = mirror.path().join("registry.terraform.io/socle-platform/socle");
    fs::create_dir_all(&place)?;
    fs::copy(package(packed.path()), package(&place))?;
    let workspace = Workspace::new(&Program::terraform()?)?.with_mirror(mirror.path());
    workspace.write(
        "main.tf",
        "terraform {\n  required_providers {\n    socle = { source = \"socle-platform/socle\" }\n  }\n}\n",
    )?;
    workspace.run(&["init", "-input=false"])?;
    let schemas = workspace.schemas()?;
    let served =
        &schemas["provider_schemas"]["registry.terraform.io/socle-platform/socle"]["resource_schemas"];
    assert!(served["socle_dns_zone"].is_object(), "{schemas}");
    let installed =
        workspace.folder().join(".terraform/providers/registry.terraform.io/socle-platform/socle");
    let beside = installed.join(VERSION).join("linux_amd64/host-programs/x86_64/host_facts");
    assert!(fs::metadata(&beside)?.len() > 0, "{}", beside.display());
    Ok(())
}
