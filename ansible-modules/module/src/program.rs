//! The program around a module: reads arguments, runs it, prints one JSON object.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use host::{Host, Mode};
use serde_json::{Map, Value, json};

use crate::input::{masked, secret_texts};
use crate::{About, Answer, Arguments, Input, documentation};

/// What a run may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// Whether changes are made.
    pub mode: Mode,
    /// Whether a diff is wanted.
    pub diff: bool,
}

/// What a module does with a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// It may change it, so runs wait for each other.
    Changes,
    /// It only looks.
    Looks,
}

/// A module of the collection.
pub trait Module {
    /// Its arguments.
    type Arguments: Arguments;

    /// Whether runs of it must wait for each other.
    const WORK: Work = Work::Changes;

    /// What its documentation says beside the arguments.
    fn about() -> About;

    /// Does its work. An error is a failure of the whole; failures of parts are outcomes in the answer.
    fn run(
        host: &Host,
        arguments: &Self::Arguments,
        context: Context,
    ) -> Result<Answer, Box<dyn std::error::Error>>;
}

/// Why the arguments could not be read.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error("could not read the arguments from {place}: {source}")]
    Read { place: String, source: io::Error },
    #[error(
        "the arguments in {place} are not one JSON object ({reason}): this program is called by Ansible or the provider"
    )]
    Json { place: String, reason: String },
}

/// Runs a module as a program. A panic becomes a failure, too; the program is built to abort, so it ends in the hook.
pub fn serve<M: Module>() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        let place =
            panic.location().map_or(String::new(), |place| format!(" at {}:{}", place.file(), place.line()));
        // The message may hold an argument's value, the place does not.
        print(
            &json!({ "failed": true, "changed": false, "msg": format!("a defect of this module{place}: please report it") }),
        );
        std::process::exit(1);
    }));
    let argument = std::env::args().nth(1);
    if argument.as_deref() == Some("--documentation") {
        print_text(&documentation::sidecar::<M>());
        return ExitCode::SUCCESS;
    }
    let told = match read_as(argument.as_deref()) {
        Ok(values) => answer::<M>(&Host::this(), values),
        Err(unread) => Value::Object(Answer::failure(unread.to_string()).json(false)),
    };
    print(&told);
    if told["failed"] == json!(true) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The word by which a program is told on its command line that it must not change anything.
const CHECK: &str = "--check";

fn read_as(argument: Option<&str>) -> Result<Map<String, Value>, Unread> {
    if argument != Some(CHECK) {
        return read(argument);
    }
    read(None).map(checking)
}

/// The arguments in check mode, whatever they say themselves.
fn checking(mut values: Map<String, Value>) -> Map<String, Value> {
    values.insert("_ansible_check_mode".to_owned(), Value::Bool(true));
    values
}

/// What the program prints for these arguments.
pub(crate) fn answer<M: Module>(host: &Host, values: Map<String, Value>) -> Value {
    let truth = |key: &str| values.get(key).and_then(Value::as_bool).unwrap_or(false);
    let mode = if truth("_ansible_check_mode") { Mode::Check } else { Mode::Apply };
    let context = Context { mode, diff: truth("_ansible_diff") };
    let fields = M::Arguments::fields();
    let (shown, secrets) = (masked(&values, &fields), secret_texts(&values, &fields));
    let answer = match Input::read::<M::Arguments>(values) {
        Err(faults) => Answer::failure(faults.to_string()),
        Ok(arguments) => run::<M>(host, &arguments, context),
    };
    let mut told = answer.json(context.diff);
    scrub_all(&mut told, &secrets);
    told.insert("invocation".to_owned(), json!({ "module_args": shown }));
    Value::Object(told)
}

fn run<M: Module>(host: &Host, arguments: &M::Arguments, context: Context) -> Answer {
    let done = match (context.mode, M::WORK) {
        (Mode::Check, _) | (_, Work::Looks) => M::run(host, arguments, context),
        (Mode::Apply, Work::Changes) => {
            host.alone().map_err(Into::into).and_then(|_alone| M::run(host, arguments, context))
        }
    };
    done.unwrap_or_else(|error| Answer::failure(error.to_string()))
}

