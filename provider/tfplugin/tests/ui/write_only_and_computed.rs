use tfplugin::prelude::*;

/// A zone.
#[derive(Debug, Clone, PartialEq, Model)]
struct Zone {
    /// Its name.
    #[tf(optional, computed, write_only)]
    name: Value<String>,
}

fn main() {}
