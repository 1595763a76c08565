use proptest::prelude::*;

use super::*;

fn schedule(text: &str) -> Schedule {
    text.parse().unwrap()
}

fn paris() -> TimeZone {
    TimeZone::get("Europe/Paris").unwrap()
}

fn runs(text: &str, zone: &TimeZone, after: &str, count: usize) -> Vec<String> {
    let after: Timestamp = after.parse().unwrap();
    let told = |run: ZonedDateTime| run.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
    schedule(text).runs(zone, after).take(count).map(told).collect()
}

#[test]
fn a_time_that_clocks_skip_is_made_up_for_when_they_have_moved() {
    assert_eq!(
        runs("15 2 * * *", &paris(), "2026-03-28T12:00:00Z", 2),
        ["2026-03-29T03:00:00+02:00", "2026-03-30T02:15:00+02:00"]
    );
    let lines = schedule("15 2 * * *").on_calendar(&paris());
    assert_eq!(lines[..2], ["*-*-* 02:15:00 Europe/Paris", "2026-03-29 03:00:00 Europe/Paris"]);
    assert_eq!(lines.len(), 1 + 20, "{lines:?}");
}

#[test]
fn a_time_that_clocks_show_twice_is_one_run() {
    assert_eq!(
        runs("15 2 * * *", &paris(), "2026-10-24T12:00:00Z", 2),
        ["2026-10-25T02:15:00+02:00", "2026-10-26T02:15:00+01:00"]
    );
    assert_eq!(
        runs("15 2 * * *", &paris(), "2026-10-25T00:20:00Z", 1),
        ["2026-10-26T02:15:00+01:00"],
        "after the first of the two"
    );
}

#[test]
fn a_schedule_outside_of_the_hour_that_moves_needs_nothing_more() {
    assert_eq!(schedule("30 4 * * *").on_calendar(&paris()), ["*-*-* 04:30:00 Europe/Paris"]);
    assert_eq!(schedule("15 2 * * *").on_calendar(&TimeZone::UTC), ["*-*-* 02:15:00 UTC"]);
    // Half past two is skipped, and three o'clock is a run of its own.
    assert_eq!(schedule("0,30 * * * *").on_calendar(&paris()), ["*-*-* *:00,30:00 Europe/Paris"]);
}

#[test]
fn lists_ranges_steps_and_names_are_understood() {
    let lines = |text| schedule(text).on_calendar(&TimeZone::UTC);
    assert_eq!(lines("*/20 8-18/5 * * *"), ["*-*-* 08,13,18:00,20,40:00 UTC"]);
    assert_eq!(lines("0 5 * * 0"), ["Sun *-*-* 05:00:00 UTC"]);
    assert_eq!(lines("0 5 * * 7"), lines("0 5 * * sun"));
    assert_eq!(lines("0 5 * jan,JUL mon-fri"), ["Mon,Tue,Wed,Thu,Fri *-01,07-* 05:00:00 UTC"]);
    assert_eq!(lines("0 5 1 * *"), ["*-*-01 05:00:00 UTC"]);
    assert_eq!(lines("0 0/6 * * *"), ["*-*-* 00,06,12,18:00:00 UTC"]);
}

#[test]
fn where_both_days_are_restricted_either_suffices() {
    assert_eq!(
        schedule("0 5 13 * 5").on_calendar(&TimeZone::UTC),
        ["*-*-13 05:00:00 UTC", "Fri *-*-* 05:00:00 UTC"]
    );
    assert_eq!(
        runs("0 5 13 * 5", &TimeZone::UTC, "2026-11-10T00:00:00Z", 3),
        ["2026-11-13T05:00:00+00:00", "2026-11-20T05:00:00+00:00", "2026-11-27T05:00:00+00:00"]
    );
}

#[test]
fn the_next_run_is_strictly_later_also_in_a_leap_year() {
    assert_eq!(runs("0 0 29 2 *", &TimeZone::UTC, "2026-01-01T00:00:00Z", 1), ["2028-02-29T00:00:00+00:00"]);
    assert_eq!(runs("0 5 * * *", &TimeZone::UTC, "2026-01-01T05:00:00Z", 1), ["2026-01-02T05:00:00+00:00"]);
}

#[test]
fn what_is_no_schedule_is_refused_with_the_field() {
    for (wrong, told) in [
        ("", "five fields"),
        ("@daily", "five fields"),
        ("0 5 * *", "five fields"),
        ("60 5 * * *", "minute"),
        ("5 24 * * *", "hour"),
        ("5 5 0 * *", "day of the month"),
        ("5 5 * 13 *", "month"),
        ("5 5 * * 8", "day of the week"),
        ("5-1 5 * * *", "minute"),
        ("*/0 5 * * *", "minute"),
        ("+5 5 * * *", "minute"),
        ("5 5 L * *", "day of the month"),
        ("0 0 31 2,4 *", "no year"),
    ] {
        let refusal = wrong.parse::<Schedule>().unwrap_err().to_string();
        assert!(refusal.contains(told), "{wrong:?}: {refusal}");
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_the_same(minute in 0..60_u8, hour in 0..24_u8, day in 1..29_u8, month in 1..13_u8, weekday in 0..7_u8) {
        for text in [format!("{minute} {hour} * * *"), format!("{minute} * {day} {month} *"), format!("*/7 {hour} * {month} {weekday}")] {
            let read = schedule(&text);
            prop_assert_eq!(schedule(&read.to_string()).on_calendar(&paris()), read.on_calendar(&paris()));
        }
    }

    #[test]
    fn runs_rise_and_a_daily_schedule_never_misses_a_day(hour in 0..24_u8, minute in 0..60_u8, day in 0..400_i64) {
        let after = "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap() + (day * 24).hours();
        let runs: Vec<_> = schedule(&format!("{minute} {hour} * * *")).runs(&paris(), after).take(3).collect();
        for pair in runs.windows(2) {
            let apart = pair[1].timestamp().duration_since(pair[0].timestamp()).as_secs();
            prop_assert!((22 * 3600..=26 * 3600).contains(&apart), "{:?}", runs);
        }
    }
}
