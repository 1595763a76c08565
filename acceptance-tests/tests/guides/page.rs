//! A page of the documentation, as what a reader would copy out of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// A fenced block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// The first word after the fence: `hcl`, `sh`; empty when there is none.
    pub(crate) language: String,
    /// The text between the fences, without their indentation.
    pub(crate) text: String,
    /// The line of the opening fence, from 1.
    pub(crate) line: usize,
}

/// The pages that a reader is to follow.
pub(crate) fn pages() -> io::Result<Vec<PathBuf>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let guides = fs::read_dir(root.join("docs/guides"))?.flatten().map(|entry| entry.path());
    let others = ["README.md", "CONTRIBUTING.md", "docs/sandbox.md", "docs/troubleshooting.md"];
    let others = others.into_iter().chain(["examples/social-network/README.md"]).map(|page| root.join(page));
    let mut pages: Vec<_> = guides.chain(others).collect();
    pages.sort();
    Ok(pages)
}

/// The fenced blocks of a page. A comment `<!-- hcl … -->` counts as a block, too: what a reader has already, and a
/// test does not.
pub(crate) fn blocks(text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<(Block, &str)> = None;
    for (index, line) in text.lines().enumerate() {
        let bare = line.trim_start();
        open = match open {
            None => opened(bare, index + 1),
            Some((block, end)) if bare == end => {
                found.push(block);
                None
            }
            Some((mut block, end)) => {
                block.text.extend([line, "\n"]);
                Some((block, end))
            }
        };
    }
    found
}

fn opened(line: &str, number: usize) -> Option<(Block, &'static str)> {
    let (language, end) = match line.strip_prefix("```") {
        Some(language) => (language, "```"),
        None => (line.strip_prefix("<!-- ").filter(|language| *language == "hcl")?, "-->"),
    };
    let language = language.split_whitespace().next().unwrap_or_default().to_owned();
    Some((Block { language, text: String::new(), line: number }, end))
}

/// The declarations of a page, by their headers: what is declared again further down stands in place of the first.
pub(crate) fn declarations(blocks: &[Block]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for block in blocks.iter().filter(|block| block.language == "hcl") {
        let mut header = String::new();
        let mut text = String::new();
        for line in block.text.lines() {
            let begins = line.starts_with(|first: char| first.is_ascii_lowercase());
            if begins && header.is_empty() {
                line.trim_end_matches([' ', '{', '}']).clone_into(&mut header);
            }
            text.extend([line, "\n"]);
            if line.starts_with('}') || (begins && line.ends_with('}')) {
                found.insert(std::mem::take(&mut header), std::mem::take(&mut text));
            }
        }
        if !text.trim().is_empty() {
            // Not a declaration, so not valid by itself: the validation will say so.
            found.insert(format!("line {}", block.line), text);
        }
    }
    // That is for the configuration of Terraform itself.
    found.remove("provider_installation");
    found
}

/// The files that HCL reads with `file("…")`.
pub(crate) fn files_read(hcl: &str) -> Vec<String> {
    let calls = ["file(\"", "templatefile(\""].into_iter().flat_map(|call| hcl.split(call).skip(1));
    let paths =
        calls.filter_map(|rest| rest.split_once('"')).map(|(path, _)| path.replace("${path.module}/", ""));
    paths.filter(|path| !path.contains("${")).collect()
}

#[test]
fn a_block_begins_with_its_language_and_ends_with_a_fence() {
    let text = "a\n\n```hcl\nx = 1\n```\n<!-- hcl\ny = 2\n-->\n";
    let told: Vec<_> =
        blocks(text).into_iter().map(|block| (block.language, block.text, block.line)).collect();
    let expected = [("hcl".to_owned(), "x = 1\n".to_owned(), 3), ("hcl".to_owned(), "y = 2\n".to_owned(), 6)];
    assert_eq!(told, expected);
}

#[test]
fn a_later_declaration_stands_in_place_of_an_earlier_one() {
    let text = "```hcl\nvariable \"a\" {}\nlocals {\n  x = 1\n}\n```\n```hcl\nlocals {\n  x = 2\n}\n```\n";
    let found = declarations(&blocks(text));
    assert_eq!(found.keys().collect::<Vec<_>>(), ["locals", "variable \"a\""]);
    assert!(found["locals"].contains("x = 2"), "{found:?}");
}
