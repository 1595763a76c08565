//! When a policy runs: cron's five fields in a time zone, told to systemd and foretold by the same rules. Pure.
//!
//! The host's timer is systemd's, so its rules hold: a time that clocks show twice is taken once, the first time. One
//! thing systemd does not do by itself: a time that clocks skip in spring is left out that day, and a nightly backup with
//! it. [`Schedule::on_calendar`] makes up for it at the moment when clocks have moved, and [`Schedule::runs`] says so.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan as _, ZonedDateTime};

/// The years for which skipped times are made up for. They are lines of the timer, and must not depend on the day on
/// which they are written.
const MADE_UP_FOR: RangeInclusive<i16> = 2026..=2045;

/// Five fields of cron: minute, hour, day of the month, month, day of the week.
///
/// Each is `*`, a number, a range `1-5`, a list of these, any with a step (`*/15`, `8-18/2`); months and days of the week
/// also by the first three letters of their English names; Sunday is 0 or 7. As in cron, where both days are restricted,
/// either suffices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    minutes: Field,
    hours: Field,
    days: Field,
    months: Field,
    weekdays: Field,
}

/// Why a text is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// It has not five fields.
    #[error(
        "{0:?} has not the five fields of cron: minute, hour, day of the month, month, day of the week, as in \
         `15 2 * * *`"
    )]
    Fields(String),
    /// A field that cannot be read.
    #[error(
        "the field {kind} of a schedule cannot be {found:?}: allowed are {allowed}, ranges, lists and steps"
    )]
    Field {
        /// Which one.
        kind: &'static str,
        /// What stands there.
        found: String,
        /// What may stand there.
        allowed: &'static str,
    },
    /// A day that no year has.
    #[error("no year has a day that the schedule {0:?} names")]
    Never(String),
}

/// The values that a field allows, a bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Field {
    bits: u64,
    /// Whether it begins with `*`: then the other kind of day decides alone.
    open: bool,
}

/// What a field may say.
struct Kind {
    name: &'static str,
    first: u8,
    last: u8,
    allowed: &'static str,
    /// The names of its values, from the first.
    names: &'static [&'static str],
}

const MINUTE: Kind = Kind { name: "minute", first: 0, last: 59, allowed: "`*`, 0 to 59", names: &[] };
const HOUR: Kind = Kind { name: "hour", first: 0, last: 23, allowed: "`*`, 0 to 23", names: &[] };
const DAY: Kind = Kind { name: "day of the month", first: 1, last: 31, allowed: "`*`, 1 to 31", names: &[] };
const MONTH: Kind = Kind {
    name: "month",
    first: 1,
    last: 12,
    allowed: "`*`, 1 to 12, jan to dec",
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
const WEEKDAY: Kind = Kind {
    name: "day of the week",
    first: 0,
    last: 7,
    allowed: "`*`, 0 to 7, sun to sat",
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
};

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(ScheduleError::Fields(text.to_owned()));
        };
        let mut weekdays = WEEKDAY.read(weekday)?;
        // Sunday has two numbers.
        weekdays.bits = (weekdays.bits | weekdays.bits >> 7 & 1) & 0x7f;
        let schedule = Self {
            minutes: MINUTE.read(minute)?,
            hours: HOUR.read(hour)?,
            days: DAY.read(day)?,
            months: MONTH.read(month)?,
            weekdays,
        };
        // 2028 has a 29 February.
        let year = Date::constant(2028, 1, 1).series(1.day()).take(366);
        let is_decided_by_days = schedule.days.open || schedule.weekdays.open;
        if is_decided_by_days && !{ year }.any(|date| schedule.months_and_days_allow(date)) {
            return Err(ScheduleError::Never(text.to_owned()));
        }
        Ok(schedule)
    }
}

impl Kind {
    fn read(&self, text: &str) -> Result<Field, ScheduleError> {
        let bits = text.split(',').try_fold(0, |bits, part| Some(bits | self.part(part)?));
        let refusal =
            || ScheduleError::Field { kind: self.name, found: text.to_owned(), allowed: self.allowed };
        Ok(Field { bits: bits.ok_or_else(refusal)?, open: text.starts_with('*') })
    }

    /// `*`, a value or a range, with a step or without.
    fn part(&self, text: &str) -> Option<u64> {
        let (range, step) = match text.split_once('/') {
            Some((range, step)) => (range, Some(step.parse::<u8>().ok().filter(|step| *step > 0)?)),
            None => (text, None),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (self.first, self.last.min(self.first.saturating_add(self.span()))),
            Some((first, last)) => (self.value(first)?, self.value(last)?),
            // `8/2` begins at 8 and has no end, as in cron.
            None if step.is_some() => (self.value(range)?, self.last),
            None => (self.value(range)?, self.value(range)?),
        };
        (first <= last).then(|| bits((first..=last).step_by(step.unwrap_or(1).into())))
    }

    /// From the first value to the last that is no second number of the first.
    fn span(&self) -> u8 {
        self.last - self.first - u8::from(self.name == WEEKDAY.name)
    }

    fn value(&self, text: &str) -> Option<u8> {
        let named = self.names.iter().zip(self.first..).find(|(name, _)| text.eq_ignore_ascii_case(name));
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let value =
            named.map(|(_, value)| value).or_else(|| is_number.then(|| text.parse().ok()).flatten())?;
        (self.first..=self.last).contains(&value).then_some(value)
    }
}

fn bits(values: impl Iterator<Item = u8>) -> u64 {
    values.fold(0, |bits, value| bits | 1 << value)
}

impl Field {
    fn has(self, value: i8) -> bool {
        u8::try_from(value).is_ok_and(|value| self.bits >> value & 1 == 1)
    }

