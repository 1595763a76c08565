//! Sets with elements that are not known yet.
//!
//! Two unknown elements may turn out to be two, so Terraform counts both, and takes a plan that holds fewer for one
//! that changed the configuration. A typed [`Set`](crate::Set) cannot tell them apart.

use crate::cty::Raw;

/// `planned`, which went through a model, with the sets of `before` wherever the model has left them as they were.
pub(crate) fn told_apart(planned: Raw, before: &Raw) -> Raw {
    match (planned, before) {
        (planned @ Raw::Set(_), Raw::Set(_)) if planned == collapsed(before) => before.clone(),
        (Raw::Map(planned), Raw::Map(before)) => {
            let entry = |(key, planned)| {
                let planned = match before.get(&key) {
                    Some(before) => told_apart(planned, before),
                    None => planned,
                };
                (key, planned)
            };
            planned.into_iter().map(entry).collect()
        }
        (Raw::List(planned), Raw::List(before)) if planned.len() == before.len() => {
            let elements = planned.into_iter().zip(before);
            Raw::List(elements.map(|(planned, before)| told_apart(planned, before)).collect())
        }
        (planned, _) => planned,
    }
}

/// As a model holds it: of equal elements one.
fn collapsed(value: &Raw) -> Raw {
    match value {
        Raw::Set(elements) => {
            let mut elements: Vec<_> = elements.iter().map(collapsed).collect();
            elements.sort();
            elements.dedup();
            Raw::Set(elements)
        }
        Raw::List(elements) => Raw::List(elements.iter().map(collapsed).collect()),
        Raw::Map(entries) => entries.iter().map(|(key, entry)| (key.clone(), collapsed(entry))).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(elements: impl IntoIterator<Item = Raw>) -> Raw {
        [("set", Raw::set(elements))].into_iter().collect()
    }

    #[test]
    fn two_unknown_elements_stay_two() {
        let before = with([Raw::Unknown, "a".into(), Raw::Unknown]);
        assert_eq!(told_apart(collapsed(&before), &before), before);
        assert_ne!(collapsed(&before), before, "a model holds one of them");
    }

    #[test]
    fn objects_with_an_unknown_part_stay_two() {
        let network = || [("id", Raw::Unknown), ("region", "eu-west-3".into())].into_iter().collect::<Raw>();
        let before = Raw::List(vec![with([network(), network()])]);
        assert_eq!(told_apart(collapsed(&before), &before), before);
    }

    #[test]
    fn what_a_resource_planned_otherwise_is_kept() {
        let before = with([Raw::Unknown, Raw::Unknown]);
        assert_eq!(told_apart(with(["a".into()]), &before), with(["a".into()]));
    }
}
