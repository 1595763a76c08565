//! A versioned bucket as it was at a moment: pure.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// One entry of a bucket's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The object's key.
    pub key: String,
    /// The id of this version.
    pub version: String,
    /// When it came to be; S3 gives whole seconds.
    pub at: Timestamp,
    /// What it is.
    pub kind: Kind,
}

/// What an entry of a bucket's history is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Content of so many bytes.
    Content(u64),
    /// From here on the object is deleted.
    DeleteMarker,
}

/// A version of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its id.
    pub id: String,
    /// Its size in bytes.
    pub size: u64,
}

/// The objects that were there at `moment`, by key. What was written or deleted in that very second had happened.
/// `history` has the newest entry of each key first, as S3 lists it: within one second only the order tells.
pub fn objects_at(history: impl IntoIterator<Item = Entry>, moment: Timestamp) -> BTreeMap<String, Version> {
    let mut newest: BTreeMap<String, Entry> = BTreeMap::new();
    for entry in history.into_iter().filter(|entry| entry.at <= moment) {
        let is_older = newest.get(&entry.key).is_some_and(|known| known.at >= entry.at);
        if !is_older {
            newest.insert(entry.key.clone(), entry);
        }
    }
    let content = newest.into_iter().filter_map(|(key, entry)| match entry.kind {
        Kind::Content(size) => Some((key, Version { id: entry.version, size })),
        Kind::DeleteMarker => None,
    });
    content.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn entry(key: &str, version: &str, second: i64, kind: Kind) -> Entry {
        Entry { key: key.to_owned(), version: version.to_owned(), at: at(second), kind }
    }

    fn seen(history: &[Entry], second: i64) -> Vec<String> {
        objects_at(history.to_vec(), at(second))
            .into_iter()
            .map(|(key, v)| format!("{key}@{}", v.id))
            .collect()
    }

    #[test]
    fn sees_past_a_delete_marker_and_past_an_overwrite() {
        let history = [
            entry("a", "marker", 30, Kind::DeleteMarker),
            entry("a", "1", 10, Kind::Content(5)),
            entry("b", "forged", 31, Kind::Content(5)),
            entry("b", "1", 11, Kind::Content(5)),
        ];
        assert_eq!(seen(&history, 29), ["a@1", "b@1"]);
        assert_eq!(seen(&history, 31), ["b@forged"]);
        assert_eq!(seen(&history, 9), [""; 0]);
    }

    #[test]
    fn within_one_second_the_order_of_the_list_tells() {
        let history = [entry("a", "2", 10, Kind::Content(1)), entry("a", "1", 10, Kind::Content(1))];
        assert_eq!(seen(&history, 10), ["a@2"]);
    }
}
