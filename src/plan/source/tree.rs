//! A format's deserializer → a `serde_json` tree, with what a plan must not hold refused.
//!
//! `serde_json::Value` reads any format by itself, but it keeps the last of two equal keys
//! without a word, and it lets YAML aliases expand a small file into gigabytes.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::Range;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::at_octets;
use crate::plan::{Diagnostic, DiagnosticCode};

/// The most levels of tables and lists in each other.
pub(super) const DEEPEST: usize = 64;

/// What the format allows and a plan does not.
#[derive(Clone, Debug)]
pub(super) enum Refusal {
    /// The same key twice in one table.
    DuplicateKey(String),
    /// YAML's `<<`.
    MergeKey,
    /// More levels than [`DEEPEST`].
    TooDeep,
    /// Aliases that make the tree much larger than the text.
    Expands,
    /// An infinity, or not a number at all.
    NotFinite,
}

impl Refusal {
    /// The mistake at its place.
    pub(super) fn diagnostic(self, place: Range<usize>) -> Diagnostic {
        let (code, message, help) = match self {
            Self::DuplicateKey(key) => {
                (DiagnosticCode::DuplicateKey, format!("the key `{key}` stands twice"), None)
            }
            Self::MergeKey => (
                DiagnosticCode::NotSupported,
                "the merge key `<<` is not supported".to_owned(),
                Some("use `extends`".to_owned()),
            ),
            Self::TooDeep => {
                (DiagnosticCode::TooLarge, format!("more than {DEEPEST} levels deep"), None)
            }
            Self::Expands => {
                (DiagnosticCode::TooLarge, "the aliases expand too far".to_owned(), None)
            }
            Self::NotFinite => {
                (DiagnosticCode::BadValue, "a number of a plan is finite".to_owned(), None)
            }
        };
        at_octets(code, place, message).with_help(help)
    }
}

/// How many values and octets of strings a tree may still take.
pub(super) struct Budget(Cell<usize>);

impl Budget {
    /// Enough for every text without aliases, and for reasonable ones with them.
    pub(super) fn for_text(text: &str) -> Self {
        Self(Cell::new(text.len() * 2 + (64 << 10)))
    }

    fn take(&self, amount: usize) -> bool {
        let left = self.0.get().checked_sub(amount);
        self.0.set(left.unwrap_or(0));
        left.is_some()
    }
}

/// Reads one value and all below it.
#[derive(Clone, Copy)]
pub(super) struct Strict<'run> {
    refusal: &'run RefCell<Option<Refusal>>,
    budget: &'run Budget,
    depth: usize,
}

impl<'run> Strict<'run> {
    /// A reader that leaves the reason in `refusal` when it refuses something.
    pub(super) fn new(refusal: &'run RefCell<Option<Refusal>>, budget: &'run Budget) -> Self {
        Self { refusal, budget, depth: 0 }
    }

    fn refuse<T, E: Error>(self, refusal: Refusal) -> Result<T, E> {
        self.refusal.replace(Some(refusal));
        Err(E::custom("refused"))
    }

    fn take<E: Error>(self, amount: usize) -> Result<(), E> {
        if self.budget.take(amount) { Ok(()) } else { self.refuse(Refusal::Expands) }
    }

    fn below<E: Error>(self) -> Result<Self, E> {
        if self.depth >= DEEPEST {
            return self.refuse(Refusal::TooDeep);
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.take(1)?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of a plan")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        match Number::from_f64(value) {
            Some(number) => Ok(Value::Number(number)),
            None => self.refuse(Refusal::NotFinite),
        }
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.take(value.len())?;
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let below = self.below()?;
        let mut values = Vec::new();
        while let Some(value) = access.next_element_seed(below)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let below = self.below()?;
        let mut table = Map::new();
        while let Some(key) = access.next_key_seed(NewKey { reader: self, table: &table })? {
            let value = access.next_value_seed(below)?;
            table.insert(key, value);
        }
        Ok(datetime(&table).unwrap_or(Value::Object(table)))
    }
}

/// toml hands a date over as a table with one key of its own.
fn datetime(table: &Map<String, Value>) -> Option<Value> {
    let text = table.get("$__toml_private_datetime")?;
    (table.len() == 1).then(|| text.clone())
}

/// Reads a key that the table does not have yet.
struct NewKey<'run, 'table> {
    reader: Strict<'run>,
    table: &'table Map<String, Value>,
}

impl<'de> DeserializeSeed<'de> for NewKey<'_, '_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NewKey<'_, '_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<String, E> {
        self.reader.take(key.len())?;
        if key == "<<" {
            return self.reader.refuse(Refusal::MergeKey);
        }
        if self.table.contains_key(key) {
            return self.reader.refuse(Refusal::DuplicateKey(key.to_owned()));
        }
        Ok(key.to_owned())
    }
}
