//! Octets per second: `512B/s`, `1KiB/s`, `2MB/s`.
//!
//! An [`OctetRate`] is above zero by construction: who paces by it divides by it.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

use super::{ByteSize, ByteSizeError};

/// How many octets in each second; at least one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OctetRate(NonZeroU64);

/// Why a text is no rate of octets.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OctetRateError {
    /// No `/s` behind the size.
    #[error("`{0}` is no rate of octets; write a size and `/s`, such as `1KiB/s`")]
    NotPerSecond(String),
    /// Nothing would ever be sent.
    #[error("`{0}` is too slow; a rate of octets is at least `1B/s`")]
    Zero(String),
    /// What stands before `/s` is no size.
    #[error(transparent)]
    Size(#[from] ByteSizeError),
}

impl OctetRate {
    /// So many in each second.
    pub const fn per_second(self) -> NonZeroU64 {
        self.0
    }
}

impl FromStr for OctetRate {
    type Err = OctetRateError;

    fn from_str(text: &str) -> Result<Self, OctetRateError> {
        let parts = text.trim().split_once('/').map(|(size, unit)| (size.trim(), unit.trim()));
        let Some((size, "s")) = parts else {
            return Err(OctetRateError::NotPerSecond(text.to_owned()));
        };
        let octets = size.parse::<ByteSize>()?.octets();
        NonZeroU64::new(octets).map(Self).ok_or_else(|| OctetRateError::Zero(text.to_owned()))
    }
}

impl fmt::Display for OctetRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", ByteSize::new(self.0.get()))
    }
}

impl Serialize for OctetRate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OctetRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for OctetRate {
    fn schema_name() -> Cow<'static, str> {
        "OctetRate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Octets per second: a size and `/s`, such as `1KiB/s`.",
            "type": "string",
            "pattern": r"^\s*(\d+(\.\d*)?|\.\d+)\s*([kKmMgG]([iI])?)?[bB]?\s*/\s*s\s*$|\$\{",
            "examples": ["1KiB/s", "512B/s"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_for_each_second_is_a_rate_of_octets_and_reads_back() {
        for (text, octets) in [("1KiB/s", 1024), ("100B/s", 100), (" 2 MB / s ", 2_000_000)] {
            let rate: OctetRate = text.parse().unwrap();

            assert_eq!(rate.per_second().get(), octets, "{text}");
            assert_eq!(rate.to_string().parse(), Ok(rate), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused_with_what_would_be_right() {
        let table = [
            ("1KiB", "`1KiB` is no rate of octets; write a size and `/s`, such as `1KiB/s`"),
            (
                "1KiB/min",
                "`1KiB/min` is no rate of octets; write a size and `/s`, such as `1KiB/s`",
            ),
            ("0B/s", "`0B/s` is too slow; a rate of octets is at least `1B/s`"),
            (
                "1Kx/s",
                "unknown unit `Kx` of a size; expected `B`, `KiB`, `MiB`, `GiB`, `KB`, `MB` or `GB`",
            ),
        ];
        for (text, told) in table {
            assert_eq!(text.parse::<OctetRate>().unwrap_err().to_string(), told);
        }
    }
}
