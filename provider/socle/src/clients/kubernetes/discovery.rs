//! Which kinds a server serves, and under which paths.

use std::collections::BTreeMap;

use serde_json::Value;

use super::escaped;

/// The kinds of a server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Discovery {
    /// By (group, version, kind).
    kinds: BTreeMap<(String, String, String), Served>,
    /// The kinds of each group's preferred version that can be listed, changed and deleted.
    ours: Vec<Served>,
}

/// One kind that a server serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// `apps/v1`, or `v1`.
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// Its name in paths.
    pub plural: String,
    /// Do its objects live in namespaces?
    pub namespaced: bool,
}

impl Served {
    /// The path of all objects of the kind, in one namespace or in all.
    pub fn collection(&self, namespace: Option<&str>) -> String {
        let root = if self.api_version.contains('/') { "/apis" } else { "/api" };
        let within = match namespace {
            Some(namespace) if self.namespaced => format!("/namespaces/{}", escaped(namespace)),
            _ => String::new(),
        };
        format!("{root}/{}{within}/{}", self.api_version, self.plural)
    }

    /// The path of one object.
    pub fn object(&self, namespace: Option<&str>, name: &str) -> String {
        format!("{}/{}", self.collection(namespace), escaped(name))
    }
}

impl Discovery {
    /// Reads aggregated answers (`APIGroupDiscoveryList`); none when one of them is of an older form.
    pub(super) fn read(answers: &[Value]) -> Option<Self> {
        let mut discovery = Self::default();
        for answer in answers {
            if answer["kind"] != "APIGroupDiscoveryList" {
                return None;
            }
            for group in answer["items"].as_array()? {
                discovery.read_group(group);
            }
        }
        Some(discovery)
    }

    fn read_group(&mut self, group: &Value) {
        let name = group["metadata"]["name"].as_str().unwrap_or_default();
        for (position, version) in group["versions"].as_array().into_iter().flatten().enumerate() {
            let Some(number) = version["version"].as_str() else { continue };
            for resource in version["resources"].as_array().into_iter().flatten() {
                let Some((served, is_ours)) = read_resource(name, number, resource) else { continue };
                if position == 0 && is_ours {
                    self.ours.push(served.clone());
                }
                self.kinds.insert((name.to_owned(), number.to_owned(), served.kind.clone()), served);
            }
        }
    }

    /// How a kind is served.
    pub fn find(&self, group: &str, version: &str, kind: &str) -> Option<&Served> {
        self.kinds.get(&(group.to_owned(), version.to_owned(), kind.to_owned()))
    }

    /// Every kind whose objects can be ours, each once.
    pub fn all(&self) -> &[Served] {
        &self.ours
    }

    /// The versions in which the server serves a kind.
    pub fn versions(&self, group: &str, kind: &str) -> Vec<&str> {
        let is_it = |(of, _, served): &&(String, String, String)| of == group && served == kind;
        self.kinds.keys().filter(is_it).map(|(_, version, _)| version.as_str()).collect()
    }
}

fn read_resource(group: &str, version: &str, resource: &Value) -> Option<(Served, bool)> {
    let kind = resource["responseKind"]["kind"].as_str().filter(|kind| !kind.is_empty())?;
    let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let has = |verb: &str| resource["verbs"].as_array().is_some_and(|verbs| verbs.iter().any(|v| v == verb));
    let served = Served {
        api_version,
        kind: kind.to_owned(),
        plural: resource["resource"].as_str()?.to_owned(),
        namespaced: resource["scope"] == "Namespaced",
    };
    // Events stand in two groups, are many, and are nobody's to apply.
    let is_ours = has("list") && has("patch") && has("delete") && kind != "Event";
    Some((served, is_ours))
}
