use std::cell::RefCell;

use proptest::bool::weighted;
use proptest::collection::vec;
use proptest::prelude::*;

use super::super::machine::{Disk, Label, Machine, applied, configuration, proposed};
use super::*;
use crate::Model as _;
use crate::model;
use crate::schema::Presence;
use crate::value::{Typed as _, Value};

/// Plans as Terraform would have it planned.
fn plan_raw(config: &Raw, prior: &Raw) -> (Raw, Vec<Path>) {
    let object = Machine::object();
    let planned = modify(&object, config, prior, &proposed(&object, config, prior));
    let replace = replacements(&object, prior, &planned, Vec::new());
    (planned, replace)
}

fn plan(config: &Machine, prior: Option<&Machine>) -> (Machine, Vec<Path>) {
    let prior = prior.map_or(Raw::Null, |prior| prior.clone().into_raw());
    let (planned, replace) = plan_raw(&config.clone().into_raw(), &prior);
    (model::read(planned).expect("a plan is a machine"), replace)
}

fn small() -> Machine {
    Machine { name: "small".into(), user: Value::Known(Vec::new()), ..Machine::default() }
}

/// The state after `config` was applied.
fn made(config: &Machine) -> Machine {
    let (planned, _) = plan(config, None);
    model::read(applied(planned.into_raw(), &Machine::object().ty())).expect("a state is a machine")
}

fn disk(size: i64) -> Disk {
    Disk { size: size.into(), ..Disk::default() }
}

#[test]
fn a_new_object_has_defaults_and_unknown_results() {
    let (planned, replace) = plan(&small(), None);
    let wanted = Machine {
        cores: 1.into(),
        id: Value::Unknown,
        status: Value::Unknown,
        address: Value::Unknown,
        ..small()
    };
    assert_eq!((planned, replace), (wanted, vec![]));
}

#[test]
fn what_the_user_wrote_wins_over_default_and_result() {
    let config = Machine { cores: 4.into(), address: "10.0.0.1".into(), ..small() };
    let (planned, _) = plan(&config, None);
    assert_eq!((planned.cores, planned.address), (4.into(), "10.0.0.1".into()));
}

#[test]
fn a_removed_argument_goes_back_to_its_default() {
    let prior = made(&Machine { cores: 4.into(), ..small() });
    assert_eq!(plan(&small(), Some(&prior)).0.cores, 1.into());
}

#[test]
fn an_unchanged_configuration_plans_the_prior_state() {
    let prior = made(&small());
    assert_eq!(plan(&small(), Some(&prior)), (prior, vec![]));
}

#[test]
fn a_change_makes_results_unknown_except_those_that_stay() {
    let prior = made(&small());
    let (planned, _) = plan(&Machine { name: "big".into(), ..small() }, Some(&prior));
    assert_eq!(planned.id, prior.id, "given once");
    assert_eq!((planned.status, planned.address), (Value::Unknown, Value::Unknown));
}

#[test]
fn a_changed_password_alone_is_no_change() {
    let prior = made(&Machine { password: "first".into(), ..small() });
    let (planned, _) = plan(&Machine { password: "second".into(), ..small() }, Some(&prior));
    assert_eq!((planned.password, planned.status), (Value::Null, prior.status));
}

#[test]
fn a_new_entry_of_a_map_is_unknown_while_its_neighbours_stay_known() {
    let with = |names: &[&str]| Machine {
        disks: Value::Known(names.iter().map(|name| ((*name).to_owned(), disk(1).into())).collect()),
        ..small()
    };
    let prior = made(&with(&["a"]));
    let (planned, replace) = plan(&with(&["a", "b"]), Some(&prior));
    let disks = planned.disks.into_known().expect("known disks");
    let serial = |name: &str| disks[name].known().expect("a known disk").serial.clone();
    assert_eq!((serial("a"), serial("b")), ("made".into(), Value::Unknown));
    assert_eq!(replace, vec![], "a new entry is no change of an old one");
}

#[test]
fn an_element_of_a_list_keeps_its_results_by_position() {
    let with = |sizes: &[i64]| Machine {
        cards: Value::Known(sizes.iter().map(|size| disk(*size).into()).collect()),
        ..small()
    };
    let prior = made(&with(&[1]));
    let (planned, replace) = plan(&with(&[2, 3]), Some(&prior));
    let cards = planned.cards.into_known().expect("known cards");
    let serials: Vec<_> =
        cards.iter().map(|card| card.known().expect("a known card").serial.clone()).collect();
    assert_eq!(serials, ["made".into(), Value::Unknown]);
    assert_eq!(replace, [Machine::paths().cards().index(0).size()]);
}

