//! The text of a plan file → a tree of values, and the place of each value in the text.
//!
//! No spans are kept: a mistake carries a JSON pointer, and [`Source::locate`] replays the
//! format's own deserializer down that pointer and fails there on purpose, so that the format's
//! error tells the place. This works the same for TOML and YAML, and costs nothing without a
//! mistake.

mod locate;
mod nesting;
mod tree;

use std::cell::RefCell;
use std::ops::Range;

use serde::de::DeserializeSeed;
use serde_json::Value;

use super::{Diagnostic, DiagnosticCode, Part, Place};
use locate::Locate;
use tree::{Refusal, Strict};

/// The largest plan in octets.
pub(super) const LARGEST: usize = 8 << 20;

/// How a plan is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// TOML 1.1.
    Toml,
    /// YAML 1.2, and so JSON.
    Yaml,
}

impl Format {
    /// The format of a file by its name: `.yaml`, `.yml` and `.json` are YAML, all else is TOML.
    pub fn of_file(name: &str) -> Self {
        let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        match extension.as_deref() {
            Some("yaml" | "yml" | "json") => Self::Yaml,
            Some(_) | None => Self::Toml,
        }
    }
}

/// One plan file, as text.
#[derive(Clone, Debug)]
pub struct Source {
    name: String,
    text: String,
    format: Format,
}

/// Why the format's deserializer stopped, and where.
struct Stop {
    message: String,
    place: Range<usize>,
}

impl Source {
    /// A plan's text under the name that errors show; a byte order mark is left out.
    pub fn new(name: impl Into<String>, text: impl Into<String>, format: Format) -> Self {
        let mut text = text.into();
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        Self { name: name.into(), text, format }
    }

    /// The name that errors show.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text that all places are in.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text as a tree.
    pub(super) fn parse(&self) -> Result<Value, Diagnostic> {
        if self.text.len() > LARGEST {
            return Err(too_large(0..0, "a plan is at most 8 MiB".to_owned()));
        }
        if let Some(place) = nesting::too_deep(&self.text, self.format) {
            return Err(too_large(place, format!("more than {} levels deep", tree::DEEPEST)));
        }
        let budget = tree::Budget::for_text(&self.text);
        let refusal = RefCell::new(None);
        let read = self.replay(Strict::new(&refusal, &budget));
        match (read, refusal.into_inner()) {
            (Ok(Value::Null), None) => Ok(Value::Object(serde_json::Map::new())),
            (Ok(tree), None) => Ok(tree),
            (Ok(_), Some(refusal)) => Err(refusal.diagnostic(0..0)),
            (Err(stop), Some(refusal)) => Err(refusal.diagnostic(stop.place)),
            (Err(stop), None) => self.syntax_error(stop),
        }
    }

    /// The octets of a key or a value; of the nearest table around it where it does not exist.
    pub fn locate(&self, pointer: &str, part: Part) -> Range<usize> {
        let path: Vec<String> = pointer.split('/').skip(1).map(unescape).collect();
        (0..=path.len())
            .rev()
            .find_map(|length| {
                let part = if length == path.len() { part } else { Part::Value };
                self.replay(Locate::new(path.get(..length)?, part)).err().map(|stop| stop.place)
            })
            .unwrap_or(0..0)
    }

    /// Runs the format's deserializer over the text.
    fn replay<'text, S>(&'text self, seed: S) -> Result<S::Value, Stop>
    where
        S: DeserializeSeed<'text>,
    {
        match self.format {
            Format::Toml => toml::de::Deserializer::parse(&self.text)
                .and_then(|deserializer| seed.deserialize(deserializer))
                .map_err(|error| self.stop(error.message(), error.span().unwrap_or(0..0))),
            Format::Yaml => {
                seed.deserialize(serde_yaml::Deserializer::from_str(&self.text)).map_err(|error| {
                    let start = error.location().map_or(0, |location| location.index());
                    let start = self.text.floor_char_boundary(start);
                    self.stop(&error.to_string(), start..locate::token_end(&self.text, start))
                })
            }
        }
    }

    fn stop(&self, message: &str, place: Range<usize>) -> Stop {
        let start = self.text.floor_char_boundary(place.start);
        let end = self.text.floor_char_boundary(place.end).max(start);
        let first_line = self.text.get(start..end).and_then(|text| text.lines().next());
        let end = first_line.map_or(end, |line| start + line.trim_end().len());
        // serde_yaml writes the place behind the message, and a path before it.
        let message = message.split(" at line ").next().unwrap_or(message).to_owned();
        Stop { message, place: start..end }
    }

    /// What the format's own parser says, in our words where it is one of our limits.
    fn syntax_error(&self, stop: Stop) -> Result<Value, Diagnostic> {
        let Stop { message, place } = stop;
        if message.contains("duplicate key") {
            let key = self.text.get(place.clone()).unwrap_or_default().trim_matches(['"', '\'']);
            return Err(Refusal::DuplicateKey(key.to_owned()).diagnostic(place));
        }
        if message.contains("repetition limit") {
            return Err(Refusal::Expands.diagnostic(place));
        }
        if message.contains("recursion limit") {
            return Err(Refusal::TooDeep.diagnostic(place));
        }
        if message.contains("more than one document") {
            let message = "a plan is one document, and a second one begins with `---`";
            return Err(at_octets(DiagnosticCode::Syntax, place, message.to_owned()));
        }
        if message.contains("EOF while parsing a value") {
            return Ok(Value::Object(serde_json::Map::new()));
        }
        Err(at_octets(DiagnosticCode::Syntax, place, message))
    }
}

fn too_large(place: Range<usize>, message: String) -> Diagnostic {
    at_octets(DiagnosticCode::TooLarge, place, message)
}

fn at_octets(code: DiagnosticCode, place: Range<usize>, message: String) -> Diagnostic {
    Diagnostic { code, place: Place::Octets(place), message, help: None }
}

fn unescape(segment: &str) -> String {
    segment.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests;
