//! A settled tree → the paths in it.
//!
//! The document knows its own paths, but no longer from which file each came; so those of
//! included files are found here, before it is read. A test holds this list against the document's.

use serde_json::Value;

use crate::plan::{escape, secrets};

/// How a value holds a path.
#[derive(Clone, Copy)]
enum Form {
    /// It is one.
    Path,
    /// `file:PATH`, or a secret that is none.
    Secret,
    /// A path, `file:PATH`, or a key that is none.
    Key,
}

/// Where paths stand; `*` is any key or position.
const PLACES: [(&[&str], Form); 15] = [
    (&["clients", "*", "tls", "ca"], Form::Path),
    (&["clients", "*", "tls", "certificate"], Form::Path),
    (&["clients", "*", "tls", "key"], Form::Path),
    (&["clients", "*", "auth", "password"], Form::Secret),
    (&["messages", "*", "template"], Form::Path),
    (&["messages", "*", "corpus"], Form::Path),
    (&["messages", "*", "corpus", "path"], Form::Path),
    (&["messages", "*", "text", "file"], Form::Path),
    (&["messages", "*", "html", "file"], Form::Path),
    (&["messages", "*", "attachments", "*"], Form::Path),
    (&["messages", "*", "attachments", "*", "file"], Form::Path),
    (&["messages", "*", "dkim", "key"], Form::Key),
    (&["feeds", "*", "file"], Form::Path),
    (&["sink", "tls", "certificate"], Form::Path),
    (&["sink", "tls", "key"], Form::Path),
];

/// Secrets in rows of a feed.
const ROWS: &[&str] = &["feeds", "*", "inline", "*", "password"];

/// Gives each path with its pointer, and puts what comes back in its place.
pub(super) fn each(tree: &mut Value, with: &mut dyn FnMut(&str, &str) -> Option<String>) {
    for (place, form) in PLACES.into_iter().chain([(ROWS, Form::Secret)]) {
        at(tree, place, "", &mut |pointer, text| {
            let (prefix, path) = path_of(text, form)?;
            let path = with(pointer, path)?;
            Some(format!("{prefix}{path}"))
        });
    }
}

/// The path in a text, and what stands before it.
fn path_of(text: &str, form: Form) -> Option<(&'static str, &str)> {
    match form {
        Form::Path => Some(("", text)),
        Form::Secret => secrets::file_of(text).map(|path| ("file:", path)),
        Form::Key => match secrets::file_of(text) {
            Some(path) => Some(("file:", path)),
            None => secrets::key_path(text).map(|path| ("", path)),
        },
    }
    .filter(|(_, path)| !path.is_empty())
}

fn at(
    value: &mut Value,
    place: &[&str],
    pointer: &str,
    with: &mut dyn FnMut(&str, &str) -> Option<String>,
) {
    let Some((key, rest)) = place.split_first() else {
        if let Value::String(text) = value
            && let Some(changed) = with(pointer, text)
        {
            *text = changed;
        }
        return;
    };
    match value {
        Value::Object(table) => {
            for (name, below) in table.iter_mut().filter(|(name, _)| *key == "*" || name == key) {
                at(below, rest, &format!("{pointer}/{}", escape(name)), with);
            }
        }
        Value::Array(items) if *key == "*" => {
            for (index, below) in items.iter_mut().enumerate() {
                at(below, rest, &format!("{pointer}/{index}"), with);
            }
        }
        Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::plan::document::Document;
    use crate::plan::files;

    /// A file wherever the plan language has one.
    fn tree() -> Value {
        let tls = json!({ "mode": "starttls", "ca": "a", "certificate": "b", "key": "c" });
        let auth = json!({ "user": "u", "password": "file:d" });
        json!({
            "version": 1,
            "name": "paths",
            "clients": {
                "app": { "messages": "note", "tls": tls, "auth": auth },
                "users": { "messages": "note", "auth": { "users": "users" } },
            },
            "messages": {
                "note": {
                    "text": { "file": "e" },
                    "html": { "file": "f" },
                    "attachments": ["g", { "file": "h" }],
                    "dkim": { "domain": "d.test", "selector": "s", "key": "i.pem" },
                },
                "signed": { "dkim": { "domain": "d.test", "selector": "s", "key": "file:j" } },
                "whole": { "template": "k" },
                "short": { "corpus": "l" },
                "long": { "corpus": { "path": "m" } },
            },
            "feeds": {
                "rows": { "file": "n.csv" },
                "users": { "inline": [{ "user": "u", "password": "file:o" }] },
            },
            "sink": { "tls": { "mode": "starttls", "certificate": "p", "key": "q" } },
        })
    }

    fn read(tree: &Value) -> Document {
        let mut errors = Vec::new();
        let document = Document::read(tree, &mut errors);
        assert!(errors.is_empty(), "{errors:?}");
        document
    }

    #[test]
    fn the_places_are_those_that_the_document_knows() {
        let anchored = |tree: &Value| {
            let mut document = read(tree);
            files::anchor(&mut document, Path::new("/plans"));
            document.to_tree()
        };
        let mut found = 0;
        let mut by_places = tree();
        each(&mut by_places, &mut |_, path| {
            found += 1;
            Some(format!("/plans/{path}"))
        });

        // Those that are absolute by now stay as they are.
        assert_eq!(by_places.to_string().matches("/plans/").count(), found);
        assert_eq!(anchored(&by_places), anchored(&tree()));
        assert_eq!(found, PLACES.len() + 2, "a place without a file here can't be wrong");
    }
}
