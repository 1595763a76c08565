//! Files as the source of a backup, with every error of reading them noted: `rustic_core` goes on without a word.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustic_core::{
    Excludes, LocalSource, LocalSourceFilterOptions, LocalSourceSaveOptions, ReadSource, ReadSourceEntry,
    ReadSourceOpen, RusticResult,
};

use super::repository::told;
use super::sizes::Sizes;
use crate::configuration::Files;

/// So many problems are told one by one.
const TOLD: usize = 20;

/// Files, and what could not be read of them.
#[derive(Debug)]
pub struct FileSource {
    source: LocalSource,
    findings: Findings,
}

/// What was found while reading.
#[derive(Debug, Clone, Default)]
pub struct Findings(Arc<Mutex<Found>>);

#[derive(Debug, Default)]
struct Found {
    problems: Vec<String>,
    sizes: Sizes,
}

/// A file that is to be read.
#[derive(Debug)]
pub struct FileToOpen {
    file: <LocalSource as ReadSource>::Open,
    path: PathBuf,
    size: u64,
    findings: Findings,
}

/// A file that is being read.
#[derive(Debug)]
pub struct OpenFile {
    file: File,
    path: PathBuf,
    /// What it had when it was listed, and what was read.
    size: u64,
    read: u64,
    findings: Findings,
}

/// Why files cannot be backed up at all.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// A path of the policy is not there.
    #[error("source.files.paths: cannot look at {}: {source}", path.display())]
    Path {
        /// The path.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A pattern is none.
    #[error("source.files.exclude: {0}")]
    Exclude(String),
}

impl FileSource {
    /// The files of a policy.
    pub fn new(files: &Files) -> Result<Self, FilesError> {
        let paths = outermost(&files.paths);
        for path in &paths {
            fs::symlink_metadata(path).map_err(|source| FilesError::Path { path: path.clone(), source })?;
        }
        let mut excludes = Excludes::default();
        // `rustic_core` takes what to keep; a `!` turns it round.
        excludes.globs = files.exclude.iter().map(|pattern| format!("!{pattern}")).collect();
        let source = LocalSource::new(
            LocalSourceSaveOptions::default(),
            &excludes,
            &LocalSourceFilterOptions::default(),
            &paths,
        );
        let source = source.map_err(|error| FilesError::Exclude(told(&error)))?;
        Ok(Self { source, findings: Findings::default() })
    }

    /// What could not be read, so far.
    pub fn findings(&self) -> Findings {
        self.findings.clone()
    }
}

/// Sorted, without those that are inside of another one.
pub fn outermost(paths: &[PathBuf]) -> Vec<PathBuf> {
    let mut sorted: Vec<PathBuf> = paths.iter().map(|path| path.components().collect()).collect();
    sorted.sort();
    sorted.dedup();
    let is_inside = |path: &Path| sorted.iter().any(|other| other != path && path.starts_with(other));
    sorted.iter().filter(|path| !is_inside(path)).cloned().collect()
}

impl Findings {
    /// Sentences, the last of which counts those that are not told.
    pub fn told(&self) -> Vec<String> {
        let problems = &self.lock().problems;
        let more = problems.len().saturating_sub(TOLD);
        let rest = (more > 0).then(|| format!("and {more} more"));
        problems.iter().take(TOLD).cloned().chain(rest).collect()
    }

    /// The sizes of files that grew or shrank while they were read.
    pub fn sizes(&self) -> Sizes {
        self.lock().sizes.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Found> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A file that went away between being listed and being read was deleted: that is its state.
    fn note(&self, what: String) {
        if !what.contains("(os error 2)") {
            self.lock().problems.push(what);
        }
    }
}

impl ReadSource for FileSource {
    type Open = FileToOpen;
    type Iter = Box<dyn Iterator<Item = RusticResult<ReadSourceEntry<FileToOpen>>> + Send>;

    fn size(&self) -> RusticResult<Option<u64>> {
        self.source.size()
    }

    fn entries(&self) -> Self::Iter {
        let findings = self.findings.clone();
        let entries = self.source.entries().map(move |entry| {
            let noting = findings.clone();
            let entry = entry.inspect_err(|error| noting.note(told(error)))?;
            let ReadSourceEntry { path, node, open } = entry;
            let size = node.meta.size;
            let open = open.map(|file| FileToOpen { file, path: path.clone(), size, findings: noting });
            Ok(ReadSourceEntry { path, node, open })
        });
        Box::new(entries)
    }
}

impl ReadSourceOpen for FileToOpen {
    type Reader = OpenFile;

    fn open(self) -> RusticResult<OpenFile> {
        let file = self.file.open().inspect_err(|error| self.findings.note(told(error)))?;
        Ok(OpenFile { file, path: self.path, size: self.size, read: 0, findings: self.findings })
    }
}

impl Read for OpenFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer).inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                self.findings.note(format!("cannot read {}: {error}", self.path.display()));
            }
        })?;
        self.read += read as u64;
        if read == 0 && !buffer.is_empty() && self.read != self.size {
            self.findings.lock().sizes.insert(self.path.clone(), self.read);
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_inside_of_others_are_backed_up_once() {
        let paths = ["/srv/a/b", "/srv/a", "/srv/ab", "/srv/a/", "/etc"].map(PathBuf::from);
        assert_eq!(outermost(&paths), ["/etc", "/srv/a", "/srv/ab"].map(PathBuf::from));
    }

    #[test]
    fn a_path_that_is_not_there_is_an_error_not_an_empty_backup() {
        let files = Files { paths: vec!["/not/there".into()], ..Files::default() };
        let refusal = FileSource::new(&files).unwrap_err().to_string();
        assert!(refusal.contains("/not/there"), "{refusal}");
    }

    #[test]
    fn many_problems_are_counted_and_a_vanished_file_is_none() {
        let findings = Findings::default();
        findings.note("gone: No such file or directory (os error 2)".to_owned());
        assert_eq!(findings.told(), [""; 0]);
        (0..30).for_each(|n| findings.note(format!("{n}")));
        assert_eq!(findings.told().last().map(String::as_str), Some("and 10 more"));
    }
}
