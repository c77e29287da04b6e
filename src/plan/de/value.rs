//! serde's `Deserializer` over a tree, which knows where in the plan it is.
//!
//! A key without a value (YAML's `app:`) is an empty table where a table is wanted, and a mistake
//! elsewhere.

use std::cell::RefCell;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

use super::Vocabulary;
use super::error::{Error, not_yet, unknown_key, unknown_value};
use crate::plan::{Diagnostic, Part, escape};

/// What becomes of keys that begin with `x-`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum PrivateKeys {
    Ignored,
    Kept,
}

/// One value and its place.
#[derive(Clone)]
pub(super) struct De<'a> {
    value: &'a Value,
    pointer: String,
    /// The places that were found wrong before and are left out now.
    wrong: &'a [String],
    vocabulary: Vocabulary,
    private: PrivateKeys,
    /// Unknown keys; they never stop the reading.
    strange: &'a RefCell<Vec<Diagnostic>>,
}

impl<'a> De<'a> {
    /// A reader of the value at `pointer`.
    pub(super) fn new(
        value: &'a Value,
        pointer: String,
        wrong: &'a [String],
        vocabulary: Vocabulary,
        strange: &'a RefCell<Vec<Diagnostic>>,
    ) -> Self {
        Self { value, pointer, wrong, vocabulary, private: PrivateKeys::Ignored, strange }
    }

    fn below(&self, value: &'a Value, segment: &str) -> Self {
        let pointer = self.pointer_below(segment);
        Self { value, pointer, private: PrivateKeys::Ignored, ..self.clone() }
    }

    fn pointer_below(&self, segment: &str) -> String {
        format!("{}/{}", self.pointer, escape(segment))
    }

    fn is_wrong(&self, segment: &str) -> bool {
        !self.wrong.is_empty() && self.wrong.contains(&self.pointer_below(segment))
    }

    /// The entries of a table but for `x-` keys and what was found wrong.
    fn entries(&self, table: &'a Map<String, Value>) -> Vec<(&'a String, &'a Value)> {
        let keeps = self.private == PrivateKeys::Kept;
        let entries = table.iter().filter(|(key, _)| keeps || !key.starts_with("x-"));
        entries.filter(|(key, _)| !self.is_wrong(key)).collect()
    }

    /// Leaves out, and notes, the keys that a struct does not have.
    fn fields_of(
        &self,
        name: &str,
        known: &'static [&'static str],
        table: &'a Map<String, Value>,
    ) -> Vec<(&'a String, &'a Value)> {
        let later = (self.vocabulary.later_keys)(name);
        let mut fields = self.entries(table);
        fields.retain(|(key, _)| {
            let is_known = known.contains(&key.as_str());
            if !is_known && later.contains(&key.as_str()) {
                let diagnostic = not_yet(self.pointer_below(key), Part::Key, key);
                self.strange.borrow_mut().push(diagnostic);
            } else if !is_known {
                self.strange.borrow_mut().push(unknown_key(&self.pointer, key, known));
            }
            is_known
        });
        fields
    }

    fn visit_table<'de, V: Visitor<'de>>(
        self,
        entries: Vec<(&'a String, &'a Value)>,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let pointer = self.pointer.clone();
        let access = Entries { around: self, left: entries.into_iter(), value: None };
        visitor.visit_map(access).map_err(|error| error.at(&pointer))
    }

    fn visit_list<'de, V: Visitor<'de>>(
        self,
        values: &'a [Value],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let pointer = self.pointer.clone();
        let left = values.iter().enumerate();
        let access = Elements { around: self, left };
        visitor.visit_seq(access).map_err(|error| error.at(&pointer))
    }

    fn visit_number<'de, V: Visitor<'de>>(
        number: &serde_json::Number,
        visitor: V,
    ) -> Result<V::Value, Error> {
        if let Some(number) = number.as_u64() {
            visitor.visit_u64(number)
        } else if let Some(number) = number.as_i64() {
            visitor.visit_i64(number)
        } else {
            visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN))
        }
    }

    fn unknown_variant(&self, text: &str, allowed: &[&str]) -> Error {
        Error::placed(unknown_value(&self.pointer, text, allowed))
    }
}

