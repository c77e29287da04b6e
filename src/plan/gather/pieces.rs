//! The files of a plan, and from which of them each value of the whole came.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::paths;
use crate::message::TemplateFile;
use crate::plan::diagnostic::{Diagnostic, Place};
use crate::plan::merge::Laid;
use crate::plan::settle::Origins;
use crate::plan::{Part, Source};

/// So many mistakes in included files get a place; no more are shown.
const MOST_PLACED: usize = 100;

/// One file.
pub(super) struct Piece {
    pub(super) source: Source,
    /// The folder that it lies in.
    pub(super) folder: PathBuf,
    /// The pointer in the plan itself by which it came; empty for that one.
    pub(super) used: String,
    /// For mistakes in it.
    pub(super) shown: Arc<TemplateFile>,
}

/// All files of a plan.
pub(in crate::plan) struct Pieces {
    /// The plan itself first.
    pub(super) files: Vec<Piece>,
    pub(super) places: Places,
}

/// From which file, and from which pointer there, the values of a tree came: that of the nearest
/// table around a value that has an entry.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Places(BTreeMap<String, (usize, String)>);

impl Places {
    /// Of a tree that is all of one file.
    pub(super) fn all_of(file: usize) -> Self {
        Self(BTreeMap::from([(String::new(), (file, String::new()))]))
    }

    /// The file and the pointer there.
    pub(super) fn of(&self, pointer: &str) -> (usize, String) {
        let ends = pointer.rmatch_indices('/').map(|(end, _)| end);
        let mut heads = std::iter::once(pointer.len())
            .chain(ends)
            .filter_map(|end| pointer.split_at_checked(end));
        let found = heads.find_map(|(head, rest)| {
            self.0.get(head).map(|(file, source)| (*file, format!("{source}{rest}")))
        });
        found.unwrap_or_else(|| (0, pointer.to_owned()))
    }

    /// Learns what became of a value when another tree, which came from `upper`, was laid over.
    pub(super) fn laid(&mut self, into: &str, laid: Laid<'_>, upper: &Self) {
        match laid {
            Laid::Kept => {
                let place = self.of(into);
                self.0.insert(into.to_owned(), place);
            }
            Laid::Merged(from) => {
                self.0.insert(into.to_owned(), upper.of(from));
            }
            Laid::Taken(from) => {
                let below = |pointer: &String| within(pointer, into).is_some();
                self.0.retain(|pointer, _| !below(pointer));
                let inside = upper.0.iter().filter_map(|(pointer, place)| {
                    Some((format!("{into}{}", within(pointer, from)?), place.clone()))
                });
                self.0.extend(inside);
                self.0.insert(into.to_owned(), upper.of(from));
            }
        }
    }
}

/// What follows in a pointer behind one that it lies at or below.
fn within<'a>(pointer: &'a str, above: &str) -> Option<&'a str> {
    pointer.strip_prefix(above).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Piece {
    /// The plan itself.
    pub(super) fn root(source: &Source, folder: &Path) -> Self {
        let shown = TemplateFile { path: source.name().to_owned(), text: Arc::from("") };
        Self {
            source: source.clone(),
            folder: folder.to_owned(),
            used: String::new(),
            shown: Arc::new(shown),
        }
    }

    /// The pointer in the plan by which a file comes that this one includes at `pointer`.
    pub(super) fn used_by(&self, pointer: &str) -> String {
        if self.used.is_empty() { pointer.to_owned() } else { self.used.clone() }
    }

    /// A place in this file, as one in a file that the plan uses.
    pub(super) fn place(&self, pointer: &str, part: Part) -> Place {
        self.at(self.source.locate(pointer, part))
    }

    /// What can't be read at all, in this file.
    pub(super) fn unparsed(&self, error: Diagnostic) -> Diagnostic {
        match error.place {
            Place::Octets(octets) => Diagnostic { place: self.at(octets), ..error },
            Place::Plan(..) | Place::File { .. } | Place::Flag(_) => error,
        }
    }

    fn at(&self, octets: std::ops::Range<usize>) -> Place {
        Place::File { file: Arc::clone(&self.shown), octets, pointer: self.used.clone() }
    }
}

impl Pieces {
    /// A plan that includes nothing.
    pub(super) fn of(files: Vec<Piece>) -> Self {
        Self { files, places: Places::default() }
    }

    /// Puts each mistake into the file that it stands in.
    pub(in crate::plan) fn place(&self, errors: &mut [Diagnostic]) {
        if self.files.len() < 2 {
            return;
        }
        for error in errors.iter_mut().take(MOST_PLACED) {
            match &mut error.place {
                Place::Plan(pointer, part) => {
                    let (file, own) = self.places.of(pointer);
                    match self.files.get(file).filter(|_| file > 0) {
                        Some(piece) => error.place = piece.place(&own, *part),
                        None => *pointer = own,
                    }
                }
                Place::File { pointer, .. } => {
                    let (file, own) = self.places.of(pointer);
                    let piece = self.files.get(file).filter(|_| file > 0);
                    *pointer = piece.map_or(own, |piece| piece.used.clone());
                }
                Place::Octets(_) | Place::Flag(_) => {}
            }
        }
    }

    /// Makes relative paths of included files absolute: they begin at the folder of their file.
    pub(in crate::plan) fn anchor(&self, tree: &mut Value, origins: &Origins) {
        if self.files.len() < 2 {
            return;
        }
        paths::each(tree, &mut |pointer, path| {
            let (file, _) = self.places.of(&origins.source(pointer)?);
            let folder = &self.files.get(file).filter(|_| file > 0)?.folder;
            folder.join(path).to_str().map(str::to_owned)
        });
    }
}
