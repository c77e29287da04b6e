//! `[vars]`, files, environment and flags → the value of each variable.
//!
//! A variable of the plan or of a file may refer to others, in any order, but not in a circle.
//! What comes from the environment or a flag is taken as it is, so that a `$` in a shell needs no
//! care. What references insert is bounded in size and depth: variables that hold each other
//! twice would else grow without end.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::super::diagnostic::{Diagnostic, DiagnosticCode, escape, suggest};
use super::super::name::{RULE, is_name};
use super::interpolate::interpolate;
use super::overrides::{Overrides, VarsFile};
use super::{Findings, set, variable_of};

/// At most so many octets are inserted for all references of a plan.
const MOST_INSERTED: usize = 8 << 20;
/// Variables refer to variables over at most so many steps.
const DEEPEST: usize = 16;
/// The largest file of variables.
const LARGEST_FILE: usize = 64 << 10;

/// The variables of a plan.
#[derive(Debug, Default)]
pub(super) struct Variables {
    entries: BTreeMap<String, Entry>,
    /// The names in the plan or a file.
    defined: BTreeSet<String>,
    /// The names that something refers to.
    used: BTreeSet<String>,
    /// The names that the command line gives, each with its flag.
    given: Vec<(String, String)>,
    /// The names that are being looked up, the outermost first.
    path: Vec<String>,
    inserted: usize,
}

#[derive(Debug)]
enum Entry {
    /// References in it are still to be followed.
    Written(Value),
    /// It is being worked on: a reference to it from within is a circle.
    Open,
    Settled(Value),
    /// A mistake in it has been reported.
    Spoiled,
}

/// Why a reference has no value.
#[derive(Debug)]
pub(super) enum Lookup {
    Unknown {
        help: String,
    },
    Cycle {
        path: String,
    },
    TooLarge,
    /// Reported before, where the variable is defined.
    Spoiled,
}

impl Variables {
    /// Takes `vars` out of the plan and lays files, environment and flags over it.
    pub(super) fn take(
        tree: &mut Map<String, Value>,
        overrides: &Overrides,
        findings: &mut Findings,
    ) -> Self {
        let mut variables = Self::default();
        match tree.shift_remove("vars") {
            Some(Value::Object(written)) => variables.write(written, findings),
            Some(Value::Null) | None => {}
            Some(_) => findings.errors.push(Diagnostic::value(
                DiagnosticCode::WrongType,
                "/vars",
                "`vars` is not a table of names and values",
            )),
        }
        variables.lay_environment(&overrides.environment, findings);
        for file in &overrides.vars_files {
            variables.lay_file(file, findings);
        }
        variables.defined = variables.entries.keys().cloned().collect();
        for (name, text) in &overrides.vars {
            variables.give(name, literal(text), format!("--var {name}={text}"), findings);
        }
        for (path, text) in &overrides.sets {
            if let Some(name) = variable_of(path) {
                let entry = Entry::Written(set::value(text));
                variables.give(name, entry, format!("--set {path}={text}"), findings);
            }
        }
        variables
    }

    fn write(&mut self, written: Map<String, Value>, findings: &mut Findings) {
        for (name, value) in written {
            if is_name(&name) {
                self.entries.insert(name, Entry::Written(value));
            } else {
                let pointer = format!("/vars/{}", escape(&name));
                let message = format!("`{name}` is not a name for a variable");
                findings.errors.push(
                    Diagnostic::key(DiagnosticCode::BadName, pointer, message)
                        .with_help(RULE.to_owned()),
                );
            }
        }
    }

    /// A shell's variables are mostly upper-case, so that case decides only between two names.
    fn lay_environment(&mut self, environment: &[(String, String)], findings: &mut Findings) {
        for (name, text) in environment.iter().filter(|(name, _)| is_name(name)) {
            let same = |known: &&String| known.eq_ignore_ascii_case(name);
            let known =
                if self.entries.contains_key(name) { None } else { self.entries.keys().find(same) };
            let known = known.unwrap_or(name).clone();
            self.lay(&known, literal(text), &format!("MAILQUAKE_VAR_{name}={text}"), findings);
        }
    }

    fn lay_file(&mut self, file: &VarsFile, findings: &mut Findings) {
        let flag = format!("--vars {}", file.name);
        match read(file) {
            Ok(read) => {
                for (name, value) in read {
                    self.lay(&name, Entry::Written(value), &flag, findings);
                }
            }
            Err(message) => {
                findings.errors.push(Diagnostic::flag(DiagnosticCode::Syntax, flag, message));
            }
        }
    }

