//! Both encodings together: against the bytes that go-cty 1.20 writes, and against chance.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn number(text: &str) -> Raw {
    Raw::Number(text.parse().expect("a number"))
}

fn list_of(element: Type) -> Type {
    Type::List(Box::new(element))
}

fn object(attributes: &[(&str, Type)]) -> Type {
    let attributes = attributes.iter().map(|(name, ty)| ((*name).to_owned(), ty.clone())).collect();
    Type::Object(ObjectType { attributes, ..ObjectType::default() })
}

fn dynamic(ty: Type, value: Raw) -> Raw {
    Raw::Dynamic(Box::new(Dynamic { ty, value }))
}

fn map(entries: &[(&str, Raw)]) -> Raw {
    entries.iter().map(|(key, value)| (*key, value.clone())).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("two hexadecimal digits");
    (0..hex.len()).step_by(2).map(byte).collect()
}

/// Values with the bytes that `msgpack.Marshal` of go-cty 1.20.0 gives for them.
fn golden() -> Vec<(&'static str, Raw, Type)> {
    use Type::{Bool, Dynamic as Any, Number, String};
    let thing = object(&[("name", String), ("size", Number), ("tags", Type::Map(Box::new(Number)))]);
    let pair = object(&[("a", String), ("b", Number)]);
    vec![
        ("c0", Raw::Null, String),
        ("d40000", Raw::Unknown, String),
        ("c3", true.into(), Bool),
        ("00", number("0"), Number),
        ("ff", number("-1"), Number),
        ("7f", number("127"), Number),
        ("cc80", number("128"), Number),
        ("e0", number("-32"), Number),
        ("d0df", number("-33"), Number),
        ("ccff", number("255"), Number),
        ("cd0100", number("256"), Number),
        ("ce00010000", number("65536"), Number),
        ("cf0000000100000000", number("4294967296"), Number),
        ("d38000000000000000", number("-9223372036854775808"), Number),
        ("cf7fffffffffffffff", number("9223372036854775807"), Number),
        ("b339323233333732303336383534373735383038", number("9223372036854775808"), Number),
        ("b43138343436373434303733373039353531363135", number("18446744073709551615"), Number),
        ("cb3fe0000000000000", number("0.5"), Number),
        ("cbbff4000000000000", number("-1.25"), Number),
        ("a3302e31", number("0.1"), Number),
        ("a9302e30303030303031", number("1e-7"), Number),
        (
            "be313233343536373839303132333435363738393031323334353637383930",
            number("123456789012345678901234567890"),
            Number,
        ),
        ("a77ac3bc72696368", "zürich".into(), String),
        ("93a161c0d40000", Raw::List(vec!["a".into(), Raw::Null, Raw::Unknown]), list_of(String)),
        ("90", Raw::List(vec![]), list_of(String)),
        ("92a161a162", Raw::set(["b".into(), "a".into()]), Type::Set(Box::new(String))),
        ("92090a", Raw::set([number("10"), number("9")]), Type::Set(Box::new(Number))),
        ("82a16101a16202", map(&[("b", number("2")), ("a", number("1"))]), Type::Map(Box::new(Number))),
        (
            "83a46e616d65a178a473697a6503a474616773c0",
            map(&[("name", "x".into()), ("size", number("3")), ("tags", Raw::Null)]),
            thing,
        ),
        ("92c301", Raw::List(vec![true.into(), number("1")]), Type::Tuple(vec![Bool, Number])),
        ("92c40822737472696e6722a178", dynamic(String, "x".into()), Any),
        (
            "92c40f5b226c697374222c22626f6f6c225d91c3",
            dynamic(list_of(Bool), Raw::List(vec![true.into()])),
            Any,
        ),
        (
            "92c4265b226f626a656374222c7b2261223a22737472696e67222c2262223a226e756d626572227d5d82a161a178a16201",
            dynamic(pair, map(&[("a", "x".into()), ("b", number("1"))])),
            Any,
        ),
        ("c0", Raw::Null, Any),
        ("92c40822737472696e6722c0", dynamic(String, Raw::Null), Any),
        ("d40000", Raw::Unknown, Any),
        ("92c40822737472696e6722d40000", dynamic(String, Raw::Unknown), Any),
    ]
}

#[test]
fn writes_and_reads_the_bytes_of_go_cty() {
    for (hex, value, ty) in golden() {
        let written = encode(&value, &ty);
        assert_eq!(written, bytes(hex), "{value:?} is written as {written:02x?}");
        assert_eq!(decode(&written, &ty), Ok(value));
    }
}

#[test]
fn reads_a_refined_unknown_as_unknown() {
    for (hex, ty) in [
        ("c7090c8201c202a461726e3a", Type::String), // not null, begins with "arn:"
        ("c7070c8201c2039201c3", Type::Number),     // not null, at least 1
        ("d563ffff", Type::Bool),                   // an extension that does not exist yet
    ] {
        assert_eq!(decode(&bytes(hex), &ty), Ok(Raw::Unknown), "{hex}");
    }
}

