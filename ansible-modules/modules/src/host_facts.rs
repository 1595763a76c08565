//! `host_facts`: what the provider and playbooks need to decide, in one call.

use std::error::Error;

use host::Host;
use host::facts::Facts;
use module::{About, Answer, Context, Module, Work, arguments};
use serde_json::json;

arguments! {
    /// The arguments of `host_facts`: none.
    pub struct Arguments {}
}

/// What the module tells beside its items.
pub const FACTS: &str = "facts";

/// The facts in an answer of this module.
///
/// # Errors
/// They are missing, or in another form.
pub fn facts(answer: &Answer) -> Result<Facts, serde_json::Error> {
    serde_json::from_value(answer.more.get(FACTS).cloned().unwrap_or_default())
}

/// The module.
#[derive(Debug)]
pub struct HostFacts;

impl Module for HostFacts {
    type Arguments = Arguments;

    const WORK: Work = Work::Looks;

    fn about() -> About {
        About {
            name: "host_facts",
            short: "Tell what a host is",
            description: &[
                "Reads what the roles of this collection and the provider need to decide, in one call, and changes nothing.",
            ],
            examples: "- name: Look at the host\n  socle.platform.host_facts:\n  register: host",
            returns: json!({ FACTS: {
                "description": ["What the host is."],
                "returned": "success",
                "type": "dict",
            } }),
            diff: false,
        }
    }

    fn run(host: &Host, _: &Arguments, _: Context) -> Result<Answer, Box<dyn Error>> {
        let facts = serde_json::to_value(Facts::of(host)?)?;
        Ok(Answer::of(Vec::new()).with(FACTS, facts))
    }
}
