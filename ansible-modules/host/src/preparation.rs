//! Items that only make sense together, and the service that they are for.
//!
//! All is foreseen: the items are gone through in check mode first. What would be refused is refused before the first
//! change, and where nothing differs that first look is the whole run. Then they are applied in order, and the first that
//! fails ends it: a service must not be started by half of its files.

use std::convert::Infallible;

use crate::service::Service;
use crate::{Fault, Host, Item, Managed, Mode, Outcome, State};

/// The items of a service, in order.
pub struct Preparation<'p> {
    steps: Vec<Step<'p>>,
    service: Option<Service>,
    afterwards: Vec<Box<dyn Managed + 'p>>,
}

/// An item, and whether the service must be restarted when it changed.
struct Step<'p> {
    item: Box<dyn Managed + 'p>,
    restarts: bool,
}

impl<'p> Preparation<'p> {
    /// Nothing yet.
    pub fn new() -> Preparation<'p> {
        Preparation { steps: Vec::new(), service: None, afterwards: Vec::new() }
    }

    /// With something that must hold before anything is changed.
    #[must_use]
    pub fn provided(
        self,
        name: &'static str,
        holds: impl Fn(&Host) -> Result<(), Fault> + 'p,
    ) -> Preparation<'p> {
        self.with(Condition { name, holds })
    }

    /// With an item that the service need not be restarted for.
    #[must_use]
    pub fn with(mut self, item: impl Managed + 'p) -> Preparation<'p> {
        self.steps.push(Step { item: Box::new(item), restarts: false });
        self
    }

    /// With many of them.
    #[must_use]
    pub fn with_all<M: Managed + 'p>(self, items: impl IntoIterator<Item = M>) -> Preparation<'p> {
        items.into_iter().fold(self, Preparation::with)
    }

    /// With an item by which the service runs.
    #[must_use]
    pub fn restarting(mut self, item: impl Managed + 'p) -> Preparation<'p> {
        self.steps.push(Step { item: Box::new(item), restarts: true });
        self
    }

    /// For this service.
    #[must_use]
    pub fn service(self, service: Service) -> Preparation<'p> {
        Preparation { service: Some(service), ..self }
    }

    /// With an item that needs the service.
    #[must_use]
    pub fn afterwards(mut self, item: impl Managed + 'p) -> Preparation<'p> {
        self.afterwards.push(Box::new(item));
        self
    }

    /// Brings all of it about, and tells the outcome of each item up to the first that failed.
    pub fn bring(&self, host: &Host, mode: Mode) -> Vec<Outcome> {
        let mut foreseen = self.pass(host, Mode::Check, false);
        let changes = foreseen.outcomes.iter().any(|outcome| outcome.changed);
        let refused = foreseen.outcomes.iter().any(is_bad);
        if mode == Mode::Check || !changes || refused {
            // What was only foreseen was not done.
            foreseen.outcomes.iter_mut().for_each(|outcome| outcome.changed &= mode == Mode::Check);
            return foreseen.outcomes;
        }
        if let (true, Some(service)) = (foreseen.restarts, &self.service)
            && let Err(fault) = service.owe_restart(host)
        {
            return vec![Outcome::of_fault(self.service_name(), &fault)];
        }
        self.pass(host, Mode::Apply, true).outcomes
    }

    fn service_name(&self) -> String {
        self.service.as_ref().map(Managed::name).unwrap_or_default()
    }

    /// One time through all of it.
    fn pass(&self, host: &Host, mode: Mode, written_down: bool) -> Pass {
        let mut pass = Pass { outcomes: Vec::new(), restarts: false };
        for step in &self.steps {
            let outcome = step.item.bring_about(host, mode);
            pass.restarts |= step.restarts && outcome.changed;
            if pass.ends_with(outcome) {
                return pass;
            }
        }
        if let Some(service) = &self.service {
            let service = service.clone().foreseeing(pass.restarts && !written_down);
            if pass.ends_with(service.bring_about(host, mode)) {
                return pass;
            }
        }
        for item in &self.afterwards {
            if pass.ends_with(item.bring_about(host, mode)) {
                return pass;
            }
        }
        pass
    }
}

impl Default for Preparation<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// An item that changes nothing, and may refuse all that comes after it.
struct Condition<F> {
    name: &'static str,
    holds: F,
}

impl<F: Fn(&Host) -> Result<(), Fault>> Item for Condition<F> {
    type Observed = ();
    type Change = Infallible;

    fn id(&self) -> String {
        self.name.to_owned()
    }

    fn observe(&self, host: &Host) -> Result<(), Fault> {
        (self.holds)(host)
    }

    fn compare(&self, (): &()) -> Result<Vec<Infallible>, Fault> {
        Ok(Vec::new())
    }

    fn apply(&self, _: &Host, change: &Infallible) -> Result<(), Fault> {
        match *change {}
    }

    fn before(&self, (): &()) -> String {
        String::new()
    }

    fn after(&self, (): &()) -> String {
        String::new()
    }
}

/// What one time through showed.
struct Pass {
    outcomes: Vec<Outcome>,
    restarts: bool,
}

impl Pass {
    /// Notes an outcome; says whether it is the last.
    fn ends_with(&mut self, outcome: Outcome) -> bool {
        let ends = is_bad(&outcome);
        self.outcomes.push(outcome);
        ends
    }
}

fn is_bad(outcome: &Outcome) -> bool {
    matches!(outcome.state, State::Failed | State::Refused)
}

#[cfg(test)]
mod tests;
