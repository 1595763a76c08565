//! A complete provider: notes, kept as files in a folder. To try it, run `cargo run --example notes -- --debug` in one
//! shell; in another, set the variable that it prints, and run `terraform apply` in the folder `notes` beside this file.

use std::{fs, io, path::PathBuf, process::ExitCode};
use tfplugin::{plugin, prelude::*};

/// Keeps notes as files.
#[derive(Debug, Clone, PartialEq, Model)]
struct Notes {
    /// The folder of the notes.
    #[tf(required)]
    folder: Value<String>,
}

impl Provider for Notes {
    type Config = Self;
    type Clients = PathBuf;
    const NAME: &'static str = "notes";
    async fn configure(config: Self, _: Terraform) -> Result<PathBuf, Diagnostics> {
        Ok(config.folder.into_known().unwrap_or_default().into())
    }

    fn serves() -> Served<PathBuf> {
        Served::new().resource::<Note>().function::<Slug>()
    }
}

/// One note.
#[derive(Debug, Clone, PartialEq, Model)]
struct Note {
    /// Its title, which is the name of its file.
    #[tf(required, requires_replace, validate(pattern("^[a-z-]+$", "lower-case letters and hyphens")))]
    title: Value<String>,
    /// What it says. Default: `""`.
    #[tf(optional, default = "")]
    text: Value<String>,
}

impl Note {
    fn file(&self, folder: &Call<PathBuf>) -> PathBuf {
        folder.clients().join(self.title.known().map_or("", String::as_str))
    }

    fn write(&self, folder: &Call<PathBuf>) -> Result<(), Diagnostic> {
        let written = fs::write(self.file(folder), self.text.known().map_or("", String::as_str));
        written.map_err(|error| Diagnostic::error("Cannot write", error.to_string()).at(Self::paths().text()))
    }
}

impl Resource for Note {
    type Clients = PathBuf;
    type Model = Self;
    type Identity = Nothing;
    const NAME: &'static str = "note";
    async fn read(folder: &Call<PathBuf>, note: Self) -> Result<Option<Self>, Diagnostics> {
        match fs::read_to_string(note.file(folder)) {
            Ok(text) => Ok(Some(Self { text: text.into(), ..note })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Diagnostic::error("Cannot read the note", error.to_string()).into()),
        }
    }

    async fn create(folder: &Call<PathBuf>, note: Wanted<Self>) -> Result<Self, CreateError<Self>> {
        note.planned.write(folder).map(|()| note.planned).map_err(CreateError::nothing)
    }

    async fn update(folder: &Call<PathBuf>, old: Self, new: Wanted<Self>) -> Result<Self, Reached<Self>> {
        new.planned.write(folder).map(|()| new.planned).map_err(|error| Reached::new(old, error))
    }

    async fn delete(folder: &Call<PathBuf>, note: Self) -> Result<(), Reached<Self>> {
        let removed = fs::remove_file(note.file(folder)).map_err(|error| error.to_string());
        removed.map_err(|error| Reached::new(note, Diagnostic::error("Cannot remove the note", error)))
    }
}

#[derive(Parameters)]
struct Slug {
    /// Any text.
    text: String,
}

impl Function for Slug {
    type Parameters = Self;
    type Result = String;
    const NAME: &'static str = "slug";
    const SUMMARY: &'static str = "Makes a title of a text.";
    const DESCRIPTION: &'static str = "The text in lower case, with a hyphen for each space.";
    fn call(slug: Self) -> Result<String, FunctionError> {
        Ok(slug.text.to_lowercase().replace(' ', "-"))
    }
}

pub(crate) fn main() -> ExitCode {
    let notes = plugin::Program { name: "notes", address: "example.social/socle/notes", version: "1.0.0" };
    plugin::main(&notes, Server::<Notes>::new)
}
