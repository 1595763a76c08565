//! Numbers without loss.

use std::fmt;
use std::str::FromStr;

use bigdecimal::{BigDecimal, FromPrimitive, Num, ToPrimitive};

/// A number of any size and precision, equal by value: `1.0` is `1`.
///
/// Terraform computes with 512-bit floats; nothing that it sends is rounded here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(BigDecimal);

/// Text or a float that is not a finite number.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a finite decimal number")]
pub struct NumberError(pub String);

/// Exponents beyond this are refused: `1e999999999` is ten bytes on the wire and a gigabyte written out.
const MAX_EXPONENT: u64 = 4096;
/// More significant digits are refused; Terraform keeps about 150.
const MAX_DIGITS: u64 = 8192;
/// Longer text is refused unread: the time to read digits grows with their square.
const MAX_TEXT: usize = 16 * 1024;

impl Number {
    /// The value as a whole number of type `T`, if it is one and fits.
    pub fn to_integer<T: TryFrom<i128>>(&self) -> Option<T> {
        if !self.0.is_integer() {
            return None;
        }
        self.0.to_i128().and_then(|whole| T::try_from(whole).ok())
    }

    /// The nearest double; loses precision where a double has none.
    pub fn to_f64(&self) -> f64 {
        self.0.to_f64().unwrap_or(f64::NAN)
    }

    /// The double that is exactly this number, if it is no whole number and there is one.
    pub(super) fn to_exact_fraction(&self) -> Option<f64> {
        if self.0.is_integer() {
            return None;
        }
        let double = self.0.to_f64().filter(|double| double.is_finite())?;
        (Self::from_f64(double).as_ref() == Ok(self)).then_some(double)
    }

    /// The exact value of a double.
    ///
    /// # Errors
    /// When it is infinite or not a number.
    pub fn from_f64(double: f64) -> Result<Self, NumberError> {
        let decimal = BigDecimal::from_f64(double).ok_or_else(|| NumberError(double.to_string()))?;
        Ok(Self(decimal.normalized()))
    }
}

impl FromStr for Number {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        let refuse = || NumberError(text.to_owned());
        if text.len() > MAX_TEXT
            || !text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))
        {
            return Err(refuse());
        }
        let decimal = BigDecimal::from_str_radix(text, 10).map_err(|_| refuse())?.normalized();
        let (_, exponent) = decimal.as_bigint_and_scale();
        if exponent.unsigned_abs() > MAX_EXPONENT || decimal.digits() > MAX_DIGITS {
            return Err(refuse());
        }
        Ok(Self(decimal))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_plain_string())
    }
}

macro_rules! from_integers {
    ($($integer:ty),*) => { $(
        impl From<$integer> for Number {
            fn from(integer: $integer) -> Self {
                Self(BigDecimal::from(integer).normalized())
            }
        }
    )* };
}
from_integers!(u8, u16, u32, u64, i8, i16, i32, i64, i128, u128);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_by_value_however_written() {
        for (left, right) in [("1", "1.000"), ("1e3", "1000"), ("-0", "0"), ("0.10", "0.1")] {
            assert_eq!(left.parse::<Number>(), right.parse::<Number>(), "{left} and {right}");
        }
    }

    #[test]
    fn a_double_is_taken_exactly() {
        let tenth = Number::from_f64(0.1).unwrap();
        assert_ne!(tenth, "0.1".parse().unwrap(), "the double nearest to 0.1 is not 0.1");
        assert_eq!(tenth.to_exact_fraction(), Some(0.1));
        assert_eq!("0.1".parse::<Number>().unwrap().to_exact_fraction(), None);
    }

    #[test]
    fn refuses_what_is_not_finite_or_would_not_fit_in_memory() {
        for text in ["NaN", "inf", "", "1e999999999", "0x10", "1 2", "1_000", &"9".repeat(1_000_000)] {
            assert!(text.parse::<Number>().is_err(), "{text}");
        }
        assert!(Number::from_f64(f64::INFINITY).is_err());
    }

    #[test]
    fn integers_convert_only_when_they_fit() {
        let number: Number = "256".parse().unwrap();
        assert_eq!(number.to_integer::<u8>(), None);
        assert_eq!(number.to_integer::<u16>(), Some(256));
        assert_eq!("1.5".parse::<Number>().unwrap().to_integer::<i64>(), None);
    }
}
