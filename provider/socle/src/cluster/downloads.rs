//! A release that is downloaded: a bundle without images and packages, made on this machine of what projects publish.
//!
//! | in `ARCHITECTURE/RELEASE` | what it is |
//! |---|---|
//! | `manifest.json`, `SHA256SUMS` | as in any bundle; written last, so what has them is whole |
//! | `bin`, `cni` | programs, each put there when it is what its publisher says |
//! | `downloads.json` | which files came of which download, with their SHA-256 |
//! | `partial` | what is under way, emptied by whoever comes next |
//! | `lock` | held by whoever fills the folder |

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::read::GzDecoder;
use node::bundle::{CHECKSUMS, MANIFEST};
use node::fingerprint::{fingerprint, hexadecimal};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::artefacts::{self, Artefact, COMPONENTS, Content};
use crate::clients::releases::{DownloadError, Releases};
use crate::clients::retry::{Budget, Stop};

/// What was downloaded.
const LEDGER: &str = "downloads.json";
const PARTIAL: &str = "partial";
/// How long to wait before asking again for a lock that another run holds.
const TURN: Duration = Duration::from_millis(250);

/// Why a release could not be downloaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoRelease {
    /// Nobody published it.
    #[error(
        "{url} does not exist: Kubernetes {release} is not released for {architecture}, or the mirror does not have it"
    )]
    NotReleased {
        /// The file that was looked for.
        url: String,
        /// The release.
        release: String,
        /// For these processors.
        architecture: String,
    },
    /// A file does not come.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// The publisher's checksums do not have it.
    #[error("{sums} has no SHA-256 of {name}, so it is not used")]
    Unlisted {
        /// Where the checksums are.
        sums: String,
        /// The file.
        name: String,
    },
    /// It is another file than its publisher says.
    #[error(
        "{url} has the SHA-256 {found}, and its publisher says {expected}, so it is not used: it was damaged on the way, or \
         somebody changed it"
    )]
    Differs {
        /// The file.
        url: String,
        /// As it came.
        found: String,
        /// As it should be.
        expected: String,
    },
    /// An archive has not what it should have.
    #[error("{url} has no {program}")]
    Lacking {
        /// The archive.
        url: String,
        /// What it lacks.
        program: String,
    },
    /// This machine cannot keep it.
    #[error("cannot {step} {path}: {source}")]
    Disk {
        /// What was attempted, as a verb.
        step: &'static str,
        /// What it was attempted on.
        path: String,
        /// The system's answer.
        source: io::Error,
    },
    /// The run ended while another one downloads.
    #[error("another run downloads to {folder}, and {why}")]
    Waited {
        /// The folder.
        folder: String,
        /// What ended this one.
        why: Stop,
    },
}

/// Downloads what is missing of a release; answers the folder of bundles in which it is. What is there and whole is not
/// asked for again.
pub(super) async fn complete(
    releases: &Releases,
    release: &str,
    architecture: &str,
    budget: &Budget,
) -> Result<PathBuf, NoRelease> {
    let bundles = releases.folder()?.join(architecture);
    let folder = bundles.join(release);
    let mut whole = releases.whole().lock().await;
    if !whole.contains(&folder) {
        let filling = Filling { releases, folder: &folder, budget };
        filling.complete(release, architecture).await?;
        whole.insert(folder);
    }
    Ok(bundles)
}

/// The SHA-256 of files of a bundle, by their paths.
type Files = BTreeMap<String, String>;
/// All files of a bundle, by the download that they came of.
type Ledger = BTreeMap<String, Files>;

/// A folder that is being filled.
struct Filling<'f> {
    releases: &'f Releases,
    folder: &'f Path,
    budget: &'f Budget,
}

