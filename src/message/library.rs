//! The folder of a plan → the template files that its messages use, each read once.
//!
//! Files are read while a plan is loaded, never while mail is sent: [`Library::closed`] gives the
//! same files without the way to further ones. The lock is taken where a template engine meets a
//! file for the first time, and not again when it renders.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// How a file is read.
pub type Reader = fn(&Path) -> io::Result<Vec<u8>>;

/// A file with a template, for an error that stands in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TemplateFile {
    /// Relative to the plan's folder where it lies there, absolute elsewhere.
    pub path: String,
    /// What it holds.
    pub text: Arc<str>,
}

/// Template files by their absolute paths.
#[derive(Debug, Default)]
pub struct Library {
    folder: PathBuf,
    reader: Option<Reader>,
    known: Mutex<BTreeMap<String, Result<Arc<str>, Unread>>>,
}

/// Why a file is not there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Unread {
    /// A lowercase fragment.
    pub(crate) reason: String,
    /// Whether there is no such file at all.
    pub(crate) missing: bool,
}

impl PartialEq for Library {
    fn eq(&self, other: &Self) -> bool {
        self.folder == other.folder && self.texts() == other.texts()
    }
}

impl Library {
    /// A library that reads files when they are asked for; relative names begin at `folder`.
    pub fn reading(folder: &Path, reader: Reader) -> Self {
        Self { folder: folder.to_owned(), reader: Some(reader), known: Mutex::default() }
    }

    /// The files that were read so far, and no further ones.
    #[must_use]
    pub fn closed(&self) -> Self {
        let known = self.texts().into_iter().map(|(path, text)| (path, Ok(text))).collect();
        Self { folder: self.folder.clone(), reader: None, known: Mutex::new(known) }
    }

    /// All files that were read, by their absolute paths.
    pub fn texts(&self) -> BTreeMap<String, Arc<str>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let read = known.iter().filter_map(|(path, text)| Some((path, text.as_ref().ok()?)));
        read.map(|(path, text)| (path.clone(), Arc::clone(text))).collect()
    }

    /// The text of a file; read now, if this library still reads.
    pub(crate) fn text(&self, path: &str) -> Result<Arc<str>, Unread> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match (known.get(path), self.reader) {
            (Some(text), _) => text.clone(),
            (None, Some(reader)) => {
                let text = read(path, &self.shown(path), reader);
                known.insert(path.to_owned(), text.clone());
                text
            }
            (None, None) => {
                let path = self.shown(path);
                let reason = format!("`{path}` was not read when the plan was loaded");
                Err(Unread { reason, missing: true })
            }
        }
    }

    /// A file, for an error that stands in it.
    pub(crate) fn file(&self, path: &str) -> Option<TemplateFile> {
        Some(TemplateFile { path: self.shown(path), text: self.text(path).ok()? })
    }

    /// The name that a user knows a file by.
    pub(crate) fn shown(&self, path: &str) -> String {
        let inside = Path::new(path).strip_prefix(&self.folder).ok().and_then(Path::to_str);
        inside.filter(|_| !self.folder.as_os_str().is_empty()).unwrap_or(path).to_owned()
    }

    /// The path of the `n`-th template that stands in the plan itself: it lies in its folder.
    pub(crate) fn inline(&self, n: usize) -> String {
        joined(&format!("\u{0}{n}"), &self.folder.join("plan").to_string_lossy())
    }
}

/// Whether a path is that of a template in the plan itself.
pub(crate) fn is_inline(path: &str) -> bool {
    path.contains('\u{0}')
}

/// The path of the file that a template names: relative to the folder of its own.
pub(crate) fn joined(name: &str, parent: &str) -> String {
    let folder = Path::new(parent).parent().unwrap_or(Path::new(""));
    let mut path = PathBuf::new();
    for part in folder.join(name).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                path.pop();
            }
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => path.push(part),
        }
    }
    path.to_string_lossy().into_owned()
}

fn read(path: &str, shown: &str, reader: Reader) -> Result<Arc<str>, Unread> {
    let unread = |reason: &dyn std::fmt::Display, missing| Unread {
        reason: format!("cannot read `{shown}`: {reason}"),
        missing,
    };
    let octets = reader(Path::new(path))
        .map_err(|error| unread(&error, error.kind() == io::ErrorKind::NotFound))?;
    match String::from_utf8(octets) {
        Ok(text) => Ok(text.into()),
        Err(_) => Err(unread(&"it is no UTF-8 text", false)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_relative_to_the_file_that_it_stands_in() {
        for (name, parent, expected) in [
            ("b.j2", "/plans/mail/a.j2", "/plans/mail/b.j2"),
            ("./parts/b.j2", "/plans/mail/a.j2", "/plans/mail/parts/b.j2"),
            ("../b.j2", "/plans/mail/a.j2", "/plans/b.j2"),
            ("../../../../b.j2", "/plans/mail/a.j2", "/b.j2"),
            ("/etc/b.j2", "/plans/mail/a.j2", "/etc/b.j2"),
        ] {
            assert_eq!(joined(name, parent), expected, "{name}");
        }
        let library = Library::reading(Path::new("/plans"), |_| Ok(Vec::new()));
        assert_eq!(joined("mail/b.j2", &library.inline(3)), "/plans/mail/b.j2");
        assert_eq!(library.shown("/plans/mail/b.j2"), "mail/b.j2");
        assert_eq!(library.shown("/etc/b.j2"), "/etc/b.j2");
    }

    #[test]
    fn a_closed_library_reads_nothing_more() {
        let library = Library::reading(Path::new("/plans"), |_| Ok(b"text".to_vec()));
        library.text("/plans/a").unwrap();

        let closed = library.closed();

        assert_eq!(closed.text("/plans/a").as_deref(), Ok("text"));
        let unread = closed.text("/plans/b").unwrap_err();
        assert_eq!(unread.reason, "`b` was not read when the plan was loaded");
    }

    #[test]
    fn what_is_no_text_is_not_taken() {
        let library = Library::reading(Path::new("/"), |_| Ok(vec![0xff]));

        assert_eq!(library.text("/a").unwrap_err().reason, "cannot read `a`: it is no UTF-8 text");
    }
}
