//! What the guides tell a reader to write is valid, and what they tell to type exists.

mod command;
mod page;
mod program;

use std::error::Error;
use std::fs;
use std::path::Path;

use acceptance::provider_binary::ProviderBinary;
use acceptance::terraform::{Program, Workspace};

use command::commands;
use page::{Block, blocks, declarations, files_read, pages};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// What a reader has at the top of the root module already.
const HEAD: &str =
    "terraform {\n  required_providers {\n    socle = { source = \"socle-platform/socle\" }\n  }\n}\n";

fn read(page: &Path) -> Result<Vec<Block>> {
    Ok(blocks(&fs::read_to_string(page)?))
}

/// A file that a guide's HCL reads, by what its name promises.
fn write_file(workspace: &Workspace, path: &str) -> Result {
    let content = match Path::new(path).extension().and_then(|kind| kind.to_str()) {
        Some("yaml" | "tftpl") => "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n",
        Some("zone") => "$TTL 1h\n@ IN A 192.0.2.1\n",
        _ => "",
    };
    // The home of the workspace's programs is its folder.
    let path = path.trim_start_matches("~/");
    if let Some(folder) = Path::new(path).parent() {
        fs::create_dir_all(workspace.folder().join(folder))?;
    }
    Ok(workspace.write(path, content)?)
}

#[test]
fn every_block_of_hcl_is_valid() -> Result {
    let provider = ProviderBinary::built()?;
    for page in pages()? {
        let declared = declarations(&read(&page)?);
        if declared.is_empty() {
            continue;
        }
        let head = if declared.contains_key("terraform") { "" } else { HEAD };
        let hcl = head.to_owned() + &declared.into_values().collect::<String>();
        let workspace =
            Workspace::new(&Program::terraform()?)?.with_provider("socle-platform/socle", provider.folder());
        for path in files_read(&hcl) {
            write_file(&workspace, &path)?;
        }
        workspace.write("main.tf", &hcl)?;
        let errors: Vec<_> =
            workspace.validate()?.into_iter().filter(|told| told.severity == "error").collect();
        assert!(errors.is_empty(), "{}: {errors:#?}\n{hcl}", page.display());
    }
    Ok(())
}

#[test]
fn the_quickstart_is_valid() -> Result {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/quickstart");
    let provider = ProviderBinary::built()?;
    for program in [&Program::terraform()?, acceptance::opentofu::program()?] {
        let workspace = Workspace::new(program)?.with_provider("socle-platform/socle", provider.folder());
        for file in fs::read_dir(&folder)? {
            let file = file?;
            // Beside its sources are what it wrote when somebody ran it.
            if file
                .path()
                .extension()
                .is_some_and(|kind| ["tf", "yml", "yaml", "zone"].iter().any(|own| kind == *own))
            {
                fs::copy(file.path(), workspace.folder().join(file.file_name()))?;
            }
        }
        let errors: Vec<_> =
            workspace.validate()?.into_iter().filter(|told| told.severity == "error").collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", program.path().display());
    }
    Ok(())
}

#[test]
fn every_command_exists() -> Result {
    let mut wrong = Vec::new();
    let quickstart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/quickstart/README.md");
    for page in pages()?.into_iter().chain([quickstart]) {
        for block in read(&page)?.iter().filter(|block| block.language == "sh") {
            for command in commands(&block.text) {
                if let Err(problem) = program::check(&command) {
                    wrong.push(format!(
                        "{}, block at line {}: {command:?}: {problem}",
                        page.display(),
                        block.line
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
