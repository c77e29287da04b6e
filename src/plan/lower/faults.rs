//! The mistakes that are found while lowering.

use crate::plan::{Diagnostic, DiagnosticCode};

/// So many mistakes are kept; nobody reads more, and a file of 8 MiB may hold a million.
const MOST: usize = 1000;

/// A list of mistakes in which each stands once.
#[derive(Debug, Default)]
pub(super) struct Faults {
    list: Vec<Diagnostic>,
}

impl Faults {
    /// Adds a mistake, unless it is there: two phases may share the value that is wrong.
    pub(super) fn add(&mut self, diagnostic: Diagnostic) {
        if self.list.len() < MOST && !self.list.contains(&diagnostic) {
            self.list.push(diagnostic);
        }
    }

    /// A value that is out of range, or not in its form.
    pub(super) fn bad(&mut self, pointer: &str, message: impl Into<String>) {
        self.value(DiagnosticCode::BadValue, pointer, message);
    }

    /// A mistake in a value.
    pub(super) fn value(
        &mut self,
        code: DiagnosticCode,
        pointer: &str,
        message: impl Into<String>,
    ) {
        self.add(Diagnostic::value(code, pointer, message));
    }

    /// A mistake in a value, and what would be right.
    pub(super) fn value_with_help(
        &mut self,
        code: DiagnosticCode,
        pointer: &str,
        message: impl Into<String>,
        help: &str,
    ) {
        self.add(Diagnostic::value(code, pointer, message).with_help(help.to_owned()));
    }

    /// A key that a table needs.
    pub(super) fn missing(&mut self, table: &str, key: &str) {
        let message = format!("missing key `{key}`");
        self.value(DiagnosticCode::MissingKey, &format!("{table}/{key}"), message);
    }

    /// A key that something else excludes, or that needs something else.
    pub(super) fn conflict(&mut self, table: &str, key: &str, message: impl Into<String>) {
        self.add(Diagnostic::key(DiagnosticCode::Conflict, format!("{table}/{key}"), message));
    }

    /// All of them.
    pub(super) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.list
    }
}
