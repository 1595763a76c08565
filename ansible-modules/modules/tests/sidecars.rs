//! What the collection says of the modules: written by the programs themselves (`--documentation`), so a new program in
//! `src/bin` needs no list of modules anywhere. `make docs` writes the files anew; here they must be as the programs say.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

fn collection() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../collection")
}

/// The names of the programs that are modules.
fn modules() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin"))? {
        let file = entry?.path();
        if fs::read_to_string(&file)?.contains("module::serve::<") {
            names.push(file.file_stem().unwrap_or_default().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Modules that are verbs of other programs; their documentation is written by hand.
const VERBS: [&str; 1] = ["cluster_reset"];

/// Modules that the controller does by itself; they are written by hand.
const WITHOUT_PROGRAM: [&str; 1] = ["bundle"];

/// What a module's program prints as its documentation.
fn documentation(name: &str) -> Result<String> {
    let program = Path::new(env!("CARGO_BIN_EXE_firewall")).with_file_name(name);
    let output = Command::new(&program).arg("--documentation").output()?;
    assert!(output.status.success(), "{}: {}", program.display(), String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// The action plugin of a module: one for all, found under the module's name.
fn action(name: &str) -> String {
    format!(
        "\"\"\"`{name}`: its program on the host.\"\"\"\n\n\
         from __future__ import annotations\n\n\
         from ansible_collections.socle.platform.plugins.plugin_utils.host_program import ActionModule\n\n\
         __all__ = [\"ActionModule\"]\n"
    )
}

/// What stands in the place of the module for Ansible's loader, which wants more than documentation.
const PLACE: &str = "# The module is a program, which the action plugin of the same name brings to the host and runs there. Its documentation\n\
# is beside this file, which Ansible's loader wants to find.\n\n\
from __future__ import annotations\n";

fn runtime(names: &[String]) -> String {
    let names = names.iter().map(|name| format!("    - {name}\n")).collect::<Vec<_>>();
    format!("---\nrequires_ansible: \">=2.17.0\"\naction_groups:\n  all:\n{}", names.concat())
}

/// What `ansible-test sanity` of the pinned ansible-core may find, each with its reason.
fn ignored(names: &[String]) -> String {
    const LICENSE: &str = "validate-modules:missing-gplv3-license # the project's license is the MPL 2.0";
    let mut lines = vec![format!("plugins/inventory/terraform.py {LICENSE}\n")];
    for name in names {
        lines.push(format!("plugins/modules/{name}.py {LICENSE}\n"));
        lines.push(format!("plugins/modules/{name}.yml {LICENSE}\n"));
    }
    lines.concat()
}

/// Every generated file of the collection, by its path in it.
fn generated() -> Result<Vec<(String, String)>> {
    let own = modules()?;
    let of_programs = own.iter().cloned().chain(VERBS.map(str::to_owned));
    let mut names: Vec<_> = of_programs.clone().chain(WITHOUT_PROGRAM.map(str::to_owned)).collect();
    names.sort();
    let mut files = vec![
        ("meta/runtime.yml".to_owned(), runtime(&names)),
        ("tests/sanity/ignore-2.19.txt".to_owned(), ignored(&names)),
    ];
    for name in of_programs {
        if own.contains(&name) {
            files.push((format!("plugins/modules/{name}.yml"), documentation(&name)?));
        }
        files.push((format!("plugins/modules/{name}.py"), PLACE.to_owned()));
        files.push((format!("plugins/action/{name}.py"), action(&name)));
    }
    Ok(files)
}

#[test]
fn the_collection_says_of_each_module_what_its_program_says() -> Result {
    let update = std::env::var_os("UPDATE_DOCS").is_some();
    let mut stale = Vec::new();
    for (path, wanted) in generated()? {
        let file = collection().join(&path);
        if fs::read_to_string(&file).unwrap_or_default() == wanted {
            continue;
        }
        if update {
            fs::write(&file, wanted)?;
        } else {
            stale.push(path);
        }
    }
    assert!(stale.is_empty(), "stale, run `make docs`: {stale:?}");
    Ok(())
}

#[test]
fn nothing_is_left_of_a_module_that_is_gone() -> Result {
    let names = modules()?;
    for folder in ["plugins/modules", "plugins/action"] {
        for entry in fs::read_dir(collection().join(folder))? {
            let path = entry?.path();
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let by_hand = VERBS.iter().chain(&WITHOUT_PROGRAM).any(|known| **known == name);
            let known = names.contains(&name) || by_hand || name == "__pycache__";
            assert!(known, "{} belongs to no module", path.display());
        }
    }
    Ok(())
}