impl Filling<'_> {
    async fn complete(&self, release: &str, architecture: &str) -> Result<(), NoRelease> {
        fs::create_dir_all(self.folder).map_err(at("make the folder", self.folder))?;
        let _lock = self.lock().await?;
        self.empty()?;
        let artefacts = artefacts::of_release(release, architecture);
        let mut ledger = self.ledger();
        ledger.retain(|file, _| artefacts.iter().any(|artefact| artefact.file == *file));
        for artefact in artefacts {
            if ledger.get(&artefact.file).is_some_and(|files| self.has(files)) {
                continue;
            }
            let files = self.download(&artefact).await;
            let files = files.map_err(|error| not_released(error, &artefact, release, architecture))?;
            ledger.insert(artefact.file, files);
            self.write(LEDGER, &pretty(&json!(ledger)))?;
        }
        self.seal(release, architecture, &ledger)
    }

    /// Waits for its turn; the lock ends with whoever holds it, however that ends.
    async fn lock(&self) -> Result<File, NoRelease> {
        let path = self.folder.join("lock");
        let file = File::create(&path).map_err(at("open", &path))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => self
                    .budget
                    .pause(TURN)
                    .await
                    .map_err(|why| NoRelease::Waited { folder: self.folder.display().to_string(), why })?,
                Err(TryLockError::Error(source)) => return Err(at("lock", &path)(source)),
            }
        }
    }

    /// Makes the folders; what a run that was killed had under way goes.
    fn empty(&self) -> Result<(), NoRelease> {
        let partial = self.folder.join(PARTIAL);
        match fs::remove_dir_all(&partial) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(at("remove", &partial)(source));
            }
            _ => {}
        }
        for folder in ["bin", "cni", PARTIAL].map(|name| self.folder.join(name)) {
            fs::create_dir_all(&folder).map_err(at("make the folder", &folder))?;
        }
        Ok(())
    }

    /// What earlier runs downloaded. One that cannot be read says nothing.
    fn ledger(&self) -> Ledger {
        let text = fs::read_to_string(self.folder.join(LEDGER)).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Are all of these files there, and as they came?
    fn has(&self, files: &Files) -> bool {
        let is_whole = |(path, sum): (&String, &String)| {
            File::open(self.folder.join(path))
                .and_then(|file| copied(file, io::sink()))
                .is_ok_and(|found| found == *sum)
        };
        !files.is_empty() && files.iter().all(is_whole)
    }

    /// Downloads a file, and puts what is in it into its place when it is what its publisher says.
    async fn download(&self, artefact: &Artefact) -> Result<Files, NoRelease> {
        self.unseal()?;
        let (name, url) = (artefact.name(), self.releases.url(&artefact.file));
        let sums = self.releases.text(&artefact.sums, self.budget).await?;
        let unlisted =
            || NoRelease::Unlisted { sums: self.releases.url(&artefact.sums), name: name.to_owned() };
        let expected = artefacts::checksum(&sums, name).ok_or_else(unlisted)?;
        let partial = self.folder.join(PARTIAL).join(name);
        let found = self.releases.fetch(&artefact.file, &partial, self.budget).await?;
        if found != expected {
            return Err(NoRelease::Differs { url, found, expected });
        }
        match artefact.content {
            Content::Program(path) => {
                self.put(&partial, path)?;
                Ok(Files::from([(path.to_owned(), found)]))
            }
            Content::Archive { folder, programs } => {
                let files = self.unpack(&partial, &url, folder, programs)?;
                fs::remove_file(&partial).map_err(at("remove", &partial))?;
                Ok(files)
            }
        }
    }

    fn unpack(&self, archive: &Path, url: &str, folder: &str, programs: &[&str]) -> Result<Files, NoRelease> {
        let unread = at("unpack", archive);
        let mut archive =
            tar::Archive::new(GzDecoder::new(File::open(archive).map_err(at("open", archive))?));
        let mut files = Files::new();
        for entry in archive.entries().map_err(&unread)? {
            let entry = entry.map_err(&unread)?;
            let Some(name) = program(&entry).map_err(&unread)? else { continue };
            if programs.is_empty() || programs.contains(&name.as_str()) {
                // Flat, whatever folder of the archive it was in.
                let (path, partial) = (format!("{folder}/{name}"), self.folder.join(PARTIAL).join(&name));
                let kept = File::create(&partial).map_err(at("make", &partial))?;
                let sum = copied(entry, kept).map_err(&unread)?;
                self.put(&partial, &path)?;
                files.insert(path, sum);
            }
        }
        let lacking = programs.iter().find(|name| !files.contains_key(&format!("{folder}/{name}")));
        match lacking.or((files.is_empty()).then_some(&"program")) {
            Some(program) => Err(NoRelease::Lacking { url: url.to_owned(), program: (*program).to_owned() }),
            None => Ok(files),
        }
    }

    /// A file gets its name only as a whole.
    fn put(&self, partial: &Path, path: &str) -> Result<(), NoRelease> {
        fs::rename(partial, self.folder.join(path)).map_err(at("rename", partial))
    }

    /// From here on until it is sealed, nobody takes it for a bundle.
    fn unseal(&self) -> Result<(), NoRelease> {
        let path = self.folder.join(CHECKSUMS);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(at("remove", &path)(source)),
            _ => Ok(()),
        }
    }

    /// Makes a bundle of what is there.
    fn seal(&self, release: &str, architecture: &str, ledger: &Ledger) -> Result<(), NoRelease> {
        let sums: BTreeMap<_, _> = ledger.values().flatten().collect();
        let size = |path: &String| {
            let place = self.folder.join(path);
            place.metadata().map(|metadata| metadata.len()).map_err(at("look at", &place))
        };
        let files: Result<BTreeMap<_, _>, NoRelease> =
            sums.keys().map(|path| Ok((*path, size(path)?))).collect();
        let manifest = pretty(&json!({
            "format": 1, "kubernetes": release, "architecture": architecture,
            "components": BTreeMap::from(COMPONENTS), "images": [], "files": files?,
        }));
        let own = (MANIFEST.to_owned(), fingerprint(manifest.as_bytes()));
        let lines = sums.into_iter().chain([(&own.0, &own.1)]).map(|(path, sum)| format!("{sum}  {path}"));
        let checksums = lines.collect::<Vec<_>>().join("\n") + "\n";
        self.write(MANIFEST, &manifest)?;
        self.write(CHECKSUMS, &checksums)
    }

    /// Writes a text file, unless it says so already.
    fn write(&self, name: &str, text: &str) -> Result<(), NoRelease> {
        if fs::read_to_string(self.folder.join(name)).is_ok_and(|found| found == text) {
            return Ok(());
        }
        let partial = self.folder.join(PARTIAL).join(name);
        fs::write(&partial, text).map_err(at("write", &partial))?;
        self.put(&partial, name)
    }
}

