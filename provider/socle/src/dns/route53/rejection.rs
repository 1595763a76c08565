//! What Route 53 says about a batch that it refuses.

use aws_sdk_route53::config::http::HttpResponse;
use aws_sdk_route53::error::SdkError;
use aws_sdk_route53::operation::change_resource_record_sets::ChangeResourceRecordSetsError;
use aws_smithy_xml::decode::{Document, XmlDecodeError, try_data};

use crate::clients::aws::AwsFailure;

/// A failed submit, with a message for each change that Route 53 objects to.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) failure: AwsFailure,
    /// Empty unless the batch itself was refused.
    pub(super) messages: Vec<String>,
}

impl Refusal {
    pub(super) fn of(error: &SdkError<ChangeResourceRecordSetsError, HttpResponse>) -> Self {
        Self { failure: AwsFailure::of(error), messages: messages(error).unwrap_or_default() }
    }
}

fn messages(error: &SdkError<ChangeResourceRecordSetsError, HttpResponse>) -> Option<Vec<String>> {
    if let Some(ChangeResourceRecordSetsError::InvalidChangeBatch(batch)) = error.as_service_error() {
        let message = || batch.message().map(unbracketed).unwrap_or_default().to_owned();
        return Some(if batch.messages().is_empty() { vec![message()] } else { batch.messages().to_vec() });
    }
    let body = error.raw_response()?.body().bytes()?;
    unwrapped(body).ok().filter(|messages| !messages.is_empty())
}

/// Route 53 writes all its objections as one list: `[Tried to …, Tried to …]`.
fn unbracketed(message: &str) -> &str {
    message.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(message)
}

/// The messages of the older form of this one error, whose root is not `ErrorResponse`; the SDK does not read it.
fn unwrapped(body: &[u8]) -> Result<Vec<String>, XmlDecodeError> {
    let mut document = Document::try_from(body)?;
    let mut root = document.root_element()?;
    if root.start_el().local() != "InvalidChangeBatch" {
        return Ok(Vec::new());
    }
    let mut messages = Vec::new();
    while let Some(mut list) = root.next_tag() {
        if list.start_el().local() == "Messages" {
            while let Some(mut message) = list.next_tag() {
                messages.push(try_data(&mut message)?.into_owned());
            }
        }
    }
    Ok(messages)
}
