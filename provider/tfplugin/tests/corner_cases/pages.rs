//! Registry pages.

use std::path::PathBuf;

use tfplugin::docs::{self, Examples};

use crate::provider::Corner;

/// Compares with a file of `golden/`; `UPDATE_GOLDEN=1` writes it instead.
pub(crate) fn golden(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corner_cases/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder of golden files");
        std::fs::write(&path, text).expect("a golden file");
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, wanted, "{name} differs; look at it, and run again with UPDATE_GOLDEN=1 if it is right");
}

fn examples() -> Examples {
    Examples::from([
        ("provider/provider.tf", "provider \"corner\" {}\n"),
        ("resources/corner_thing/resource.tf", "resource \"corner_thing\" \"x\" {}\n"),
        ("resources/corner_thing/import.sh", "terraform import corner_thing.x x\n"),
        ("resources/corner_thing/import-by-string-id.tf", "import {\n  id = \"x\"\n}\n"),
        ("resources/corner_thing/import-by-identity.tf", "import {\n  identity = { name = \"x\" }\n}\n"),
        ("resources/corner_bare/resource.tf", "resource \"corner_bare\" \"x\" {}\n"),
        ("data-sources/corner_lookup/data-source.tf", "data \"corner_lookup\" \"x\" {}\n"),
        ("ephemeral-resources/corner_lease/ephemeral-resource.tf", "ephemeral \"corner_lease\" \"x\" {}\n"),
        ("functions/half/function.tf", "provider::corner::half(\"x\", 2)\n"),
        ("functions/join/function.tf", "provider::corner::join(\"-\", \"a\", \"b\")\n"),
        ("functions/tell/function.tf", "provider::corner::tell(null)\n"),
    ])
}

#[test]
fn are_written_for_everything_that_is_served() {
    let pages = docs::pages::<Corner>(&examples());
    for (path, text) in &pages {
        golden(path, text);
    }
    assert_eq!(
        pages.keys().collect::<Vec<_>>(),
        [
            "data-sources/lookup.md",
            "ephemeral-resources/lease.md",
            "functions/half.md",
            "functions/join.md",
            "functions/tell.md",
            "index.md",
            "resources/bare.md",
            "resources/thing.md",
        ]
    );
}

#[test]
fn complete_examples_have_no_problem() {
    assert_eq!(docs::problems::<Corner>(&examples()), [""; 0]);
}

#[test]
fn missing_and_needless_examples_are_problems() {
    let examples = Examples::from([
        ("provider/provider.tf", ""),
        ("resources/corner_thing/import.sh", ""),
        ("resources/corner_old/resource.tf", ""),
    ]);
    let problems = docs::problems::<Corner>(&examples);
    assert!(problems.contains(
        &"resources/corner_thing/resource.tf is missing: add an example that can be applied".into()
    ));
    assert!(problems.contains(&"resources/corner_old is the example of something that is not served".into()));
    assert_eq!(problems.len(), 8, "{problems:#?}");
}

#[test]
fn examples_are_read_from_a_folder() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/notes");
    let read = Examples::read(&folder).expect("readable examples");
    let text = |path: &str| std::fs::read_to_string(folder.join(path)).expect("an example");
    let files = ["provider/provider.tf", "resources/notes_note/resource.tf", "functions/slug/function.tf"];
    assert_eq!(read, Examples::from(files.map(|path| (path, text(path)))));
    assert_eq!(Examples::read(&folder.join("nowhere")).expect("no examples"), Examples::default());
}
