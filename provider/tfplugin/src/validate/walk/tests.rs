use super::*;
use crate::Model;
use crate::diagnostics::Severity;
use crate::value::{List, Map, Set, Typed as _, Value};

/// A door.
#[derive(Debug, Clone, PartialEq, Default, Model)]
#[tf(
    exactly_one_of(key, code),
    conflicts_with(colour, paint),
    required_together(width, height),
    at_least_one_of(key, hinge)
)]
struct Door {
    /// Its name.
    #[tf(required, validate(length(2..=5), pattern("^[a-z]+$", "lower-case letters")))]
    name: Value<String>,
    /// Who made it.
    #[tf(required, nullable)]
    maker: Value<String>,
    /// Its number.
    #[tf(computed)]
    number: Value<i64>,
    /// Opens it.
    #[tf(optional)]
    key: Value<String>,
    /// Opens it too.
    #[tf(optional, write_only)]
    code: Value<String>,
    /// Its colour.
    #[tf(optional, deprecated = "Use `paint`.")]
    colour: Value<String>,
    /// Its paint.
    #[tf(optional)]
    paint: Value<String>,
    /// In centimetres.
    #[tf(optional, validate(range(1..)))]
    width: Value<i64>,
    /// In centimetres.
    #[tf(optional)]
    height: Value<i64>,
    /// Its windows by name.
    #[tf(optional, validate(each_key(pattern("^[a-z]$", "one letter"))))]
    windows: Value<Map<Window>>,
    /// Its locks.
    #[tf(optional)]
    locks: Value<Set<Lock>>,
    /// Its bell.
    #[tf(block, required)]
    bell: Value<Window>,
    /// Its hinges.
    #[tf(block)]
    hinge: Value<List<Window>>,
}

/// A window.
#[derive(Debug, Clone, PartialEq, Default, Model)]
struct Window {
    /// In centimetres.
    #[tf(required, validate(range(1..=200)))]
    size: Value<i64>,
    /// Its code.
    #[tf(optional, write_only)]
    code: Value<String>,
}

/// A lock.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Model)]
struct Lock {
    /// Its strength.
    #[tf(required, validate(range(1..=9)))]
    strength: Value<i64>,
}

fn window(size: i64) -> Value<Window> {
    Window { size: size.into(), ..Window::default() }.into()
}

fn good() -> Door {
    Door {
        name: "front".into(),
        key: "k".into(),
        bell: window(1),
        hinge: Value::Known(vec![]),
        ..Door::default()
    }
}

/// Each message as `path: detail`.
fn told(config: Door) -> Vec<String> {
    lines(&validate(&Door::object(), &config.into_raw()))
}

fn lines(found: &Diagnostics) -> Vec<String> {
    let line = |message: &Diagnostic| {
        let path = message.path.as_ref().map(Path::to_string).unwrap_or_default();
        format!("{path}: {}", message.detail)
    };
    found.iter().map(line).collect()
}

#[test]
fn a_good_configuration_is_silent() {
    assert_eq!(told(good()), [""; 0]);
}

#[test]
fn a_required_argument_is_missing_when_null_but_not_when_unknown() {
    assert_eq!(
        told(Door { name: Value::Null, ..good() }),
        ["name: `name` must be set, and not to null. Its name."]
    );
    assert_eq!(told(Door { name: Value::Unknown, ..good() }), [""; 0]);
}

#[test]
fn every_validator_speaks_on_the_attribute() {
    assert_eq!(
        told(Door { name: "FrontDoor".into(), ..good() }),
        [
            "name: `name` must be at least 2 and at most 5 characters long; it has 9 characters.",
            "name: `name` must be lower-case letters; found \"FrontDoor\".",
        ]
    );
}

#[test]
fn what_the_provider_sets_cannot_be_written() {
    let told = told(Door { number: 1.into(), ..good() });
    assert_eq!(told, ["number: `number` is set by the provider: remove it from the configuration."]);
}

