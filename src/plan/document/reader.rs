//! The root of a plan → its sections, each item read by itself.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Table, VOCABULARY};
use crate::plan::{Diagnostic, DiagnosticCode, de, escape, suggest};

/// Reads the sections of a plan, and knows afterwards which keys nobody asked for.
pub(super) struct Reader<'a> {
    tree: &'a Value,
    known: Vec<&'static str>,
    errors: &'a mut Vec<Diagnostic>,
}

impl<'a> Reader<'a> {
    /// A reader of the root.
    pub(super) fn new(tree: &'a Value, errors: &'a mut Vec<Diagnostic>) -> Self {
        if !tree.is_object() {
            let message = "a plan is a table of keys and values";
            errors.push(Diagnostic::value(DiagnosticCode::WrongType, "", message));
        }
        Self { tree, known: Vec::new(), errors }
    }

    /// A section that is one item.
    pub(super) fn item<T: DeserializeOwned + Default>(&mut self, key: &'static str) -> Option<T> {
        let value = self.section(key)?;
        Some(de::read(value, &format!("/{key}"), VOCABULARY, self.errors))
    }

    /// A section of named items.
    pub(super) fn table<T: DeserializeOwned + Default>(&mut self, key: &'static str) -> Table<T> {
        let Some(section) = self.section(key).filter(|section| !section.is_null()) else {
            return Table::default();
        };
        let Value::Object(items) = section else {
            self.wrong_type(key, "a table of names");
            return Table::default();
        };
        let items = items.iter().filter(|(name, _)| !name.starts_with("x-"));
        items
            .map(|(name, value)| {
                let pointer = format!("/{key}/{}", escape(name));
                (name.clone(), de::read(value, &pointer, VOCABULARY, self.errors))
            })
            .collect()
    }

    /// A section that is a list of items.
    pub(super) fn list<T: DeserializeOwned + Default>(&mut self, key: &'static str) -> Vec<T> {
        let Some(section) = self.section(key).filter(|section| !section.is_null()) else {
            return Vec::new();
        };
        let Value::Array(items) = section else {
            self.wrong_type(key, "a list");
            return Vec::new();
        };
        let items = items.iter().enumerate();
        items
            .map(|(index, value)| {
                de::read(value, &format!("/{key}/{index}"), VOCABULARY, self.errors)
            })
            .collect()
    }

    /// A section that is a list of items; an empty one is not the same as none.
    pub(super) fn optional_list<T: DeserializeOwned + Default>(
        &mut self,
        key: &'static str,
    ) -> Option<Vec<T>> {
        let items = self.list(key);
        self.tree.get(key).map(|_| items)
    }

    /// Refuses the keys that nobody asked for.
    pub(super) fn finish(self) {
        let Value::Object(sections) = self.tree else { return };
        for key in sections.keys().filter(|key| !key.starts_with("x-")) {
            if self.known.contains(&key.as_str()) {
                continue;
            }
            let pointer = format!("/{}", escape(key));
            let message = format!("unknown key `{key}`");
            self.errors.push(
                Diagnostic::key(DiagnosticCode::UnknownKey, pointer, message)
                    .with_help(suggest(key, self.known.iter().copied())),
            );
        }
    }

    fn section(&mut self, key: &'static str) -> Option<&'a Value> {
        self.known.push(key);
        self.tree.get(key)
    }

    fn wrong_type(&mut self, key: &str, wanted: &str) {
        let message = format!("expected {wanted}");
        self.errors.push(Diagnostic::value(DiagnosticCode::WrongType, format!("/{key}"), message));
    }
}