#[test]
fn reads_a_number_in_each_of_its_forms() {
    for (hex, wanted) in [
        ("cfffffffffffffffff", "18446744073709551615"),
        ("ca3f000000", "0.5"),
        ("a3312e30", "1"),
        ("d1ff00", "-256"),
    ] {
        assert_eq!(decode(&bytes(hex), &Type::Number), Ok(number(wanted)), "{hex}");
    }
}

#[test]
fn refuses_what_is_not_of_the_type() {
    let ab = object(&[("a", Type::Bool), ("b", Type::Bool)]);
    for (hex, ty, message) in [
        ("a161", Type::Bool, "expected bool, found msgpack FixStr(1)"),
        ("01", Type::String, "expected string, found msgpack FixPos(1)"),
        ("81a161c3", ab.clone(), "expected object({a = bool, b = bool}), found an object without b"),
        ("81a163c3", ab, "expected object({a = bool, b = bool}), found attribute \"c\""),
        ("91c3", Type::Tuple(vec![Type::Bool; 2]), "expected tuple([bool, bool]), found 1 elements"),
        ("c3c3", Type::Bool, "malformed msgpack at byte 1: the end of the value"),
        ("", Type::Bool, "malformed msgpack at byte 0: a value"),
        ("a2c328", Type::String, "malformed msgpack at byte 3: UTF-8 text"),
        ("a3616263", Type::Number, "\"abc\" is not a finite decimal number"),
        ("cb7ff0000000000000", Type::Number, "\"inf\" is not a finite decimal number"),
        ("92c4037b7d5dc0", Type::Dynamic, "malformed msgpack at byte 6: a type as JSON"),
        ("92c403226122c0", Type::Dynamic, "\"a\" is not a type"),
        ("91c0", Type::Dynamic, "malformed msgpack at byte 1: a pair of type and value"),
    ] {
        let error = decode(&bytes(hex), &ty).expect_err(hex);
        assert_eq!(error.to_string(), message, "{hex}");
    }
}

/// Allocating what these five bytes claim would take some 200 gigabytes.
#[test]
fn a_header_that_claims_four_billion_elements_fails_at_once() {
    let any = || Box::new(Type::String);
    for (hex, ty) in [
        ("ddffffffff", Type::List(any())),
        ("ddffffffff", Type::Set(any())),
        ("ddffffffff", Type::Tuple(vec![Type::Bool])),
        ("dfffffffff", Type::Map(any())),
        ("dfffffffff", object(&[("a", Type::Bool)])),
        ("dbffffffff", Type::String),
        ("dbffffffff", Type::Number),
        ("c9ffffffff00", Type::String),
        ("92c6ffffffff", Type::Dynamic),
    ] {
        let error = decode(&bytes(hex), &ty).expect_err(hex);
        assert!(matches!(error, DecodeError::Malformed { .. }), "{hex}: {error}");
    }
}

#[test]
fn a_value_nested_too_deep_is_refused_and_does_not_overflow_the_stack() {
    let mut ty = Type::Bool;
    for _ in 0..=MAX_DEPTH {
        ty = list_of(ty);
    }
    let deep = [vec![0x91; MAX_DEPTH + 1], vec![0xc3]].concat();
    assert_eq!(decode(&deep, &ty), Err(DecodeError::TooDeep(MAX_DEPTH)));
    // A dynamic value inside a dynamic value, again and again.
    let dynamic = bytes("92c4092264796e616d696322").repeat(10_000);
    assert_eq!(decode(&dynamic, &Type::Dynamic), Err(DecodeError::TooDeep(MAX_DEPTH)));
}

#[test]
fn reads_a_stored_state() {
    let ty = object(&[
        ("name", Type::String),
        ("size", Type::Number),
        ("tags", Type::Set(Box::new(Type::String))),
        ("rules", list_of(object(&[("port", Type::Number)]))),
        ("any", Type::Dynamic),
        ("added", Type::Bool),
    ]);
    let json = r#"{
        "name": "x", "size": 12345678901234567890.123456789, "tags": ["b", "a", "b"], "rules": [{"port": 1e3}],
        "any": {"type": ["tuple", ["bool"]], "value": [true]}, "removed": 1
    }"#;
    let wanted = map(&[
        ("name", "x".into()),
        ("size", number("12345678901234567890.123456789")),
        ("tags", Raw::set(["a".into(), "b".into()])),
        ("rules", Raw::List(vec![map(&[("port", number("1000"))])])),
        ("any", dynamic(Type::Tuple(vec![Type::Bool]), Raw::List(vec![true.into()]))),
        ("added", Raw::Null),
    ]);
    assert_eq!(from_json(&serde_json::from_str(json).expect("JSON"), &ty), Ok(wanted));
}

#[test]
fn refuses_a_stored_state_of_another_type() {
    for (json, ty, message) in [
        (json!(1), Type::String, "expected string, found a number"),
        (json!({}), list_of(Type::Bool), "expected list(bool), found an object"),
        (json!([true]), Type::Tuple(vec![]), "expected tuple([]), found a list"),
        (json!({"type": "x", "value": 1}), Type::Dynamic, "\"x\" is not a type"),
    ] {
        assert_eq!(from_json(&json, &ty).expect_err("no value").to_string(), message);
    }
}

