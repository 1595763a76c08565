use jiff::civil;
use proptest::prelude::*;

use super::*;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn paris() -> TimeZone {
    zone("Europe/Paris")
}

fn complete(id: usize, at: Timestamp) -> Backup<usize> {
    Backup { id, at, completeness: Completeness::Complete }
}

fn in_paris(text: &str) -> Timestamp {
    text.parse::<civil::DateTime>().unwrap().to_zoned_datetime(paris()).unwrap().timestamp()
}

fn backups(times: &[Timestamp]) -> Vec<Backup<usize>> {
    times.iter().enumerate().map(|(id, at)| complete(id, *at)).collect()
}

fn kept(backups: &[Backup<usize>], retention: Retention, zone: &TimeZone) -> Vec<usize> {
    let mut kept: Vec<_> = plan(backups, &retention, zone)
        .into_iter()
        .filter(Verdict::is_kept)
        .map(|verdict| verdict.id)
        .collect();
    kept.sort_unstable();
    kept
}

#[test]
fn keeps_the_newest_of_each_day_in_the_policys_zone() {
    // 00:30 in Paris is still the day before in UTC.
    let times = ["2026-06-01T23:30", "2026-06-02T00:30", "2026-06-02T12:00"].map(in_paris);
    let two_days = Retention { daily: 2, ..Retention::default() };
    assert_eq!(kept(&backups(&times), two_days, &paris()), [0, 2]);
    assert_eq!(kept(&backups(&times), two_days, &TimeZone::UTC), [1, 2]);
}

#[test]
fn the_hour_that_clocks_show_twice_is_two_hours() {
    // On 25 October 2026 clocks in Paris go from 03:00 CEST back to 02:00 CET.
    let times: Vec<Timestamp> =
        ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"].iter().map(|t| t.parse().unwrap()).collect();
    let two_hours = Retention { hourly: 2, ..Retention::default() };
    assert_eq!(kept(&backups(&times), two_hours, &paris()), [0, 1]);
}

#[test]
fn a_day_of_23_or_25_hours_is_one_day() {
    let spring = ["2026-03-29T00:10", "2026-03-29T23:50", "2026-03-30T00:10"].map(in_paris);
    let autumn = ["2026-10-25T00:10", "2026-10-25T23:50", "2026-10-26T00:10"].map(in_paris);
    for times in [spring, autumn] {
        assert_eq!(kept(&backups(&times), Retention { daily: 9, ..Retention::default() }, &paris()), [1, 2]);
    }
}

#[test]
fn a_daily_run_fills_each_day_across_both_changes_of_the_clock() {
    let first = civil::date(2026, 3, 1);
    let times: Vec<_> = (0..300)
        .map(|n| first.checked_add(jiff::Span::new().days(n)).unwrap().at(2, 15, 0, 0))
        .map(|local| local.to_zoned_datetime(paris()).unwrap().timestamp())
        .collect();
    let kept = kept(&backups(&times), Retention { daily: 300, ..Retention::default() }, &paris());
    assert_eq!(kept.len(), 300);
}

#[test]
fn weeks_begin_on_monday_also_across_the_new_year() {
    // 2026-12-31 is a Thursday, 2027-01-03 a Sunday, 2027-01-04 a Monday.
    let times = ["2026-12-31T12:00", "2027-01-03T12:00", "2027-01-04T12:00"].map(in_paris);
    assert_eq!(kept(&backups(&times), Retention { weekly: 5, ..Retention::default() }, &paris()), [1, 2]);
}

#[test]
fn an_incomplete_backup_fills_no_place_and_goes_once_a_complete_one_is_newer() {
    let times =
        ["2026-06-01T12:00", "2026-06-01T13:00", "2026-06-02T12:00", "2026-06-03T12:00"].map(in_paris);
    let mut backups = backups(&times);
    backups[1].completeness = Completeness::Incomplete;
    backups[3].completeness = Completeness::Incomplete;
    assert_eq!(kept(&backups, Retention { daily: 2, ..Retention::default() }, &paris()), [0, 2, 3]);
}

#[test]
fn the_last_good_one_stays_whatever_the_rules_say() {
    let times = ["2020-01-01T12:00", "2020-01-02T12:00"].map(in_paris);
    assert_eq!(kept(&backups(&times), Retention::default(), &paris()), [1]);
}

#[test]
fn backups_of_a_clock_that_ran_ahead_do_not_cost_the_others_their_place_for_good() {
    let times = ["2026-06-01T12:00", "2026-06-02T12:00", "2090-01-01T12:00"].map(in_paris);
    assert_eq!(kept(&backups(&times), Retention { daily: 2, ..Retention::default() }, &paris()), [1, 2]);
}

fn any_retention() -> impl Strategy<Value = Retention> {
    (0..5_u32, 0..5_u32, 0..5_u32, 0..5_u32, 0..5_u32, 0..3_u32).prop_map(
        |(last, hourly, daily, weekly, monthly, yearly)| Retention {
            last,
            hourly,
            daily,
            weekly,
            monthly,
            yearly,
        },
    )
}

fn any_backups() -> impl Strategy<Value = Vec<Backup<usize>>> {
    // Around both changes of the clock in 2026, some hours apart or at the same moment.
    let at = 1_770_000_000_i64..1_800_000_000;
    prop::collection::vec((at, prop::bool::weighted(0.8)), 0..60).prop_map(|moments| {
        let backup = |(id, (second, good)): (usize, (i64, bool))| Backup {
            id,
            at: Timestamp::from_second(second).unwrap(),
            completeness: if good { Completeness::Complete } else { Completeness::Incomplete },
        };
        moments.into_iter().enumerate().map(backup).collect()
    })
}

proptest! {
    #[test]
    fn the_newest_complete_backup_always_stays(backups in any_backups(), retention in any_retention()) {
        let complete = backups.iter().filter(|b| b.completeness == Completeness::Complete);
        if let Some(newest) = complete.map(|b| b.at).max() {
            let kept = kept(&backups, retention, &paris());
            prop_assert!(kept.iter().any(|id| backups[*id].at == newest
                && backups[*id].completeness == Completeness::Complete));
        }
    }

    #[test]
    fn what_was_kept_is_kept_again(backups in any_backups(), retention in any_retention()) {
        let once = kept(&backups, retention, &paris());
        let rest: Vec<_> = backups.iter().filter(|b| once.contains(&b.id)).cloned().collect();
        prop_assert_eq!(kept(&rest, retention, &paris()), once);
    }

    #[test]
    fn no_rule_keeps_more_than_it_says(backups in any_backups(), retention in any_retention()) {
        let verdicts = plan(&backups, &retention, &zone("America/New_York"));
        let count = |reason| verdicts.iter().filter(|v| v.reasons.contains(&reason)).count();
        prop_assert!(count(Reason::Last) <= retention.last as usize);
        prop_assert!(count(Reason::Daily) <= retention.daily as usize);
        prop_assert!(count(Reason::Yearly) <= retention.yearly as usize);
        prop_assert!(count(Reason::LastGood) <= 1);
    }

    #[test]
    fn the_order_of_the_list_does_not_matter(backups in any_backups(), retention in any_retention()) {
        let mut turned = backups.clone();
        turned.reverse();
        let times = |ids: Vec<usize>| ids.into_iter().map(|id| backups[id].at).collect::<BTreeSet<_>>();
        prop_assert_eq!(
            times(kept(&backups, retention, &paris())),
            times(kept(&turned, retention, &paris()))
        );
    }
}
