//! `compliance-report REPORT.json… > page.html`: the compliance report of a fleet.
//!
//! Each file is one host: `{"host": …, "profile": …, "controls": [{"id", "standing", "observed", "wanted", "reason"}]}`.
//! Exit 0, or 1 and what is wrong with which file on standard error; then nothing is printed on standard output.

use std::fmt::{self, Display};
use std::io::{self, Write};
use std::process::ExitCode;
use std::{env, fs};

use host::hardening::compliance;
use host::hardening::outcome::HostReport;

/// Why there is no page.
enum ReportFault {
    NoFiles,
    Read { file: String, source: io::Error },
    Form { file: String, source: serde_json::Error },
    Write(io::Error),
}

impl Display for ReportFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReportFault::NoFiles => {
                f.write_str("name the hosts' files: compliance-report REPORT.json… > page.html")
            }
            ReportFault::Read { file, source } => write!(f, "could not read {file}: {source}"),
            ReportFault::Form { file, source } => {
                write!(
                    f,
                    "{file} is not the report of a host ({source}): give what the module `hardening` told"
                )
            }
            ReportFault::Write(source) => write!(f, "could not write the page: {source}"),
        }
    }
}

fn main() -> ExitCode {
    match run(env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("compliance-report: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn run(files: Vec<String>) -> Result<(), ReportFault> {
    if files.is_empty() {
        return Err(ReportFault::NoFiles);
    }
    let reports = files.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let page = compliance::page(&reports);
    io::stdout().write_all(page.as_bytes()).map_err(ReportFault::Write)
}

fn read(file: String) -> Result<HostReport, ReportFault> {
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(source) => return Err(ReportFault::Read { file, source }),
    };
    serde_json::from_str(&text).map_err(|source| ReportFault::Form { file, source })
}
