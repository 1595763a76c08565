//! How often and how long to try again: a budget for the whole command, and the pause before each attempt.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The first pause.
const FIRST: Duration = Duration::from_millis(200);

/// No pause is longer.
const LONGEST: Duration = Duration::from_secs(30);

/// The time that a command may still wait for a service that refuses or does not answer.
#[derive(Debug)]
pub struct Patience {
    left: Mutex<Duration>,
}

impl Patience {
    /// So much in all.
    pub fn new(budget: Duration) -> Self {
        Self { left: Mutex::new(budget) }
    }

    /// The pause before the attempt after `failures` failures in a row; none: the budget is used up. `jitter` is from 0
    /// to 1; the pause is at least half of what it could be, so that many agents do not come back at once.
    pub fn pause(&self, failures: u32, jitter: f64) -> Option<Duration> {
        let whole = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LONGEST);
        let pause = whole.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0);
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        *left = left.checked_sub(pause)?;
        Some(pause)
    }

    /// Takes the time that a failed attempt itself took.
    pub fn spend(&self, time: Duration) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        *left = left.saturating_sub(time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_the_budget_is_used_up() {
        let patience = Patience::new(Duration::from_secs(2));
        let pauses: Vec<_> = (1..).map_while(|failures| patience.pause(failures, 1.0)).collect();
        assert_eq!(pauses, [200, 400, 800].map(Duration::from_millis));
    }

    #[test]
    fn attempts_that_take_long_use_it_up_too() {
        let patience = Patience::new(Duration::from_secs(2));
        patience.spend(Duration::from_secs(3));
        assert_eq!(patience.pause(1, 0.0), None);
    }
}
