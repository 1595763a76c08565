use tfplugin::prelude::*;

/// A zone.
#[derive(Debug, Clone, PartialEq, Model)]
struct Zone {
    /// Its name.
    #[tf(computed, requires_replace)]
    name: Value<String>,
}

fn main() {}
