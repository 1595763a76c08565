//! What can be wrong with a server's way to the others.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The faults of one server's network. Default: none. They outlast a restart of the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Faults {
    /// No packet gets through, in either direction.
    pub cut: bool,
    /// The most that gets through, in each direction. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow: Option<Rate>,
}

/// Bits per second: a whole number with one of the units `bit`, `kbit`, `mbit` and `gbit` (thousands, as in `tc`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate(u64);

/// Something that is not a rate.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a rate is a whole number from 8kbit to 100gbit with its unit, as in 500kbit or 10mbit")]
pub struct BadRate;

const UNITS: [(&str, u64); 4] = [("gbit", 1_000_000_000), ("mbit", 1_000_000), ("kbit", 1_000), ("bit", 1)];

/// Some hundredths of a second at full rate: below one tick of the kernel's clock, the rate would not be reached.
const BURSTS_PER_SECOND: u64 = 50;

/// One packet must fit.
const LEAST_BURST: u64 = 3_000;

impl Rate {
    /// How many bytes may go at once, by the token bucket of `tc`.
    pub fn burst_bytes(self) -> u64 {
        (self.0 / 8 / BURSTS_PER_SECOND).max(LEAST_BURST)
    }
}

impl FromStr for Rate {
    type Err = BadRate;

    fn from_str(text: &str) -> Result<Self, BadRate> {
        let with =
            |(unit, bits): &(&str, u64)| text.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(*bits);
        UNITS
            .iter()
            .find_map(with)
            .filter(|rate| (8_000..=100_000_000_000).contains(rate))
            .map(Self)
            .ok_or(BadRate)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let whole = UNITS.iter().find(|(_, bits)| self.0.is_multiple_of(*bits));
        let (unit, bits) = whole.unwrap_or(&UNITS[UNITS.len() - 1]);
        write!(formatter, "{}{unit}", self.0 / bits)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match (self.cut, self.slow) {
            (true, _) => formatter.write_str("cut off"),
            (false, Some(rate)) => write!(formatter, "slowed to {rate}"),
            (false, None) => formatter.write_str("none"),
        }
    }
}

impl TryFrom<String> for Rate {
    type Error = BadRate;

    fn try_from(text: String) -> Result<Self, BadRate> {
        text.parse()
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        rate.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_rates_as_tc_does() {
        for (text, written) in [("10mbit", "10mbit"), ("1500kbit", "1500kbit"), ("2000kbit", "2mbit")] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), written);
        }
    }

    #[test]
    fn refuses_what_tc_would_misread() {
        for text in ["", "10", "mbit", "-1mbit", "1.5mbit", "10mbps", "0kbit", "7kbit", "99999999999gbit"] {
            assert_eq!(text.parse::<Rate>(), Err(BadRate), "{text}");
        }
    }

    #[test]
    fn a_burst_holds_a_packet_and_a_tick_of_the_clock() {
        assert_eq!("8kbit".parse::<Rate>().unwrap().burst_bytes(), 3_000);
        assert_eq!("1gbit".parse::<Rate>().unwrap().burst_bytes(), 2_500_000);
    }

    #[test]
    fn faults_are_told_and_kept() {
        let slow = Faults { cut: false, slow: Some(Rate(1_000_000)) };
        assert_eq!(slow.to_string(), "slowed to 1mbit");
        let written = serde_json::to_string(&slow).unwrap();
        assert_eq!(serde_json::from_str::<Faults>(&written).unwrap(), slow);
        assert_eq!(serde_json::from_str::<Faults>("{}").unwrap().to_string(), "none");
    }
}
