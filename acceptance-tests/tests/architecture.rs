//! The house as `docs/architecture.md` shows it: the diagram is drawn from the workspace itself, and its arrows point
//! one way. `UPDATE_DOCS=1` (`make docs`) draws it anew.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// The floors of the house, from the ground. A crate stands only on crates of lower floors.
const FLOORS: [&[&str]; 7] = [
    &["tfplugin-derive", "host"],
    &["tfplugin", "module"],
    &["node", "backup-agent"],
    &["modules"],
    &["socle"],
    &["sandbox"],
    &["acceptance"],
];

/// Between these lines of the page stands the diagram.
const MARKS: [&str; 2] = ["<!-- The diagram is drawn by `make docs`. -->\n", "<!-- The diagram ends. -->\n"];

/// A crate of the workspace, and what it stands on.
#[derive(Debug)]
struct Member {
    name: String,
    description: String,
    /// What it needs to be compiled.
    needs: BTreeSet<String>,
    /// What only its tests need.
    tests_need: BTreeSet<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The crates of the workspace, as cargo knows them.
fn members() -> Result<Vec<Member>> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["metadata", "--no-deps", "--offline", "--format-version=1"]).current_dir(root());
    let output = cargo.output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout)?;
    let packages = told["packages"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let names: BTreeSet<_> = packages.iter().map(|package| text(&package["name"])).collect();
    let needs = |package: &Value, for_tests: bool| {
        let all = package["dependencies"].as_array().cloned().unwrap_or_default();
        let ours = all.into_iter().filter(|one| (one["kind"] == "dev") == for_tests);
        ours.map(|one| text(&one["name"])).filter(|name| names.contains(name)).collect()
    };
    let member = |package: &Value| Member {
        name: text(&package["name"]),
        description: text(&package["description"]),
        needs: needs(package, false),
        tests_need: needs(package, true),
    };
    Ok(packages.iter().map(member).collect())
}

fn floor(name: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&name))
}

/// The diagram, in Mermaid: from the top floor down.
fn diagram(members: &[Member]) -> String {
    let mut drawn = "```mermaid\nflowchart TD\n".to_owned();
    let mut sorted: Vec<_> = members.iter().collect();
    sorted.sort_by_key(|member| (std::cmp::Reverse(floor(&member.name)), &member.name));
    for Member { name, description, .. } in &sorted {
        // Writing to a string cannot fail.
        let _ = writeln!(drawn, "  {name}[\"<b>{name}</b><br/>{description}\"]");
    }
    for Member { name, needs, .. } in &sorted {
        for need in needs {
            let _ = writeln!(drawn, "  {name} --> {need}");
        }
    }
    drawn + "```\n"
}

#[test]
fn every_crate_has_its_floor() -> Result {
    let built: BTreeSet<_> = members()?.into_iter().map(|member| member.name).collect();
    let planned: BTreeSet<_> = FLOORS.concat().into_iter().map(str::to_owned).collect();
    assert_eq!(built, planned, "a new crate gets a floor here, and a line in docs/architecture.md");
    Ok(())
}

#[test]
fn arrows_point_down() -> Result {
    let upward: Vec<_> = members()?
        .iter()
        .flat_map(|member| member.needs.iter().map(|need| (member.name.clone(), need.clone())))
        .filter(|(name, need)| floor(need) >= floor(name))
        .collect();
    assert!(upward.is_empty(), "crates that stand on their own floor or a higher one: {upward:?}");
    Ok(())
}

#[test]
fn nothing_but_tests_depends_on_the_provider() -> Result {
    let dependents: Vec<_> = members()?
        .iter()
        .filter(|member| member.needs.contains("socle"))
        .map(|member| member.name.clone())
        .collect();
    assert_eq!(dependents, Vec::<String>::new());
    let tested: Vec<_> = members()?
        .iter()
        .filter(|member| member.tests_need.contains("socle"))
        .map(|member| member.name.clone())
        .collect();
    assert_eq!(tested, ["acceptance"]);
    Ok(())
}

#[test]
fn the_framework_and_the_host_library_know_nothing_of_this_domain() -> Result {
    let needs = |name: &str| -> Result<BTreeSet<String>> {
        let found = members()?.into_iter().find(|member| member.name == name);
        Ok(found.ok_or_else(|| format!("there is no crate {name}"))?.needs)
    };
    assert_eq!(needs("tfplugin")?, BTreeSet::from(["tfplugin-derive".to_owned()]));
    assert_eq!(needs("tfplugin-derive")?, BTreeSet::new());
    assert_eq!(needs("host")?, BTreeSet::new());
    Ok(())
}

#[test]
fn the_diagram_is_that_of_the_workspace() -> Result {
    let page = root().join("docs/architecture.md");
    let text = fs::read_to_string(&page)?;
    let [begin, end] = MARKS;
    let (head, rest) = text.split_once(begin).ok_or("the page has lost its first mark")?;
    let (drawn, tail) = rest.split_once(end).ok_or("the page has lost its last mark")?;
    let fresh = diagram(&members()?);
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&page, [head, begin, &fresh, end, tail].concat())?;
        return Ok(());
    }
    assert_eq!(drawn, fresh, "run `make docs`");
    Ok(())
}
