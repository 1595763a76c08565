use tfplugin::prelude::*;

/// A zone.
#[derive(Debug, Clone, PartialEq, Model)]
struct Zone {
    /// Its name.
    #[tf(required, requires_replace, requires_replace_if(|before: &String, after: &String| before != after))]
    name: Value<String>,
}

fn main() {}
