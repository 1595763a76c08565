use super::*;

fn zone(caller_reference: &str, comment: Option<&str>) -> ZoneSummary {
    ZoneSummary {
        id: "Z1".to_owned(),
        name: "example.test.".parse().unwrap(),
        caller_reference: caller_reference.to_owned(),
        comment: comment.map(str::to_owned),
        private: false,
        record_set_count: 2,
    }
}

#[test]
fn a_zone_is_unfinished_only_with_our_reference_and_our_mark() {
    assert!(is_unfinished(&zone("socle-0123", Some("socle: creating"))));
    for comment in [None, Some(""), Some("ours"), Some("socle: creating it"), Some("Socle: creating")] {
        assert!(!is_unfinished(&zone("socle-0123", comment)), "{comment:?}");
    }
    for reference in ["", "by hand", "0123-socle-", "Socle-0123", "terraform-20260101"] {
        assert!(!is_unfinished(&zone(reference, Some("socle: creating"))), "{reference:?}");
    }
}
