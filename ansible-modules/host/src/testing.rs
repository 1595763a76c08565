//! A temporary folder as a host, and a runner that answers as told and remembers what it was asked.

use std::fs;
use std::sync::{Arc, Mutex};

use crate::{Host, Output, Program, Runner};

pub(crate) struct Root {
    folder: tempfile::TempDir,
    asked: Arc<Mutex<Vec<String>>>,
}

type Answer = dyn Fn(&Program) -> Output + Send + Sync;

struct Told {
    asked: Arc<Mutex<Vec<String>>>,
    answer: Box<Answer>,
}

impl Runner for Told {
    fn run(&self, program: &Program) -> std::io::Result<Output> {
        self.asked.lock().unwrap().push(program.to_string());
        Ok((self.answer)(program))
    }
}

impl Root {
    pub(crate) fn new() -> Root {
        Root { folder: tempfile::tempdir().unwrap(), asked: Arc::default() }
    }

    pub(crate) fn with(files: &[(&str, &str)]) -> Root {
        let root = Root::new();
        for (path, text) in files {
            root.write(path, text);
        }
        root
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.host().path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        self.host().read_text(path).unwrap().unwrap_or_else(|| panic!("{path} is missing"))
    }

    pub(crate) fn host(&self) -> Host {
        Host::at(self.folder.path())
    }

    /// The host, with programs that end with code 0 and print nothing.
    pub(crate) fn obeying(&self) -> Host {
        self.answering(|_| Output { code: Some(0), ..Output::default() })
    }

    pub(crate) fn answering(&self, answer: impl Fn(&Program) -> Output + Send + Sync + 'static) -> Host {
        self.host().with_runner(Told { asked: self.asked.clone(), answer: Box::new(answer) })
    }

    /// What programs were run so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}
