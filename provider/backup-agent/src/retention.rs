//! Which backups stay: pure, in the policy's time zone.
//!
//! As in restic, a rule keeps the newest backup of each of the last so many hours, days, weeks, months or years *that
//! have one*; what any rule keeps, stays. Beyond that:
//! - the newest complete backup is always kept;
//! - an incomplete backup fills no place of a rule, and goes once a complete one is newer;
//! - two hours that bear the same name, when clocks are set back, are two hours.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// How many backups each rule keeps. Default of each: 0, the rule keeps none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// The newest so many.
    pub last: u32,
    /// The newest of each of the last so many hours that have one.
    pub hourly: u32,
    /// The newest of each of the last so many days that have one.
    pub daily: u32,
    /// The newest of each of the last so many weeks (ISO 8601, from Monday) that have one.
    pub weekly: u32,
    /// The newest of each of the last so many months that have one.
    pub monthly: u32,
    /// The newest of each of the last so many years that have one.
    pub yearly: u32,
}

/// A backup, as far as retention is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup<I> {
    /// Which one it is.
    pub id: I,
    /// When its data was read.
    pub at: Timestamp,
    /// Whether all of the data is in it.
    pub completeness: Completeness,
}

/// Whether all that was to be backed up is in a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Completeness {
    /// All of it.
    Complete,
    /// Something could not be read.
    Incomplete,
}

/// Why a backup stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It is the newest complete one.
    LastGood,
    /// It is incomplete, and there is no complete one that is newer.
    NewerThanLastGood,
    /// Rule `last`.
    Last,
    /// Rule `hourly`.
    Hourly,
    /// Rule `daily`.
    Daily,
    /// Rule `weekly`.
    Weekly,
    /// Rule `monthly`.
    Monthly,
    /// Rule `yearly`.
    Yearly,
}

/// What becomes of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict<I> {
    /// Which one.
    pub id: I,
    /// Why it stays; empty: it goes.
    pub reasons: BTreeSet<Reason>,
}

impl<I> Verdict<I> {
    /// Whether it stays.
    pub fn is_kept(&self) -> bool {
        !self.reasons.is_empty()
    }
}

impl Retention {
    /// Whether no rule keeps anything.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What becomes of each of `backups`, newest first.
pub fn plan<I: Clone>(backups: &[Backup<I>], retention: &Retention, zone: &TimeZone) -> Vec<Verdict<I>> {
    let mut newest_first: Vec<_> = backups.iter().collect();
    newest_first.sort_by_key(|backup| std::cmp::Reverse(backup.at));
    let mut rules = rules(retention);
    let mut seen_good = false;
    let verdict = |backup: &Backup<I>| Verdict {
        id: backup.id.clone(),
        reasons: match backup.completeness {
            Completeness::Incomplete if seen_good => BTreeSet::new(),
            Completeness::Incomplete => BTreeSet::from([Reason::NewerThanLastGood]),
            Completeness::Complete => {
                let first = !std::mem::replace(&mut seen_good, true);
                let mut kept = kept_by(&mut rules, backup.at, zone);
                kept.extend(first.then_some(Reason::LastGood));
                kept
            }
        },
    };
    newest_first.into_iter().map(verdict).collect()
}

/// A rule, the periods that it may still fill, and the last one that it filled.
struct Rule {
    reason: Reason,
    left: u32,
    period: fn(Timestamp, &TimeZone) -> Period,
    filled: Option<Period>,
}

/// Names a period so that two moments have the same name when they are in the same one.
type Period = (i64, i64, i64);

fn rules(retention: &Retention) -> [Rule; 6] {
    let rule = |reason, left, period: fn(Timestamp, &TimeZone) -> Period| Rule {
        reason,
        left,
        period,
        filled: None,
    };
    [
        rule(Reason::Last, retention.last, every_one),
        rule(Reason::Hourly, retention.hourly, hour),
        rule(Reason::Daily, retention.daily, day),
        rule(Reason::Weekly, retention.weekly, week),
        rule(Reason::Monthly, retention.monthly, month),
        rule(Reason::Yearly, retention.yearly, year),
    ]
}

fn kept_by(rules: &mut [Rule], at: Timestamp, zone: &TimeZone) -> BTreeSet<Reason> {
    let due = rules.iter_mut().filter_map(|rule| {
        let period = (rule.period)(at, zone);
        // `last` has no periods: each backup is one, also of two at the same moment.
        let is_new = rule.reason == Reason::Last || rule.filled != Some(period);
        if rule.left == 0 || !is_new {
            return None;
        }
        rule.left -= 1;
        rule.filled = Some(period);
        Some(rule.reason)
    });
    due.collect()
}

fn every_one(_: Timestamp, _: &TimeZone) -> Period {
    (0, 0, 0)
}

/// The distance to UTC tells the two hours apart that clocks show twice.
fn hour(at: Timestamp, zone: &TimeZone) -> Period {
    let local = at.to_zoned_datetime(zone.clone());
    let (days, _, _) = day(at, zone);
    (days, local.hour().into(), local.offset().seconds().into())
}

fn day(at: Timestamp, zone: &TimeZone) -> Period {
    let date = at.to_zoned_datetime(zone.clone()).date();
    (i64::from(date.year()) * 10_000 + i64::from(date.month()) * 100 + i64::from(date.day()), 0, 0)
}

fn week(at: Timestamp, zone: &TimeZone) -> Period {
    let week = at.to_zoned_datetime(zone.clone()).date().iso_week_date();
    (week.year().into(), week.week().into(), 0)
}

fn month(at: Timestamp, zone: &TimeZone) -> Period {
    let date = at.to_zoned_datetime(zone.clone()).date();
    (date.year().into(), date.month().into(), 0)
}

fn year(at: Timestamp, zone: &TimeZone) -> Period {
    (at.to_zoned_datetime(zone.clone()).date().year().into(), 0, 0)
}

#[cfg(test)]
#[path = "retention_tests.rs"]
mod tests;
