use tfplugin::prelude::*;

/// A zone.
#[derive(Debug, Clone, PartialEq, Model)]
struct Zone {
    /// Its name.
    #[tf(required, validate(range(1..=9)))]
    name: Value<String>,
}

fn main() {}