impl<'de> Deserializer<'de> for De<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let pointer = self.pointer.clone();
        let read = match self.value {
            Value::Null => Err(Error::invalid_type(Unexpected::Unit, &visitor)),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => Self::visit_number(number, visitor),
            Value::String(text) => visitor.visit_str(text),
            Value::Array(values) => self.visit_list(values, visitor),
            Value::Object(table) => {
                let entries = self.entries(table);
                self.visit_table(entries, visitor)
            }
        };
        read.map_err(|error| error.at(&pointer))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        if (self.vocabulary.keeps_private_keys)(name) {
            self.private = PrivateKeys::Kept;
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => self.visit_table(Vec::new(), visitor),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.value {
            Value::Object(table) => {
                let entries = self.fields_of(name, fields, table);
                self.visit_table(entries, visitor)
            }
            Value::Null => self.visit_table(Vec::new(), visitor),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                let unexpected = unexpected(self.value);
                Err(Error::invalid_type(unexpected, &"a table").at(&self.pointer))
            }
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let text = self.value.as_str();
        if let Some(text) = text.filter(|text| variants.contains(text)) {
            return visitor.visit_enum(Variant(text)).map_err(|error| error.at(&self.pointer));
        }
        if let Some(text) = text {
            return Err(self.unknown_variant(text, variants));
        }
        let wanted = format!("one of: {}", variants.join(", "));
        let unexpected = unexpected(self.value);
        Err(Error::invalid_type(unexpected, &wanted.as_str()).at(&self.pointer))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct identifier ignored_any
    }
}

fn unexpected(value: &Value) -> Unexpected<'_> {
    match value {
        Value::Null => Unexpected::Unit,
        Value::Bool(value) => Unexpected::Bool(*value),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Unexpected::Unsigned(number),
            (None, Some(number)) => Unexpected::Signed(number),
            (None, None) => Unexpected::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Unexpected::Str(text),
        Value::Array(_) => Unexpected::Seq,
        Value::Object(_) => Unexpected::Map,
    }
}

/// The elements of a list that are left to read.
struct Elements<'a, I> {
    around: De<'a>,
    left: I,
}

impl<'de, 'a, I: Iterator<Item = (usize, &'a Value)>> SeqAccess<'de> for Elements<'a, I> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        let around = &self.around;
        let next = self
            .left
            .by_ref()
            .map(|(index, value)| (index.to_string(), value))
            .find(|(index, _)| !around.is_wrong(index));
        next.map(|(index, value)| {
            let element = around.below(value, &index);
            let pointer = element.pointer.clone();
            seed.deserialize(element).map_err(|error| error.at(&pointer))
        })
        .transpose()
    }
}

/// The entries of a table that are left to read.
struct Entries<'a, I> {
    around: De<'a>,
    left: I,
    value: Option<(&'a String, &'a Value)>,
}

impl<'de, 'a, I: Iterator<Item = (&'a String, &'a Value)>> MapAccess<'de> for Entries<'a, I> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        self.value = self.left.next();
        let Some((key, _)) = self.value else { return Ok(None) };
        let name: StrDeserializer<'_, Error> = key.as_str().into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let Some((key, value)) = self.value.take() else {
            return Err(Error::custom("a value without a key"));
        };
        let entry = self.around.below(value, key);
        let pointer = entry.pointer.clone();
        seed.deserialize(entry).map_err(|error| error.at(&pointer))
    }
}

/// One of the names of an enum.
struct Variant<'a>(&'a str);

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Error> {
        let name: StrDeserializer<'_, Error> = self.0.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

/// The enums of a plan are names without content.
impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(StrDeserializer::<Error>::new(self.0))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("expected a name"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        Err(Error::custom("expected a name"))
    }
}
