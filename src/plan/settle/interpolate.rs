//! `${name}` in the strings of a plan → the variable's value.
//!
//! A string that is just `${name}` takes the value with its type; inside a longer text the value
//! is written out. `$$` is `$`, any other `$` stands for itself. Keys are left alone, and so is
//! `{{ }}`, which is rendered for each message.

use serde_json::{Map, Value};

use super::super::diagnostic::{Diagnostic, DiagnosticCode, escape};
use super::super::name::is_name;
use super::Findings;
use super::variables::{Lookup, Variables};

/// A stretch of a string.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Piece<'a> {
    Text(&'a str),
    Reference(&'a str),
}

/// What is wrong with a `${`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Broken<'a> {
    Unclosed,
    BadName(&'a str),
}

/// Fills the variables into a value and all below it; tells whether all went well. What can't be
/// filled is marked as spoiled.
pub(super) fn interpolate(
    value: &mut Value,
    pointer: &str,
    variables: &mut Variables,
    findings: &mut Findings,
) -> bool {
    match value {
        Value::String(text) if text.contains('$') => {
            let Some(filled) = filled(text, pointer, variables, findings) else {
                findings.origins.spoiled(pointer);
                return false;
            };
            *value = filled;
            true
        }
        Value::Array(items) => items.iter_mut().enumerate().fold(true, |whole, (index, item)| {
            interpolate(item, &format!("{pointer}/{index}"), variables, findings) && whole
        }),
        Value::Object(table) => interpolate_table(table, pointer, variables, findings),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

/// The same for a table.
pub(super) fn interpolate_table(
    table: &mut Map<String, Value>,
    pointer: &str,
    variables: &mut Variables,
    findings: &mut Findings,
) -> bool {
    let items = table.iter_mut().filter(|(key, _)| !is_private(pointer, key));
    items.fold(true, |whole, (key, item)| {
        let pointer = format!("{pointer}/{}", escape(key));
        interpolate(item, &pointer, variables, findings) && whole
    })
}

/// What begins with `x-` is the user's own scratch space, but for the headers of a message.
fn is_private(pointer: &str, key: &str) -> bool {
    let in_headers = pointer.starts_with("/messages/") && pointer.ends_with("/headers");
    key.starts_with("x-") && !in_headers
}

fn filled(
    text: &str,
    pointer: &str,
    variables: &mut Variables,
    findings: &mut Findings,
) -> Option<Value> {
    let pieces = match pieces(text) {
        Ok(pieces) => pieces,
        Err(broken) => {
            findings.errors.push(broken_reference(broken, pointer));
            return None;
        }
    };
    if let [Piece::Reference(name)] = pieces.as_slice() {
        return looked_up(name, pointer, variables, findings);
    }
    let mut filled = Some(String::new());
    for piece in pieces {
        let part = match piece {
            Piece::Text(text) => Some(text.to_owned()),
            Piece::Reference(name) => looked_up(name, pointer, variables, findings)
                .and_then(|value| as_text(name, value, pointer, findings)),
        };
        // All references of a string are looked at, so that all mistakes are told.
        filled = filled.zip(part).map(|(all, part)| all + &part);
    }
    filled.map(Value::String)
}

fn pieces(text: &str) -> Result<Vec<Piece<'_>>, Broken<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('$') {
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        rest = if let Some(behind) = behind.strip_prefix('$') {
            pieces.push(Piece::Text("$"));
            behind
        } else if let Some(inner) = behind.strip_prefix('{') {
            let (name, behind) = inner.split_once('}').ok_or(Broken::Unclosed)?;
            if !is_name(name) {
                return Err(Broken::BadName(name));
            }
            pieces.push(Piece::Reference(name));
            behind
        } else {
            pieces.push(Piece::Text("$"));
            behind
        };
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    Ok(pieces)
}

fn broken_reference(broken: Broken<'_>, pointer: &str) -> Diagnostic {
    let message = match broken {
        Broken::Unclosed => "`${` is not closed".to_owned(),
        Broken::BadName(name) => format!("`${{{name}}}` is not a reference to a variable"),
    };
    let help = "write `${NAME}` for a variable, and `$${` for the two characters `${`".to_owned();
    Diagnostic::value(DiagnosticCode::Variable, pointer, message).with_help(help)
}

fn looked_up(
    name: &str,
    pointer: &str,
    variables: &mut Variables,
    findings: &mut Findings,
) -> Option<Value> {
    let error = match variables.value(name, findings) {
        Ok(value) => return Some(value),
        Err(Lookup::Spoiled) => return None,
        Err(Lookup::Unknown { help }) => {
            let message = format!("no variable is named `{name}`");
            Diagnostic::value(DiagnosticCode::Variable, pointer, message).with_help(help)
        }
        Err(Lookup::Cycle { path }) => {
            let message = format!("variables refer to each other in a circle: {path}");
            Diagnostic::value(DiagnosticCode::Cycle, pointer, message)
        }
        Err(Lookup::TooLarge) => {
            let message =
                format!("the variables become too large, or nest too deep, at `${{{name}}}`");
            Diagnostic::value(DiagnosticCode::TooLarge, pointer, message)
        }
    };
    findings.errors.push(error);
    None
}

fn as_text(name: &str, value: Value, pointer: &str, findings: &mut Findings) -> Option<String> {
    let kind = match value {
        Value::String(text) => return Some(text),
        Value::Number(number) => return Some(number.to_string()),
        Value::Bool(truth) => return Some(truth.to_string()),
        Value::Null => "empty",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    };
    let message = format!("`${{{name}}}` is {kind} and can't stand inside a text");
    findings.errors.push(Diagnostic::value(DiagnosticCode::Variable, pointer, message));
    None
}

/// Doubles every `$`, so that a settled plan that is written down reads back to the same.
pub fn escape_dollars(value: &mut Value) {
    match value {
        Value::String(text) => *text = text.replace('$', "$$"),
        Value::Array(items) => items.iter_mut().for_each(escape_dollars),
        Value::Object(table) => table.values_mut().for_each(escape_dollars),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_string_is_text_and_references() {
        use Piece::{Reference, Text};
        let table: [(&str, Result<Vec<Piece<'_>>, Broken<'_>>); 9] = [
            ("${a}", Ok(vec![Reference("a")])),
            ("${a}/s", Ok(vec![Reference("a"), Text("/s")])),
            ("$${a}", Ok(vec![Text("$"), Text("{a}")])),
            ("$$${a}", Ok(vec![Text("$"), Reference("a")])),
            ("5 $ and $x", Ok(vec![Text("5 "), Text("$"), Text(" and "), Text("$"), Text("x")])),
            ("a $", Ok(vec![Text("a "), Text("$")])),
            ("${a", Err(Broken::Unclosed)),
            ("${}", Err(Broken::BadName(""))),
            ("${a b}", Err(Broken::BadName("a b"))),
        ];
        for (text, expected) in table {
            assert_eq!(pieces(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_escaped_text_reads_back_to_the_same(text in "[${}a]{0,12}") {
            let mut value = Value::String(text.clone());
            escape_dollars(&mut value);
            let filled = interpolate(
                &mut value,
                "",
                &mut Variables::default(),
                &mut Findings::default(),
            );

            prop_assert!(filled);
            prop_assert_eq!(value, Value::String(text));
        }
    }
}
