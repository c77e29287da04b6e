//! Which mistakes only follow from others.
//!
//! A document is read as far as it can be, with its wrong values left out. So a phase whose
//! `duration` is no duration would be told that it needs one; such a message helps nobody.

use std::collections::BTreeSet;

use super::{Diagnostic, DiagnosticCode, Place, escape};

/// The places where the document was not read as it is written.
#[derive(Debug)]
pub(super) struct Follow {
    wrong: BTreeSet<String>,
    /// Tables with keys of later versions, which may stand for those that are missing.
    unbuilt: BTreeSet<String>,
}

impl Follow {
    /// The places of what was found wrong while reading.
    pub(super) fn of(found: &[Diagnostic]) -> Self {
        let unbuilt = found.iter().filter(|error| error.code == DiagnosticCode::NotSupported);
        Self {
            wrong: found.iter().flat_map(places).collect(),
            unbuilt: unbuilt.filter_map(table).collect(),
        }
    }

    /// Whether a later mistake lies at, below or around a wrong place.
    pub(super) fn explains(&self, later: &Diagnostic) -> bool {
        let Some(pointer) = later.place.pointer() else { return false };
        let is_missing = later.code == DiagnosticCode::MissingKey;
        if is_missing && table(later).is_some_and(|table| self.unbuilt.contains(&table)) {
            return true;
        }
        self.wrong.iter().any(|wrong| is_within(pointer, wrong) || is_around(pointer, wrong))
    }
}

/// The table that a mistake's key is in.
fn table(diagnostic: &Diagnostic) -> Option<String> {
    let Place::Plan(pointer, _) = &diagnostic.place else { return None };
    pointer.rsplit_once('/').map(|(table, _)| table.to_owned()).filter(|table| !table.is_empty())
}

/// The place of a mistake, and what else it takes away.
fn places(diagnostic: &Diagnostic) -> Vec<String> {
    let Place::Plan(pointer, _) = &diagnostic.place else { return Vec::new() };
    let mut places = vec![pointer.clone()];
    let Some((parent, last)) = pointer.rsplit_once('/') else { return places };
    // An element that was left out moves those behind it; sections are read item by item.
    let is_section = matches!(parent, "/phases" | "/thresholds");
    if last.parse::<usize>().is_ok() && !is_section {
        places.push(parent.to_owned());
    }
    // `duratoin` stands for the `duration` that is now missing.
    let meant = diagnostic.help.as_deref().and_then(|help| help.strip_prefix("did you mean `"));
    if let Some(meant) = meant.and_then(|meant| meant.strip_suffix("`?")) {
        places.push(format!("{parent}/{}", escape(meant)));
    }
    places
}

fn is_within(pointer: &str, place: &str) -> bool {
    pointer.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Around it, but for whole sections and the root: they hold too much else.
fn is_around(pointer: &str, place: &str) -> bool {
    pointer.matches('/').count() >= 2 && is_within(place, pointer)
}
