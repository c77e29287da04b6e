//! serde's complaints → diagnostics in the words of a plan.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use crate::plan::{Diagnostic, DiagnosticCode, Part, Place, escape, suggest};

/// One mistake; its pointer is relative until the reader of the value around it adds the rest.
#[derive(Debug)]
pub(super) struct Error {
    diagnostic: Box<Diagnostic>,
    placed: Placed,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Placed {
    /// The pointer begins at the plan's root.
    Fully,
    /// The pointer begins at the value that is being read.
    Below,
}

impl Error {
    /// A mistake whose pointer is complete.
    pub(super) fn placed(diagnostic: Diagnostic) -> Self {
        Self { diagnostic: Box::new(diagnostic), placed: Placed::Fully }
    }

    fn below(diagnostic: Diagnostic) -> Self {
        Self { diagnostic: Box::new(diagnostic), placed: Placed::Below }
    }

    /// The same below `pointer`, unless its place is known.
    #[must_use]
    pub(super) fn at(mut self, pointer: &str) -> Self {
        if let (Placed::Below, Place::Plan(place, _)) = (self.placed, &mut self.diagnostic.place) {
            place.insert_str(0, pointer);
            self.placed = Placed::Fully;
        }
        self
    }

    /// The mistake, with `pointer` as its place if nothing nearer is known.
    pub(super) fn into_diagnostic(self, pointer: &str) -> Diagnostic {
        *self.at(pointer).diagnostic
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.diagnostic.message)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::below(Diagnostic::value(DiagnosticCode::BadValue, "", message.to_string()))
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let message = format!("expected {}, found {}", wanted(expected), found(unexpected));
        Self::below(Diagnostic::value(DiagnosticCode::WrongType, "", message))
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let message = match unexpected {
            Unexpected::Unsigned(number) => format!("`{number}` is too large"),
            Unexpected::Signed(number) => format!("`{number}` is below zero"),
            other => format!("expected {}, found {}", wanted(expected), found(other)),
        };
        Self::below(Diagnostic::value(DiagnosticCode::BadValue, "", message))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::below(unknown_value("", variant, expected))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::below(unknown_key("", field, expected))
    }
}

/// A value that is none of those allowed.
pub(super) fn unknown_value(pointer: &str, text: &str, allowed: &[&str]) -> Diagnostic {
    let message = format!("unknown value `{text}`");
    Diagnostic::value(DiagnosticCode::BadValue, pointer, message)
        .with_help(suggest(text, allowed.iter().copied()))
}

/// A key that its table does not have.
pub(super) fn unknown_key(table: &str, key: &str, known: &[&'static str]) -> Diagnostic {
    let pointer = format!("{table}/{}", escape(key));
    Diagnostic::key(DiagnosticCode::UnknownKey, pointer, format!("unknown key `{key}`"))
        .with_help(suggest(key, known.iter().copied()))
}

/// A key or value that the plan language has and this version does not build.
pub(super) fn not_yet(pointer: String, part: Part, what: &str) -> Diagnostic {
    Diagnostic {
        code: DiagnosticCode::NotSupported,
        place: Place::Plan(pointer, part),
        message: format!("`{what}` is not supported yet"),
        help: None,
    }
}

fn wanted(expected: &dyn Expected) -> String {
    let expected = expected.to_string();
    match expected.as_str() {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number".to_owned(),
        "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a map" => "a table".to_owned(),
        "a sequence" => "a list".to_owned(),
        // An enum alone is read with its names; this one has a table for its long form.
        name if name.starts_with("enum ") => "a name or a table".to_owned(),
        _ => expected,
    }
}

fn found(unexpected: Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Str(text) => format!("the text `{text}`"),
        Unexpected::Bool(value) => format!("`{value}`"),
        Unexpected::Unsigned(number) => format!("the number `{number}`"),
        Unexpected::Signed(number) => format!("the number `{number}`"),
        Unexpected::Float(number) => format!("the number `{number}`"),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a table".to_owned(),
        Unexpected::Unit => "no value".to_owned(),
        other => other.to_string(),
    }
}
