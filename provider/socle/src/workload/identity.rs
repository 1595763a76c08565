//! What names an object in a cluster.

use std::fmt;

/// The type of an object: `apps`, `v1`, `Deployment`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeName {
    /// The API group; empty for the core group.
    pub group: String,
    /// The version of the API group.
    pub version: String,
    /// The kind.
    pub kind: String,
}

impl TypeName {
    /// From `apiVersion` and `kind` as an object writes them.
    pub fn new(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() }
    }

    /// As an object writes it: `apps/v1`, or `v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }
}

/// The name of an object in a cluster, and the version through which it is spoken to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// Its type.
    pub type_name: TypeName,
    /// Its namespace; none where the type has none, or where the document leaves it open.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// The same object whatever the API version: (group, kind, namespace, name).
pub type Subject = (String, String, Option<String>, String);

impl Identity {
    /// The object itself, whatever the version through which it is spoken to.
    pub fn subject(&self) -> Subject {
        let TypeName { group, kind, .. } = &self.type_name;
        (group.clone(), kind.clone(), self.namespace.clone(), self.name.clone())
    }

    /// Reads the form that [`Display`](fmt::Display) writes; none when it is no such form.
    pub fn parse(label: &str) -> Option<Self> {
        let mut words = label.split(' ');
        let (api_version, kind, path) = (words.next()?, words.next()?, words.next()?);
        if words.next().is_some() || [api_version, kind, path].contains(&"") {
            return None;
        }
        let (namespace, name) = match path.split_once('/') {
            Some((namespace, name)) => (Some(namespace.to_owned()), name),
            None => (None, path),
        };
        Some(Self { type_name: TypeName::new(api_version, kind), namespace, name: name.to_owned() })
    }
}

impl fmt::Display for Identity {
    /// As the plan shows it: `apps/v1 Deployment social/web`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.type_name.api_version(), self.type_name.kind)?;
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_as_in_the_plan() {
        for label in
            ["apps/v1 Deployment social/web", "v1 Namespace social", "v1 Service social/system:node.a"]
        {
            assert_eq!(Identity::parse(label).map(|identity| identity.to_string()).as_deref(), Some(label));
        }
        for label in ["", "v1", "v1 Pod", "v1  x", "v1 Pod a b"] {
            assert_eq!(Identity::parse(label), None, "{label}");
        }
    }

    #[test]
    fn another_version_is_the_same_subject() {
        let [old, new] = ["autoscaling/v1", "autoscaling/v2"]
            .map(|api| Identity::parse(&format!("{api} HorizontalPodAutoscaler a/b")).unwrap());
        assert_ne!(old, new);
        assert_eq!(old.subject(), new.subject());
    }

    proptest! {
        #[test]
        fn labels_are_read_back(
            group in "([a-z]{1,5}(\\.[a-z]{1,4})?)?",
            namespace in proptest::option::of("[a-z-]{1,8}"),
            name in "[a-z0-9.:-]{1,10}",
        ) {
            let type_name = TypeName { group, version: "v1".to_owned(), kind: "Thing".to_owned() };
            let identity = Identity { type_name, namespace, name };
            prop_assert_eq!(Identity::parse(&identity.to_string()), Some(identity));
        }
    }
}