/// No secret is told, wherever it came from: a program's message may repeat what it was given.
fn scrub_all(told: &mut Map<String, Value>, secrets: &[String]) {
    told.values_mut().for_each(|value| scrub(value, secrets));
}

fn scrub(value: &mut Value, secrets: &[String]) {
    match value {
        Value::String(text) => {
            for secret in secrets {
                *text = text.replace(secret, "********");
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| scrub(value, secrets)),
        Value::Object(values) => scrub_all(values, secrets),
        _ => {}
    }
}

fn read(argument: Option<&str>) -> Result<Map<String, Value>, Unread> {
    let (place, text) = match argument {
        None | Some("-") => {
            let mut text = String::new();
            ("standard input".to_owned(), io::stdin().read_to_string(&mut text).map(|_| text))
        }
        Some(path) => (path.to_owned(), std::fs::read_to_string(path)),
    };
    let text = text.map_err(|source| Unread::Read { place: place.clone(), source })?;
    match serde_json::from_str(&text) {
        Ok(Value::Object(values)) => Ok(values),
        // Not the error's own words: they may quote the arguments.
        Ok(_) => Err(Unread::Json { place, reason: "it is another value".to_owned() }),
        Err(error) => {
            Err(Unread::Json { place, reason: format!("line {}, column {}", error.line(), error.column()) })
        }
    }
}

fn print(told: &Value) {
    print_text(&format!("{told}\n"));
}

fn print_text(text: &str) {
    // Nobody is left to be told that standard output is gone.
    drop(io::stdout().write_all(text.as_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::arguments! {
        /// Arguments.
        pub(crate) struct Login {
            /// Who.
            required user: String,
            /// The password.
            secret password: Option<String>,
        }
    }

    struct Echo;

    impl Module for Echo {
        type Arguments = Login;

        fn about() -> About {
            About {
                name: "echo",
                short: "Echo",
                description: &["Echoes."],
                examples: "",
                returns: json!({}),
                diff: true,
            }
        }

        fn run(_: &Host, login: &Login, context: Context) -> Result<Answer, Box<dyn std::error::Error>> {
            let changed = context.mode == Mode::Check;
            let said = format!("{} has {:?}", login.user, login.password);
            if login.user == "nobody" {
                Err(said.into())
            } else {
                Ok(Answer { changed, msg: said, ..Answer::default() })
            }
        }
    }

    fn told(values: &Value) -> Value {
        answer::<Echo>(&Host::at("/nonexistent"), values.as_object().unwrap().clone())
    }

    #[test]
    fn a_secret_is_in_no_part_of_the_answer() {
        for user in ["root", "nobody"] {
            let told =
                told(&json!({ "user": user, "password": "correct horse", "_ansible_check_mode": true }));
            assert!(!told.to_string().contains("correct horse"), "{told}");
            assert!(told["msg"].as_str().unwrap().contains("********"), "{told}");
            assert_eq!(told["failed"], json!(user == "nobody"));
        }
    }

    #[test]
    fn check_mode_of_the_command_line_cannot_be_taken_back() {
        let values = json!({ "user": "root", "_ansible_check_mode": false });
        let told = answer::<Echo>(&Host::at("/nonexistent"), checking(values.as_object().unwrap().clone()));
        assert_eq!(told["changed"], json!(true));
    }

    #[test]
    fn check_mode_and_diff_mode_are_understood() {
        let told = told(&json!({ "user": "root", "_ansible_check_mode": true, "_ansible_diff": true }));
        assert_eq!((&told["changed"], &told["diff"]), (&json!(true), &json!([])));
        assert_eq!(told["invocation"]["module_args"], json!({ "user": "root" }));
    }

    #[test]
    fn the_documentation_follows_from_the_declaration() {
        let text = documentation::sidecar::<Echo>();
        assert_eq!(text, include_str!("../tests/golden/echo.yml"), "{text}");
    }
}
