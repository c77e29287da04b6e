//! Shapes that many values of a plan share: a short or a long form, one or many, names in file
//! order.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{
    Deserialize, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// A value with a short form, which is no table, and a long form, which is one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ShortOr<S, L> {
    /// A number, a text or a list.
    Short(S),
    /// A table.
    Long(L),
}

impl<S: Default, L> Default for ShortOr<S, L> {
    fn default() -> Self {
        Self::Short(S::default())
    }
}

/// A number, or a range that is drawn from.
pub type Count = ShortOr<u32, MinMax>;

/// The name of a mix or of a client, or weights in place.
pub type Mix = ShortOr<String, Table<f64>>;

impl<S: Serialize, L: Serialize> Serialize for ShortOr<S, L> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        match self {
            Self::Short(short) => short.serialize(serializer),
            Self::Long(long) => long.serialize(serializer),
        }
    }
}

impl<'de, S: Deserialize<'de>, L: Deserialize<'de>> Deserialize<'de> for ShortOr<S, L> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShortOrVisitor(PhantomData))
    }
}

struct ShortOrVisitor<S, L>(PhantomData<(S, L)>);

impl<S, L> ShortOrVisitor<S, L> {
    fn short<'de, D: Deserializer<'de>>(from: D) -> Result<ShortOr<S, L>, D::Error>
    where
        S: Deserialize<'de>,
    {
        S::deserialize(from).map(ShortOr::Short)
    }
}

impl<'de, S: Deserialize<'de>, L: Deserialize<'de>> Visitor<'de> for ShortOrVisitor<S, L> {
    type Value = ShortOr<S, L>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or a table")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Self::short(value.into_deserializer())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Self::short(value.into_deserializer())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Self::short(value.into_deserializer())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        Self::short(value.into_deserializer())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        Self::short(value.into_deserializer())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<Self::Value, A::Error> {
        Self::short(SeqAccessDeserializer::new(access))
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Self::Value, A::Error> {
        L::deserialize(MapAccessDeserializer::new(access)).map(ShortOr::Long)
    }
}

impl<S: JsonSchema, L: JsonSchema> JsonSchema for ShortOr<S, L> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{}_or_{}", S::schema_name(), L::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let short = generator.subschema_for::<S>();
        let long = generator.subschema_for::<L>();
        json_schema!({ "anyOf": [short, long] })
    }
}

/// One value, or a list of them.
#[derive(Clone, Debug, PartialEq)]
pub enum OneOrMany<T> {
    /// Without brackets.
    One(T),
    /// A list.
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    /// All values.
    pub fn as_slice(&self) -> &[T] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }

    /// All values, each with its pointer below that of the whole.
    pub(crate) fn with_pointers(&self, pointer: &str) -> Vec<(String, &T)> {
        match self {
            Self::One(value) => vec![(pointer.to_owned(), value)],
            Self::Many(values) => {
                let values = values.iter().enumerate();
                values.map(|(index, value)| (format!("{pointer}/{index}"), value)).collect()
            }
        }
    }
}

impl<T: Serialize> Serialize for OneOrMany<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(value) => value.serialize(serializer),
            Self::Many(values) => values.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrManyVisitor(PhantomData))
    }
}

struct OneOrManyVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrManyVisitor<T> {
    type Value = OneOrMany<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        T::deserialize(value.into_deserializer()).map(OneOrMany::One)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        T::deserialize(value.into_deserializer()).map(OneOrMany::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<Self::Value, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(access)).map(OneOrMany::Many)
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("one_or_many_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
    }
}

/// Named values in file order.
#[derive(Clone, Debug, PartialEq)]
pub struct Table<T> {
    entries: Vec<(String, T)>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<T> Table<T> {
    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> + Clone {
        self.entries.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The values.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries.iter_mut().map(|(_, value)| value)
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.entries.iter().map(|(name, _)| name.as_str())
    }

    /// The position of a name.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.names().position(|known| known == name)
    }

    /// The value under a name.
    pub fn named(&self, name: &str) -> Option<&T> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Adds an entry at the end.
    pub fn push(&mut self, name: impl Into<String>, value: T) {
        self.entries.push((name.into(), value));
    }
}

impl<T> FromIterator<(String, T)> for Table<T> {
    fn from_iter<I: IntoIterator<Item = (String, T)>>(entries: I) -> Self {
        Self { entries: entries.into_iter().collect() }
    }
}

impl<T: Serialize> Serialize for Table<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TableVisitor(PhantomData))
    }
}

struct TableVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for TableVisitor<T> {
    type Value = Table<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Table<T>, A::Error> {
        let mut table = Table::default();
        while let Some(entry) = access.next_entry()? {
            table.entries.push(entry);
        }
        Ok(table)
    }
}

impl<T: JsonSchema> JsonSchema for Table<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("table_of_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        json_schema!({ "type": "object", "additionalProperties": value })
    }
}

/// A range of whole numbers that one is drawn from, evenly.
#[derive(
    Clone, Copy, Debug, Default, serde::Deserialize, JsonSchema, PartialEq, serde::Serialize,
)]
#[serde(deny_unknown_fields)]
pub struct MinMax {
    /// The least.
    #[schemars(required)]
    pub min: Option<u32>,
    /// The most.
    #[schemars(required)]
    pub max: Option<u32>,
}

/// A log-normal distribution through two percentiles.
#[derive(
    Clone, Copy, Debug, Default, serde::Deserialize, JsonSchema, PartialEq, serde::Serialize,
)]
#[serde(deny_unknown_fields)]
pub struct Percentiles<T> {
    /// The median.
    #[schemars(required)]
    pub p50: Option<T>,
    /// The 99th percentile.
    #[schemars(required)]
    pub p99: Option<T>,
}

/// A short text; a number or a truth value is one too, for a variable may hold either.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Label(pub String);

impl Serialize for Label {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LabelVisitor)
    }
}

struct LabelVisitor;

impl Visitor<'_> for LabelVisitor {
    type Value = Label;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Label, E> {
        Ok(Label(text.to_owned()))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Label, E> {
        Ok(Label(value.to_string()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Label, E> {
        Ok(Label(number.to_string()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Label, E> {
        Ok(Label(number.to_string()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Label, E> {
        Ok(Label(number.to_string()))
    }
}

impl JsonSchema for Label {
    fn schema_name() -> Cow<'static, str> {
        "Label".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A short text.",
            "anyOf": [{ "type": ["string", "number"] }, { "type": "boolean" }],
        })
    }
}

/// A reply code such as `550`, or a class such as `4xx`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CodeText(pub String);

impl Serialize for CodeText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for CodeText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CodeTextVisitor)
    }
}

struct CodeTextVisitor;

impl Visitor<'_> for CodeTextVisitor {
    type Value = CodeText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a reply code such as `550` or a class such as `4xx`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<CodeText, E> {
        Ok(CodeText(text.to_owned()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<CodeText, E> {
        Ok(CodeText(number.to_string()))
    }
}

impl JsonSchema for CodeText {
    fn schema_name() -> Cow<'static, str> {
        "Code".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A reply code such as `550`, or a class such as `4xx`.",
            "type": ["string", "integer"],
            "pattern": r"^([2-5]xx|[2-5][0-5][0-9])$|\$\{",
            "minimum": 200,
            "maximum": 559,
        })
    }
}
