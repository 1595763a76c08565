//! The bandwidth limit: when the next bytes may go.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lets so many bytes a second through, in both directions together.
#[derive(Debug)]
pub struct Pace {
    bytes_per_second: u64,
    free_at: Mutex<Option<Instant>>,
}

impl Pace {
    /// So many bytes a second; not 0.
    pub fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second: bytes_per_second.max(1), free_at: Mutex::new(None) }
    }

    /// How long to wait, at `now`, before these bytes may go.
    pub fn delay(&self, bytes: usize, now: Instant) -> Duration {
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        let start = free_at.map_or(now, |at| at.max(now));
        *free_at = Some(start + self.time_for(bytes));
        start - now
    }

    #[expect(clippy::cast_precision_loss, reason = "a pause need not be exact to the nanosecond")]
    fn time_for(&self, bytes: usize) -> Duration {
        Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_seconds_of_bytes_take_ten_seconds() {
        let pace = Pace::new(1000);
        let start = Instant::now();
        let delays: Vec<_> = (0..11).map(|_| pace.delay(1000, start).as_secs()).collect();
        assert_eq!(delays, (0..11).collect::<Vec<_>>());
    }

    #[test]
    fn an_idle_time_is_not_caught_up_with() {
        let pace = Pace::new(1000);
        let start = Instant::now();
        pace.delay(1000, start);
        let later = start + Duration::from_mins(1);
        assert_eq!(pace.delay(1000, later), Duration::ZERO);
        assert_eq!(pace.delay(1000, later), Duration::from_secs(1));
    }
}