    fn values(self) -> impl Iterator<Item = i8> {
        (0..=59).filter(move |value| self.has(*value))
    }

    /// As systemd writes a list; all of them are `*`.
    fn told(self, kind: &Kind) -> String {
        if self.bits == bits(kind.first..=kind.last) {
            return "*".to_owned();
        }
        self.values().map(|value| format!("{value:02}")).collect::<Vec<_>>().join(",")
    }
}

impl Schedule {
    /// The `OnCalendar=` values of a systemd timer that fires by this schedule in an IANA time zone.
    pub fn on_calendar(&self, zone: &TimeZone) -> Vec<String> {
        let name = zone.iana_name().unwrap_or("UTC");
        let time = format!("{}:{}:00 {name}", self.hours.told(&HOUR), self.minutes.told(&MINUTE));
        let (months, days) = (self.months.told(&MONTH), self.days.told(&DAY));
        let any_day = self.weekdays.bits == 0x7f;
        let named: Vec<_> = self
            .weekdays
            .values()
            .filter_map(|day| SYSTEMD_DAYS.get(usize::try_from(day).ok()?))
            .copied()
            .collect();
        let weekdays = if any_day { String::new() } else { format!("{} ", named.join(",")) };
        let mut lines = if self.days.open || self.weekdays.open {
            vec![format!("{weekdays}*-{months}-{days} {time}")]
        } else {
            // Either day suffices, so each has a line.
            vec![format!("*-{months}-{days} {time}"), format!("{weekdays}*-{months}-* {time}")]
        };
        let made_up = self.made_up_for(zone);
        lines.extend(
            made_up.map(|moment| format!("{} {name}", moment.datetime().strftime("%Y-%m-%d %H:%M:%S"))),
        );
        lines
    }

    /// The moments at which clocks have just skipped a time of this schedule.
    fn made_up_for(&self, zone: &TimeZone) -> impl Iterator<Item = ZonedDateTime> {
        let first = Date::constant(*MADE_UP_FOR.start(), 1, 1).at(0, 0, 0, 0);
        let first = zone.to_timestamp(first).unwrap_or(Timestamp::MIN);
        let moved =
            zone.following(first).map(|transition| transition.timestamp().to_zoned_datetime(zone.clone()));
        let moved = moved.take_while(|moment| moment.year() <= *MADE_UP_FOR.end());
        moved
            .filter(|moment| self.is_skipped_before(moment) && !self.matches(moment.datetime()))
            .collect::<Vec<_>>()
            .into_iter()
    }

    fn is_skipped_before(&self, moment: &ZonedDateTime) -> bool {
        let zone = moment.time_zone();
        let Ok(before) = moment.timestamp().checked_sub(1.nanosecond()) else { return false };
        let first_skipped = zone.to_offset(before).to_datetime(moment.timestamp());
        let skipped = first_skipped.series(1.minute()).take_while(|time| *time < moment.datetime());
        { skipped }.any(|time| self.matches(time))
    }

    fn matches(&self, time: DateTime) -> bool {
        self.matches_day(time.date()) && self.hours.has(time.hour()) && self.minutes.has(time.minute())
    }

    fn matches_day(&self, date: Date) -> bool {
        let day = self.days.has(date.day());
        let weekday = self.weekdays.has(date.weekday().to_sunday_zero_offset());
        let either = if self.days.open || self.weekdays.open { day && weekday } else { day || weekday };
        self.months.has(date.month()) && either
    }

    fn months_and_days_allow(&self, date: Date) -> bool {
        self.months.has(date.month()) && self.days.has(date.day())
    }

    /// The runs after a moment, in order, without end.
    pub fn runs(&self, zone: &TimeZone, after: Timestamp) -> impl Iterator<Item = ZonedDateTime> {
        // A day early: clocks may have been moved over midnight.
        let today = after.to_zoned_datetime(zone.clone()).date();
        let days = today.yesterday().unwrap_or(today).series(1.day());
        let days = days.filter(|date| self.matches_day(*date));
        let times = days.flat_map(|date| self.times().map(move |time| date.to_datetime(time)));
        let mut last = after;
        let moments = times.filter_map(|time| moment(zone, time));
        moments
            .filter(move |moment| {
                let is_next = *moment > last;
                last = last.max(*moment);
                is_next
            })
            .map(|moment| moment.to_zoned_datetime(zone.clone()))
    }

    fn times(&self) -> impl Iterator<Item = Time> {
        let (hours, minutes) = (self.hours, self.minutes);
        hours
            .values()
            .flat_map(move |hour| minutes.values().map(move |minute| Time::constant(hour, minute, 0, 0)))
    }
}

const SYSTEMD_DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/// When clocks show this time: the first of two, and when they skip it, the moment after.
fn moment(zone: &TimeZone, time: DateTime) -> Option<Timestamp> {
    match zone.to_ambiguous_timestamp(time).offset() {
        AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Fold { before: offset, .. } => {
            offset.to_timestamp(time).ok()
        }
        AmbiguousOffset::Gap { after, .. } => {
            let just_before = after.to_timestamp(time).ok()?;
            zone.following(just_before).next().map(|transition| transition.timestamp())
        }
    }
}

impl fmt::Display for Schedule {
    /// As cron writes it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = |field: Field, kind: &Kind| {
            let all = bits(kind.first..=kind.first + kind.span());
            if field.bits == all && field.open {
                return "*".to_owned();
            }
            field.values().map(|value| value.to_string()).collect::<Vec<_>>().join(",")
        };
        let fields = [
            told(self.minutes, &MINUTE),
            told(self.hours, &HOUR),
            told(self.days, &DAY),
            told(self.months, &MONTH),
            told(self.weekdays, &WEEKDAY),
        ];
        formatter.write_str(&fields.join(" "))
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
