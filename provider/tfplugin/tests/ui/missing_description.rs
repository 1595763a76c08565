use tfplugin::prelude::*;

/// A zone.
#[derive(Debug, Clone, PartialEq, Model)]
struct Zone {
    #[tf(required)]
    name: Value<String>,
}

fn main() {}
