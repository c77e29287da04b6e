//! A plan's file and those that it includes → one tree, and from which file each value came.
//!
//! The including file wins over what it includes, a later file of `include` over an earlier one.
//! A mistake in an included file is shown there, with the file's own lines; and a relative path
//! is relative to the file that it stands in.

mod paths;
mod pieces;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::diagnostic::{Diagnostic, DiagnosticCode, Place};
use super::files;
use super::merge::lay_over;
use super::source::LARGEST;
use super::{Format, Part, Source};
use crate::message::TemplateFile;
use pieces::Piece;

pub(super) use pieces::Pieces;

/// Files include each other over at most so many steps.
const DEEPEST: usize = 8;
/// A plan that includes more files has gone wrong.
const MOST_FILES: usize = 100;

/// Reads the plan and all that it includes; relative names begin at `folder`.
pub(super) fn gather(source: &Source, folder: &Path) -> Result<(Value, Pieces), Vec<Diagnostic>> {
    let tree = source.parse().map_err(|error| vec![error])?;
    let root = Piece::root(source, folder);
    let mut own = match tree {
        Value::Object(own) if own.contains_key("include") => own,
        other => return Ok((other, Pieces::of(vec![root]))),
    };
    let included = own.shift_remove("include").unwrap_or_default();
    let mut gatherer = Gatherer { files: vec![root], open: Vec::new(), errors: Vec::new() };
    gatherer.open.extend(folder.join(file_name(source.name())).canonicalize());
    let (whole, places) = gatherer.merged(0, &included, own);
    if gatherer.errors.is_empty() {
        Ok((Value::Object(whole), Pieces { files: gatherer.files, places }))
    } else {
        Err(gatherer.errors)
    }
}

/// The last part of a path; the plan's folder is known.
fn file_name(name: &str) -> &Path {
    Path::new(name).file_name().map_or(Path::new(name), Path::new)
}

/// The files so far.
struct Gatherer {
    files: Vec<Piece>,
    /// The files that are being read, the outermost first.
    open: Vec<PathBuf>,
    errors: Vec<Diagnostic>,
}

impl Gatherer {
    /// The table of a file, over all that it includes.
    fn merged(
        &mut self,
        file: usize,
        included: &Value,
        own: Map<String, Value>,
    ) -> (Map<String, Value>, pieces::Places) {
        let mut whole = Map::new();
        let mut places = pieces::Places::default();
        for (pointer, path) in self.listed(file, included) {
            let Some((below, of_below)) = self.include(file, &pointer, &path) else { continue };
            lay_over(&mut whole, below, &mut |into, laid| places.laid(into, laid, &of_below));
        }
        let of_own = pieces::Places::all_of(file);
        lay_over(&mut whole, own, &mut |into, laid| places.laid(into, laid, &of_own));
        (whole, places)
    }

    /// The paths of a list of files, each with its pointer.
    fn listed(&mut self, file: usize, included: &Value) -> Vec<(String, String)> {
        let wrong = "`include` is a list of files";
        let Value::Array(items) = included else {
            self.refuse(file, "/include", DiagnosticCode::WrongType, wrong, None);
            return Vec::new();
        };
        let mut paths = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let pointer = format!("/include/{index}");
            match item {
                Value::String(path) if !path.is_empty() => paths.push((pointer, path.clone())),
                _ => self.refuse(file, &pointer, DiagnosticCode::WrongType, wrong, None),
            }
        }
        paths
    }

    fn include(
        &mut self,
        file: usize,
        pointer: &str,
        path: &str,
    ) -> Option<(Map<String, Value>, pieces::Places)> {
        let by = self.files.get(file)?;
        let (full, used) = (by.folder.join(path), by.used_by(pointer));
        let real = match full.canonicalize() {
            Ok(real) => real,
            Err(error) => {
                let message = format!("cannot read `{path}`: {error}");
                self.refuse(file, pointer, DiagnosticCode::BadValue, &message, None);
                return None;
            }
        };
        if self.open.contains(&real) {
            let message = format!("`{path}` includes itself, by way of `include`");
            self.refuse(file, pointer, DiagnosticCode::Cycle, &message, None);
            return None;
        }
        if self.open.len() > DEEPEST || self.files.len() > MOST_FILES {
            let message = "files include each other too often";
            let help = format!("at most {DEEPEST} deep, and {MOST_FILES} files in all");
            self.refuse(file, pointer, DiagnosticCode::TooLarge, message, Some(help));
            return None;
        }
        let text = files::read(&full, LARGEST as u64).and_then(|octets| {
            String::from_utf8(octets).map_err(|_| std::io::Error::other("it is no UTF-8"))
        });
        let text = match text {
            Ok(text) => text,
            Err(error) => {
                let message = format!("cannot read `{path}`: {error}");
                self.refuse(file, pointer, DiagnosticCode::BadValue, &message, None);
                return None;
            }
        };
        self.read(&full, real, used, text)
    }

    /// Reads the text of an included file, and what it includes itself.
    fn read(
        &mut self,
        full: &Path,
        real: PathBuf,
        used: String,
        text: String,
    ) -> Option<(Map<String, Value>, pieces::Places)> {
        let folder = full.parent().unwrap_or(Path::new("")).to_owned();
        let root = self.files.first().map(|root| root.folder.clone()).unwrap_or_default();
        let shown = full.strip_prefix(&root).unwrap_or(full).to_string_lossy().into_owned();
        let source = Source::new(shown.clone(), text, Format::of_file(&shown));
        let shown = TemplateFile { path: shown, text: Arc::from(source.text()) };
        let piece = Piece { source, folder, used, shown: Arc::new(shown) };
        let parsed = piece.source.parse();
        let number = self.files.len();
        self.files.push(piece);
        let mut own = match parsed {
            Ok(Value::Object(own)) => own,
            Ok(_) => {
                let message = "a plan is a table of keys and values";
                self.refuse(number, "", DiagnosticCode::WrongType, message, None);
                return None;
            }
            Err(error) => {
                let error = self.files.get(number).map(|piece| piece.unparsed(error));
                self.errors.extend(error);
                return None;
            }
        };
        self.open.push(real);
        let included = own.shift_remove("include").unwrap_or(Value::Array(Vec::new()));
        let merged = self.merged(number, &included, own);
        self.open.pop();
        Some(merged)
    }

    fn refuse(
        &mut self,
        file: usize,
        pointer: &str,
        code: DiagnosticCode,
        message: &str,
        help: Option<String>,
    ) {
        let Some(piece) = self.files.get(file) else { return };
        let place = match file {
            0 => Place::Plan(pointer.to_owned(), Part::Value),
            _ => piece.place(pointer, Part::Value),
        };
        let error = Diagnostic { code, place, message: message.to_owned(), help };
        // A file that two others include is read twice.
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }
}

#[cfg(test)]
mod tests;
