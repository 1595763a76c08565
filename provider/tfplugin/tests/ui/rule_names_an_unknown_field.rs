use tfplugin::prelude::*;

/// A zone.
#[derive(Debug, Clone, PartialEq, Model)]
#[tf(exactly_one_of(name, id))]
struct Zone {
    /// Its name.
    #[tf(optional)]
    name: Value<String>,
}

fn main() {}
