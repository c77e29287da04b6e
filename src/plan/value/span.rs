//! Durations such as `250ms`, `30s` or `1h30m`.
//!
//! A [`Span`] always has a unit: a bare 30 is seconds to one reader and milliseconds to another.
//! It is at most 365 days, so that a moment of a run never leaves the clock's range; months and
//! years, which have no fixed length, are refused (and so `1M`, meant as a minute, is noticed).

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

/// A length of time, at most 365 days, as a plan writes it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Span(Duration);

/// Why a text is no duration.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SpanError {
    /// A number without a unit.
    #[error("`{0}` has no unit; write `{0}s`, `{0}ms` or `{0}m`")]
    NoUnit(String),
    /// A unit of another kind, months and years among them.
    #[error("unknown unit `{0}` of a duration; expected `ms`, `s`, `m`, `h` or `d`")]
    UnknownUnit(String),
    /// Not numbers with units.
    #[error("`{0}` is not a duration; expected a number and a unit, such as `30s`")]
    NotASpan(String),
    /// Below zero.
    #[error("`{0}` is below zero; a duration is zero or more")]
    Negative(String),
    /// Longer than any run.
    #[error("`{0}` is too long; a duration is at most 365 days")]
    TooLong(String),
}

/// The longest duration of a plan.
const LONGEST: Duration = Duration::from_hours(365 * 24);

/// Beyond so many digits in a row humantime's arithmetic could leave a `Duration`'s range.
const MOST_DIGITS: usize = 12;

impl Span {
    /// A span, if it is at most 365 days.
    pub fn new(duration: Duration) -> Option<Self> {
        (duration <= LONGEST).then_some(Self(duration))
    }

    /// The length.
    pub const fn duration(self) -> Duration {
        self.0
    }
}

/// What humantime reads as months and years.
fn is_of_no_fixed_length(unit: &str) -> bool {
    matches!(unit, "M" | "month" | "months" | "y" | "yr" | "yrs" | "year" | "years")
}

fn letters(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphabetic()).filter(|run| !run.is_empty())
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let text = text.trim();
        if text.parse::<f64>().is_ok_and(f64::is_finite) {
            return Err(SpanError::NoUnit(text.to_owned()));
        }
        if text.starts_with('-') {
            return Err(SpanError::Negative(text.to_owned()));
        }
        if let Some(unit) = letters(text).find(|unit| is_of_no_fixed_length(unit)) {
            return Err(SpanError::UnknownUnit(unit.to_owned()));
        }
        if text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() > MOST_DIGITS) {
            return Err(SpanError::TooLong(text.to_owned()));
        }
        match humantime::parse_duration(text) {
            Ok(duration) => Self::new(duration).ok_or_else(|| SpanError::TooLong(text.to_owned())),
            Err(humantime::DurationError::UnknownUnit { unit, .. }) if !unit.is_empty() => {
                Err(SpanError::UnknownUnit(unit))
            }
            Err(_) => Err(SpanError::NotASpan(text.to_owned())),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanos) = (self.0.as_secs(), u64::from(self.0.subsec_nanos()));
        let parts = [
            (seconds / 3600, "h"),
            (seconds / 60 % 60, "m"),
            (seconds % 60, "s"),
            (nanos / 1_000_000, "ms"),
            (nanos / 1_000 % 1_000, "us"),
            (nanos % 1_000, "ns"),
        ];
        if self.0.is_zero() {
            return f.write_str("0s");
        }
        parts
            .iter()
            .filter(|(count, _)| *count > 0)
            .try_for_each(|(n, unit)| write!(f, "{n}{unit}"))
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SpanVisitor)
    }
}

struct SpanVisitor;

impl Visitor<'_> for SpanVisitor {
    type Value = Span;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as \"30s\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Span, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Span, E> {
        Err(E::custom(SpanError::NoUnit(number.to_string())))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Span, E> {
        Err(E::custom(SpanError::NoUnit(number.to_string())))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Span, E> {
        Err(E::custom(SpanError::NoUnit(number.to_string())))
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A duration: numbers with units (`ms`, `s`, `m`, `h`, `d`), such as `1h30m`.",
            "type": "string",
            "pattern": r"^\s*(\d+(\.\d+)?\s*(nanos|nsec|ns|usec|us|µs|millis|msec|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|wks?|w)\s*)+$|\$\{",
            "examples": ["250ms", "30s", "1h30m"],
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_become_durations() {
        let table = [
            ("250ms", 250),
            ("30s", 30_000),
            ("1.5s", 1_500),
            ("2m", 120_000),
            ("1h30m", 5_400_000),
            (" 1h 30m ", 5_400_000),
            ("0s", 0),
            ("1d", 86_400_000),
        ];
        for (text, millis) in table {
            let expected = Ok(Span(Duration::from_millis(millis)));
            assert_eq!(text.parse::<Span>(), expected, "{text}");
        }
    }

    #[test]
    fn texts_that_are_no_durations_are_refused() {
        let table = [
            ("30", SpanError::NoUnit("30".into())),
            ("0", SpanError::NoUnit("0".into())),
            ("1.5", SpanError::NoUnit("1.5".into())),
            ("2M", SpanError::UnknownUnit("M".into())),
            ("1month", SpanError::UnknownUnit("month".into())),
            ("1y", SpanError::UnknownUnit("y".into())),
            ("5x", SpanError::UnknownUnit("x".into())),
            ("-5s", SpanError::Negative("-5s".into())),
            ("", SpanError::NotASpan(String::new())),
            ("soon", SpanError::NotASpan("soon".into())),
            ("1h30", SpanError::NotASpan("1h30".into())),
            ("366d", SpanError::TooLong("366d".into())),
            (
                "18446744073709551615s 1000ms",
                SpanError::TooLong("18446744073709551615s 1000ms".into()),
            ),
        ];
        for (text, error) in table {
            assert_eq!(text.parse::<Span>(), Err(error), "{text}");
        }
    }

    #[test]
    fn a_bare_number_is_told_the_units() {
        let error = serde_json::from_str::<Span>("30").unwrap_err();

        assert!(error.to_string().contains("`30` has no unit; write `30s`"), "{error}");
    }

    #[test]
    fn a_duration_is_written_without_zeros() {
        for (text, written) in [("90m", "1h30m"), ("1.5s", "1s500ms"), ("0ms", "0s"), ("2d", "48h")]
        {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), written, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_written_duration_reads_back_to_the_same(secs in 0_u64..31_536_000, nanos in 0_u32..1_000_000_000) {
            let span = Span(Duration::new(secs, nanos));
            let text = serde_json::to_string(&span).unwrap();

            prop_assert_eq!(serde_json::from_str::<Span>(&text).unwrap(), span);
        }

        #[test]
        fn no_text_makes_the_reader_of_durations_panic(text in "[0-9.]{0,21}(ns|ms|s|d|w| |µ)[0-9.]{0,21}(ns|ms|s|d|w)") {
            drop(text.parse::<Span>());
        }
    }
}
