//! The names of a plan → ids, with "did you mean" for those that lead nowhere.

use super::faults::Faults;
use crate::plan::complete::DEFAULT_NAME;
use crate::plan::document::{Document, Table};
use crate::plan::model::{ClientId, MessageId, TargetId};
use crate::plan::name::{RULE, is_name};
use crate::plan::{Diagnostic, DiagnosticCode, Part, Place, escape, suggest};

/// The most targets, clients, messages or phases.
pub(super) const MOST: usize = 10_000;

/// What the names of a plan stand for.
#[derive(Debug)]
pub(super) struct Names<'a> {
    document: &'a Document,
    /// By id.
    targets: Vec<&'a str>,
    /// By id.
    classes: Vec<String>,
}

impl<'a> Names<'a> {
    /// The names of a document, all of which are checked.
    pub(super) fn of(document: &'a Document, faults: &mut Faults) -> Self {
        if let Some(name) = document.name.as_deref() {
            check(name, ("/name", Part::Value), faults);
        }
        check_table(&document.targets, "targets", faults);
        check_table(&document.clients, "clients", faults);
        check_table(&document.mixes, "mixes", faults);
        check_table(&document.messages, "messages", faults);
        check_table(&document.feeds, "feeds", faults);
        if document.targets.position(DEFAULT_NAME).is_some() {
            let message = "`default` is the name of `[target]`";
            let pointer = format!("/targets/{DEFAULT_NAME}");
            faults.add(Diagnostic::key(DiagnosticCode::BadName, pointer, message));
        }
        let default = document.target.as_ref().map(|_| DEFAULT_NAME);
        Self {
            document,
            targets: default.into_iter().chain(document.targets.names()).collect(),
            classes: Vec::new(),
        }
    }

    /// The same with the classes of the plan's messages.
    pub(super) fn with_classes(self, classes: Vec<String>) -> Self {
        Self { classes, ..self }
    }

    /// The names of the classes.
    pub(super) fn classes(&self) -> impl Iterator<Item = &str> {
        self.classes.iter().map(String::as_str)
    }

    /// The names of the classes, by id.
    pub(super) fn into_classes(self) -> Vec<String> {
        self.classes
    }

    /// The target that a client names.
    pub(super) fn target(&self, name: &str, pointer: &str, faults: &mut Faults) -> TargetId {
        let known = self.targets.iter().copied();
        TargetId(find(name, known, ("target", pointer, Part::Value), faults))
    }

    /// The names of the targets.
    pub(super) fn targets(&self) -> impl Iterator<Item = &str> {
        self.targets.iter().copied()
    }

    /// The names of the clients.
    pub(super) fn clients(&self) -> impl Iterator<Item = &str> + Clone {
        self.document.clients.names()
    }

    /// The client that a value names.
    pub(super) fn client(&self, name: &str, at: (&str, Part), faults: &mut Faults) -> ClientId {
        ClientId(find(name, self.clients(), ("client", at.0, at.1), faults))
    }

    /// The message that a client names.
    pub(super) fn message(&self, name: &str, at: (&str, Part), faults: &mut Faults) -> MessageId {
        let known = self.document.messages.names();
        MessageId(find(name, known, ("message", at.0, at.1), faults))
    }

    /// The number of messages.
    pub(super) fn messages(&self) -> usize {
        self.document.messages.len()
    }

    /// The mix of a name.
    pub(super) fn mix(&self, name: &str) -> Option<&'a Table<f64>> {
        self.document.mixes.named(name)
    }

    /// Tells that there is neither a mix nor a client of this name.
    pub(super) fn no_mix(&self, name: &str, pointer: &str, faults: &mut Faults) {
        let known = self.document.mixes.names().chain(self.clients());
        let message = format!("no mix or client is named `{name}`");
        faults.add(
            Diagnostic::value(DiagnosticCode::UnknownName, pointer, message)
                .with_help(suggest(name, known)),
        );
    }
}

/// The position of a name, or 0 and a mistake.
fn find<'n>(
    name: &str,
    known: impl Iterator<Item = &'n str> + Clone,
    (what, pointer, part): (&str, &str, Part),
    faults: &mut Faults,
) -> u16 {
    if let Some(position) = known.clone().position(|known| known == name) {
        return u16::try_from(position).unwrap_or_default();
    }
    faults.add(Diagnostic {
        code: DiagnosticCode::UnknownName,
        place: Place::Plan(pointer.to_owned(), part),
        message: format!("no {what} is named `{name}`"),
        help: suggest(name, known),
    });
    0
}

fn check_table<T>(table: &Table<T>, section: &str, faults: &mut Faults) {
    if table.len() > MOST {
        faults.value(
            DiagnosticCode::TooLarge,
            &format!("/{section}"),
            format!("a plan has at most {MOST} of them"),
        );
    }
    for name in table.names() {
        check(name, (&format!("/{section}/{}", escape(name)), Part::Key), faults);
    }
}

/// Refuses what is no name.
pub(super) fn check(name: &str, (pointer, part): (&str, Part), faults: &mut Faults) {
    if !is_name(name) {
        faults.add(Diagnostic {
            code: DiagnosticCode::BadName,
            place: Place::Plan(pointer.to_owned(), part),
            message: format!("`{name}` is not a name"),
            help: Some(RULE.to_owned()),
        });
    }
}
