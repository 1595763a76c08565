//! The collection as Ansible's own tools judge it, without a server.

use std::fs;

use acceptance::ansible::{Ansible, COLLECTION};

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The names of what lies in a folder of the collection, without what follows a dot.
fn names(folder: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(format!("{COLLECTION}/{folder}"))? {
        names.extend(
            entry?.path().file_stem().map(|name| format!("socle.platform.{}", name.to_string_lossy())),
        );
    }
    names.sort();
    names.dedup();
    Ok(names.into_iter().filter(|name| !name.ends_with("__pycache__")).collect())
}

#[test]
fn ansible_doc_tells_of_everything_in_it() -> Result {
    let ansible = Ansible::alone()?;
    let kinds = [("module", "plugins/modules"), ("role", "roles"), ("inventory", "plugins/inventory")];
    let filters = vec!["socle.platform.scram_matches".to_owned(), "socle.platform.scram_verifier".to_owned()];
    let mut asked = vec![("filter", filters)];
    for (kind, folder) in kinds {
        asked.push((kind, names(folder)?));
    }
    for (kind, names) in asked {
        let words = ["--type", kind].into_iter().chain(names.iter().map(String::as_str));
        let told = ansible.run("ansible-doc", words)?;
        assert!(told.succeeded && !told.said.contains("WARNING"), "{kind}: {}", told.said);
        assert!(names.iter().all(|name| told.said.contains(name.as_str())), "{kind}: {}", told.said);
    }
    Ok(())
}

#[test]
fn ansible_lint_finds_nothing_by_its_profile_for_production() -> Result {
    let ansible = Ansible::alone()?;
    // It writes where it works.
    let copy = ansible.copy_of_collection()?;
    let output =
        ansible.command("ansible-lint").args(["--offline", "--nocolor"]).current_dir(&copy).output()?;
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("Profile 'production' was required, and it passed"),
        "{said}"
    );
    Ok(())
}

#[test]
fn its_own_tests_in_python_pass() -> Result {
    let ansible = Ansible::alone()?;
    let mut python = ansible.command("python");
    python.env("PYTHONPATH", ansible.folder().join("checkout"));
    let tests = format!("{COLLECTION}/tests/unit/plugins");
    let output = python.args(["-m", "unittest", "discover", "--start-directory", &tests]).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("Ran 0 tests"), "{said}");
    Ok(())
}

#[test]
fn its_version_is_that_of_the_workspace() -> Result {
    let galaxy = fs::read_to_string(format!("{COLLECTION}/galaxy.yml"))?;
    assert!(galaxy.contains(concat!("version: ", env!("CARGO_PKG_VERSION"), "\n")), "{galaxy}");
    Ok(())
}
