//! How fast a service may be called.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// A token bucket: a burst at once, then one token each interval, in the order of asking.
///
/// It stores one instant only, when the bucket will be full again: what is missing in the bucket is the
/// distance from now to then.
#[derive(Debug)]
pub struct RateLimit {
    interval: Duration,
    slack: Duration,
    full_at: Mutex<Instant>,
}

impl RateLimit {
    /// A full bucket of `burst` tokens (at least one) that gains a token every `interval`.
    pub fn new(interval: Duration, burst: u32) -> Self {
        let slack = interval * burst.saturating_sub(1);
        Self { interval, slack, full_at: Mutex::new(Instant::now()) }
    }

    /// Takes a token, waiting for it when the bucket is empty.
    ///
    /// The wait holds the lock: the mutex is what keeps the queue in order. A caller that stops waiting
    /// takes nothing.
    pub async fn token(&self) {
        let mut full_at = self.full_at.lock().await;
        let now = Instant::now();
        let start = (*full_at).max(now);
        let wait = start.duration_since(now).saturating_sub(self.slack);
        sleep_until(now + wait).await;
        *full_at = start + self.interval;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::timeout;

    use super::*;

    const INTERVAL: Duration = Duration::from_millis(200);

    async fn elapsed_after(limit: &RateLimit, tokens: u32) -> Duration {
        let start = Instant::now();
        for _ in 0..tokens {
            limit.token().await;
        }
        // The timer of tokio counts whole milliseconds.
        Duration::from_millis(u64::try_from(start.elapsed().as_millis()).expect("a test takes milliseconds"))
    }

    #[tokio::test(start_paused = true)]
    async fn burst_is_immediate_then_the_rate_holds() {
        let limit = RateLimit::new(INTERVAL, 5);
        assert_eq!(elapsed_after(&limit, 5).await, Duration::ZERO);
        assert_eq!(elapsed_after(&limit, 1).await, INTERVAL);
        assert_eq!(elapsed_after(&limit, 10).await, INTERVAL * 10);
    }

    #[tokio::test(start_paused = true)]
    async fn idle_time_refills_no_more_than_the_burst() {
        let limit = RateLimit::new(INTERVAL, 3);
        elapsed_after(&limit, 3).await;
        tokio::time::advance(INTERVAL * 100).await;
        assert_eq!(elapsed_after(&limit, 3).await, Duration::ZERO);
        assert_eq!(elapsed_after(&limit, 1).await, INTERVAL);
    }

    #[tokio::test(start_paused = true)]
    async fn abandoned_wait_takes_no_token() {
        let limit = RateLimit::new(INTERVAL, 1);
        limit.token().await;
        timeout(INTERVAL / 2, limit.token()).await.expect_err("the bucket is empty");
        assert_eq!(elapsed_after(&limit, 1).await, INTERVAL / 2);
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_go_out_in_the_order_of_asking() {
        let limit = Arc::new(RateLimit::new(INTERVAL, 1));
        limit.token().await;
        let (sender, mut served) = tokio::sync::mpsc::unbounded_channel();
        for caller in 0..5 {
            let (limit, sender) = (Arc::clone(&limit), sender.clone());
            tokio::spawn(async move {
                limit.token().await;
                sender.send(caller).expect("the test still listens");
            });
            tokio::task::yield_now().await;
        }
        drop(sender);
        let mut order = Vec::new();
        while let Some(caller) = served.recv().await {
            order.push(caller);
        }
        assert_eq!(order, [0, 1, 2, 3, 4]);
    }
}
