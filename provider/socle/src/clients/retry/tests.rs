use std::cell::Cell;
use std::future::{pending, ready};

use proptest::prelude::*;

use super::*;

const MINUTE: Duration = Duration::from_mins(1);

fn policy() -> Policy {
    let backoff = Backoff { first: Duration::from_millis(200), longest: Duration::from_secs(5), attempts: 4 };
    Policy { backoff, limit: RateLimit::new(Duration::from_millis(1), 1) }
}

fn budget(timeout: Duration) -> (Budget, CancellationToken) {
    let cancel = CancellationToken::new();
    (Budget::new(timeout, cancel.clone()), cancel)
}

/// Fails with `verdicts` in turn, each attempt with its own, then succeeds; the value is the number of attempts.
async fn run(
    budget: &Budget,
    repeat: Repeat,
    verdicts: impl IntoIterator<Item = Verdict>,
) -> Result<u32, Failure<Verdict>> {
    let mut verdicts = verdicts.into_iter();
    let mut attempts = 0;
    let attempt = || {
        attempts += 1;
        ready(verdicts.next().map_or(Ok(attempts), Err))
    };
    policy().run(budget, repeat, |verdict| *verdict, attempt).await
}

#[tokio::test(start_paused = true)]
async fn busy_service_is_waited_for_beyond_the_attempt_limit() {
    let (budget, _cancel) = budget(MINUTE * 60);
    let busy = std::iter::repeat_n(Verdict::Busy, 40);
    assert_eq!(run(&budget, Repeat::OnlyIfNotApplied, busy).await, Ok(41));
}

#[tokio::test(start_paused = true)]
async fn busy_service_is_given_up_at_the_deadline() {
    let (budget, _cancel) = budget(MINUTE);
    let start = Instant::now();
    let result = run(&budget, Repeat::Safe, std::iter::repeat(Verdict::Busy)).await;
    assert_eq!(result, Err(Failure::Stopped { why: Stop::OutOfTime, last: Some(Verdict::Busy) }));
    assert!(start.elapsed() <= MINUTE, "gave up after {:?}", start.elapsed());
    assert!(start.elapsed() + policy().backoff.longest >= MINUTE, "gave up after {:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn definite_answer_is_not_asked_for_again() {
    let (budget, _cancel) = budget(MINUTE);
    let result = run(&budget, Repeat::Safe, [Verdict::Final]).await;
    assert_eq!(result, Err(Failure::Final(Verdict::Final)));
}

#[tokio::test(start_paused = true)]
async fn unknown_outcome_is_repeated_only_where_that_is_safe() {
    let (budget, _cancel) = budget(MINUTE);
    assert_eq!(run(&budget, Repeat::Safe, [Verdict::Unknown; 3]).await, Ok(4));
    let result = run(&budget, Repeat::OnlyIfNotApplied, [Verdict::Unreached, Verdict::Unknown]).await;
    assert_eq!(result, Err(Failure::Unknown(Verdict::Unknown)));
}

#[tokio::test(start_paused = true)]
async fn faults_are_limited_and_busy_answers_do_not_count() {
    let (budget, _cancel) = budget(MINUTE);
    let faults = [Verdict::Unreached, Verdict::Busy, Verdict::Unknown, Verdict::Busy, Verdict::Unreached];
    assert_eq!(run(&budget, Repeat::Safe, faults).await, Ok(6));
    let result = run(&budget, Repeat::Safe, [Verdict::Unreached; 4]).await;
    assert_eq!(result, Err(Failure::Final(Verdict::Unreached)));
}

#[tokio::test(start_paused = true)]
async fn cancelled_budget_starts_no_call() {
    let (budget, cancel) = budget(MINUTE);
    cancel.cancel();
    let calls = Cell::new(0);
    let attempt = || {
        calls.set(calls.get() + 1);
        ready(Ok::<_, Verdict>(()))
    };
    let result = policy().run(&budget, Repeat::Safe, |verdict| *verdict, attempt).await;
    assert_eq!(result, Err(Failure::Stopped { why: Stop::Cancelled, last: None }));
    assert_eq!(calls.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn cancel_ends_a_wait_at_once() {
    let (budget, cancel) = budget(MINUTE * 60);
    let start = Instant::now();
    let wait = async { budget.pause(MINUTE * 30).await };
    let user = async {
        sleep(Duration::from_secs(3)).await;
        cancel.cancel();
    };
    let (result, ()) = tokio::join!(wait, user);
    assert_eq!(result, Err(Stop::Cancelled));
    assert_eq!(start.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn call_in_flight_may_still_be_answered_after_a_cancel() {
    let (budget, cancel) = budget(MINUTE);
    let attempt = || async {
        cancel.cancel();
        sleep(GRACE / 2).await;
        Ok::<_, Verdict>("answer")
    };
    let result = policy().run(&budget, Repeat::Safe, |verdict| *verdict, attempt).await;
    assert_eq!(result, Ok("answer"));
}

#[tokio::test(start_paused = true)]
async fn silent_call_is_cut_soon_after_a_cancel() {
    let (budget, cancel) = budget(MINUTE);
    let start = Instant::now();
    let attempt = || {
        cancel.cancel();
        pending::<Result<(), Verdict>>()
    };
    let result = policy().run(&budget, Repeat::Safe, |verdict| *verdict, attempt).await;
    assert_eq!(result, Err(Failure::Cut(Stop::Cancelled)));
    assert!(start.elapsed() < Duration::from_secs(2), "took {:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn silent_call_is_cut_at_the_deadline() {
    let (budget, _cancel) = budget(MINUTE);
    let attempt = pending::<Result<(), Verdict>>;
    let result = policy().run(&budget, Repeat::Safe, |verdict| *verdict, attempt).await;
    assert_eq!(result, Err(Failure::Cut(Stop::OutOfTime)));
}

#[tokio::test]
async fn endless_timeout_does_not_overflow_the_clock() {
    let (budget, _cancel) = budget(Duration::MAX);
    assert_eq!(budget.wait(ready(1)).await, Ok(1));
}

#[test]
fn ceiling_doubles_up_to_the_longest_wait() {
    let Policy { backoff, .. } = policy();
    let ceilings: Vec<_> = (1..=7).map(|failures| backoff.ceiling(failures).as_millis()).collect();
    assert_eq!(ceilings, [200, 400, 800, 1600, 3200, 5000, 5000]);
}

proptest! {
    #[test]
    fn delay_stays_between_zero_and_the_ceiling(failures in any::<u32>()) {
        let Policy { backoff, .. } = policy();
        prop_assert!(backoff.delay(failures) <= backoff.ceiling(failures));
        prop_assert!(backoff.ceiling(failures) <= backoff.longest);
    }
}
