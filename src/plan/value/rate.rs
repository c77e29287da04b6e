//! Rates such as `200/s` or `90/min`.
//!
//! A [`Rate`] is finite and not negative by construction. Zero is a legal level: a ramp may begin
//! there.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

/// How often a unit of work starts; finite, zero or more.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Rate {
    per_second: f64,
}

/// Why a text is no rate.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RateError {
    /// A number without a unit.
    #[error("`{0}` has no unit; write `{0}/s`, `{0}/min` or `{0}/h`")]
    NoUnit(String),
    /// A unit of another kind.
    #[error("unknown unit `/{0}` of a rate; expected `/s`, `/min` or `/h`")]
    UnknownUnit(String),
    /// What stands before the unit is no finite number.
    #[error("`{0}` is not a rate; expected a number and a unit, such as `200/s`")]
    NotANumber(String),
    /// Below zero.
    #[error("`{0}` is below zero; a rate is zero or more")]
    Negative(String),
}

/// The units with the seconds of each.
const UNITS: [(&str, f64); 3] = [("s", 1.0), ("min", 60.0), ("h", 3600.0)];

impl Rate {
    /// A rate, if the number is finite and not negative.
    pub fn new(per_second: f64) -> Option<Self> {
        (per_second.is_finite() && per_second >= 0.0).then_some(Self { per_second })
    }

    /// So many in each second.
    pub const fn per_second(self) -> f64 {
        self.per_second
    }

    /// The text in a unit, if it reads back to the same rate.
    fn exactly_in(self, unit: &str, seconds: f64) -> Option<String> {
        let text = format!("{}/{unit}", self.per_second * seconds);
        (text.parse() == Ok(self)).then_some(text)
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let text = text.trim();
        let Some((count, unit)) = text.split_once('/') else {
            return Err(match text.parse::<f64>() {
                Ok(_) => RateError::NoUnit(text.to_owned()),
                Err(_) => RateError::NotANumber(text.to_owned()),
            });
        };
        let unit = unit.trim();
        let Some((_, seconds)) = UNITS.into_iter().find(|(name, _)| *name == unit) else {
            return Err(RateError::UnknownUnit(unit.to_owned()));
        };
        match count.trim().parse::<f64>() {
            Ok(count) if count < 0.0 => Err(RateError::Negative(text.to_owned())),
            Ok(count) => {
                Self::new(count / seconds).ok_or_else(|| RateError::NotANumber(text.to_owned()))
            }
            Err(_) => Err(RateError::NotANumber(text.to_owned())),
        }
    }
}

impl fmt::Display for Rate {
    /// The shortest of the texts that read back to the same rate.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = UNITS.into_iter().filter_map(|(unit, seconds)| self.exactly_in(unit, seconds));
        match texts.min_by_key(String::len) {
            Some(text) => f.write_str(&text),
            None => write!(f, "{}/s", self.per_second),
        }
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RateVisitor)
    }
}

struct RateVisitor;

impl Visitor<'_> for RateVisitor {
    type Value = Rate;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a rate such as \"200/s\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Rate, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Rate, E> {
        Err(E::custom(RateError::NoUnit(number.to_string())))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Rate, E> {
        Err(E::custom(RateError::NoUnit(number.to_string())))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Rate, E> {
        Err(E::custom(RateError::NoUnit(number.to_string())))
    }
}

impl JsonSchema for Rate {
    fn schema_name() -> Cow<'static, str> {
        "Rate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A rate: a number and a unit (`/s`, `/min`, `/h`), such as `200/s`.",
            "type": "string",
            "pattern": r"^\s*\+?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*/\s*(s|min|h)\s*$|\$\{",
            "examples": ["200/s", "90/min", "0.5/s"],
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_become_rates() {
        let table = [
            ("0/s", 0.0),
            ("0.5/s", 0.5),
            ("300/min", 5.0),
            ("2e6/h", 2e6 / 3600.0),
            (" 10 / s ", 10.0),
        ];
        for (text, per_second) in table {
            assert_eq!(text.parse::<Rate>(), Ok(Rate { per_second }), "{text}");
        }
    }

    #[test]
    fn texts_that_are_no_rates_are_refused() {
        let table = [
            ("200", RateError::NoUnit("200".into())),
            ("200/m", RateError::UnknownUnit("m".into())),
            ("200/sec", RateError::UnknownUnit("sec".into())),
            ("-1/s", RateError::Negative("-1/s".into())),
            ("fast", RateError::NotANumber("fast".into())),
            ("/s", RateError::NotANumber("/s".into())),
            ("inf/s", RateError::NotANumber("inf/s".into())),
            ("NaN/s", RateError::NotANumber("NaN/s".into())),
            ("1e999/s", RateError::NotANumber("1e999/s".into())),
        ];
        for (text, error) in table {
            assert_eq!(text.parse::<Rate>(), Err(error), "{text}");
        }
    }

    #[test]
    fn a_bare_number_is_told_the_units() {
        let error = serde_json::from_str::<Rate>("200").unwrap_err();

        assert!(error.to_string().contains("`200` has no unit; write `200/s`"), "{error}");
    }

    #[test]
    fn a_rate_is_written_in_its_shortest_unit() {
        for (text, written) in [("300/min", "5/s"), ("100/h", "100/h"), ("0/h", "0/s")] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), written, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_written_rate_reads_back_to_the_same(count in 0.0_f64..1e12, unit in 0_usize..3) {
            let rate: Rate = format!("{count}/{}", UNITS[unit].0).parse().unwrap();
            let text = serde_json::to_string(&rate).unwrap();

            prop_assert_eq!(serde_json::from_str::<Rate>(&text).unwrap(), rate);
        }

        #[test]
        fn no_text_makes_the_reader_of_rates_panic(text in ".{0,40}") {
            drop(text.parse::<Rate>());
        }
    }
}
