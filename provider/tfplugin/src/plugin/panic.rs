//! What becomes of a panic.
//!
//! Terraform takes a line `panic: …` on stderr for the crash of the plugin and shows it in place of
//! the failed call. So a panic inside a call stays inside it ([`in_call`]), to become a diagnostic, and
//! only a panic elsewhere is written in that form.

use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::fmt;
use std::io::{self, Write as _};
use std::panic::{AssertUnwindSafe, PanicHookInfo};
use std::thread;

use futures::FutureExt as _;

tokio::task_local! {
    /// Set while a call runs; the hook leaves the panic here, for only the hook knows the place.
    static CALL: RefCell<Option<PanicMessage>>;
}

/// What a panic said, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct PanicMessage {
    /// The text given to `panic!`.
    pub message: String,
    /// `file:line:column` of it; none where [`main`](super::main) has not set the hook.
    pub location: Option<String>,
}

impl fmt::Display for PanicMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Some(location) => write!(f, "{} ({location})", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// Runs a call, and returns its panic instead of spreading it.
///
/// The mark does not follow what the call spawns: wrap a spawned future or a blocking closure too,
/// or its panic is reported as a crash of the plugin.
pub async fn in_call<F: Future>(call: F) -> Result<F::Output, PanicMessage> {
    CALL.scope(RefCell::new(None), async {
        let payload = match AssertUnwindSafe(call).catch_unwind().await {
            Ok(output) => return Ok(output),
            Err(payload) => payload,
        };
        Err(CALL.with(RefCell::take).unwrap_or_else(|| without_location(&*payload)))
    })
    .await
}

/// Sets the hook for the whole process.
pub(super) fn install() {
    std::panic::set_hook(Box::new(report));
}

fn report(panic: &PanicHookInfo<'_>) {
    let message = PanicMessage {
        location: panic.location().map(ToString::to_string),
        ..without_location(panic.payload())
    };
    let outside = CALL.try_with(|call| call.replace(Some(message.clone()))).is_err();
    if outside {
        let thread = thread::current();
        let text = crash(&message, thread.name().unwrap_or("unnamed"), &Backtrace::capture());
        // Without stderr there is nobody left to tell.
        drop(io::stderr().write_all(text.as_bytes()));
    }
}

fn without_location(payload: &(dyn Any + Send)) -> PanicMessage {
    let literal = payload.downcast_ref::<&str>().copied();
    let text = literal.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    PanicMessage { message: text.unwrap_or("no message").to_owned(), location: None }
}

/// The form that Terraform recognises: a first line that begins with `panic: `, and more below it.
fn crash(panic: &PanicMessage, thread: &str, backtrace: &dyn fmt::Display) -> String {
    let place = panic.location.as_deref().unwrap_or("an unknown place");
    format!("panic: {}\n\nthread {thread} at {place}\n{backtrace}\n", panic.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_call_that_does_not_panic_returns_its_output() {
        assert_eq!(in_call(async { 7 }).await, Ok(7));
    }

    #[tokio::test]
    async fn a_panic_becomes_the_result_of_its_call() {
        let failed = in_call(async { panic!("boom {}", 1) }).await;
        assert_eq!(failed.map_err(|panic| panic.message), Err::<(), _>("boom 1".to_owned()));
    }

    #[tokio::test]
    async fn a_panic_after_an_await_is_caught_too() {
        let failed = in_call(async {
            tokio::task::yield_now().await;
            panic!("later")
        })
        .await;
        assert_eq!(failed.map_err(|panic| panic.message), Err::<(), _>("later".to_owned()));
    }

    #[tokio::test]
    async fn a_panic_without_text_has_a_message() {
        let failed = in_call(async { std::panic::panic_any(7) }).await;
        assert_eq!(failed.map_err(|panic| panic.message), Err::<(), _>("no message".to_owned()));
    }

    #[test]
    fn a_message_tells_its_place() {
        let panic = PanicMessage { message: "boom".into(), location: Some("src/zone.rs:1:2".into()) };
        assert_eq!(panic.to_string(), "boom (src/zone.rs:1:2)");
    }

    #[test]
    fn a_crash_begins_as_terraform_expects() {
        let panic = PanicMessage { message: "boom".into(), location: Some("src/zone.rs:1:2".into()) };
        let text = crash(&panic, "main", &"no backtrace");
        assert_eq!(text, "panic: boom\n\nthread main at src/zone.rs:1:2\nno backtrace\n");
    }
}
