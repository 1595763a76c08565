//! The words a request adds to its user agent.

use aws_sdk_route53::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_route53::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_route53::error::BoxError;

const USER_AGENT: &str = "user-agent";

/// Appends to the user agent that the SDK writes. The SDK's own way takes a bare name only, no `name/version`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UserAgentSuffix(String);

impl UserAgentSuffix {
    /// The words of `parts` that there are, without what a header cannot carry; `None` when nothing is left.
    pub(super) fn new<'a>(parts: impl IntoIterator<Item = Option<&'a str>>) -> Option<Self> {
        let legal = |part: &str| part.replace(|letter: char| !(' '..='~').contains(&letter), "");
        let words = parts.into_iter().flatten().map(legal).collect::<Vec<_>>().join(" ");
        let words = words.trim();
        (!words.is_empty()).then(|| Self(words.to_owned()))
    }
}

impl Intercept for UserAgentSuffix {
    fn name(&self) -> &'static str {
        "UserAgentSuffix"
    }

    /// After signing: the signature leaves the user agent out, and the SDK writes it before.
    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.request_mut().headers_mut();
        let agent = match headers.get(USER_AGENT) {
            Some(sdk) => format!("{sdk} {}", self.0),
            None => self.0.clone(),
        };
        headers.try_insert(USER_AGENT, agent)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(parts: &[Option<&str>]) -> Option<String> {
        UserAgentSuffix::new(parts.iter().copied()).map(|suffix| suffix.0)
    }

    #[test]
    fn joins_what_there_is() {
        assert_eq!(
            words(&[Some("socle/1.0 (+x)"), Some("wrapper/2")]).as_deref(),
            Some("socle/1.0 (+x) wrapper/2")
        );
        assert_eq!(words(&[None, Some("wrapper/2")]).as_deref(), Some("wrapper/2"));
    }

    #[test]
    fn nothing_to_say_is_no_suffix() {
        assert_eq!(words(&[None, None]), None);
        assert_eq!(words(&[Some(" "), Some("\r\n")]), None);
    }

    #[test]
    fn header_injection_is_cut_out() {
        assert_eq!(words(&[Some("a\r\nx-evil: 1")]).as_deref(), Some("ax-evil: 1"));
    }
}
