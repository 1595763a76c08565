//! The validators that come with the framework.

use std::fmt::{Debug, Display};
use std::net::IpAddr;
use std::ops::{Bound, RangeBounds};
use std::time::Duration;

use regex::Regex;

use super::Validator;
use crate::value::{List, Map, Set};

/// What has a length.
pub trait Counted {
    /// What is counted, in the plural.
    const UNIT: &'static str;

    /// How many there are.
    fn count(&self) -> usize;
}

impl Counted for String {
    const UNIT: &'static str = "characters";

    fn count(&self) -> usize {
        self.chars().count()
    }
}

impl<T> Counted for List<T> {
    const UNIT: &'static str = "elements";

    fn count(&self) -> usize {
        self.len()
    }
}

impl<T> Counted for Set<T> {
    const UNIT: &'static str = "elements";

    fn count(&self) -> usize {
        self.len()
    }
}

impl<T> Counted for Map<T> {
    const UNIT: &'static str = "entries";

    fn count(&self) -> usize {
        self.len()
    }
}

/// So many characters, elements or entries: `length(1..=63)`.
pub fn length<T: Counted>(allowed: impl RangeBounds<usize> + Send + Sync + 'static) -> impl Validator<T> {
    struct Length<R>(R);
    impl<T: Counted, R: RangeBounds<usize> + Send + Sync + 'static> Validator<T> for Length<R> {
        fn describe(&self) -> String {
            format!("{} {} long", bounds(&self.0), T::UNIT)
        }
        fn check(&self, value: &T) -> Result<(), String> {
            let count = value.count();
            if self.0.contains(&count) { Ok(()) } else { Err(format!("it has {count} {}", T::UNIT)) }
        }
    }
    Length(allowed)
}

/// A number in a range: `range(0..=255)`.
pub fn range<T>(allowed: impl RangeBounds<T> + Send + Sync + 'static) -> impl Validator<T>
where
    T: PartialOrd + Display + Send + Sync + 'static,
{
    struct Range<R>(R);
    impl<T: PartialOrd + Display, R: RangeBounds<T> + Send + Sync + 'static> Validator<T> for Range<R> {
        fn describe(&self) -> String {
            bounds(&self.0)
        }
        fn check(&self, value: &T) -> Result<(), String> {
            if self.0.contains(value) { Ok(()) } else { Err(format!("found {value}")) }
        }
    }
    Range(allowed)
}

fn bounds<T: Display>(range: &impl RangeBounds<T>) -> String {
    let low = match range.start_bound() {
        Bound::Included(low) => Some(format!("at least {low}")),
        Bound::Excluded(low) => Some(format!("more than {low}")),
        Bound::Unbounded => None,
    };
    let high = match range.end_bound() {
        Bound::Included(high) => Some(format!("at most {high}")),
        Bound::Excluded(high) => Some(format!("less than {high}")),
        Bound::Unbounded => None,
    };
    [low, high].into_iter().flatten().collect::<Vec<_>>().join(" and ")
}