#[test]
fn a_deprecated_argument_is_a_warning() {
    let config = Door { colour: "red".into(), ..good() };
    let found = validate(&Door::object(), &config.into_raw());
    assert_eq!(lines(&found), ["colour: Use `paint`."]);
    assert!(found.iter().all(|message| message.severity == Severity::Warning));
}

#[test]
fn a_message_names_the_place_inside_nested_objects() {
    let windows = [("a".to_owned(), window(500)), ("b".to_owned(), window(1))];
    let config = Door {
        windows: Value::Known(windows.into()),
        bell: window(0),
        hinge: Value::Known(vec![window(1), Value::Unknown, window(0)]),
        ..good()
    };
    assert_eq!(
        told(config),
        [
            "windows[\"a\"].size: `size` must be at least 1 and at most 200; found 500.",
            "bell.size: `size` must be at least 1 and at most 200; found 0.",
            "hinge[2].size: `size` must be at least 1 and at most 200; found 0.",
        ]
    );
}

#[test]
fn a_message_on_an_element_of_a_set_stands_on_the_set() {
    let lock = |strength: i64| Value::Known(Lock { strength: strength.into() });
    let config = Door { locks: Value::Known([lock(1), lock(10)].into()), ..good() };
    assert_eq!(told(config), ["locks: `strength` must be at least 1 and at most 9; found 10."]);
}

#[test]
fn keys_of_a_map_are_judged() {
    let config = Door { windows: Value::Known([("ab".to_owned(), window(1))].into()), ..good() };
    let wanted = "windows: `windows` must be a map whose keys are each one letter; key \"ab\": found \"ab\".";
    assert_eq!(told(config), [wanted]);
}

#[test]
fn a_required_block_is_missing_when_it_is_absent() {
    assert_eq!(told(Door { bell: Value::Null, ..good() }), ["bell: Add a `bell` block: Its bell."]);
}

#[test]
fn rules_count_what_is_set() {
    assert_eq!(
        told(Door { code: "1".into(), ..good() }),
        [": Exactly one of `key`, `code` must be set; found `key`, `code`."]
    );
    assert_eq!(
        told(Door { key: Value::Null, ..good() }),
        [
            ": Exactly one of `key`, `code` must be set; found none of them.",
            ": At least one of `key`, `hinge` must be set; found none of them.",
        ]
    );
    assert_eq!(
        told(Door { width: 1.into(), ..good() }),
        [": All or none of `width`, `height` must be set; found `width`."]
    );
}

#[test]
fn an_unknown_value_may_still_keep_every_rule() {
    let unknown = Value::Unknown;
    for config in [
        Door { key: unknown.clone(), ..good() },
        Door { code: unknown.clone(), ..good() },
        Door { width: 1.into(), height: Value::Unknown, ..good() },
        Door { colour: unknown.clone(), paint: "red".into(), ..good() },
    ] {
        assert!(!validate(&Door::object(), &config.clone().into_raw()).has_errors(), "{config:?}");
    }
}

#[test]
fn an_unknown_value_mends_no_rule_that_is_broken_already() {
    let config = Door { paint: "red".into(), colour: "red".into(), key: Value::Unknown, ..good() };
    let told = told(config);
    assert!(
        told.contains(&": At most one of `colour`, `paint` must be set; found `colour`, `paint`.".to_owned()),
        "{told:?}"
    );
}

#[test]
fn a_client_that_would_store_them_is_refused_write_only_arguments() {
    let inside = |size: i64| Value::Known(Window { size: size.into(), code: "1".into() });
    let config = Door {
        code: Value::Unknown,
        windows: Value::Known([("a".to_owned(), inside(1))].into()),
        bell: inside(1),
        ..good()
    };
    let found = refuse_write_only(&Door::object(), &config.into_raw());
    let places: Vec<_> = found.iter().filter_map(|message| message.path.clone()).collect();
    let paths = Door::paths();
    assert_eq!(places, [paths.code(), paths.windows().key("a").code(), paths.bell().code()]);
    assert!(refuse_write_only(&Door::object(), &good().into_raw()).is_empty());
}
