//! A temporary folder as a host, and a runner that answers as told and remembers what it was asked.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
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

    /// The texts of all files below a folder, by their paths.
    pub(crate) fn files(&self, folder: &str) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for entry in fs::read_dir(self.host().path(folder)).into_iter().flatten().flatten() {
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                found.extend(self.files(&path));
            } else {
                found.insert(path.clone(), self.read(&path));
            }
        }
        found
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

/// A systemd of one host: it knows a unit once it has read its file, and starts what it is told to.
#[derive(Clone, Default)]
pub(crate) struct Systemd {
    units: Arc<Mutex<BTreeMap<String, Unit>>>,
    verbs: Arc<Mutex<Vec<String>>>,
    fails: bool,
}

#[derive(Default)]
struct Unit {
    file: Option<String>,
    enabled: bool,
    active: bool,
}

impl Systemd {
    /// One whose units do not start.
    pub(crate) fn failing() -> Systemd {
        Systemd { fails: true, ..Systemd::default() }
    }

    /// The host, with this systemd; other programs end with code 0 and print nothing.
    pub(crate) fn of(&self, root: &Root) -> Host {
        let (systemd, folder) = (self.clone(), root.host());
        root.answering(move |program| match program.name() {
            "systemctl" => systemd.answer(&folder, program.arguments()),
            "journalctl" => said("its last words\n"),
            _ => said(""),
        })
    }

    /// The same, where one program accepts nothing.
    pub(crate) fn refusing(&self, root: &Root, name: &'static str) -> Host {
        let (systemd, folder) = (self.clone(), root.host());
        root.answering(move |program| match program.name() {
            "systemctl" => systemd.answer(&folder, program.arguments()),
            other if other == name => Output { code: Some(1), ..Output::default() },
            _ => said(""),
        })
    }

    /// What it was told since the last time, without the unit.
    pub(crate) fn verbs(&self) -> Vec<String> {
        std::mem::take(&mut self.verbs.lock().unwrap())
    }

    fn answer(&self, host: &Host, words: &[String]) -> Output {
        let (verb, name) = (words[0].as_str(), words.last().unwrap().clone());
        let on_disk = |name: &str| host.read_text(&format!("/etc/systemd/system/{name}")).unwrap();
        let place = host.path(&format!("/etc/systemd/system/{name}"));
        let mut units = self.units.lock().unwrap();
        if verb == "show" {
            let (unit, there) = (units.entry(name.clone()).or_default(), on_disk(&name));
            let is_known = unit.file.is_some() || name.ends_with(".target");
            let load = if place.is_symlink() {
                "masked"
            } else if is_known {
                "loaded"
            } else {
                "not-found"
            };
            let file = if unit.enabled { "enabled" } else { "disabled" };
            let active = if unit.active { "active" } else { "inactive" };
            let stale = if unit.file == there { "no" } else { "yes" };
            return said(&format!(
                "LoadState={load}\nUnitFileState={file}\nActiveState={active}\nNeedDaemonReload={stale}\n"
            ));
        }
        self.verbs.lock().unwrap().push(verb.to_owned());
        let unit = units.entry(name).or_default();
        match verb {
            "enable" => unit.enabled = true,
            "disable" => unit.enabled = false,
            "stop" => unit.active = false,
            "mask" => {
                fs::create_dir_all(place.parent().unwrap()).unwrap();
                symlink("/dev/null", place).unwrap();
            }
            "start" | "restart" if self.fails => return Output { code: Some(1), ..Output::default() },
            "start" | "restart" => unit.active = true,
            "daemon-reload" => units.iter_mut().for_each(|(name, unit)| unit.file = on_disk(name)),
            _ => {}
        }
        said("")
    }
}

fn said(text: &str) -> Output {
    Output { code: Some(0), stdout: text.to_owned(), ..Output::default() }
}
