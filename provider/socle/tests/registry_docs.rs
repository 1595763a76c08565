//! The registry pages in `docs/` are those that the declarations make. `UPDATE_DOCS=1` (`make docs`) writes them anew.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use socle::provider::Socle;
use tfplugin::docs::{self, Examples};

/// The folders of pages that nobody writes by hand.
const GENERATED: [&str; 4] = ["resources", "data-sources", "ephemeral-resources", "functions"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn examples() -> Examples {
    Examples::read(&root().join("examples")).expect("the examples can be read")
}

/// The generated pages that are there, by their path below `docs/`.
fn written() -> BTreeMap<String, String> {
    let folders = GENERATED.iter().flat_map(|folder| {
        let listed = fs::read_dir(root().join("docs").join(folder)).into_iter().flatten().flatten();
        listed.map(move |file| format!("{folder}/{}", file.file_name().to_string_lossy()))
    });
    let page = |path: String| Some((path.clone(), fs::read_to_string(root().join("docs").join(path)).ok()?));
    folders.chain(["index.md".to_owned()]).filter_map(page).collect()
}

fn write(pages: &BTreeMap<String, String>) {
    for stale in written().keys().filter(|path| !pages.contains_key(*path)) {
        fs::remove_file(root().join("docs").join(stale)).expect("a stale page can be removed");
    }
    for (path, text) in pages {
        let file = root().join("docs").join(path);
        fs::create_dir_all(file.parent().expect("a page is in a folder")).expect("a folder can be made");
        fs::write(file, text).expect("a page can be written");
    }
}

#[test]
fn pages_are_those_of_the_declarations() {
    let pages = docs::pages::<Socle>(&examples());
    if env::var_os("UPDATE_DOCS").is_some() {
        write(&pages);
    }
    let written = written();
    let stale: Vec<_> =
        pages.iter().filter(|(path, text)| written.get(*path) != Some(*text)).map(|(path, _)| path).collect();
    let left: Vec<_> = written.keys().filter(|path| !pages.contains_key(*path)).collect();
    assert!(
        stale.is_empty() && left.is_empty(),
        "run `make docs`: stale {stale:?}, no longer served {left:?}"
    );
}

#[test]
fn everything_served_has_an_example() {
    assert_eq!(docs::problems::<Socle>(&examples()), Vec::<String>::new());
}

#[test]
fn a_reviewer_would_object_to_no_declaration() {
    assert_eq!(tfplugin::schema::audit::<Socle>(), Vec::<String>::new());
}
