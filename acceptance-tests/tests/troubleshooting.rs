//! The messages that `docs/troubleshooting.md` explains are those that the programs print.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The messages that the page has as headings: what stands between the first backtick and the last.
fn headings(page: &str) -> Vec<String> {
    let headings = page.lines().filter_map(|line| line.strip_prefix("### `"));
    headings.filter_map(|rest| rest.strip_suffix('`')).map(str::to_owned).collect()
}

/// The text of all sources that print messages, as a reader sees them: the pieces of a literal joined, what is filled in
/// as `…`.
fn messages() -> Result<String> {
    let mut text = String::new();
    for folder in ["provider/socle/src", "provider/backup-agent/src", "ansible-modules"] {
        read_into(&mut text, &root().join(folder))?;
    }
    Ok(filled_in(&joined(&text)))
}

fn read_into(text: &mut String, folder: &Path) -> Result {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            read_into(text, &path)?;
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            *text += &fs::read_to_string(path)?;
        }
    }
    Ok(())
}

/// A backslash at the end of a line joins it to the next, without that one's indentation; `\"` is a quote.
fn joined(source: &str) -> String {
    let mut pieces = source.split("\\\n");
    let first = pieces.next().unwrap_or_default().to_owned();
    let joined = pieces.fold(first, |text, piece| text + piece.trim_start());
    joined.replace("\\\"", "\"")
}

/// `{name}`, `{0:?}` and the like become `…`.
fn filled_in(text: &str) -> String {
    let mut found = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        found += before;
        let is_short = |end: &usize| !after[..*end].contains(['\n', ' ', '"']);
        if let Some(end) = after.find('}').filter(is_short) {
            found.push('…');
            rest = &after[end + 1..];
        } else {
            found.push('{');
            rest = after;
        }
    }
    found + rest
}

#[test]
fn every_message_is_one_of_the_sources() -> Result {
    let page = fs::read_to_string(root().join("docs/troubleshooting.md"))?;
    let (messages, headings) = (messages()?, headings(&page));
    assert!(headings.len() > 20, "the page has lost its headings: {headings:?}");
    // A placeholder of the page may stand for one that is quoted by the source, or the other way round.
    let plain = |text: &str| text.replace(['"', '`'], "");
    let messages = plain(&messages);
    let unknown: Vec<_> = headings.iter().filter(|heading| !messages.contains(&plain(heading))).collect();
    assert!(unknown.is_empty(), "no source prints: {unknown:#?}");
    Ok(())
}

#[test]
fn a_literal_is_read_as_it_is_printed() {
    let source = "#[error(\n    \"host {host} belongs to \\\"{name}\\\" ({id:?}). \\\n     Take another {}\"\n)] x { y }";
    let read = filled_in(&joined(source));
    assert!(read.contains("host … belongs to \"…\" (…). Take another …"), "{read}");
    assert!(read.contains("x { y }"), "{read}");
}