/// The name of what an archive has there, when it may be executed.
fn program<R: Read>(entry: &tar::Entry<'_, R>) -> io::Result<Option<String>> {
    let header = entry.header();
    let path = entry.path()?;
    let name = path.file_name().and_then(|name| name.to_str());
    let is_program = header.entry_type().is_file() && header.mode()? & 0o111 != 0;
    Ok(name.filter(|_| is_program).map(str::to_owned))
}

/// Copies to the end; the SHA-256 of what was copied.
fn copied(mut from: impl Read, mut to: impl Write) -> io::Result<String> {
    let (mut hash, mut piece) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        let length = from.read(&mut piece)?;
        if length == 0 {
            return Ok(hexadecimal(&hash.finalize()));
        }
        hash.update(&piece[..length]);
        to.write_all(&piece[..length])?;
    }
}

fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

/// A release is what the user chose; what goes with it was chosen here.
fn not_released(error: NoRelease, artefact: &Artefact, release: &str, architecture: &str) -> NoRelease {
    match error {
        NoRelease::Download(DownloadError::NotFound { url }) if artefact.is_of_kubernetes() => {
            NoRelease::NotReleased { url, release: release.to_owned(), architecture: architecture.to_owned() }
        }
        other => other,
    }
}

fn at(step: &'static str, path: &Path) -> impl Fn(io::Error) -> NoRelease {
    let path = path.display().to_string();
    move |source| NoRelease::Disk { step, path: path.clone(), source }
}

#[cfg(test)]
mod tests;
