use tfplugin::prelude::*;

/// A zone.
#[derive(Debug, Clone, PartialEq, Model)]
struct Zone {
    /// Its name.
    #[tf(computed, default = "main")]
    name: Value<String>,
}

fn main() {}
