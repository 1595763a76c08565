//! What AWS refuses or delays and moto does not: pure bookkeeping, applied by the
//! [`FaultProxy`](crate::fault_proxy::FaultProxy).
//!
//! Sources: the API reference of `CreateHostedZone`, `ChangeResourceRecordSets`, `ListResourceRecordSets` and
//! `GetChange`, and "Quotas" in the Route 53 developer guide.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use roxmltree::{Document, Node};

/// Route 53 answers at most so many record sets a page, whatever is asked for.
pub const PAGE: usize = 300;
/// A change batch holds at most so many `ResourceRecord` elements; those of an UPSERT count twice.
pub const BATCH_RECORDS: usize = 1000;
/// The values of a change batch hold at most so many characters; those of an UPSERT count twice.
pub const BATCH_CHARACTERS: usize = 32_000;

/// A request that AWS would not carry out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status code of the answer.
    pub status: u16,
    /// The error code, as the API's reference spells it.
    pub code: &'static str,
    /// The sentence that goes with it.
    pub message: String,
}

/// What the rules need to remember about one account.
#[derive(Debug, Default)]
pub struct AwsRules {
    caller_references: HashSet<String>,
    pending_answers: u32,
    pending: HashMap<String, u32>,
    requests_per_second: Option<usize>,
    recent: VecDeque<Instant>,
}

impl AwsRules {
    /// Every change is reported `PENDING` so many times before it is `INSYNC`. Default: 0, as moto does.
    pub fn set_pending_answers(&mut self, answers: u32) {
        self.pending_answers = answers;
    }

    /// More requests than this within one second are throttled. Default: no limit. Route 53's: 5.
    pub fn set_requests_per_second(&mut self, limit: Option<usize>) {
        self.requests_per_second = limit;
    }

    /// Whether a request that arrives at `now` is carried out.
    pub fn admit(&mut self, action: &str, body: &str, now: Instant) -> Result<(), Refusal> {
        self.keep_rate(now)?;
        match action {
            "CreateHostedZone" => self.take_caller_reference(body),
            "ChangeResourceRecordSets" => check_batch(body),
            _ => Ok(()),
        }
    }

    fn keep_rate(&mut self, now: Instant) -> Result<(), Refusal> {
        let Some(limit) = self.requests_per_second else { return Ok(()) };
        while self
            .recent
            .front()
            .is_some_and(|earlier| now.duration_since(*earlier) >= Duration::from_secs(1))
        {
            self.recent.pop_front();
        }
        if self.recent.len() >= limit {
            return Err(Refusal { status: 400, code: "Throttling", message: "Rate exceeded".to_owned() });
        }
        self.recent.push_back(now);
        Ok(())
    }

    /// A reference is used up for good: neither the deletion of its zone nor a failure of the caller frees it.
    fn take_caller_reference(&mut self, body: &str) -> Result<(), Refusal> {
        let Some(reference) = text_of(body, "CallerReference") else { return Ok(()) };
        let message =
            format!("A hosted zone has already been created with the caller reference {reference}.");
        if self.caller_references.insert(reference) {
            Ok(())
        } else {
            Err(Refusal { status: 409, code: "HostedZoneAlreadyExists", message })
        }
    }

    /// The answer as AWS would give it. `change` is the identifier that a `GetChange` asked for.
    pub fn settle(&mut self, action: &str, change: Option<&str>, answer: String) -> String {
        if self.pending_answers == 0 || !answer.contains("<Status>INSYNC</Status>") {
            return answer;
        }
        if self.is_still_pending(action, change, &answer) {
            answer.replace("<Status>INSYNC</Status>", "<Status>PENDING</Status>")
        } else {
            answer
        }
    }

    fn is_still_pending(&mut self, action: &str, change: Option<&str>, answer: &str) -> bool {
        if action != "GetChange" {
            let started = change_id_in(answer).unwrap_or_default();
            self.pending.insert(started, self.pending_answers);
            return true;
        }
        match change.and_then(|id| self.pending.get_mut(id)) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        }
    }
}

impl Refusal {
    /// The body of the answer. Route 53 reports a refused batch in a form of its own.
    pub fn to_xml(&self) -> String {
        const NAMESPACE: &str = "https://route53.amazonaws.com/doc/2013-04-01/";
        let Self { code, message, .. } = self;
        let inner = if *code == "InvalidChangeBatch" {
            format!(
                r#"<InvalidChangeBatch xmlns="{NAMESPACE}"><Messages><Message>{message}</Message></Messages><RequestId>0</RequestId></InvalidChangeBatch>"#
            )
        } else {
            format!(
                r#"<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>0</RequestId></ErrorResponse>"#
            )
        };
        format!("<?xml version=\"1.0\"?>\n{inner}")
    }
}

/// The query of a listing with its page no larger than AWS's.
pub fn limited_page(query: Option<&str>) -> String {
    let fields = query.unwrap_or_default().split('&').filter(|field| !field.is_empty());
    let (sizes, mut others): (Vec<_>, Vec<_>) = fields.partition(|field| field.starts_with("maxitems="));
    let wanted = sizes.first().and_then(|field| field["maxitems=".len()..].parse().ok()).unwrap_or(PAGE);
    let size = format!("maxitems={}", wanted.min(PAGE));
    others.push(&size);
    others.join("&")
}

fn check_batch(body: &str) -> Result<(), Refusal> {
    let (records, characters) = batch_size(body);
    let exceeded = |what: &str, limit| {
        let message = format!("{what} limit of {limit} exceeded.");
        Err(Refusal { status: 400, code: "InvalidChangeBatch", message })
    };
    if records > BATCH_RECORDS {
        exceeded("Number of records", BATCH_RECORDS)
    } else if characters > BATCH_CHARACTERS {
        exceeded("RDATA character", BATCH_CHARACTERS)
    } else {
        Ok(())
    }
}

/// The `ResourceRecord` elements and value characters of a change batch, as AWS counts them.
pub fn batch_size(body: &str) -> (usize, usize) {
    let Ok(document) = Document::parse(body) else { return (0, 0) };
    elements(document.root(), "Change")
        .map(change_size)
        .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

fn change_size(change: Node) -> (usize, usize) {
    let weight = if elements(change, "Action").any(|action| action.text() == Some("UPSERT")) { 2 } else { 1 };
    let records = elements(change, "ResourceRecord").count();
    let characters: usize =
        elements(change, "Value").filter_map(|value| value.text()).map(|text| text.chars().count()).sum();
    (weight * records, weight * characters)
}

fn elements<'a>(node: Node<'a, 'a>, name: &'a str) -> impl Iterator<Item = Node<'a, 'a>> {
    node.descendants().filter(move |node| node.is_element() && node.tag_name().name() == name)
}

fn text_of(body: &str, name: &str) -> Option<String> {
    let document = Document::parse(body).ok()?;
    elements(document.root(), name).next()?.text().map(str::to_owned)
}

fn change_id_in(answer: &str) -> Option<String> {
    let document = Document::parse(answer).ok()?;
    let info = elements(document.root(), "ChangeInfo").next()?;
    elements(info, "Id").next()?.text().map(|id| id.trim_start_matches("/change/").to_owned())
}

#[cfg(test)]
#[path = "aws_rules_tests.rs"]
mod tests;
