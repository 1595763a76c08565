use tfplugin::prelude::*;

/// A zone.
#[derive(Debug, Clone, PartialEq, Model)]
struct Zone {
    /// Its keys.
    #[tf(optional)]
    keys: Value<Set<Key>>,
}

/// A key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Model)]
struct Key {
    /// Its text.
    #[tf(optional, write_only)]
    text: Value<String>,
}

fn main() {}
