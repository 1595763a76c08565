//! A complete provider: notes, kept as files in a folder.
//!
//! ```hcl
//! provider "notes" { folder = "/tmp" }
//! resource "notes_note" "hello" { title = "hello", text = "Hello, world" }
//! output "shout" { value = provider::notes::shout("hello") }
//! ```

use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::ExitCode;

use tfplugin::plugin::{self, Program};
use tfplugin::{
    Call, CreateError, Diagnostic, Diagnostics, Function, FunctionError, ImportId, Model, Nothing,
    Parameters, Provider, Reached, Resource, Served, Server, Terraform, Value, Wanted,
};
use tokio::fs;

/// Keeps notes as files.
#[derive(Debug, Clone, PartialEq, Model)]
struct Config {
    /// The folder of the notes.
    #[tf(required)]
    folder: Value<String>,
}

struct Notes;

impl Provider for Notes {
    type Config = Config;
    type Clients = PathBuf;
    const NAME: &'static str = "notes";

    async fn configure(config: Config, _: Terraform) -> Result<PathBuf, Diagnostics> {
        Ok(config.folder.into_known().unwrap_or_default().into())
    }

    fn serves() -> Served<PathBuf> {
        Served::new().resource::<Note>().function::<Shout>()
    }
}

/// One note.
#[derive(Debug, Clone, PartialEq, Model)]
struct Note {
    /// Its title, which is the name of its file.
    #[tf(required, requires_replace, validate(pattern("^[a-z]+$", "lower-case letters")))]
    title: Value<String>,
    /// What it says. Default: nothing.
    #[tf(optional, default = "")]
    text: Value<String>,
}

impl Resource for Note {
    type Clients = PathBuf;
    type Model = Self;
    type Identity = Nothing;
    const NAME: &'static str = "note";

    async fn read(folder: &Call<PathBuf>, mut note: Self) -> Result<Option<Self>, Diagnostics> {
        match fs::read_to_string(note.file(folder)).await {
            Ok(text) => note.text = text.into(),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Diagnostic::error("Note cannot be read", error.to_string()).into()),
        }
        Ok(Some(note))
    }

    async fn create(folder: &Call<PathBuf>, wanted: Wanted<Self>) -> Result<Self, CreateError<Self>> {
        wanted.planned.write(folder).await.map_err(CreateError::nothing)?;
        Ok(wanted.planned)
    }

    async fn update(
        folder: &Call<PathBuf>,
        prior: Self,
        wanted: Wanted<Self>,
    ) -> Result<Self, Reached<Self>> {
        wanted.planned.write(folder).await.map_err(|error| Reached::new(prior, error))?;
        Ok(wanted.planned)
    }

    async fn delete(folder: &Call<PathBuf>, note: Self) -> Result<(), Reached<Self>> {
        match fs::remove_file(note.file(folder)).await {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(Reached::new(note, Diagnostic::error("Note cannot be removed", error.to_string())))
            }
            _ => Ok(()),
        }
    }

    async fn import(_: &Call<PathBuf>, id: ImportId<Nothing>) -> Result<Self, Diagnostics> {
        let ImportId::Id(title) = id else {
            return Err(Diagnostic::error("Give the title as id", "").into());
        };
        Ok(Self { title: title.into(), text: Value::Null })
    }
}

impl Note {
    fn file(&self, folder: &Call<PathBuf>) -> PathBuf {
        folder.clients().join(self.title.known().map_or("", String::as_str))
    }

    async fn write(&self, folder: &Call<PathBuf>) -> Result<(), Diagnostic> {
        let text = self.text.known().map_or("", String::as_str);
        let written = fs::write(self.file(folder), text).await;
        written.map_err(|error| {
            Diagnostic::error("Note cannot be written", error.to_string()).at(Self::paths().text())
        })
    }
}

/// What `shout` takes.
#[derive(Parameters)]
struct Words {
    /// What to shout.
    text: String,
}

struct Shout;

impl Function for Shout {
    type Parameters = Words;
    type Result = String;
    const NAME: &'static str = "shout";
    const SUMMARY: &'static str = "Says it louder.";
    const DESCRIPTION: &'static str = "The text in capitals.";

    fn call(words: Words) -> Result<String, FunctionError> {
        Ok(words.text.to_uppercase())
    }
}

fn main() -> ExitCode {
    let version = env!("CARGO_PKG_VERSION");
    let program =
        Program { name: "terraform-provider-notes", address: "example.social/socle/notes", version };
    plugin::main(&program, Server::<Notes>::new)
}
