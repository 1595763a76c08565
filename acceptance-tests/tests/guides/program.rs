//! Whether a command is there as a guide writes it: the program, its verb, and each of its long options.
//!
//! Programs of ours and those that the tests drive anyway are asked themselves. Of others only the name is checked, against
//! the list of what a reader may be expected to have.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use acceptance::artifacts::Artifacts;
use sandbox::cache::Cache;

/// What a reader has on her machine or can be asked to install, and what the shell brings.
const OTHERS: &[&str] = &[
    ".",
    "apt-get",
    "cat",
    "cd",
    "chmod",
    "cp",
    "curl",
    "dig",
    "echo",
    "eval",
    "export",
    "git",
    "grep",
    "helm",
    "jq",
    "journalctl",
    "kubectl",
    "kustomize",
    "mkdir",
    "npm",
    "openssl",
    "read",
    "set",
    "ssh",
    "ssh-keygen",
    "ssh-keyscan",
    "sudo",
    "systemctl",
    "tar",
    "unzip",
    "whois",
];

/// Why a command does not exist as it is written.
type Problem = String;

/// Checks one command.
pub(crate) fn check(words: &[String]) -> Result<(), Problem> {
    let name = Path::new(&words[0]).file_name().map(|name| name.to_string_lossy().into_owned());
    let arguments = &words[1..];
    match name.unwrap_or_default().as_str() {
        "make" => arguments.iter().filter(|word| !word.contains('=')).try_for_each(|verb| make(verb)),
        "cargo" => asked("cargo", arguments, "--help"),
        "sandbox" => asked(ours("sandbox")?, arguments, "--help"),
        "socle-backup" => asked(ours("socle-backup")?, arguments, "--help"),
        // It takes files alone.
        "compliance-report" => ours("compliance-report").map(drop),
        "terraform" | "tofu" => terraform(arguments),
        "vault" => asked(vault()?, arguments, "-help"),
        "restic" => asked("restic", arguments, "--help"),
        "aws" => aws(arguments),
        ansibles if ansibles.starts_with("ansible") => ansible(ansibles, arguments),
        script if Path::new(script).extension().is_some_and(|kind| kind == "sh") => exists(&words[0]),
        other if OTHERS.contains(&other) => Ok(()),
        other => Err(format!("{other:?} is no program that a reader is known to have")),
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn make(verb: &str) -> Result<(), Problem> {
    let makefile = fs::read_to_string(root().join("Makefile")).map_err(|error| error.to_string())?;
    let is_there = makefile.lines().any(|line| line.starts_with(&format!("{verb}:")));
    is_there.then_some(()).ok_or_else(|| format!("the Makefile has no {verb}"))
}

/// A script, relative to the repository or to the example.
fn exists(script: &str) -> Result<(), Problem> {
    let folders = [root(), root().join("examples/social-network")];
    let is_there = folders.iter().any(|folder| folder.join(script).is_file());
    is_there.then_some(()).ok_or_else(|| format!("there is no {script}"))
}

/// A program of this workspace.
fn ours(program: &str) -> Result<PathBuf, Problem> {
    let artifacts = Artifacts::built().map_err(|error| error.to_string())?;
    artifacts.program(program).map_err(|error| error.to_string())
}

fn vault() -> Result<PathBuf, Problem> {
    let cache = Cache::of_this_user().map_err(|error| error.to_string())?;
    Ok(sandbox::vault::programs(&cache, || ()).map_err(|error| error.to_string())?.join("vault"))
}

/// Terraform takes one global option before its verb; `apply` takes all that `plan` does, and its help says only that.
fn terraform(arguments: &[String]) -> Result<(), Problem> {
    let arguments: Vec<_> = arguments.iter().filter(|word| !word.starts_with("-chdir=")).cloned().collect();
    let asked_of = |verb: &str| {
        let renamed = |word: &String| if word == "apply" { verb.to_owned() } else { word.clone() };
        asked("terraform", &arguments.iter().map(renamed).collect::<Vec<_>>(), "-help")
    };
    asked_of("apply").or_else(|problem| asked_of("plan").map_err(|_| problem))
}

/// Asks a program that has verbs: one of them must be there, and each option.
fn asked(program: impl AsRef<Path>, arguments: &[String], help: &str) -> Result<(), Problem> {
    let program = program.as_ref();
    let verbs = verbs(program, arguments, help)?;
    // A guide writes in capitals what a reader is to put there.
    let is_placeholder = |word: &String| word.chars().all(|letter| letter.is_ascii_uppercase());
    if verbs.is_empty() && !arguments.is_empty() && !arguments.iter().any(is_placeholder) {
        return Err(format!("{} knows none of {arguments:?}", program.display()));
    }
    has_options(program, &verbs, arguments, help)
}

/// Asks one of Ansible's programs, only some of which have verbs.
fn ansible(name: &str, arguments: &[String]) -> Result<(), Problem> {
    let cache = Cache::of_this_user().map_err(|error| error.to_string())?;
    let environment = sandbox::ansible::folder(&cache, || ()).map_err(|error| error.to_string())?;
    let program = environment.join("bin").join(name);
    let verbs = match name {
        "ansible-galaxy" => arguments.iter().take(2).cloned().collect(),
        _ => Vec::new(),
    };
    has_options(&program, &verbs, arguments, "--help")
}

/// Looks for each option in the help on the verb and on the program itself.
fn has_options(program: &Path, verbs: &[String], arguments: &[String], help: &str) -> Result<(), Problem> {
    let mut known = String::new();
    for depth in 0..=verbs.len() {
        let mut command = Command::new(program);
        command.args(&verbs[..depth]).arg(help);
        known += &said(command)?;
    }
    let options = arguments.iter().take_while(|word| *word != "--").filter(|word| word.starts_with('-'));
    let names = options.filter_map(|option| option.split('=').next());
    match names.filter(|name| name.len() > 1).find(|name| !known.contains(name)) {
        Some(name) => Err(format!("{} {} has no option {name}", program.display(), verbs.join(" "))),
        None => Ok(()),
    }
}

/// The words that name what is to be done: the first plain one that the program lists, and the next when it is listed
/// below that (`vault kv put`).
fn verbs(program: &Path, arguments: &[String], help: &str) -> Result<Vec<String>, Problem> {
    let mut verbs: Vec<String> = Vec::new();
    for word in arguments.iter().filter(|word| !word.starts_with('-')) {
        let mut command = Command::new(program);
        command.args(&verbs).arg(help);
        let is_listed = said(command)?.lines().any(|line| first_word(line) == Some(word));
        if is_listed {
            verbs.push(word.clone());
        } else if !verbs.is_empty() {
            break;
        }
    }
    Ok(verbs)
}

/// What a line of a list is about; cargo puts a comma and an alias behind it.
fn first_word(line: &str) -> Option<&str> {
    line.split_whitespace().next().map(|word| word.trim_end_matches(','))
}

/// What a command prints on both streams, which is where programs print their help.
fn said(mut command: Command) -> Result<String, Problem> {
    command.env("CHECKPOINT_DISABLE", "1").env_remove("TF_CLI_CONFIG_FILE");
    let output = command.output().map_err(|error| format!("cannot run {command:?}: {error}"))?;
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if output.status.success() || text.contains("Usage") {
        Ok(text)
    } else {
        Err(format!("{command:?} failed: {text}"))
    }
}

/// Looks a call up in the models of AWS's own SDK, which moto brings.
fn aws(arguments: &[String]) -> Result<(), Problem> {
    const LOOK_UP: &str = "import sys, botocore.session
from botocore import xform_name as x
service, verb, options = sys.argv[1], sys.argv[2], sys.argv[3:]
service = {'s3api': 's3'}.get(service, service)
model = botocore.session.get_session().get_service_model(service)
names = {x(name, '-'): name for name in model.operation_names}
members = model.operation_model(names[verb]).input_shape.members
known = {'--' + x(member, '-') for member in members} | {'--query', '--output', '--region', '--profile'}
missing = [option for option in options if option not in known]
sys.exit(f'aws {service} {verb} has no {missing}' if missing else 0)
";
    let cache = Cache::of_this_user().map_err(|error| error.to_string())?;
    let mut python = acceptance::moto::command(&cache, ([127, 0, 0, 1], 0).into(), || ())
        .map(|server| Command::new(server.get_program()))
        .map_err(|error| error.to_string())?;
    let options = arguments.iter().skip(2).filter(|word| word.starts_with("--"));
    python.args(["-c", LOOK_UP]).args(arguments.iter().take(2)).args(options);
    said(python).map(drop)
}