#[test]
fn nested_objects_and_blocks_are_planned_like_the_object_itself() {
    let config = Machine {
        boot: disk(1).into(),
        watch: disk(2).into(),
        user: Value::Known(vec![disk(3).into()]),
        ..small()
    };
    let (planned, _) = plan(&config, None);
    let user = planned.user.into_known().and_then(|users| users.into_iter().next()).expect("a user");
    for (name, part) in [("boot", planned.boot), ("watch", planned.watch), ("user", user)] {
        let part = part.into_known().expect(name);
        assert_eq!((part.kind, part.serial), ("ssd".into(), Value::Unknown), "{name}");
    }
}

#[test]
fn an_absent_object_stays_null() {
    let (planned, _) = plan(&small(), None);
    assert_eq!((planned.boot, planned.watch, planned.disks), (Value::Null, Value::Null, Value::Null));
}

#[test]
fn elements_of_a_set_get_their_defaults() {
    let label = |colour: Value<String>| Value::Known(Label { text: "x".into(), colour });
    let config = Machine { labels: Value::Known([label(Value::Null)].into()), ..small() };
    assert_eq!(plan(&config, None).0.labels, Value::Known([label("red".into())].into()));
}

#[test]
fn a_drifted_default_in_a_set_is_planned_back() {
    let label = |colour: Value<String>| Value::Known(Label { text: "x".into(), colour });
    let machine = |colour| Machine { labels: Value::Known([label(colour)].into()), ..small() };
    let config = machine(Value::Null).into_raw();
    let drifted = made(&machine("blue".into())).into_raw();
    // Terraform pairs the elements, and proposes the prior value where the configuration has none.
    let planned = modify(&Machine::object(), &config, &drifted, &drifted);
    let planned: Machine = model::read(planned).expect("a plan is a machine");
    assert_eq!(planned.labels, Value::Known([label("red".into())].into()));
}

#[test]
fn a_change_of_zone_needs_a_new_object() {
    let in_zone = |zone: &str| Machine { zone: zone.into(), ..small() };
    let replace = |config: &Machine| plan(config, Some(&made(&in_zone("a")))).1;
    assert_eq!(replace(&in_zone("b")), [Machine::paths().zone()]);
    assert_eq!(replace(&small()), [Machine::paths().zone()], "from a value to none");
    assert_eq!(replace(&in_zone("a")), []);
    assert_eq!(
        replace(&Machine { zone: Value::Unknown, ..small() }),
        [],
        "it may turn out to be the old one"
    );
    assert_eq!(plan(&in_zone("a"), None).1, [], "a new object replaces nothing");
}

#[test]
fn a_condition_decides_on_old_and_new_value() {
    let with = |space: i64| Machine { space: space.into(), ..small() };
    let replace = |config: &Machine| plan(config, Some(&made(&with(10)))).1;
    assert_eq!(replace(&with(20)), []);
    assert_eq!(replace(&with(5)), [Machine::paths().space()]);
    assert_eq!(replace(&small()), [Machine::paths().space()], "to null there is nothing to compare");
    assert_eq!(replace(&Machine { space: Value::Unknown, ..small() }), []);
}

#[test]
fn a_replaced_part_is_named_by_its_path() {
    let with = |size: i64| Machine { boot: disk(size).into(), watch: disk(size).into(), ..small() };
    let (_, replace) = plan(&with(2), Some(&made(&with(1))));
    let paths = Machine::paths();
    assert_eq!(replace, [paths.boot().size(), paths.watch().size()]);
}

#[test]
fn a_state_has_no_write_only_value_and_no_null_for_repeated_blocks() {
    let leaked = Machine {
        password: "secret".into(),
        boot: Disk { key: "secret".into(), ..disk(1) }.into(),
        user: Value::Null,
        ..small()
    };
    let state = settled(&Machine::object(), &leaked.into_raw());
    let wanted = Machine { boot: disk(1).into(), ..small() };
    assert_eq!(model::read(state), Ok(wanted));
}

/// Every attribute of the planned object with its value, and that of the configuration beside it.
fn walk(object: &Object, config: &Raw, planned: &Raw, see: &mut impl FnMut(&Attribute, &Raw, &Raw)) {
    let seen = RefCell::new(Vec::new());
    rebuild(object, planned, &[config], &|attribute, value, beside| {
        seen.borrow_mut().push((attribute.clone(), beside[0].clone(), value.clone()));
        value
    });
    for (attribute, config, planned) in seen.into_inner() {
        see(&attribute, &config, &planned);
    }
}

