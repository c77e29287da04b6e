//! `process` of `[monitor]`: a number or a name.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

/// The number of a process, or the name of its program.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProcessText(pub String);

impl Serialize for ProcessText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ProcessText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ProcessTextVisitor)
    }
}

struct ProcessTextVisitor;

impl Visitor<'_> for ProcessTextVisitor {
    type Value = ProcessText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the number of a process or the name of its program")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ProcessText, E> {
        Ok(ProcessText(text.to_owned()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<ProcessText, E> {
        Ok(ProcessText(number.to_string()))
    }
}

impl JsonSchema for ProcessText {
    fn schema_name() -> Cow<'static, str> {
        "Process".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The number of a process, or the name of its program.",
            "type": ["string", "integer"],
            "minimum": 1,
            "maximum": 4_194_304,
            "minLength": 1,
            "maxLength": 255,
        })
    }
}
