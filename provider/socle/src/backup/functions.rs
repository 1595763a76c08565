//! `next_runs`.

use backup_agent::schedule::Schedule;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tfplugin::{Function, FunctionError, List, Parameters, Value};

/// The most runs that are told at once.
const MOST: u32 = 1000;

/// When a schedule runs next.
#[derive(Debug)]
pub struct NextRuns;

/// What `next_runs` takes.
#[derive(Debug, Parameters)]
pub struct NextRunsOf {
    /// Five fields of cron: minute, hour, day of the month, month, day of the week, such as `15 2 * * *`.
    schedule: String,
    /// An IANA time zone, such as `Europe/Paris`.
    time_zone: String,
    /// The moment after which runs are told, in RFC 3339, such as `plantimestamp()`.
    from: String,
    /// How many are told, at most 1000.
    count: u32,
}

impl Function for NextRuns {
    type Parameters = NextRunsOf;
    type Result = List<String>;

    const NAME: &'static str = "next_runs";
    const SUMMARY: &'static str = "Tells when a schedule of a backup policy runs next.";
    const DESCRIPTION: &'static str = "Tells when a schedule runs next, as the host's timer has it: times in RFC 3339, with the offset of the time zone.\n\n\
         A time that clocks show twice is one run, the first time. A time that they skip is made up for at the moment when \
         they have moved: `15 2 * * *` in Paris runs at three o'clock on the last Sunday of March.";

    fn call(arguments: NextRunsOf) -> Result<List<String>, FunctionError> {
        let schedule = arguments.schedule.parse::<Schedule>();
        let schedule =
            schedule.map_err(|error| FunctionError::on(NextRunsOf::SCHEDULE, error.to_string()))?;
        let zone = TimeZone::get(&arguments.time_zone).map_err(|_| {
            let found = format!(
                "{:?} is no time zone: write an IANA name, such as `Europe/Paris`",
                arguments.time_zone
            );
            FunctionError::on(NextRunsOf::TIME_ZONE, found)
        })?;
        let from = arguments.from.parse::<Timestamp>().map_err(|_| {
            let found =
                format!("{:?} is no time in RFC 3339, such as `2026-11-25T12:00:00Z`", arguments.from);
            FunctionError::on(NextRunsOf::FROM, found)
        })?;
        if arguments.count > MOST {
            let found = format!("found {}; allowed are at most {MOST}", arguments.count);
            return Err(FunctionError::on(NextRunsOf::COUNT, found));
        }
        let count = usize::try_from(arguments.count).unwrap_or_default();
        let runs = schedule.runs(&zone, from).take(count);
        Ok(runs.map(|run| Value::Known(run.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(schedule: &str, zone: &str, from: &str, count: u32) -> Result<Vec<String>, String> {
        let arguments = NextRunsOf {
            schedule: schedule.to_owned(),
            time_zone: zone.to_owned(),
            from: from.to_owned(),
            count,
        };
        let told = NextRuns::call(arguments).map_err(|error| error.message)?;
        Ok(told.into_iter().filter_map(Value::into_known).collect())
    }

    #[test]
    fn runs_have_the_offset_of_their_day() {
        assert_eq!(
            runs("15 2 * * *", "Europe/Paris", "2026-03-27T12:00:00Z", 3).unwrap(),
            ["2026-03-28T02:15:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-30T02:15:00+02:00"]
        );
    }

    #[test]
    fn each_wrong_argument_is_named() {
        for (told, wanted) in [
            (runs("daily", "UTC", "2026-03-27T12:00:00Z", 1), "five fields"),
            (runs("0 0 * * *", "Mars/Olympus", "2026-03-27T12:00:00Z", 1), "time zone"),
            (runs("0 0 * * *", "UTC", "yesterday", 1), "RFC 3339"),
            (runs("0 0 * * *", "UTC", "2026-03-27T12:00:00Z", 1001), "at most 1000"),
        ] {
            assert!(told.as_ref().unwrap_err().contains(wanted), "{told:?}");
        }
    }
}
