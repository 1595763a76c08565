//! The example, as a program for the tests: cargo tells them where a binary is, but not where an example is.

use std::process::ExitCode;

#[path = "../../examples/notes.rs"]
mod notes;

fn main() -> ExitCode {
    notes::main()
}