proptest! {
    #[test]
    fn planning_is_a_pure_function(config in configuration(true), prior in configuration(false)) {
        let (config, prior) = (config.into_raw(), made(&prior).into_raw());
        prop_assert_eq!(plan_raw(&config, &prior), plan_raw(&config, &prior));
    }

    #[test]
    fn planning_a_plan_changes_nothing(config in configuration(true), prior in configuration(false)) {
        let (config, prior) = (config.into_raw(), made(&prior).into_raw());
        let (once, _) = plan_raw(&config, &prior);
        prop_assert_eq!(&modify(&Machine::object(), &config, &prior, &once), &once);
    }

    #[test]
    fn a_plan_after_an_apply_is_empty(config in configuration(false)) {
        let state = made(&config);
        prop_assert_eq!(plan(&config, Some(&state)), (state, vec![]));
    }

    #[test]
    fn a_plan_keeps_what_the_user_wrote_and_no_secret(
        config in configuration(true),
        prior in configuration(false),
    ) {
        let (config, prior) = (config.into_raw(), made(&prior).into_raw());
        let (planned, _) = plan_raw(&config, &prior);
        let mut wrong = Vec::new();
        walk(&Machine::object(), &config, &planned, &mut |attribute, config, planned| {
            let kept = match &attribute.kind {
                _ if attribute.write_only => planned.is_null(),
                Kind::Plain(_) => config.is_null() || config == planned,
                Kind::Nested(..) => config.is_null() == planned.is_null(),
            };
            if !kept {
                wrong.push((attribute.name, config.clone(), planned.clone()));
            }
        });
        prop_assert_eq!(wrong, vec![]);
    }

    #[test]
    fn a_set_has_the_elements_that_the_user_wrote(
        config in configuration(true),
        prior in configuration(false),
    ) {
        let with_default = |label: Label| Label { colour: label.colour.or("red".into()), ..label };
        let wanted = config.labels.clone().map(|labels| {
            labels.into_iter().map(|label| label.map(with_default)).collect()
        });
        prop_assert_eq!(plan(&config, Some(&made(&prior))).0.labels, wanted);
    }

    #[test]
    fn what_a_plan_knew_is_the_same_once_more_is_known(
        config in configuration(false),
        prior in proptest::option::of(configuration(false)),
        hidden in vec(weighted(0.3), 100),
    ) {
        let config = config.into_raw();
        let prior = prior.map_or(Raw::Null, |prior| made(&prior).into_raw());
        let (first, replace) = plan_raw(&with_unknowns(&config, hidden), &prior);
        let (second, replace_then) = plan_raw(&config, &prior);
        prop_assert!(still_holds(&first, &second), "{:#?}\nbecame {:#?}", first, second);
        prop_assert!(replace.iter().all(|path| replace_then.contains(path)), "{:?}, {:?}", replace, replace_then);
    }

    #[test]
    fn replacement_is_asked_for_once_in_order_and_never_by_an_unknown(
        config in configuration(true),
        prior in configuration(false),
    ) {
        let (config, prior) = (config.into_raw(), made(&prior).into_raw());
        let (planned, _) = plan_raw(&config, &prior);
        let replace = replacements(&Machine::object(), &prior, &planned, every_path());
        prop_assert!(replace.is_sorted_by(|left, right| left < right));
        for path in &replace {
            prop_assert!(!at(&planned, path).is_unknown(), "{}", path);
        }
    }
}

/// What the resource's own plan may ask for: anything, as it can be named without knowing the values.
fn every_path() -> Vec<Path> {
    let object = Machine::object();
    let mut paths: Vec<_> =
        object.attributes.iter().map(|attribute| Path::root().attribute(attribute.name)).collect();
    let machine = Machine::paths();
    paths.extend([machine.cards().index(0).size(), machine.disks().key("x").kind(), machine.boot().serial()]);
    paths
}

/// The configuration while some of it still depends on others: any argument may be unknown.
fn with_unknowns(config: &Raw, hidden: Vec<bool>) -> Raw {
    let hidden = RefCell::new(hidden.into_iter());
    rebuild(&Machine::object(), config, &[], &|attribute, value, _| {
        let is_argument = attribute.presence != Presence::Computed;
        let hide = is_argument && hidden.borrow_mut().next().unwrap_or(false);
        if hide { Raw::Unknown } else { value }
    })
}

/// Is all that the first plan knew the same in the second? What is unknown may turn out as anything, so two elements of
/// a set may turn out to be one.
fn still_holds(first: &Raw, second: &Raw) -> bool {
    match (first, second) {
        (Raw::Unknown, _) => true,
        (Raw::List(first), Raw::List(second)) => {
            first.len() == second.len()
                && first.iter().zip(second).all(|(first, second)| still_holds(first, second))
        }
        (Raw::Map(first), Raw::Map(second)) => {
            first.keys().eq(second.keys())
                && first.values().zip(second.values()).all(|(first, second)| still_holds(first, second))
        }
        (Raw::Set(first), Raw::Set(second)) => {
            first.len() >= second.len()
                && first.iter().all(|first| second.iter().any(|second| still_holds(first, second)))
                && second.iter().all(|second| first.iter().any(|first| still_holds(first, second)))
        }
        (first, second) => first == second,
    }
}
