//! Log lines in the form that Terraform reads from a plugin's stderr: hclog's JSON.
//!
//! One object a line, with `@level`, `@message`, `@module` and `@timestamp`, and the fields of the event
//! and of the spans around it beside them. A line in another form is shown as debug output only.
//! Source: go-plugin 1.8, `log_entry.go`.

use std::env;
use std::fmt;
use std::io::{self, Write as _};

use jiff::Timestamp;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::{LookupSpan, Registry, Scope};

use super::Program;

/// Libraries that log each frame and each request, and the most that they may say: at `trace` they
/// would bury the provider's own lines, and show what requests carry.
const LIMITS: [(&str, LevelFilter); 7] = [
    ("aws", LevelFilter::INFO),
    ("h2", LevelFilter::WARN),
    ("hickory", LevelFilter::WARN),
    ("hyper", LevelFilter::WARN),
    ("rustls", LevelFilter::WARN),
    ("tonic", LevelFilter::WARN),
    ("tower", LevelFilter::WARN),
];

/// Sends the process's events to stderr, at the level that the environment asks for.
pub(super) fn install(program: &Program) {
    let level = level(program.name, |name| env::var(name).ok());
    if level == LevelFilter::OFF {
        return;
    }
    let subscriber = Registry::default().with(Hclog { write: to_stderr }.with_filter(targets(level)));
    // Fails only where the provider has chosen a subscriber of its own, which then stays.
    drop(tracing::subscriber::set_global_default(subscriber));
}

fn to_stderr(line: &str) {
    // A log that cannot be written has no better place to say so.
    drop(io::stderr().write_all(line.as_bytes()));
}

/// The level from `TF_LOG_PROVIDER_<NAME>`, else `TF_LOG_PROVIDER`, else `TF_LOG`; off when none is set.
/// `JSON` and what Terraform does not know mean `trace`, as they do for Terraform.
fn level(provider: &str, variable: impl Fn(&str) -> Option<String>) -> LevelFilter {
    let own = format!("TF_LOG_PROVIDER_{}", provider.to_uppercase().replace('-', "_"));
    let set = [own.as_str(), "TF_LOG_PROVIDER", "TF_LOG"]
        .into_iter()
        .find_map(|name| variable(name).filter(|value| !value.is_empty()));
    match set.map(|value| value.to_uppercase()).as_deref() {
        None | Some("OFF") => LevelFilter::OFF,
        Some("ERROR") => LevelFilter::ERROR,
        Some("WARN") => LevelFilter::WARN,
        Some("INFO") => LevelFilter::INFO,
        Some("DEBUG") => LevelFilter::DEBUG,
        Some(_) => LevelFilter::TRACE,
    }
}

fn targets(level: LevelFilter) -> Targets {
    let limits = LIMITS.map(|(library, most)| (library, level.min(most)));
    Targets::new().with_default(level).with_targets(limits)
}

/// Hands each event to `write` as one line, newline included.
struct Hclog<W> {
    write: W,
}

impl<S, W> Layer<S> for Hclog<W>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: Fn(&str) + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flat_map(Scope::from_root) {
            if let Some(outer) = span.extensions().get::<Fields>() {
                fields.0.extend(outer.0.clone());
            }
        }
        event.record(&mut fields);
        (self.write)(&line(event.metadata(), fields, Timestamp::now()));
    }
}

/// The fields of an event or a span.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn set(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value);
    }
}

fn line(metadata: &Metadata<'_>, fields: Fields, time: Timestamp) -> String {
    let mut line = fields.0;
    // go-plugin gives up on a line whose message is no string.
    let message = match line.remove("message") {
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
        None => String::new(),
    };
    line.insert("@level".into(), level_name(*metadata.level()).into());
    line.insert("@message".into(), message.into());
    line.insert("@module".into(), metadata.target().replace("::", ".").into());
    line.insert("@timestamp".into(), format!("{time:.6}").into());
    format!("{}\n", Value::Object(line))
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

#[cfg(test)]
mod tests;
