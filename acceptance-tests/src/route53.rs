//! Route 53 behind Terraform's back: what a test uses to see what is there, and to change it as a stranger would.

use std::fmt::Write;

use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use roxmltree::{Document, Node};

use crate::http_client::{Answer, HttpClient, HttpError};

/// moto tells services apart by the scope of the credentials; it verifies no signature.
const CREDENTIALS: &str = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/route53/aws4_request";

/// Route 53 as one account sees it.
#[derive(Debug)]
pub struct Route53 {
    url: String,
    client: HttpClient,
}

/// A hosted zone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Zone {
    /// The identifier without the `/hostedzone/` before it.
    pub id: String,
    /// The absolute name.
    pub name: String,
    /// The caller reference of its creation.
    pub caller_reference: String,
    /// The comment; empty when there is none.
    pub comment: String,
}

/// A record set as Route 53 lists it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct RecordSet {
    /// The absolute name, with Route 53's escapes.
    pub name: String,
    /// The type, as `AAAA`.
    pub kind: String,
    /// What tells sets of one name and type apart.
    pub set_identifier: Option<String>,
    /// Seconds; none for an alias.
    pub ttl: Option<u64>,
    /// The values in Route 53's order; none for an alias.
    pub values: Vec<String>,
    /// The XML of the remaining elements in the order of the answer: routing, alias target, health check.
    pub rest: String,
}

/// Why Route 53 did not do it.
#[derive(Debug, thiserror::Error)]
pub enum Route53Error {
    /// Nothing came back.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// It refused.
    #[error("{action} answered {status}: {body}")]
    Refused {
        /// The request.
        action: String,
        /// The status code.
        status: u16,
        /// The whole answer.
        body: String,
    },
    /// The answer is not XML.
    #[error("the answer is not XML: {0}")]
    Xml(#[from] roxmltree::Error),
}

/// What to do with a record set in a change batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeAction {
    /// Refused when it exists.
    Create,
    /// Creates or overwrites.
    Upsert,
    /// Refused when it does not exist with exactly this content.
    Delete,
}

impl Route53 {
    /// The account behind `url`: a [`FaultProxy`](crate::fault_proxy::FaultProxy), or moto itself for its default one.
    pub fn at(url: impl Into<String>) -> Self {
        Self { url: url.into(), client: HttpClient::new() }
    }

    /// Creates a public zone. The caller reference must never have been used.
    pub fn create_zone(&self, name: &str, caller_reference: &str) -> Result<Zone, Route53Error> {
        let body = request(
            "CreateHostedZone",
            &element("Name", name),
            &element("CallerReference", caller_reference),
        );
        let answer = self.call("POST", "/hostedzone", &body)?;
        let document = Document::parse(&answer)?;
        Ok(children(document.root(), "HostedZone").next().map(zone_of).unwrap_or_default())
    }

    /// All zones of the account, in Route 53's order.
    pub fn zones(&self) -> Result<Vec<Zone>, Route53Error> {
        let answer = self.call("GET", "/hostedzone", "")?;
        Ok(children(Document::parse(&answer)?.root(), "HostedZone").map(zone_of).collect())
    }

    /// The zones of that name, given absolute or not.
    pub fn zones_named(&self, name: &str) -> Result<Vec<Zone>, Route53Error> {
        let absolute = format!("{}.", name.trim_end_matches('.'));
        Ok(self.zones()?.into_iter().filter(|zone| zone.name == absolute).collect())
    }

    /// The networks that see a private zone, sorted.
    pub fn networks(&self, id: &str) -> Result<Vec<String>, Route53Error> {
        let answer = self.call("GET", &format!("/hostedzone/{id}"), "")?;
        let document = Document::parse(&answer)?;
        let ids = children(document.root(), "VPCId").filter_map(|id| id.text());
        let mut ids: Vec<_> = ids.map(str::to_owned).collect();
        ids.sort();
        Ok(ids)
    }

    /// Puts a tag onto a zone.
    pub fn tag(&self, zone: &str, key: &str, value: &str) -> Result<(), Route53Error> {
        let tag = wrapped("Tag", &(element("Key", key) + &element("Value", value)));
        let body = request("ChangeTagsForResource", &wrapped("AddTags", &tag), "");
        self.call("POST", &format!("/tags/hostedzone/{zone}"), &body).map(drop)
    }

    /// Deletes a zone, which must hold nothing but its apex NS and SOA.
    pub fn delete_zone(&self, id: &str) -> Result<(), Route53Error> {
        self.call("DELETE", &format!("/hostedzone/{id}"), "").map(drop)
    }

    /// All record sets of a zone, page by page, in Route 53's order.
    pub fn record_sets(&self, zone: &str) -> Result<Vec<RecordSet>, Route53Error> {
        let mut sets = Vec::new();
        let mut from = String::new();
        loop {
            let answer = self.call("GET", &format!("/hostedzone/{zone}/rrset?{from}"), "")?;
            let document = Document::parse(&answer)?;
            sets.extend(children(document.root(), "ResourceRecordSet").map(record_set_of));
            match next_page(document.root()) {
                Some(next) => from = next,
                None => return Ok(sets),
            }
        }
    }

