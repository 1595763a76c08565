use tfplugin::prelude::*;

/// A zone.
#[derive(Debug, Clone, PartialEq, Model)]
struct Zone {
    /// Its name.
    #[tf(optional, use_state_for_unknown)]
    name: Value<String>,
}

fn main() {}
