use tfplugin::prelude::*;

/// A zone.
#[derive(Debug, Clone, PartialEq, Model)]
struct Zone {
    /// How long it may take.
    #[tf(timeouts(create = "5m"))]
    limits: Value<Timeouts>,
}

fn main() {}
