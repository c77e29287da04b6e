//! Sizes in octets: 4096, `64KiB`, `1MB`.
//!
//! `KiB` and its like are powers of 1024, `KB` and its like of 1000.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

/// A number of octets.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ByteSize(u64);

/// Why a text is no size.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ByteSizeError {
    /// Not a number with or without a unit.
    #[error("`{0}` is not a size; expected octets or a unit, such as `64KiB` or `1MB`")]
    NotASize(String),
    /// A unit of another kind.
    #[error("unknown unit `{0}` of a size; expected `B`, `KiB`, `MiB`, `GiB`, `KB`, `MB` or `GB`")]
    UnknownUnit(String),
    /// Below zero.
    #[error("`{0}` is below zero; a size is zero or more")]
    Negative(String),
    /// More than 8 EiB.
    #[error("`{0}` is too large for a size")]
    TooLarge(String),
}

/// The units that a size is written in, from large to small.
const UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1_000),
    ("B", 1),
];

/// The largest integer of a TOML file.
const LARGEST: u64 = i64::MAX as u64;

impl ByteSize {
    /// A size of so many octets.
    pub const fn new(octets: u64) -> Self {
        Self(octets)
    }

    /// The number of octets.
    pub const fn octets(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    fn from_str(text: &str) -> Result<Self, ByteSizeError> {
        let text = text.trim();
        if text.starts_with('-') {
            return Err(ByteSizeError::Negative(text.to_owned()));
        }
        let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').trim_start();
        let begins_with_a_digit = text.starts_with(|c: char| c.is_ascii_digit() || c == '.');
        if begins_with_a_digit && !unit.is_empty() && unit.parse::<bytesize::Unit>().is_err() {
            return Err(ByteSizeError::UnknownUnit(unit.to_owned()));
        }
        match text.parse::<bytesize::ByteSize>() {
            Ok(size) if size.0 <= LARGEST => Ok(Self(size.0)),
            Ok(_) => Err(ByteSizeError::TooLarge(text.to_owned())),
            Err(_) => Err(ByteSizeError::NotASize(text.to_owned())),
        }
    }
}

impl fmt::Display for ByteSize {
    /// In the largest unit in which it is a whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.into_iter().find(|(_, octets)| self.0 > 0 && self.0.is_multiple_of(*octets)) {
            Some((unit, octets)) => write!(f, "{}{unit}", self.0 / octets),
            None => f.write_str("0B"),
        }
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ByteSizeVisitor)
    }
}

struct ByteSizeVisitor;

impl Visitor<'_> for ByteSizeVisitor {
    type Value = ByteSize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a size such as 4096 or \"64KiB\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ByteSize, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<ByteSize, E> {
        if number > LARGEST {
            return Err(E::custom(ByteSizeError::TooLarge(number.to_string())));
        }
        Ok(ByteSize(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<ByteSize, E> {
        let octets = u64::try_from(number)
            .map_err(|_| E::custom(ByteSizeError::Negative(number.to_string())))?;
        Ok(ByteSize(octets))
    }
}

impl JsonSchema for ByteSize {
    fn schema_name() -> Cow<'static, str> {
        "ByteSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A size: octets as a number, or a number and a unit, such as `64KiB` or `1MB`.",
            "type": ["integer", "string"],
            "minimum": 0,
            "pattern": r"^\s*(\d+|(\d+(\.\d*)?|\.\d+)\s*([bB]|[kKmMgGtTpPeE]([iI]?[bB]|[iI])?))\s*$|\$\{",
            "examples": [4096, "64KiB", "1MB"],
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_become_sizes() {
        let table = [
            ("0", 0),
            ("4096", 4096),
            ("64KiB", 65_536),
            ("64 kib", 65_536),
            ("1MB", 1_000_000),
            ("1.5MiB", 1_572_864),
            ("10B", 10),
        ];
        for (text, octets) in table {
            assert_eq!(text.parse::<ByteSize>(), Ok(ByteSize(octets)), "{text}");
        }
    }

    #[test]
    fn texts_that_are_no_sizes_are_refused() {
        let table = [
            ("", ByteSizeError::NotASize(String::new())),
            ("big", ByteSizeError::NotASize("big".into())),
            ("1.2.3KiB", ByteSizeError::NotASize("1.2.3KiB".into())),
            ("1.5", ByteSizeError::NotASize("1.5".into())),
            ("64Kibit", ByteSizeError::UnknownUnit("Kibit".into())),
            ("-1KiB", ByteSizeError::Negative("-1KiB".into())),
            ("9EiB", ByteSizeError::TooLarge("9EiB".into())),
        ];
        for (text, error) in table {
            assert_eq!(text.parse::<ByteSize>(), Err(error), "{text}");
        }
    }

    #[test]
    fn a_number_is_octets() {
        assert_eq!(serde_json::from_str::<ByteSize>("4096").unwrap(), ByteSize(4096));
        for (json, said) in [("-1", "`-1` is below zero"), ("1.5", "a size such as 4096")] {
            let error = serde_json::from_str::<ByteSize>(json).unwrap_err();
            assert!(error.to_string().contains(said), "{json}: {error}");
        }
    }

    #[test]
    fn a_size_is_written_in_the_largest_whole_unit() {
        for (octets, written) in [(65_536, "64KiB"), (1_000_000, "1MB"), (1025, "1025B"), (0, "0B")]
        {
            assert_eq!(ByteSize(octets).to_string(), written);
        }
    }

    proptest! {
        #[test]
        fn a_written_size_reads_back_to_the_same(octets in 0..=LARGEST, zeros in 0_u32..40) {
            let size = ByteSize(octets >> zeros << zeros);
            let text = serde_json::to_string(&size).unwrap();

            prop_assert_eq!(serde_json::from_str::<ByteSize>(&text).unwrap(), size);
        }

        #[test]
        fn no_text_makes_the_reader_of_sizes_panic(text in "[0-9.]{0,25}.{0,8}") {
            drop(text.parse::<ByteSize>());
        }
    }
}
