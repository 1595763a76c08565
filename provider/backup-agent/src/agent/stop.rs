//! One place that knows whether a command must end early, and that everything which waits looks at.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::sync::Notify;

use crate::quantity::Span;

/// Whether to stop, shared by all threads of a command.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    ended: Notify,
}

#[derive(Debug, Default)]
struct State {
    reason: Option<StopReason>,
    /// Process groups of children, ended with the command.
    children: Vec<Pid>,
}

/// Why a command ends early.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StopReason {
    /// It takes too long.
    #[error("the time limit of {0} is over (limits.time)")]
    OutOfTime(Span),
    /// The system or an operator asked for it.
    #[error("ended by a signal")]
    Signal,
    /// Others may take the repository for unlocked.
    #[error("the lock on the repository could not be renewed for {0} s, others may work on it now")]
    LockLost(u64),
}

/// A child that is ended with the command, until this is dropped.
#[derive(Debug)]
pub struct Attended {
    stop: Stop,
    group: Pid,
}

impl Stop {
    /// Stops everything, once; a second reason is not kept.
    pub fn now(&self, reason: StopReason) {
        let mut state = self.lock();
        state.reason.get_or_insert(reason);
        for group in &state.children {
            // It may have ended by itself.
            let _ = kill_process_group(*group, Signal::KILL);
        }
        self.0.changed.notify_all();
        self.0.ended.notify_waiters();
    }

    /// Stops everything when the time is over.
    pub fn after(&self, limit: Span) {
        let stop = self.clone();
        thread::spawn(move || {
            if stop.pause(limit.duration()).is_ok() {
                stop.now(StopReason::OutOfTime(limit));
            }
        });
    }

    /// Goes on, or says why not.
    pub fn check(&self) -> Result<(), StopReason> {
        self.lock().reason.clone().map_or(Ok(()), Err)
    }

    /// Waits until the command is to end.
    pub async fn ended(&self) -> StopReason {
        loop {
            // Before the look, so that an end between both is not missed.
            let ended = self.0.ended.notified();
            if let Err(reason) = self.check() {
                return reason;
            }
            ended.await;
        }
    }

    /// Waits so long, unless the command is to end.
    pub fn pause(&self, time: Duration) -> Result<(), StopReason> {
        let end = Instant::now() + time;
        let mut state = self.lock();
        loop {
            if let Some(reason) = &state.reason {
                return Err(reason.clone());
            }
            let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
                return Ok(());
            };
            state = self.0.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Ends the process group of this child together with the command.
    pub fn attend(&self, child: u32) -> Option<Attended> {
        let group = i32::try_from(child).ok().and_then(Pid::from_raw)?;
        let mut state = self.lock();
        state.children.push(group);
        if state.reason.is_some() {
            let _ = kill_process_group(group, Signal::KILL);
        }
        Some(Attended { stop: self.clone(), group })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Attended {
    fn drop(&mut self) {
        self.stop.lock().children.retain(|group| *group != self.group);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_ends_with_the_command() {
        let stop = Stop::default();
        stop.after(Span::seconds(0));
        let reason = stop.pause(Duration::from_hours(1));
        assert_eq!(reason, Err(StopReason::OutOfTime(Span::seconds(0))));
        stop.now(StopReason::Signal);
        assert_eq!(stop.check(), Err(StopReason::OutOfTime(Span::seconds(0))), "the first reason stays");
    }
}