    fn give(&mut self, name: &str, entry: Entry, flag: String, findings: &mut Findings) {
        self.lay(name, entry, &flag, findings);
        self.given.push((name.to_owned(), flag));
    }

    fn lay(&mut self, name: &str, entry: Entry, flag: &str, findings: &mut Findings) {
        findings.origins.set_by_flag(&format!("/vars/{}", escape(name)), flag);
        self.entries.insert(name.to_owned(), entry);
    }

    /// Follows the references inside all variables, used or not.
    pub(super) fn settle(&mut self, findings: &mut Findings) {
        let names: Vec<String> = self.entries.keys().cloned().collect();
        for name in names {
            self.settle_one(&name, findings);
        }
    }

    fn settle_one(&mut self, name: &str, findings: &mut Findings) {
        let Some(entry) = self.entries.get_mut(name) else { return };
        let Entry::Written(value) = entry else { return };
        let mut value = std::mem::take(value);
        *entry = Entry::Open;
        self.path.push(name.to_owned());
        let pointer = format!("/vars/{}", escape(name));
        let whole = interpolate(&mut value, &pointer, self, findings);
        self.path.pop();
        let entry = if whole { Entry::Settled(value) } else { Entry::Spoiled };
        self.entries.insert(name.to_owned(), entry);
    }

    /// The value of a variable, its own references followed.
    pub(super) fn value(&mut self, name: &str, findings: &mut Findings) -> Result<Value, Lookup> {
        self.used.insert(name.to_owned());
        if self.path.len() > DEEPEST {
            return Err(Lookup::TooLarge);
        }
        self.settle_one(name, findings);
        let value = match self.entries.get(name) {
            Some(Entry::Settled(value)) => value,
            Some(Entry::Open) => return Err(Lookup::Cycle { path: self.circle_to(name) }),
            Some(Entry::Spoiled | Entry::Written(_)) => return Err(Lookup::Spoiled),
            None => return Err(Lookup::Unknown { help: self.suggestion(name) }),
        };
        self.inserted = self.inserted.saturating_add(weight(value));
        if self.inserted > MOST_INSERTED {
            return Err(Lookup::TooLarge);
        }
        Ok(value.clone())
    }

    /// The way from a variable that is being looked up back to itself.
    fn circle_to(&self, name: &str) -> String {
        let inside = self.path.iter().map(String::as_str).skip_while(|above| *above != name);
        inside.chain([name]).collect::<Vec<_>>().join(" → ")
    }

    fn suggestion(&self, name: &str) -> String {
        suggest(name, self.defined.iter().map(String::as_str))
            .unwrap_or_else(|| format!("define it in `vars`, or with `--var {name}=VALUE`"))
    }

    /// Reports variables of the command line that nothing in the plan names.
    pub(super) fn report_unknown(&self, findings: &mut Findings) {
        let known = || self.defined.iter().chain(&self.used);
        for (name, flag) in &self.given {
            if !known().any(|known| known == name) {
                let message = format!("the plan has no variable `{name}`");
                let help = suggest(name, known().map(String::as_str));
                findings.errors.push(
                    Diagnostic::flag(DiagnosticCode::Override, flag, message).with_help(help),
                );
            }
        }
    }
}

/// A number or a boolean where the text looks like one, else the text.
fn literal(text: &str) -> Entry {
    let value = match serde_json::from_str(text) {
        Ok(value @ (Value::Number(_) | Value::Bool(_))) => value,
        Ok(_) | Err(_) => Value::String(text.to_owned()),
    };
    Entry::Settled(value)
}

fn read(file: &VarsFile) -> Result<Map<String, Value>, String> {
    if file.text.len() > LARGEST_FILE {
        return Err("a file of variables is at most 64 KiB".to_owned());
    }
    let extension = file.name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let read: Map<String, Value> = match extension {
        "yaml" | "yml" | "json" => {
            serde_yaml::from_str(&file.text).map_err(|error| error.to_string())?
        }
        _ => toml::from_str(&file.text).map_err(|error| one_line(&error, &file.text))?,
    };
    match read.keys().find(|name| !is_name(name)) {
        Some(name) => Err(format!("`{name}` is not a name for a variable")),
        None => Ok(read),
    }
}

/// The message with its line; the error's own text draws the source over many lines.
fn one_line(error: &toml::de::Error, text: &str) -> String {
    let at = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    format!("{}, in line {}", error.message(), at.matches('\n').count() + 1)
}

/// About how many octets a value takes.
fn weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => 8 + text.len(),
        Value::Array(items) => items.iter().map(weight).fold(8, usize::saturating_add),
        Value::Object(table) => table
            .iter()
            .map(|(key, value)| key.len() + weight(value))
            .fold(8, usize::saturating_add),
    }
}