/// Text of a form; `description` says it in words: `pattern("^[a-z]+$", "lower-case letters")`.
///
/// An expression that is not valid refuses every value, and says so.
pub fn pattern(expression: &str, description: &'static str) -> impl Validator<String> + use<> {
    struct Pattern(Result<Regex, regex::Error>, &'static str);
    impl Validator<String> for Pattern {
        fn describe(&self) -> String {
            self.1.to_owned()
        }
        fn check(&self, value: &String) -> Result<(), String> {
            match &self.0 {
                Ok(regex) if regex.is_match(value) => Ok(()),
                Ok(_) => Err(format!("found {value:?}")),
                Err(error) => Err(format!("the provider's own pattern is invalid: {error}")),
            }
        }
    }
    Pattern(Regex::new(expression), description)
}

/// One of some values: `one_of(["keep", "delete"])`.
pub fn one_of<const N: usize>(allowed: [&'static str; N]) -> impl Validator<String> {
    struct OneOf<const N: usize>([&'static str; N]);
    impl<const N: usize> Validator<String> for OneOf<N> {
        fn describe(&self) -> String {
            format!("one of {}", self.0.map(|word| format!("`{word}`")).join(", "))
        }
        fn check(&self, value: &String) -> Result<(), String> {
            if self.0.contains(&value.as_str()) { Ok(()) } else { Err(format!("found {value:?}")) }
        }
    }
    OneOf(allowed)
}

/// Text that a parser accepts.
struct Parsed(&'static str, fn(&str) -> bool);

impl Validator<String> for Parsed {
    fn describe(&self) -> String {
        self.0.to_owned()
    }

    fn check(&self, value: &String) -> Result<(), String> {
        if (self.1)(value) { Ok(()) } else { Err(format!("found {value:?}")) }
    }
}

/// An IPv4 or IPv6 address.
pub fn ip_address() -> impl Validator<String> {
    Parsed("an IPv4 or IPv6 address, such as `203.0.113.10`", |text| text.parse::<IpAddr>().is_ok())
}

/// A range of addresses, given by its first one: `10.244.0.0/16`.
pub fn cidr() -> impl Validator<String> {
    Parsed("a range of addresses that starts at its first address, such as `10.244.0.0/16`", is_cidr)
}

fn is_cidr(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else { return false };
    let (Ok(address), Ok(length)) = (address.parse::<IpAddr>(), length.parse::<u32>()) else { return false };
    let (bits, width) = match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    length <= width && (length == 128 || bits << length == 0)
}

/// A host name as RFC 1123 has it: labels of letters, digits and hyphens.
pub fn hostname() -> impl Validator<String> {
    Parsed("a host name, such as `api.example.social`", is_hostname)
}

fn is_hostname(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

/// A length of time: `90s`, `5m`, `1h30m`, `30d`.
pub fn duration() -> impl Validator<String> {
    Parsed("a length of time such as `90s`, `5m`, `1h30m` or `30d`", |text| parse_duration(text).is_some())
}

/// Reads a length of time: whole numbers with the units `ms`, `s`, `m`, `h`, `d`, largest first or not.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let count: u64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?;
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let milliseconds = match rest.get(..end)? {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        total = total.checked_add(Duration::from_millis(count.checked_mul(milliseconds)?))?;
        rest = rest.get(end..)?;
    }
    Some(total)
}

/// Every known element of a list satisfies `inner`.
pub fn each<T: Debug + Send + Sync + 'static>(inner: impl Validator<T>) -> impl Validator<List<T>> {
    struct Each<V>(V);
    impl<T: Debug, V: Validator<T>> Validator<List<T>> for Each<V> {
        fn describe(&self) -> String {
            format!("a list whose elements are each {}", self.0.describe())
        }
        fn check(&self, list: &List<T>) -> Result<(), String> {
            let mut known =
                list.iter().enumerate().filter_map(|(index, element)| Some((index, element.known()?)));
            known.try_for_each(|(index, element)| {
                self.0.check(element).map_err(|found| format!("element {index}: {found}"))
            })
        }
    }
    Each(inner)
}

/// Every key of a map satisfies `inner`.
pub fn each_key<T: Send + Sync + 'static>(inner: impl Validator<String>) -> impl Validator<Map<T>> {
    struct EachKey<V>(V);
    impl<T, V: Validator<String>> Validator<Map<T>> for EachKey<V> {
        fn describe(&self) -> String {
            format!("a map whose keys are each {}", self.0.describe())
        }
        fn check(&self, map: &Map<T>) -> Result<(), String> {
            map.keys().try_for_each(|key| self.0.check(key).map_err(|found| format!("key {key:?}: {found}")))
        }
    }
    EachKey(inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    #[test]
    fn a_cidr_starts_at_its_first_address() {
        for good in ["0.0.0.0/0", "10.0.0.0/8", "10.1.2.3/32", "2001:db8::/32", "::1/128"] {
            assert!(is_cidr(good), "{good}");
        }
        for bad in ["10.0.0.1/8", "10.0.0.0/33", "10.0.0.0", "2001:db8::1/64", "::/129", "a/8"] {
            assert!(!is_cidr(bad), "{bad}");
        }
    }

    #[test]
    fn a_hostname_has_labels_of_letters_digits_and_inner_hyphens() {
        for good in ["a", "api-1.example.social", "example.social.", "1.2"] {
            assert!(is_hostname(good), "{good}");
        }
        for bad in ["", ".", "-a.b", "a-.b", "a..b", "a_b", &"a".repeat(64)] {
            assert!(!is_hostname(bad), "{bad}");
        }
    }

    #[test]
    fn a_duration_is_numbers_with_units() {
        assert_eq!(parse_duration("1h30m"), Some(Duration::from_mins(90)));
        assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(parse_duration("30d"), Some(Duration::from_hours(720)));
        for bad in ["", "5", "m", "5 m", "-1s", "1.5h", "99999999999999999999d"] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn descriptions_say_what_is_allowed() {
        assert_eq!(
            Validator::<String>::describe(&length(1..=63)),
            "at least 1 and at most 63 characters long"
        );
        assert_eq!(Validator::<i64>::describe(&range(1..)), "at least 1");
        assert_eq!(one_of(["keep", "delete"]).describe(), "one of `keep`, `delete`");
    }

    #[test]
    fn an_element_is_named_by_its_position() {
        let found = each(one_of(["a"])).check(&vec![Value::from("a"), Value::Unknown, Value::from("b")]);
        assert_eq!(found, Err("element 2: found \"b\"".to_owned()));
    }

    /// What the validator says of good and of bad values.
    fn judge<T>(validator: &impl Validator<T>, good: &[T], bad: &[T]) {
        for value in good {
            assert_eq!(validator.check(value), Ok(()));
        }
        for value in bad {
            assert!(validator.check(value).is_err(), "{}", validator.describe());
        }
    }

    #[test]
    fn lengths_count_characters_elements_and_entries() {
        judge::<String>(&length(1..=2), &["ab".into(), "éé".into()], &[String::new(), "abc".into()]);
        judge::<List<bool>>(&length(1..), &[vec![Value::Null]], &[vec![]]);
        judge::<Set<bool>>(&length(..1), &[Set::new()], &[[Value::from(true)].into()]);
        judge::<Map<bool>>(&length(1..=1), &[[("a".to_owned(), Value::Null)].into()], &[Map::new()]);
    }

    #[test]
    fn ranges_have_open_and_closed_ends() {
        judge(&range(1..=3), &[1, 3], &[0, 4]);
        judge(&range(..3), &[i64::MIN, 2], &[3]);
        judge(&range((Bound::Excluded(1), Bound::Unbounded)), &[2, i64::MAX], &[1]);
    }

    #[test]
    fn words_patterns_addresses_and_lengths_of_time() {
        let text = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        judge(&one_of(["a", "b"]), &text(&["a", "b"]), &text(&["c", "", "A"]));
        judge(&pattern("^a+$", "some a"), &text(&["a", "aa"]), &text(&["", "b"]));
        judge(&ip_address(), &text(&["203.0.113.10", "::1"]), &text(&["203.0.113", "::1/128", ""]));
        judge(&cidr(), &text(&["10.0.0.0/8"]), &text(&["10.0.0.1/8"]));
        judge(&hostname(), &text(&["a.example"]), &text(&["-a"]));
        judge(&duration(), &text(&["90s"]), &text(&["90"]));
    }

    #[test]
    fn an_invalid_pattern_refuses_every_value_and_says_so() {
        let found = pattern("(", "something").check(&"(".to_owned());
        assert!(found.is_err_and(|message| message.starts_with("the provider's own pattern is invalid")));
    }

    #[test]
    fn a_validator_of_ones_own_is_a_closure_with_a_description() {
        let even = super::super::describe("an even number", |number: &i64| {
            if number % 2 == 0 { Ok(()) } else { Err(format!("found {number}")) }
        });
        assert_eq!(even.describe(), "an even number");
        judge(&even, &[2], &[3]);
    }
}
