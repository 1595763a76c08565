//! The nearest known name to one that was mistyped.

/// The name of `known` with the fewest edits from `typed`; none when all are too far to be meant.
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let best = known.into_iter().map(|name| (distance(typed, name), name)).min()?;
    (best.0 <= (typed.chars().count() / 2).max(2)).then_some(best.1)
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = corner + usize::from(from != *to);
            corner = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_a_letter_is_recognised() {
        let known = ["ssh.tcp-forwarding", "ssh.agent-forwarding", "pam.faillock"];
        assert_eq!(nearest("ssh.tcp-forwading", known), Some("ssh.tcp-forwarding"));
        assert_eq!(nearest("zzzzzz", known), None);
    }
}
