//! `data.socle_dns_zone`: a zone that is managed elsewhere, and its records.

use tfplugin::{Call, DataSource, Diagnostic, Diagnostics, List, Map, Model, Timeouts, Value};

use super::DnsName;
use super::escape::Escapes;
use super::name::is_zone_name;
use super::record::{RecordSets, shown};
use super::zone::observed::{Observed, arn, name_servers, observe, shown_tags};
use crate::clients::{Clients, budget};

/// A hosted zone of Route 53 that is managed elsewhere, with all its records.
#[derive(Debug, Clone, PartialEq, Default, Model)]
pub struct DnsZoneData {
    /// The name of the zone.
    #[tf(required, validate(describe("a domain name", |name: &String| is_zone_name(name))))]
    name: Value<String>,
    /// Whether to look for a private zone. Default: `false`, a public one. Of no effect with `id`.
    #[tf(optional)]
    private: Value<bool>,
    /// The id of the zone. Give it where several zones bear the name, as private ones may.
    #[tf(optional, computed, validate(length(1..=32)))]
    id: Value<String>,
    /// How long each operation may take.
    #[tf(timeouts(read = "5m"))]
    timeouts: Value<Timeouts>,
    /// The Amazon Resource Name of the zone.
    #[tf(computed)]
    arn: Value<String>,
    /// The names of the servers that answer for the zone. Empty for a private zone.
    #[tf(computed)]
    name_servers: Value<List<String>>,
    /// The comment of the zone.
    #[tf(computed)]
    comment: Value<String>,
    /// The tags of the zone.
    #[tf(computed)]
    tags: Value<Map<String>>,
    /// All record sets of the zone, in canonical form, by label `NAME TYPE [IDENTIFIER]`.
    #[tf(computed)]
    record_sets: Value<RecordSets>,
}

impl DataSource for DnsZoneData {
    type Clients = Clients;
    type Model = Self;

    const NAME: &'static str = "dns_zone";
    const SUBCATEGORY: &'static str = "DNS";

    async fn read(call: &Call<Clients>, config: Self) -> Result<Self, Diagnostics> {
        let id = config.find(call).await?;
        let observed = observe(call.clients().route53(), &id, &budget(call)).await;
        let observed =
            observed.map_err(|error| Diagnostic::error("Zone cannot be read", error.to_string()))?;
        Ok(config.with(&observed.ok_or_else(|| none(&id))?))
    }
}

impl DnsZoneData {
    /// The id of the only zone of this name that fits `id` and `private`.
    async fn find(&self, call: &Call<Clients>) -> Result<String, Diagnostic> {
        let text = self.name.known().map_or("", String::as_str);
        let invalid =
            |problem: super::name::NameError| Diagnostic::error("Invalid name", problem.to_string());
        let name = DnsName::absolute(text, Escapes::Octal).map_err(invalid)?;
        let found = call.clients().route53().find_zones(&name, &budget(call)).await;
        let found =
            found.map_err(|error| Diagnostic::error("Zone cannot be looked up", error.to_string()))?;
        let private = self.private == Value::Known(true);
        let fits = |id: &String, is_private: bool| match self.id.known() {
            Some(wanted) => wanted == id,
            None => is_private == private,
        };
        let mut ids: Vec<_> =
            found.into_iter().filter(|zone| fits(&zone.id, zone.private)).map(|zone| zone.id).collect();
        match (ids.pop(), ids.is_empty()) {
            (Some(id), true) => Ok(id),
            (None, _) => Err(none(text)),
            (Some(last), false) => Err(several(text, &[ids, vec![last]].concat())),
        }
    }

    fn with(self, observed: &Observed) -> Self {
        let zone = &observed.details.zone;
        Self {
            id: zone.id.clone().into(),
            arn: arn(&zone.id).into(),
            name_servers: name_servers(&observed.details).into(),
            comment: zone.comment.clone().unwrap_or_default().into(),
            tags: shown_tags(&observed.tags).into(),
            record_sets: shown(observed.records.sets.values(), &zone.name).into(),
            ..self
        }
    }
}

fn none(name: &str) -> Diagnostic {
    let detail = format!(
        "The account has no such zone {name:?}. Check `private`, `id`, and the credentials' account."
    );
    Diagnostic::error("No such zone", detail).at(DnsZoneData::paths().name())
}

fn several(name: &str, ids: &[String]) -> Diagnostic {
    let ids = ids.join(", ");
    let detail = format!(
        "The account has several zones {name:?} of this kind: {ids}. Of public zones one alone can be delegated, so \
         remove the others; among private ones choose by `id`."
    );
    Diagnostic::error("Several zones of one name", detail).at(DnsZoneData::paths().name())
}
