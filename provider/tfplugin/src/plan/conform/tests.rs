use proptest::prelude::*;

use super::super::machine::{Disk, Label, Machine, applied, configuration};
use super::*;
use crate::Model as _;
use crate::cty::{Dynamic, Type};
use crate::value::{Typed as _, Value};

fn breaches(planned: &Machine, returned: &Machine) -> Vec<Path> {
    differences(&Machine::object(), &planned.clone().into_raw(), &returned.clone().into_raw())
}

fn small() -> Machine {
    Machine { name: "small".into(), user: Value::Known(Vec::new()), ..Machine::default() }
}

#[test]
fn an_unknown_value_may_turn_out_as_anything() {
    let planned = Machine { id: Value::Unknown, ..small() };
    for id in ["a".into(), Value::Null] {
        assert_eq!(breaches(&planned, &Machine { id, ..small() }), []);
    }
}

#[test]
fn a_known_value_must_come_out_as_planned() {
    assert_eq!(breaches(&small(), &Machine { name: "big".into(), ..small() }), [Machine::paths().name()]);
    assert_eq!(breaches(&small(), &Machine { zone: "a".into(), ..small() }), [Machine::paths().zone()]);
}

#[test]
fn nothing_stays_unknown() {
    let unknown = Machine { id: Value::Unknown, ..small() };
    assert_eq!(breaches(&unknown, &unknown), [Machine::paths().id()]);
}

#[test]
fn the_difference_is_named_inside_nested_objects() {
    let disk = |size: i64| Value::Known(Disk { size: size.into(), ..Disk::default() });
    let with = |size: i64| Machine {
        disks: Value::Known([("a".to_owned(), disk(1)), ("b".to_owned(), disk(size))].into()),
        cards: Value::Known(vec![disk(1), disk(size)]),
        boot: disk(size),
        watch: disk(size),
        user: Value::Known(vec![disk(size)]),
        ..small()
    };
    let paths = Machine::paths();
    assert_eq!(
        breaches(&with(1), &with(2)),
        [
            paths.disks().key("b").size(),
            paths.cards().index(1).size(),
            paths.boot().size(),
            paths.user().index(0).size(),
            paths.watch().size(),
        ]
    );
}

#[test]
fn a_collection_of_another_size_differs_as_a_whole() {
    let disk = Value::Known(Disk { size: 1.into(), ..Disk::default() });
    let returned = Machine {
        disks: Value::Known([("a".to_owned(), disk.clone())].into()),
        cards: Value::Known(vec![disk]),
        ..small()
    };
    let planned = Machine { disks: Value::Known([].into()), cards: Value::Known(vec![]), ..small() };
    let paths = Machine::paths();
    assert_eq!(breaches(&planned, &returned), [Path::from(paths.disks()), paths.cards().into()]);
}

#[test]
fn a_set_with_unknown_elements_is_not_compared_element_by_element() {
    let label = |text: Value<String>| Value::Known(Label { text, colour: "red".into() });
    let with = |text| Machine { labels: Value::Known([label(text)].into()), ..small() };
    assert_eq!(breaches(&with(Value::Unknown), &with("a".into())), []);
    assert_eq!(breaches(&with("b".into()), &with("a".into())), [Machine::paths().labels()]);
}

#[test]
fn a_value_of_any_type_keeps_the_type_it_was_planned_with() {
    let dynamic = |ty, value| Raw::Dynamic(Box::new(Dynamic { ty, value }));
    let planned = dynamic(Type::String, Raw::Unknown);
    assert!(fits(&planned, &dynamic(Type::String, "a".into())));
    assert!(!fits(&planned, &dynamic(Type::Bool, true.into())));
    assert!(fits(&Raw::Unknown, &dynamic(Type::Bool, true.into())));
}

proptest! {
    #[test]
    fn a_plan_whose_unknowns_turned_out_is_kept(planned in configuration(true)) {
        let planned = planned.into_raw();
        let returned = applied(planned.clone(), &Machine::object().ty());
        prop_assert_eq!(differences(&Machine::object(), &planned, &returned), vec![]);
    }

    #[test]
    fn two_states_differ_exactly_where_they_are_not_equal(
        planned in configuration(false),
        returned in configuration(false),
    ) {
        prop_assert_eq!(breaches(&planned, &returned).is_empty(), planned == returned);
    }

    #[test]
    fn what_is_still_unknown_is_always_a_breach(planned in configuration(true)) {
        let raw = planned.clone().into_raw();
        prop_assert_eq!(breaches(&planned, &planned).is_empty(), raw.is_wholly_known());
    }
}
