//! A model with one attribute of every kind that a plan treats differently, for the tests of planning.

use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;

use crate::cty::Raw;
use crate::schema::{Attribute, Kind, Nesting, Object};
use crate::value::{List, Map, Set, Typed as _, Value};
use crate::{Model, Timeouts};

/// A rented machine.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub(super) struct Machine {
    /// Its name.
    #[tf(required)]
    pub(super) name: Value<String>,
    /// Processors. Default: 1.
    #[tf(optional, default = 1)]
    pub(super) cores: Value<i64>,
    /// Where it stands.
    #[tf(optional, requires_replace)]
    pub(super) zone: Value<String>,
    /// Disk space, which can only grow.
    #[tf(optional, requires_replace_if(|before: &i64, after: &i64| after < before))]
    pub(super) space: Value<i64>,
    /// Its number, given once.
    #[tf(computed, use_state_for_unknown)]
    pub(super) id: Value<String>,
    /// What it does.
    #[tf(computed)]
    pub(super) status: Value<String>,
    /// Its address, chosen or given.
    #[tf(optional, computed)]
    pub(super) address: Value<String>,
    /// The first password.
    #[tf(optional, write_only)]
    pub(super) password: Value<String>,
    /// Its disks by name.
    #[tf(optional)]
    pub(super) disks: Value<Map<Disk>>,
    /// Its network cards in order.
    #[tf(optional)]
    pub(super) cards: Value<List<Disk>>,
    /// How it boots.
    #[tf(optional)]
    pub(super) boot: Value<Disk>,
    /// What is written on it.
    #[tf(optional)]
    pub(super) labels: Value<Set<Label>>,
    /// Who may enter.
    #[tf(block)]
    pub(super) user: Value<List<Disk>>,
    /// How it is watched.
    #[tf(block)]
    pub(super) watch: Value<Disk>,
    /// How long it may take.
    #[tf(timeouts(create = "5m"))]
    pub(super) timeouts: Value<Timeouts>,
}

/// A part of it.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub(super) struct Disk {
    /// Its size.
    #[tf(required, requires_replace)]
    pub(super) size: Value<i64>,
    /// Its kind. Default: `ssd`.
    #[tf(optional, default = "ssd")]
    pub(super) kind: Value<String>,
    /// Its serial number.
    #[tf(computed, use_state_for_unknown)]
    pub(super) serial: Value<String>,
    /// Its key.
    #[tf(optional, write_only)]
    pub(super) key: Value<String>,
}

/// A label.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Model)]
pub(super) struct Label {
    /// Its text.
    #[tf(required)]
    pub(super) text: Value<String>,
    /// Its colour. Default: `red`.
    #[tf(optional, default = "red")]
    pub(super) colour: Value<String>,
}

/// Known values few enough that chance makes two equal ones; unknown where `unknown` allows it.
fn value<T: Clone + std::fmt::Debug + 'static>(
    known: impl Strategy<Value = T> + 'static,
    unknown: bool,
) -> BoxedStrategy<Value<T>> {
    let known = known.prop_map(Value::Known);
    let unknown = if unknown { Just(Value::Unknown) } else { Just(Value::Null) };
    prop_oneof![4 => known, 1 => Just(Value::Null), 1 => unknown].boxed()
}

fn text(unknown: bool) -> BoxedStrategy<Value<String>> {
    value("[ab]", unknown)
}

fn disk(unknown: bool) -> impl Strategy<Value = Disk> {
    (value(0..3_i64, unknown), text(unknown), text(unknown)).prop_map(|(size, kind, key)| Disk {
        size,
        kind,
        key,
        serial: Value::Null,
    })
}

fn label(unknown: bool) -> impl Strategy<Value = Value<Label>> {
    (text(unknown), text(unknown)).prop_map(|(text, colour)| Value::Known(Label { text, colour }))
}

/// What a user may write: computed attributes are null.
pub(super) fn configuration(unknown: bool) -> impl Strategy<Value = Machine> {
    let plain =
        (text(unknown), value(1..3_i64, unknown), text(unknown), value(1..3_i64, unknown), text(unknown));
    let nested = (
        value(btree_map("[xy]", disk(unknown).prop_map(Value::Known), 0..3), unknown),
        value(vec(disk(unknown).prop_map(Value::Known), 0..3), unknown),
        value(disk(unknown), unknown),
        value(btree_set(label(unknown), 0..3), unknown),
        vec(disk(unknown).prop_map(Value::Known), 0..3).prop_map(Value::Known),
        value(disk(unknown), false),
        text(unknown),
    );
    (plain, nested).prop_map(|((name, cores, zone, space, password), nested)| {
        let (disks, cards, boot, labels, user, watch, address) = nested;
        Machine {
            name,
            cores,
            zone,
            space,
            address,
            password,
            disks,
            cards,
            boot,
            labels,
            user,
            watch,
            ..Machine::default()
        }
    })
}

