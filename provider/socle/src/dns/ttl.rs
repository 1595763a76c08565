//! Times to live: seconds, or master-file units.

/// The largest time to live, 2^31 - 1 seconds (RFC 2181, section 8).
pub const MAX: u32 = 2_147_483_647;

/// A text that is no time to live.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no time: write seconds from 0 to {MAX}, or units such as 1h30m (w, d, h, m, s)")]
pub struct TtlError {
    /// What was written.
    pub found: String,
}

/// Reads seconds (`300`) or units in any case (`1h30m`, `1W`).
pub fn parse(text: &str) -> Result<u32, TtlError> {
    seconds(text).filter(|total| *total <= MAX).ok_or_else(|| TtlError { found: text.to_owned() })
}

fn seconds(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    let mut total = 0_u32;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let unit = unit(*rest.as_bytes().get(digits)?)?;
        let count: u32 = rest[..digits].parse().ok()?;
        total = total.checked_add(count.checked_mul(unit)?)?;
        rest = &rest[digits + 1..];
    }
    Some(total)
}

const fn unit(letter: u8) -> Option<u32> {
    match letter.to_ascii_lowercase() {
        b's' => Some(1),
        b'm' => Some(60),
        b'h' => Some(3_600),
        b'd' => Some(86_400),
        b'w' => Some(604_800),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_seconds_and_units_in_any_case() {
        for (text, seconds) in
            [("300", 300), ("0060", 60), ("1h30m", 5_400), ("1W", 604_800), ("2d1H5s", 176_405), ("0", 0)]
        {
            assert_eq!(parse(text), Ok(seconds), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in ["", "h", "1x", "1h30", "-5", "+5", "2147483648", "99999999999w", "1é"] {
            assert_eq!(parse(text), Err(TtlError { found: text.to_owned() }), "{text}");
        }
    }
}
