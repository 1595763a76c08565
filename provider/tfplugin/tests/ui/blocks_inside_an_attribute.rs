use tfplugin::prelude::*;

/// A zone.
#[derive(Debug, Clone, PartialEq, Model)]
struct Zone {
    /// Its key.
    #[tf(optional)]
    key: Value<Key>,
}

/// A key.
#[derive(Debug, Clone, PartialEq, Model)]
struct Key {
    /// Its lock.
    #[tf(block)]
    lock: Value<Lock>,
}

/// A lock.
#[derive(Debug, Clone, PartialEq, Model)]
struct Lock {
    /// Its text.
    #[tf(required)]
    text: Value<String>,
}

fn main() {}