/// Terraform's merge of configuration and prior state: what the configuration leaves out and the provider may set
/// keeps its prior value.
pub(super) fn proposed(object: &Object, config: &Raw, prior: &Raw) -> Raw {
    let Raw::Map(_) = config else { return config.clone() };
    let attributes = object.attributes.iter().map(|attribute| {
        let (config, prior) = (config.get(attribute.name), prior.get(attribute.name));
        (attribute.name, propose(attribute, config, prior))
    });
    let blocks = object.blocks.iter().map(|block| {
        let (config, prior) = (config.get(block.name), prior.get(block.name));
        (block.name, propose_each(block.nesting, &block.object, config, prior))
    });
    attributes.chain(blocks).collect()
}

fn propose(attribute: &Attribute, config: &Raw, prior: &Raw) -> Raw {
    let may_be_computed = attribute.presence.is_computed() || attribute.default.is_some();
    match &attribute.kind {
        _ if config.is_null() && may_be_computed => prior.clone(),
        Kind::Nested(nesting, object) => propose_each(*nesting, object, config, prior),
        Kind::Plain(_) => config.clone(),
    }
}

fn propose_each(nesting: Nesting, object: &Object, config: &Raw, prior: &Raw) -> Raw {
    match (nesting, config) {
        (Nesting::Map, Raw::Map(entries)) => entries
            .iter()
            .map(|(key, entry)| (key.clone(), proposed(object, entry, prior.get(key))))
            .collect(),
        (Nesting::List, Raw::List(elements)) => {
            let at = |index| match prior {
                Raw::List(prior) => prior.get(index).unwrap_or(&Raw::Null),
                _ => &Raw::Null,
            };
            Raw::List(
                elements.iter().enumerate().map(|(i, element)| proposed(object, element, at(i))).collect(),
            )
        }
        (Nesting::Set, Raw::Set(elements)) => {
            let mut left = match prior {
                Raw::Set(prior) => prior.clone(),
                _ => Vec::new(),
            };
            Raw::set(elements.iter().map(|element| {
                let pair = left.iter().position(|prior| is_pair(object, element, prior));
                proposed(object, element, &pair.map_or(Raw::Null, |pair| left.remove(pair)))
            }))
        }
        _ => proposed(object, config, prior),
    }
}

/// Could the element of a set have become `prior`? Only what the provider may set, can differ where the user says nothing.
fn is_pair(object: &Object, element: &Raw, prior: &Raw) -> bool {
    object.attributes.iter().all(|attribute| {
        let (element, prior) = (element.get(attribute.name), prior.get(attribute.name));
        let may_be_computed = attribute.presence.is_computed() || attribute.default.is_some();
        element == prior || element.is_null() && may_be_computed
    })
}

/// What an apply makes of a plan: every unknown value has turned out.
pub(super) fn applied(planned: Raw, ty: &crate::cty::Type) -> Raw {
    use crate::cty::Type;
    match (planned, ty) {
        (Raw::Unknown, Type::String) => "made".into(),
        (Raw::Unknown, Type::Number) => 7_i64.into_raw(),
        (Raw::Unknown, Type::List(_)) => Raw::List(Vec::new()),
        (Raw::Unknown, Type::Set(_)) => Raw::set([]),
        (Raw::Unknown, Type::Map(_)) => Raw::Map([].into()),
        (Raw::Unknown, Type::Object(object)) => {
            object.attributes.iter().map(|(name, ty)| (name.clone(), applied(Raw::Unknown, ty))).collect()
        }
        (Raw::List(elements), Type::List(ty)) => {
            Raw::List(elements.into_iter().map(|element| applied(element, ty)).collect())
        }
        (Raw::Set(elements), Type::Set(ty)) => {
            Raw::set(elements.into_iter().map(|element| applied(element, ty)))
        }
        (Raw::Map(entries), Type::Map(ty)) => {
            entries.into_iter().map(|(key, entry)| (key, applied(entry, ty))).collect()
        }
        (Raw::Map(entries), Type::Object(object)) => entries
            .into_iter()
            .map(|(name, value)| {
                let value = applied(value, &object.attributes[&name]);
                (name, value)
            })
            .collect(),
        (other, _) => other,
    }
}
