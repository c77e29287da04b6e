//! A tree of values → a type of the document, with the place of every mistake.
//!
//! serde stops at the first mistake. So [`read`] takes the value at that place away and reads
//! again, until what is left can be read: a plan with ten mistakes gives ten messages. This works
//! because nothing in a document is required; what a plan must have is asked for when it is
//! lowered. Rule for the document's types: no `flatten`, no `untagged`, no `tag`; a value with a
//! short and a long form is a [`ShortOr`](super::document::ShortOr).

mod error;
mod value;

use std::cell::RefCell;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Diagnostic, Place};
use value::De;

/// After so many wrong values in one item the rest of the item is left unread.
const MOST_PASSES: usize = 100;

/// What a document's types know of keys and values beyond those that they have.
#[derive(Clone, Copy)]
pub(super) struct Vocabulary {
    /// Keys of a struct, by its Rust name, that the plan language has and this version does not.
    pub(super) later_keys: fn(&str) -> &'static [&'static str],
    /// Whether in a newtype, by its Rust name, keys that begin with `x-` are keys as any other.
    pub(super) keeps_private_keys: fn(&str) -> bool,
}

/// Reads one item; every mistake in it is added to `errors`, and its wrong values are left out.
pub(super) fn read<T: DeserializeOwned + Default>(
    tree: &Value,
    pointer: &str,
    vocabulary: Vocabulary,
    errors: &mut Vec<Diagnostic>,
) -> T {
    let mut wrong: Vec<String> = Vec::new();
    let mut told: Vec<Diagnostic> = Vec::new();
    let item = read_again(tree, pointer, vocabulary, (&mut wrong, &mut told));
    errors.append(&mut told);
    item
}

fn read_again<T: DeserializeOwned + Default>(
    tree: &Value,
    pointer: &str,
    vocabulary: Vocabulary,
    (wrong, errors): (&mut Vec<String>, &mut Vec<Diagnostic>),
) -> T {
    for _ in 0..MOST_PASSES {
        let strange = RefCell::new(Vec::new());
        let reader = De::new(tree, pointer.to_owned(), wrong, vocabulary, &strange);
        let read = T::deserialize(reader);
        for key in strange.into_inner() {
            note(errors, key);
        }
        let diagnostic = match read {
            Ok(item) => return item,
            Err(error) => error.into_diagnostic(pointer),
        };
        let Place::Plan(place, _) = &diagnostic.place else { break };
        let is_all_of_it = place == pointer || wrong.contains(place);
        wrong.push(place.clone());
        note(errors, diagnostic);
        if is_all_of_it {
            break;
        }
    }
    T::default()
}

/// Adds a mistake once, however often the item is read.
fn note(errors: &mut Vec<Diagnostic>, diagnostic: Diagnostic) {
    if !errors.contains(&diagnostic) {
        errors.push(diagnostic);
    }
}

#[cfg(test)]
mod tests;
