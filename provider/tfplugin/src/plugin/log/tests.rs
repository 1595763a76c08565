use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing::{Span, debug, error, info, info_span, trace};

use super::*;

/// The lines that `events` logs at `level`, parsed.
fn logged(level: LevelFilter, events: impl FnOnce()) -> Vec<Value> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&lines);
    let write = move |line: &str| sink.lock().expect("no panic while logging").push(line.to_owned());
    let subscriber = Registry::default().with(Hclog { write }.with_filter(targets(level)));
    tracing::subscriber::with_default(subscriber, events);
    let lines = lines.lock().expect("no panic while logging");
    lines.iter().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

/// The same without the time, which differs each time.
fn timeless(level: LevelFilter, events: impl FnOnce()) -> Vec<Value> {
    let mut lines = logged(level, events);
    for line in &mut lines {
        assert!(line.as_object_mut().expect("an object").remove("@timestamp").is_some());
    }
    lines
}

#[test]
fn an_event_is_one_object_with_flat_fields() {
    let lines = timeless(LevelFilter::TRACE, || {
        info!(
            target: "socle::dns",
            records = 3, changed = true, ratio = 0.5, missing = -1, zone = "example.com", kind = ?Some("a"),
            "zone {}", "read"
        );
    });
    let expected = json!({
        "@level": "info", "@message": "zone read", "@module": "socle.dns",
        "records": 3, "changed": true, "ratio": 0.5, "missing": -1, "zone": "example.com", "kind": "Some(\"a\")",
    });
    assert_eq!(lines, [expected]);
}

#[test]
fn an_event_inherits_the_fields_of_its_spans() {
    let lines = timeless(LevelFilter::INFO, || {
        let outer = info_span!(
            "call",
            tf_rpc = "ReadResource",
            tf_req_id = "1",
            tf_resource_type = tracing::field::Empty
        );
        let _outer = outer.enter();
        Span::current().record("tf_resource_type", "bare_thing");
        let _inner = info_span!("step", tf_req_id = "2").entered();
        info!(target: "socle", "inside");
    });
    let expected = json!({
        "@level": "info", "@message": "inside", "@module": "socle",
        "tf_rpc": "ReadResource", "tf_req_id": "2", "tf_resource_type": "bare_thing",
    });
    assert_eq!(lines, [expected]);
}

#[test]
fn an_event_without_text_has_an_empty_message() {
    let lines = timeless(LevelFilter::INFO, || info!(target: "socle", tf_req_duration_ms = 12));
    let expected = json!({ "@level": "info", "@message": "", "@module": "socle", "tf_req_duration_ms": 12 });
    assert_eq!(lines, [expected]);
}

#[test]
fn a_message_that_is_no_text_becomes_text() {
    let lines = timeless(LevelFilter::INFO, || info!(target: "socle", message = 12));
    assert_eq!(lines[0]["@message"], "12");
}

#[test]
fn a_line_ends_with_its_only_newline() {
    let lines = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&lines);
    let write = move |line: &str| sink.lock().expect("no panic while logging").push_str(line);
    tracing::subscriber::with_default(Registry::default().with(Hclog { write }), || info!("one\ntwo"));
    let lines = lines.lock().expect("no panic while logging");
    assert_eq!(lines.matches('\n').count(), 1);
    assert!(lines.ends_with("}\n"), "{lines}");
}

#[test]
fn time_has_six_digits_even_when_they_are_zero() {
    for line in logged(LevelFilter::INFO, || info!("now")) {
        let time = line["@timestamp"].as_str().expect("a string");
        let fraction = time.strip_suffix('Z').and_then(|time| time.split_once('.')).expect("a fraction").1;
        assert_eq!(fraction.len(), 6, "{time}");
    }
    assert_eq!(format!("{:.6}", Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00.000000Z");
}

#[test]
fn levels_have_the_names_of_hclog() {
    let names = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE].map(level_name);
    assert_eq!(names, ["error", "warn", "info", "debug", "trace"]);
}

#[test]
fn events_below_the_level_are_left_out() {
    let lines = timeless(LevelFilter::INFO, || {
        debug!(target: "socle", "hidden");
        info!(target: "socle", "shown");
    });
    assert_eq!(lines.iter().map(|line| &line["@message"]).collect::<Vec<_>>(), ["shown"]);
}

#[test]
fn libraries_are_kept_quiet_even_at_trace() {
    let lines = timeless(LevelFilter::TRACE, || {
        trace!(target: "h2::codec", "frame");
        debug!(target: "aws_sigv4::http_request", "signing");
        trace!(target: "socle", "shown");
        error!(target: "h2::codec", "shown");
    });
    assert_eq!(lines.iter().map(|line| &line["@message"]).collect::<Vec<_>>(), ["shown", "shown"]);
}

#[test]
fn level_comes_from_the_most_particular_variable() {
    let level = |variables: &[(&str, &str)]| {
        level("so-cle", |name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    };
    assert_eq!(level(&[]), LevelFilter::OFF);
    assert_eq!(level(&[("TF_LOG", "debug")]), LevelFilter::DEBUG);
    assert_eq!(level(&[("TF_LOG", "DEBUG"), ("TF_LOG_PROVIDER", "WARN")]), LevelFilter::WARN);
    assert_eq!(
        level(&[("TF_LOG_PROVIDER", "WARN"), ("TF_LOG_PROVIDER_SO_CLE", "ERROR")]),
        LevelFilter::ERROR
    );
    assert_eq!(level(&[("TF_LOG", "INFO"), ("TF_LOG_PROVIDER", "")]), LevelFilter::INFO);
    assert_eq!(level(&[("TF_LOG", "TRACE"), ("TF_LOG_PROVIDER", "off")]), LevelFilter::OFF);
}

#[test]
fn json_and_unknown_levels_mean_trace() {
    for value in ["JSON", "json", "verbose"] {
        assert_eq!(level("bare", |_| Some(value.to_owned())), LevelFilter::TRACE, "{value}");
    }
}
