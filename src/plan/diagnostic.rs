//! One mistake in the user's text: what, where, and what would be right.
//!
//! The place is a JSON pointer into the plan; it becomes a line and a column only when the
//! diagnostic is printed.

use std::fmt;
use std::sync::Arc;

use crate::message::TemplateFile;

/// A mistake in a plan, or in a flag that changes one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Diagnostic {
    /// The stable code of its kind.
    pub code: DiagnosticCode,
    /// Where.
    pub place: Place,
    /// What is wrong: a lowercase fragment, the user's own text in backticks.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
}

/// Where a mistake stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Place {
    /// At a key or value of the plan file, by JSON pointer (RFC 6901).
    Plan(String, Part),
    /// At octets of the plan file: the text could not be read at all.
    Octets(std::ops::Range<usize>),
    /// In a template file.
    File {
        /// The file.
        file: Arc<TemplateFile>,
        /// The octets in it.
        octets: std::ops::Range<usize>,
        /// The JSON pointer of the plan's value that uses the file.
        pointer: String,
    },
    /// In a flag or an environment variable, as the user wrote it.
    Flag(String),
}

impl Place {
    /// The JSON pointer of the value of the plan that is wrong, or uses the file that is.
    pub fn pointer(&self) -> Option<&str> {
        match self {
            Self::Plan(pointer, _) | Self::File { pointer, .. } => Some(pointer),
            Self::Octets(_) | Self::Flag(_) => None,
        }
    }
}

/// Which half of an entry is meant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// The key.
    Key,
    /// The value.
    Value,
}

/// Declares the codes together with the list of them all, so that the two cannot differ.
macro_rules! codes {
    ($(#[$of_enum:meta])* pub enum $enum:ident {
        $($(#[$of_code:meta])* $code:ident = $number:literal,)*
    }) => {
        $(#[$of_enum])*
        pub enum $enum {
            $($(#[$of_code])* $code = $number,)*
        }

        impl $enum {
            /// All codes by their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$code),*];
        }
    };
}

codes! {
/// The stable code of a kind of mistake, printed as `E012`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum DiagnosticCode {
    /// The text is no TOML or YAML.
    Syntax = 1,
    /// A key stands twice.
    DuplicateKey = 2,
    /// The file is too large, too deep, or expands too far.
    TooLarge = 3,
    /// The format version is missing or unknown.
    Version = 4,
    /// No such key.
    UnknownKey = 10,
    /// A value of another type.
    WrongType = 11,
    /// A value out of range, or not in the form that its type asks for.
    BadValue = 12,
    /// A required key is missing.
    MissingKey = 13,
    /// Keys that exclude or require each other.
    Conflict = 14,
    /// The plan language has it, this version of the program does not.
    NotSupported = 15,
    /// A name that leads nowhere.
    UnknownName = 20,
    /// A name that is not allowed, or stands twice.
    BadName = 21,
    /// A variable that is not defined, or a bad `${`.
    Variable = 22,
    /// `extends` in a circle.
    Cycle = 23,
    /// A template that can't be read.
    Template = 24,
    /// A threshold that can't be read.
    Threshold = 25,
    /// An override that leads nowhere.
    Override = 26,
}
}

impl fmt::Display for DiagnosticCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "E{:03}", *self as u16)
    }
}

impl Diagnostic {
    /// A mistake in a value of the plan.
    pub fn value(
        code: DiagnosticCode,
        pointer: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            place: Place::Plan(pointer.into(), Part::Value),
            message: message.into(),
            help: None,
        }
    }

    /// A mistake in a key of the plan.
    pub fn key(
        code: DiagnosticCode,
        pointer: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            place: Place::Plan(pointer.into(), Part::Key),
            message: message.into(),
            help: None,
        }
    }

    /// A mistake in a flag or an environment variable.
    pub fn flag(code: DiagnosticCode, flag: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, place: Place::Flag(flag.into()), message: message.into(), help: None }
    }

    /// The same with a hint.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<Option<String>>) -> Self {
        self.help = help.into();
        self
    }
}

/// One segment of a JSON pointer, with `~` and `/` escaped.
pub fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The nearest of the allowed names, or all of them.
pub fn suggest<'a>(got: &str, allowed: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let allowed: Vec<&str> = allowed.into_iter().collect();
    let nearest = allowed.iter().map(|name| (strsim::damerau_levenshtein(got, name), *name)).min();
    match nearest {
        Some((distance, name)) if distance <= (got.len().max(name.len()) / 3).max(1) => {
            Some(format!("did you mean `{name}`?"))
        }
        Some(_) => Some(format!("expected one of: {}", allowed.join(", "))),
        None => None,
    }
}
