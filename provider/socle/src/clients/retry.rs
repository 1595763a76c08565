//! The one place where a call is made again.
//!
//! A client says how a failed attempt is to be read ([`Verdict`]) and whether its call may be repeated
//! ([`Repeat`]); the [`Policy`] decides, waits and stops. Operations themselves make one attempt.

use std::fmt;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::rate::RateLimit;

/// How long a call in flight may go on after the user cancelled: an answer that is about to arrive saves the
/// question whether the call took effect, and the provider must be gone within two seconds.
const GRACE: Duration = Duration::from_secs(1);

/// A deadline of "never", far from overflowing the clock.
const NEVER: Duration = Duration::from_hours(365 * 24);

/// Why an operation ended before its call was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The user interrupted the run.
    Cancelled,
    /// The operation's timeout is over.
    OutOfTime,
}

impl fmt::Display for Stop {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Cancelled => "the run was cancelled",
            Self::OutOfTime => "the operation's timeout is over",
        })
    }
}

/// What an operation may spend: the time until its deadline, unless the user cancels first.
#[derive(Clone, Debug)]
pub struct Budget {
    deadline: Instant,
    cancel: CancellationToken,
}

impl Budget {
    /// `timeout` from now, or until `cancel`.
    pub fn new(timeout: Duration, cancel: CancellationToken) -> Self {
        Self { deadline: Instant::now() + timeout.min(NEVER), cancel }
    }

    /// The same, but at most `limit` from now: for what may not hold up the rest.
    #[must_use]
    pub fn within(&self, limit: Duration) -> Self {
        let deadline = self.deadline.min(Instant::now() + limit.min(NEVER));
        Self { deadline, cancel: self.cancel.clone() }
    }

    /// Waits for `work`; drops it at once when the budget ends.
    pub async fn wait<T>(&self, work: impl Future<Output = T>) -> Result<T, Stop> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Stop::Cancelled),
            () = sleep_until(self.deadline) => Err(Stop::OutOfTime),
            done = work => Ok(done),
        }
    }

    /// Sleeps for `delay`; ends at once when the user cancels, or when the deadline would come first.
    pub async fn pause(&self, delay: Duration) -> Result<(), Stop> {
        if self.deadline.duration_since(Instant::now()) < delay {
            return Err(Stop::OutOfTime);
        }
        self.wait(sleep(delay)).await
    }

    /// Waits for a call that is in flight; after a cancellation only for a second.
    pub async fn finish<T>(&self, call: impl Future<Output = T>) -> Result<T, Stop> {
        let abandoned = async {
            self.cancel.cancelled().await;
            sleep(GRACE).await;
        };
        tokio::select! {
            biased;
            done = call => Ok(done),
            () = abandoned => Err(Stop::Cancelled),
            () = sleep_until(self.deadline) => Err(Stop::OutOfTime),
        }
    }
}

/// What a failed attempt says about the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The service asked to come back later and did nothing: tried again until the deadline.
    Busy,
    /// The request never arrived: tried again a few times, since a wrong address never heals.
    Unreached,
    /// The request may have taken effect: tried again a few times where the call may be repeated.
    Unknown,
    /// A definite answer.
    Final,
}

/// Whether a call may be sent again when it is unknown if it took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// It reads, or a second time changes nothing.
    Safe,
    /// Its caller must look first.
    OnlyIfNotApplied,
}

/// How a call ended without success.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure<E> {
    /// A definite answer, or the last one after as many attempts as are allowed. Nothing was applied, except
    /// perhaps by a call that may be repeated.
    Final(E),
    /// The attempt may have taken effect; the caller must look.
    Unknown(E),
    /// The budget ended between two attempts: nothing is in flight. `last` is the failure of the attempt before.
    Stopped {
        /// What ended the budget.
        why: Stop,
        /// The failure of the attempt before, when there was one.
        last: Option<E>,
    },
    /// The budget ended while a call was in flight: it may take effect.
    Cut(Stop),
}

impl<E> Failure<E> {
    /// Whether a call that may not be repeated could have taken effect.
    pub const fn is_ambiguous(&self) -> bool {
        matches!(self, Self::Unknown(_) | Self::Cut(_))
    }

    /// The same end with another form of the failure.
    pub fn map<F>(self, form: impl FnOnce(E) -> F) -> Failure<F> {
        match self {
            Self::Final(error) => Failure::Final(form(error)),
            Self::Unknown(error) => Failure::Unknown(form(error)),
            Self::Stopped { why, last } => Failure::Stopped { why, last: last.map(form) },
            Self::Cut(why) => Failure::Cut(why),
        }
    }
}

/// How long to wait between attempts: exponential, with full jitter, so that many clients that were refused
/// together do not come back together.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// The longest wait before the second attempt; doubled for each further one.
    pub first: Duration,
    /// The longest wait at all.
    pub longest: Duration,
    /// How many attempts a failing connection or server gets. A busy service is waited for until the deadline.
    pub attempts: u32,
}

impl Backoff {
    /// A random wait after the `failures`-th failure, counted from one.
    pub fn delay(&self, failures: u32) -> Duration {
        self.ceiling(failures).mul_f64(fastrand::f64())
    }

    /// The longest wait after the `failures`-th failure, counted from one.
    pub fn ceiling(&self, failures: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        self.first.saturating_mul(doubled).min(self.longest)
    }
}

/// The rules of calling one service: its rate, and how a failed attempt is repeated.
#[derive(Debug)]
pub struct Policy {
    /// The waits between attempts.
    pub backoff: Backoff,
    /// The rate; each attempt takes a token.
    pub limit: RateLimit,
}

impl Policy {
    /// Calls `attempt` until it succeeds, `verdict` and `repeat` forbid another one, or the budget ends.
    pub async fn run<T, E, F>(
        &self,
        budget: &Budget,
        repeat: Repeat,
        verdict: impl Fn(&E) -> Verdict,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, Failure<E>>
    where
        F: Future<Output = Result<T, E>>,
    {
        let mut last = None;
        let (mut failures, mut faults) = (0_u32, 0);
        loop {
            if let Err(why) = budget.wait(self.limit.token()).await {
                return Err(Failure::Stopped { why, last });
            }
            let error = match budget.finish(attempt()).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) => error,
                Err(why) => return Err(Failure::Cut(why)),
            };
            let verdict = verdict(&error);
            failures = failures.saturating_add(1);
            faults += u32::from(verdict != Verdict::Busy);
            match self.after(verdict, repeat, faults) {
                Next::Again => {}
                Next::Fail => return Err(Failure::Final(error)),
                Next::Look => return Err(Failure::Unknown(error)),
            }
            if let Err(why) = budget.pause(self.backoff.delay(failures)).await {
                return Err(Failure::Stopped { why, last: Some(error) });
            }
            last = Some(error);
        }
    }

    fn after(&self, verdict: Verdict, repeat: Repeat, faults: u32) -> Next {
        match verdict {
            Verdict::Busy => Next::Again,
            Verdict::Unknown if repeat == Repeat::OnlyIfNotApplied => Next::Look,
            Verdict::Unreached | Verdict::Unknown if faults < self.backoff.attempts => Next::Again,
            Verdict::Unreached | Verdict::Unknown | Verdict::Final => Next::Fail,
        }
    }
}

/// What follows a failed attempt.
enum Next {
    Again,
    Fail,
    Look,
}

#[cfg(test)]
mod tests;
