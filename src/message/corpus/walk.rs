//! A folder → the files that are mails, in an order that is always the same, each with its class.

use std::ffi::OsStr;
use std::path::{Component, Path};

use walkdir::{DirEntry, WalkDir};

use super::{ClassesBy, CorpusError, CorpusFormat};

/// The folders of a Maildir that hold its mails.
pub(super) const MAIL_FOLDERS: [&str; 2] = ["cur", "new"];

/// A file that is a mail.
pub(super) struct Found {
    entry: DirEntry,
    pub(super) class: Option<String>,
}

impl Found {
    /// Its whole path.
    pub(super) fn path(&self) -> &Path {
        self.entry.path()
    }

    /// Its length in octets.
    pub(super) fn length(&self) -> Result<u64, CorpusError> {
        let metadata =
            self.entry.metadata().map_err(|error| CorpusError::of(self.path(), &error.into()))?;
        Ok(metadata.len())
    }
}

/// The mails below a folder; names alone are looked at.
pub(super) fn mails(
    root: &Path,
    format: CorpusFormat,
    by: ClassesBy,
) -> impl Iterator<Item = Result<Found, CorpusError>> {
    let walk = WalkDir::new(root).min_depth(1).follow_links(true).sort_by_file_name();
    let walk = walk.into_iter().filter_entry(move |entry| is_entered(entry, format));
    let root = root.to_owned();
    walk.filter_map(move |entry| {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let path = error.path().unwrap_or(&root).to_owned();
                return Some(Err(CorpusError::of(&path, &error.into())));
            }
        };
        is_mail(&entry, format).then(|| {
            let class = class_of(&entry, &root, format, by);
            Ok(Found { entry, class })
        })
    })
}

/// What begins with a dot is hidden, but for a Maildir's folders; what lies in `tmp` is not yet
/// delivered.
fn is_entered(entry: &DirEntry, format: CorpusFormat) -> bool {
    let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
    match format {
        CorpusFormat::Maildir if entry.file_type().is_dir() => entry.file_name() != "tmp",
        CorpusFormat::Maildir | CorpusFormat::Eml | CorpusFormat::Mbox => !is_hidden,
    }
}

fn is_mail(entry: &DirEntry, format: CorpusFormat) -> bool {
    let path = entry.path();
    let is_named = match format {
        CorpusFormat::Eml => path.extension().is_some_and(|end| end.eq_ignore_ascii_case("eml")),
        CorpusFormat::Maildir => {
            let folder = path.parent().and_then(Path::file_name);
            folder.is_some_and(|folder| MAIL_FOLDERS.iter().any(|name| folder == *name))
        }
        CorpusFormat::Mbox => false,
    };
    is_named && entry.file_type().is_file()
}

fn class_of(entry: &DirEntry, root: &Path, format: CorpusFormat, by: ClassesBy) -> Option<String> {
    match by {
        ClassesBy::Nothing => None,
        ClassesBy::Prefix => prefix(entry.file_name()),
        ClassesBy::Folder => {
            let inner = entry.path().strip_prefix(root).ok()?.parent()?;
            let Component::Normal(first) = inner.components().next()? else { return None };
            folder(&first.to_string_lossy(), format)
        }
    }
}

/// The letters that a name begins with.
fn prefix(name: &OsStr) -> Option<String> {
    let name = name.to_string_lossy();
    let letters: String = name.chars().take_while(char::is_ascii_alphabetic).collect();
    (!letters.is_empty()).then_some(letters)
}

/// The class of a first sub-folder. Maildir++ writes `.A.B` for the folder B in A.
fn folder(name: &str, format: CorpusFormat) -> Option<String> {
    match format {
        CorpusFormat::Maildir if MAIL_FOLDERS.contains(&name) => None,
        CorpusFormat::Maildir => {
            let first = name.strip_prefix('.').map(|names| names.split('.').next());
            Some(first.flatten().unwrap_or(name).to_owned())
        }
        CorpusFormat::Eml | CorpusFormat::Mbox => Some(name.to_owned()),
    }
}
