//! A [`Status`] as Prometheus' text format, for the textfile collector of its node exporter.

use std::fmt::Write;

use jiff::Timestamp;

use crate::status::{Outcome, Run, Status};

/// One family of metrics: name, help, and how its value follows from a status; none: it is left out.
type Family = (&'static str, &'static str, fn(&Status) -> Option<f64>);

const FAMILIES: [Family; 12] = [
    ("last_success_timestamp_seconds", "When the newest complete backup was finished.", |status| {
        status.last_success_at.map(seconds)
    }),
    ("last_run_success", "1 when the last run made a complete backup, else 0.", |status| {
        status.last_run.as_ref().map(|run| flag(run.outcome == Outcome::Success))
    }),
    ("last_run_timestamp_seconds", "When the last run began.", |status| {
        status.last_run.as_ref().map(|run| seconds(run.started_at))
    }),
    ("last_success_duration_seconds", "How long the last successful run took.", |status| {
        status.last_success.as_ref().and_then(Run::seconds)
    }),
    ("last_success_added_bytes", "Bytes that the last successful run added to the repository.", |status| {
        status.last_success.as_ref().map(|run| number(run.bytes_added))
    }),
    ("snapshots", "Backups of this policy in the repository.", |status| {
        status.repository.as_ref().map(|repository| number(repository.snapshots))
    }),
    ("check_success", "1 when the last check found nothing, else 0.", |status| {
        status.last_check.as_ref().map(|check| flag(check.ok))
    }),
    ("check_timestamp_seconds", "When the last check ended.", |status| {
        status.last_check.as_ref().map(|check| seconds(check.at))
    }),
    (
        "drill_success",
        "1 when the last drill restored the newest backup and every assertion held, else 0.",
        |s| s.last_drill.as_ref().map(|drill| flag(drill.ok)),
    ),
    ("drill_timestamp_seconds", "When the last drill ended.", |status| {
        status.last_drill.as_ref().map(|drill| seconds(drill.at))
    }),
    (
        "drill_rpo_seconds",
        "Recovery point that the last drill measured: the age of the restored data.",
        |status| status.last_drill.as_ref().and_then(|drill| drill.rpo_seconds),
    ),
    ("drill_rto_seconds", "Recovery time that the last drill measured.", |status| {
        status.last_drill.as_ref().and_then(|drill| drill.rto_seconds)
    }),
];

/// All that is known, with the label `policy`.
pub fn render(status: &Status) -> String {
    FAMILIES.iter().fold(String::new(), |mut text, (name, help, value)| {
        if let Some(value) = value(status) {
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "# HELP socle_backup_{name} {help}\n# TYPE socle_backup_{name} gauge\n\
                 socle_backup_{name}{{policy=\"{}\"}} {value}",
                status.name
            );
        }
        text
    })
}

fn flag(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus knows no other numbers")]
fn number(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus knows no other numbers")]
fn seconds(at: Timestamp) -> f64 {
    at.as_second() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Drill;

    #[test]
    fn what_never_happened_has_no_metric() {
        assert_eq!(render(&Status::new("db")), "");
    }

    #[test]
    fn a_failed_drill_is_a_zero_with_its_time() {
        let at = "2026-11-24T03:00:00Z".parse().unwrap();
        let drill = Drill {
            at,
            ok: false,
            snapshot: None,
            rpo_seconds: Some(3600.0),
            rto_seconds: None,
            problems: vec!["x".into()],
        };
        let text = render(&Status { last_drill: Some(drill), ..Status::new("db") });
        assert!(text.contains("socle_backup_drill_success{policy=\"db\"} 0\n"), "{text}");
        assert!(text.contains("socle_backup_drill_timestamp_seconds{policy=\"db\"} 1795489200\n"), "{text}");
        assert!(text.contains("socle_backup_drill_rpo_seconds{policy=\"db\"} 3600\n"), "{text}");
        assert!(!text.contains("rto"), "{text}");
    }
}
