use tfplugin::prelude::*;

/// A zone.
#[derive(Debug, Clone, PartialEq, Model)]
struct Zone {
    /// Its key.
    #[tf(block, sensitive)]
    key: Value<Key>,
}

/// A key.
#[derive(Debug, Clone, PartialEq, Model)]
struct Key {
    /// Its text.
    #[tf(required)]
    text: Value<String>,
}

fn main() {}