#[test]
fn a_type_is_written_as_the_protocol_and_as_hcl_write_it() {
    let optional = ["b".to_owned()].into();
    let attributes =
        [("a".to_owned(), Type::Set(Box::new(Type::Number))), ("b".to_owned(), Type::Dynamic)].into();
    let ty = Type::Object(ObjectType { attributes, optional });
    let json = json!(["object", {"a": ["set", "number"], "b": "dynamic"}, ["b"]]);
    assert_eq!(ty.to_json(), json);
    assert_eq!(Type::from_json(&json), Ok(ty.clone()));
    assert_eq!(ty.to_string(), "object({a = set(number), b = any})");
    for bad in [json!(null), json!([]), json!(["list"]), json!(["list", "x"]), json!(["object", {}, [1]])] {
        assert!(Type::from_json(&bad).is_err(), "{bad}");
    }
}

fn any_type() -> impl Strategy<Value = Type> {
    let leaf = prop_oneof![Just(Type::Bool), Just(Type::Number), Just(Type::String), Just(Type::Dynamic)];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(list_of),
            inner.clone().prop_map(|ty| Type::Set(Box::new(ty))),
            inner.clone().prop_map(|ty| Type::Map(Box::new(ty))),
            vec(inner.clone(), 0..3).prop_map(Type::Tuple),
            btree_map("[a-c]", inner, 0..3)
                .prop_map(|attributes| Type::Object(ObjectType { attributes, ..ObjectType::default() })),
        ]
    })
}

fn any_number() -> impl Strategy<Value = Raw> {
    prop_oneof![
        any::<i64>().prop_map(|whole| Raw::Number(whole.into())),
        any::<u64>().prop_map(|whole| Raw::Number(whole.into())),
        any::<f64>().prop_filter_map("finite", |double| Number::from_f64(double).ok()).prop_map(Raw::Number),
        "-?[0-9]{1,60}(\\.[0-9]{1,60})?(e-?[0-9]{1,3})?".prop_map(|text| number(&text)),
    ]
}

/// A value of that type; null and unknown are of every type.
fn value_of(ty: &Type) -> BoxedStrategy<Raw> {
    let known = match ty {
        Type::Bool => any::<bool>().prop_map(Raw::Bool).boxed(),
        Type::Number => any_number().boxed(),
        Type::String => any::<String>().prop_map(Raw::String).boxed(),
        Type::Dynamic => any_type()
            .prop_filter("a type of its own", |ty| *ty != Type::Dynamic)
            .prop_flat_map(|ty| value_of(&ty).prop_map(move |value| dynamic(ty.clone(), value)))
            .boxed(),
        Type::List(element) => vec(value_of(element), 0..4).prop_map(Raw::List).boxed(),
        Type::Set(element) => vec(value_of(element), 0..4).prop_map(Raw::set).boxed(),
        Type::Map(element) => btree_map(any::<String>(), value_of(element), 0..4).prop_map(Raw::Map).boxed(),
        Type::Tuple(elements) => {
            elements.iter().map(value_of).collect::<Vec<_>>().prop_map(Raw::List).boxed()
        }
        Type::Object(object) => {
            let (names, values): (Vec<_>, Vec<_>) =
                object.attributes.iter().map(|(name, ty)| (name.clone(), value_of(ty))).unzip();
            values.prop_map(move |values| names.iter().cloned().zip(values).collect()).boxed()
        }
    };
    prop_oneof![8 => known, 1 => Just(Raw::Null), 1 => Just(Raw::Unknown)].boxed()
}

fn typed_value() -> impl Strategy<Value = (Type, Raw)> {
    any_type().prop_flat_map(|ty| {
        let value = value_of(&ty);
        (Just(ty), value)
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again((ty, value) in typed_value()) {
        prop_assert_eq!(decode(&encode(&value, &ty), &ty), Ok(value));
    }

    #[test]
    fn a_value_of_another_type_is_written_without_a_panic((_, value) in typed_value(), ty in any_type()) {
        prop_assert!(!encode(&value, &ty).is_empty());
    }

    #[test]
    fn a_type_is_read_as_it_was_written(ty in any_type()) {
        prop_assert_eq!(Type::from_json(&ty.to_json()), Ok(ty));
    }

    #[test]
    fn arbitrary_bytes_are_read_or_refused(ty in any_type(), bytes in vec(any::<u8>(), 0..200)) {
        if let Ok(value) = decode(&bytes, &ty) {
            prop_assert_eq!(decode(&encode(&value, &ty), &ty), Ok(value));
        }
    }

    #[test]
    fn a_damaged_value_is_read_or_refused(
        (ty, value) in typed_value(),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = encode(&value, &ty);
        let last = bytes.len() - 1;
        prop_assert!(decode(&bytes[..cut.index(last + 1)], &ty).is_err(), "a value that was cut off");
        bytes[place.index(last + 1)] = byte;
        if let Ok(value) = decode(&bytes, &ty) {
            prop_assert_eq!(decode(&encode(&value, &ty), &ty), Ok(value));
        }
    }
}
