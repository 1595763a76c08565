//! What goes wrong, and when: the rules of a [`FaultProxy`](crate::fault_proxy::FaultProxy).

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

/// One way in which a call to AWS can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Answers 400 `Throttling` ("Rate exceeded") without forwarding.
    Throttle,
    /// Answers 400 `PriorRequestNotComplete` without forwarding.
    PriorRequestNotComplete,
    /// Answers 500 `InternalFailure` without forwarding.
    InternalError,
    /// Answers 501 `NotImplemented` without forwarding, as other S3s do for a call that they lack.
    NotImplemented,
    /// Answers 403 without forwarding: whoever asks has no right to it.
    Forbidden,
    /// Closes the connection without forwarding: nothing was done.
    CutBefore,
    /// Forwards, then closes the connection without an answer: it was done, and the caller cannot know.
    CutAfter,
    /// Waits before it forwards.
    Delay(Duration),
    /// Answers in pieces, with this pause between two of them.
    SlowBody(Duration),
    /// Forwards, answers half of the body, then closes the connection.
    TruncatedBody,
}

/// A fault and the calls that it befalls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    trigger: Trigger,
    fault: Fault,
}

/// The calls that a rule befalls: by default every one of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    action: Option<String>,
    occurrences: RangeInclusive<usize>,
}

impl Rule {
    /// Calls of `action`, named as the API's reference does: `ChangeResourceRecordSets`.
    pub fn on(action: &str) -> Trigger {
        Trigger { action: Some(action.to_owned()), occurrences: 1..=usize::MAX }
    }

    /// Calls of any action.
    pub fn on_any_call() -> Trigger {
        Trigger { action: None, occurrences: 1..=usize::MAX }
    }
}

impl Trigger {
    /// Only the `n`th such call, counted from 1 since the rule was given.
    #[must_use]
    pub fn nth(self, n: usize) -> Self {
        Self { occurrences: n..=n, ..self }
    }

    /// The first `n` such calls since the rule was given.
    #[must_use]
    pub fn first(self, n: usize) -> Self {
        Self { occurrences: 1..=n, ..self }
    }

    /// The `n`th such call and every later one, counted from 1 since the rule was given.
    #[must_use]
    pub fn from(self, n: usize) -> Self {
        Self { occurrences: n..=usize::MAX, ..self }
    }

    /// Befalls them with [`Fault::Throttle`].
    pub fn throttle(self) -> Rule {
        self.with(Fault::Throttle)
    }

    /// Befalls them with [`Fault::PriorRequestNotComplete`].
    pub fn prior_request_not_complete(self) -> Rule {
        self.with(Fault::PriorRequestNotComplete)
    }

    /// Befalls them with [`Fault::InternalError`].
    pub fn internal_error(self) -> Rule {
        self.with(Fault::InternalError)
    }

    /// Befalls them with [`Fault::NotImplemented`].
    pub fn not_implemented(self) -> Rule {
        self.with(Fault::NotImplemented)
    }

    /// Befalls them with [`Fault::Forbidden`].
    pub fn forbidden(self) -> Rule {
        self.with(Fault::Forbidden)
    }

    /// Befalls them with [`Fault::CutBefore`].
    pub fn cut_before(self) -> Rule {
        self.with(Fault::CutBefore)
    }

    /// Befalls them with [`Fault::CutAfter`].
    pub fn cut_after(self) -> Rule {
        self.with(Fault::CutAfter)
    }

    /// Befalls them with [`Fault::Delay`].
    pub fn delay(self, pause: Duration) -> Rule {
        self.with(Fault::Delay(pause))
    }

    /// Befalls them with [`Fault::SlowBody`].
    pub fn slow_body(self, pause: Duration) -> Rule {
        self.with(Fault::SlowBody(pause))
    }

    /// Befalls them with [`Fault::TruncatedBody`].
    pub fn truncated_body(self) -> Rule {
        self.with(Fault::TruncatedBody)
    }

    fn with(self, fault: Fault) -> Rule {
        Rule { trigger: self, fault }
    }

    fn matches(&self, action: &str) -> bool {
        self.action.as_deref().is_none_or(|wanted| wanted == action)
    }
}

/// The rules in force, each with the number of its calls so far.
#[derive(Debug, Default)]
pub struct Rules {
    rules: Vec<(Rule, usize)>,
}

impl Rules {
    /// Adds a rule; it counts calls from now on.
    pub fn add(&mut self, rule: Rule) {
        self.rules.push((rule, 0));
    }

    /// Counts a call of `action`, and says what befalls it: the fault of the first rule that is due.
    pub fn next(&mut self, action: &str) -> Option<Fault> {
        let matching = self.rules.iter_mut().filter(|(rule, _)| rule.trigger.matches(action));
        matching.fold(None, |due, (rule, calls)| {
            *calls += 1;
            due.or_else(|| rule.trigger.occurrences.contains(calls).then_some(rule.fault))
        })
    }
}

/// How often each action was called, by name.
pub(crate) fn tally<'a>(actions: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, usize> {
    actions.fold(BTreeMap::new(), |mut counts, action| {
        *counts.entry(action).or_default() += 1;
        counts
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(given: impl IntoIterator<Item = Rule>) -> Rules {
        let mut rules = Rules::default();
        given.into_iter().for_each(|rule| rules.add(rule));
        rules
    }

    #[test]
    fn befalls_only_the_chosen_occurrence_of_the_chosen_action() {
        let mut rules = rules([Rule::on("GetChange").nth(2).throttle()]);
        let fate: Vec<_> =
            ["GetChange", "ListHostedZones", "GetChange", "GetChange"].map(|a| rules.next(a)).into();
        assert_eq!(fate, [None, None, Some(Fault::Throttle), None]);
    }

    #[test]
    fn every_rule_counts_although_another_one_was_due() {
        let mut rules =
            rules([Rule::on("GetChange").first(1).throttle(), Rule::on_any_call().nth(2).cut_after()]);
        assert_eq!(rules.next("GetChange"), Some(Fault::Throttle));
        assert_eq!(rules.next("GetChange"), Some(Fault::CutAfter));
        assert_eq!(rules.next("GetChange"), None);
    }

    #[test]
    fn befalls_every_call_from_the_chosen_one_on() {
        let mut rules = rules([Rule::on("GetChange").from(3).throttle()]);
        let fate = [(); 5].map(|()| rules.next("GetChange").is_some());
        assert_eq!(fate, [false, false, true, true, true]);
    }

    #[test]
    fn befalls_every_call_unless_told_otherwise() {
        let mut rules = rules([Rule::on("GetChange").internal_error()]);
        assert!((0..50).all(|_| rules.next("GetChange") == Some(Fault::InternalError)));
    }
}
