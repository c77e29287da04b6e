//! Shares of a whole: `0.5%` or 0.005.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

/// A part of a whole, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Share(f64);

/// Why a text is no share.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ShareError {
    /// Not a number with or without a per cent sign.
    #[error("`{0}` is not a share; expected one such as `0.5%` or 0.005")]
    NotAShare(String),
    /// Below nothing or above the whole.
    #[error("`{0}` is out of range; a share is from `0%` to `100%`, or from 0 to 1")]
    OutOfRange(String),
}

impl Share {
    /// A share, if the number is from 0 to 1.
    pub fn new(fraction: f64) -> Option<Self> {
        (0.0..=1.0).contains(&fraction).then_some(Self(fraction))
    }

    /// The part as a fraction of one.
    pub const fn fraction(self) -> f64 {
        self.0
    }
}

impl FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, ShareError> {
        let text = text.trim();
        let (number, whole) = match text.strip_suffix('%') {
            Some(number) => (number.trim_end(), 100.0),
            None => (text, 1.0),
        };
        match number.parse::<f64>() {
            Ok(number) if number.is_finite() => {
                Self::new(number / whole).ok_or_else(|| ShareError::OutOfRange(text.to_owned()))
            }
            _ => Err(ShareError::NotAShare(text.to_owned())),
        }
    }
}

impl fmt::Display for Share {
    /// In per cent where that reads back to the same share, else as a fraction of one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Ten digits hide the last bits' noise of 0.07 * 100.
        let rounded = (self.0 * 1e12).round() / 1e10;
        let percent = format!("{rounded}%");
        if percent.parse() == Ok(*self) { f.write_str(&percent) } else { write!(f, "{}", self.0) }
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShareVisitor)
    }
}

struct ShareVisitor;

impl Visitor<'_> for ShareVisitor {
    type Value = Share;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a share such as \"0.5%\" or 0.005")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Share, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Share, E> {
        Share::new(number).ok_or_else(|| E::custom(ShareError::OutOfRange(number.to_string())))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Share, E> {
        match number {
            0 => Ok(Share(0.0)),
            1 => Ok(Share(1.0)),
            _ => Err(E::custom(ShareError::OutOfRange(number.to_string()))),
        }
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Share, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::custom(ShareError::OutOfRange(number.to_string()))),
        }
    }
}

impl JsonSchema for Share {
    fn schema_name() -> Cow<'static, str> {
        "Share".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A share: per cent as `0.5%`, or a fraction of one as 0.005.",
            "type": ["number", "string"],
            "minimum": 0,
            "maximum": 1,
            "pattern": r"^\s*\+?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*%?\s*$|\$\{",
            "examples": ["0.5%", 0.005],
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_become_shares() {
        let table = [("0.5%", 0.005), ("99 %", 0.99), ("100%", 1.0), ("0%", 0.0), ("0.25", 0.25)];
        for (text, fraction) in table {
            assert_eq!(text.parse::<Share>(), Ok(Share(fraction)), "{text}");
        }
    }

    #[test]
    fn texts_that_are_no_shares_are_refused() {
        let table = [
            ("", ShareError::NotAShare(String::new())),
            ("%", ShareError::NotAShare("%".into())),
            ("few", ShareError::NotAShare("few".into())),
            ("nan", ShareError::NotAShare("nan".into())),
            ("101%", ShareError::OutOfRange("101%".into())),
            ("5", ShareError::OutOfRange("5".into())),
            ("-1%", ShareError::OutOfRange("-1%".into())),
        ];
        for (text, error) in table {
            assert_eq!(text.parse::<Share>(), Err(error), "{text}");
        }
    }

    #[test]
    fn a_number_is_a_fraction_of_one() {
        for (json, fraction) in [("0.005", 0.005), ("1", 1.0), ("0", 0.0)] {
            assert_eq!(serde_json::from_str::<Share>(json).unwrap(), Share(fraction), "{json}");
        }
        for json in ["5", "-1", "1.5"] {
            let error = serde_json::from_str::<Share>(json).unwrap_err();
            assert!(error.to_string().contains("is out of range"), "{json}: {error}");
        }
    }

    #[test]
    fn a_share_is_written_in_per_cent() {
        for (fraction, written) in [(0.005, "0.5%"), (0.07, "7%"), (1.0, "100%"), (0.0, "0%")] {
            assert_eq!(Share(fraction).to_string(), written);
        }
    }

    proptest! {
        #[test]
        fn a_written_share_reads_back_to_the_same(fraction in 0.0_f64..=1.0) {
            let text = serde_json::to_string(&Share(fraction)).unwrap();

            prop_assert_eq!(serde_json::from_str::<Share>(&text).unwrap(), Share(fraction));
        }
    }
}
