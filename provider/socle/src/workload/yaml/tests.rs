use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

#[track_caller]
fn only(text: &str) -> Value {
    let mut found = documents(text).unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0).value
}

#[track_caller]
fn refused(text: &str) -> (usize, usize, YamlProblem) {
    let error = documents(text).unwrap_err();
    (error.document, error.line, error.problem)
}

#[test]
fn documents_carry_their_number_and_line_and_empty_ones_are_left_out() {
    let text = "# head\na: 1\n---\n# only a comment\n---\n\nb: 2\n---\n";
    let found: Vec<_> = documents(text).unwrap().into_iter().map(|d| (d.number, d.line, d.value)).collect();
    assert_eq!(found, [(1, 2, json!({"a": 1})), (3, 7, json!({"b": 2}))]);
    assert_eq!(documents("").unwrap(), []);
    assert_eq!(documents("---\n---\n").unwrap(), []);
}

#[test]
fn words_mean_what_kubectl_takes_them_for() {
    for (text, value) in [
        ("0644", json!(420)),
        ("0o644", json!(420)),
        ("0x1f", json!(31)),
        ("0", json!(0)),
        ("-7", json!(-7)),
        ("18446744073709551615", json!(u64::MAX)),
        ("1e3", json!(1000)),
        ("0.5", json!(0.5)),
        ("yes", json!(true)),
        ("Off", json!(false)),
        ("y", json!("y")),
        ("~", json!(null)),
        ("1.2.3", json!("1.2.3")),
        ("10.96.0.1/12", json!("10.96.0.1/12")),
        ("2026-11-24", json!("2026-11-24")),
        ("1000m", json!("1000m")),
        ("--", json!("--")),
        ("'0644'", json!("0644")),
        ("!!str 0644", json!("0644")),
        ("!!int '12'", json!(12)),
    ] {
        assert_eq!(only(&format!("x: {text}")), json!({ "x": value }), "{text}");
    }
}

#[test]
fn block_scalars_anchors_and_merges_are_written_out() {
    let text = "base: &base {a: 1, b: 2}\nuse:\n  <<: *base\n  b: 3\nagain: *base\ntext: |\n  one\n  two\n";
    let expected = json!({
        "base": {"a": 1, "b": 2}, "use": {"a": 1, "b": 3}, "again": {"a": 1, "b": 2}, "text": "one\ntwo\n"
    });
    assert_eq!(only(text), expected);
}

#[test]
fn a_mistake_is_named_with_its_document_and_line() {
    assert_eq!(refused("a: 1\n---\nb: 1\nb: 2\n"), (2, 4, YamlProblem::DuplicateKey("b".to_owned())));
    assert_eq!(refused("a: 1\n? [x]\n: 2\n"), (1, 2, YamlProblem::KeyIsNoScalar));
    assert_eq!(refused("a: !vault secret\n"), (1, 1, YamlProblem::Tag("!vault".to_owned())));
    assert_eq!(refused("a:\n  <<: 3\n").2, YamlProblem::Merge);
    assert_eq!(refused("a: .inf").2, YamlProblem::Value(".inf".to_owned()));
    let (document, line, problem) = refused("a: 1\n---\nb: [1,\nc: }\n");
    assert!(matches!(problem, YamlProblem::Syntax(_)) && document == 2 && line >= 3, "{document} {line}");
}

#[test]
fn neither_depth_nor_multiplied_aliases_exhaust_the_machine() {
    let deep = "[".repeat(100_000);
    assert!(documents(&deep).is_err());
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let items = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.extend([format!("a{level}: &a{level} [{items}]\n")]);
    }
    assert_eq!(refused(&bomb).2, YamlProblem::TooLarge);
}

fn json_values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[ -~]{0,12}".prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map("[a-zA-Z0-9./_-]{1,8}", inner, 0..5)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn json_is_yaml(value in json_values()) {
        let wrapped = json!({"value": value});
        prop_assert_eq!(only(&wrapped.to_string()), wrapped);
    }

    #[test]
    fn no_text_makes_it_panic(text in "[ -~\n\t]{0,80}") {
        let _ = documents(&text);
    }

    #[test]
    fn indented_text_neither(text in "([a-c]: |- |  |\n|[{}\\[\\]&*!|>'\"#,]|---\n|x|1){0,40}") {
        let _ = documents(&text);
    }
}
