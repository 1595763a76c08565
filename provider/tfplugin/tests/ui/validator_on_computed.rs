use tfplugin::prelude::*;

/// A zone.
#[derive(Debug, Clone, PartialEq, Model)]
struct Zone {
    /// Its name.
    #[tf(computed, validate(length(1..)))]
    name: Value<String>,
}

fn main() {}