    /// The record sets but for the NS and SOA of the zone itself.
    pub fn own_record_sets(&self, zone: &Zone) -> Result<Vec<RecordSet>, Route53Error> {
        let is_apex = |set: &RecordSet| set.name == zone.name && matches!(set.kind.as_str(), "NS" | "SOA");
        Ok(self.record_sets(&zone.id)?.into_iter().filter(|set| !is_apex(set)).collect())
    }

    /// Submits one batch: all of it happens, or nothing.
    pub fn change(&self, zone: &str, changes: &[(ChangeAction, RecordSet)]) -> Result<(), Route53Error> {
        let changes: String = changes.iter().map(|(action, set)| action.of(set)).collect();
        let batch = wrapped("ChangeBatch", &wrapped("Changes", &changes));
        self.call(
            "POST",
            &format!("/hostedzone/{zone}/rrset"),
            &request("ChangeResourceRecordSets", &batch, ""),
        )
        .map(drop)
    }

    /// The status of a change: `PENDING` or `INSYNC`.
    pub fn change_status(&self, change: &str) -> Result<String, Route53Error> {
        let answer = self.call("GET", &format!("/change/{change}"), "")?;
        Ok(child_text(Document::parse(&answer)?.root(), "Status"))
    }

    fn call(&self, method: &str, path: &str, body: &str) -> Result<String, Route53Error> {
        let url = format!("{}/2013-04-01{path}", self.url);
        let headers = [(AUTHORIZATION, CREDENTIALS), (CONTENT_TYPE, "text/xml")];
        let answer @ Answer { status, .. } = self.client.send(method, &url, &headers, body)?;
        if (200..300).contains(&status) {
            return Ok(answer.text());
        }
        Err(Route53Error::Refused { action: format!("{method} {path}"), status, body: answer.text() })
    }
}

impl RecordSet {
    /// A set without routing.
    pub fn simple(name: &str, kind: &str, ttl: u64, values: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            kind: kind.to_owned(),
            ttl: Some(ttl),
            values: values.iter().map(|&value| value.to_owned()).collect(),
            ..Self::default()
        }
    }
}

impl ChangeAction {
    fn of(self, set: &RecordSet) -> String {
        let action = match self {
            Self::Create => "CREATE",
            Self::Upsert => "UPSERT",
            Self::Delete => "DELETE",
        };
        wrapped("Change", &(element("Action", action) + &xml_of(set)))
    }
}

fn xml_of(set: &RecordSet) -> String {
    let mut xml = element("Name", &set.name) + &element("Type", &set.kind);
    if let Some(identifier) = &set.set_identifier {
        xml += &element("SetIdentifier", identifier);
    }
    xml += &set.rest;
    if let Some(ttl) = set.ttl {
        xml += &element("TTL", &ttl.to_string());
        let records = set.values.iter().map(|value| wrapped("ResourceRecord", &element("Value", value)));
        xml += &wrapped("ResourceRecords", &records.collect::<String>());
    }
    wrapped("ResourceRecordSet", &xml)
}

fn request(action: &str, first: &str, second: &str) -> String {
    format!(
        r#"<{action}Request xmlns="https://route53.amazonaws.com/doc/2013-04-01/">{first}{second}</{action}Request>"#
    )
}

fn element(name: &str, text: &str) -> String {
    wrapped(name, &text.replace('&', "&amp;").replace('<', "&lt;"))
}

fn wrapped(name: &str, inner: &str) -> String {
    format!("<{name}>{inner}</{name}>")
}

fn zone_of(node: Node) -> Zone {
    Zone {
        id: child_text(node, "Id").trim_start_matches("/hostedzone/").to_owned(),
        name: child_text(node, "Name"),
        caller_reference: child_text(node, "CallerReference"),
        comment: child_text(node, "Comment"),
    }
}

fn record_set_of(node: Node) -> RecordSet {
    let known = ["Name", "Type", "SetIdentifier", "TTL", "ResourceRecords"];
    let rest =
        node.children().filter(|child| child.is_element() && !known.contains(&child.tag_name().name()));
    RecordSet {
        name: child_text(node, "Name"),
        kind: child_text(node, "Type"),
        set_identifier: children(node, "SetIdentifier")
            .next()
            .and_then(|node| node.text())
            .map(str::to_owned),
        ttl: child_text(node, "TTL").parse().ok(),
        values: children(node, "Value").filter_map(|value| value.text()).map(str::to_owned).collect(),
        rest: rest.map(|child| source_of(child)).collect(),
    }
}

/// The XML of an element as it stood in the answer.
fn source_of(node: Node) -> String {
    node.document().input_text()[node.range()].to_owned()
}

fn next_page(root: Node) -> Option<String> {
    if child_text(root, "IsTruncated") != "true" {
        return None;
    }
    let mut query = String::new();
    for (field, name) in
        [("name", "NextRecordName"), ("type", "NextRecordType"), ("identifier", "NextRecordIdentifier")]
    {
        let value = child_text(root, name);
        if !value.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(query, "&{field}={}", percent_encoded(&value));
        }
    }
    Some(query)
}

fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}

fn children<'a, 'input: 'a>(node: Node<'a, 'input>, name: &'a str) -> impl Iterator<Item = Node<'a, 'input>> {
    node.descendants().filter(move |node| node.is_element() && node.tag_name().name() == name)
}

fn child_text(node: Node, name: &str) -> String {
    children(node, name).next().and_then(|child| child.text()).unwrap_or_default().to_owned()
}

#[cfg(test)]
#[path = "route53_tests.rs"]
mod tests;
