//! A path → what corpus it is and which classes it has, by names alone.
//!
//! This is done each time that a plan is loaded, so no mail is read and none is measured.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use super::walk::{MAIL_FOLDERS, mails};
use super::{ClassesBy, CorpusError, CorpusFormat};

/// Beyond so many classes names are no classes.
const MOST_CLASSES: usize = 100;

/// What was found out about a corpus.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CorpusSurvey {
    /// What it is.
    pub format: CorpusFormat,
    /// The names of its classes, in order. They may break the rules for names of a plan.
    pub classes: Vec<String>,
}

/// Looks at a corpus; without a format it is found out: a file is an mbox, a folder with `cur` or
/// `new` in it or in a sub-folder is a Maildir, and any other folder holds `.eml` files.
///
/// # Errors
/// It is not there, is something else than the format says, or has no mail or too many classes.
pub fn survey_corpus(
    path: &Path,
    format: Option<CorpusFormat>,
    by: ClassesBy,
) -> Result<CorpusSurvey, CorpusError> {
    let shown = || path.display().to_string();
    let metadata = fs::metadata(path).map_err(|error| CorpusError::of(path, &error))?;
    let format = match format {
        Some(format) => format,
        None if metadata.is_dir() => format_of_folder(path)?,
        None => CorpusFormat::Mbox,
    };
    match format {
        CorpusFormat::Mbox if !metadata.is_file() => Err(CorpusError::NoFile(shown())),
        CorpusFormat::Mbox if by == ClassesBy::Prefix => Err(CorpusError::NoNames(shown())),
        CorpusFormat::Mbox => begins_an_mbox(path, metadata.len())
            .map(|()| CorpusSurvey { format, classes: Vec::new() }),
        CorpusFormat::Eml | CorpusFormat::Maildir if !metadata.is_dir() => {
            Err(CorpusError::NoFolder(shown()))
        }
        CorpusFormat::Eml | CorpusFormat::Maildir => {
            classes(path, format, by).map(|classes| CorpusSurvey { format, classes })
        }
    }
}

fn format_of_folder(path: &Path) -> Result<CorpusFormat, CorpusError> {
    let is_maildir = |folder: &Path| MAIL_FOLDERS.iter().any(|name| folder.join(name).is_dir());
    let mut entries = fs::read_dir(path).map_err(|error| CorpusError::of(path, &error))?;
    let in_folder = |entry: std::io::Result<fs::DirEntry>| {
        entry.is_ok_and(|entry| {
            entry.file_type().is_ok_and(|kind| !kind.is_file()) && is_maildir(&entry.path())
        })
    };
    let found = is_maildir(path) || entries.any(in_folder);
    Ok(if found { CorpusFormat::Maildir } else { CorpusFormat::Eml })
}

fn begins_an_mbox(path: &Path, length: u64) -> Result<(), CorpusError> {
    let shown = || path.display().to_string();
    let mut begin = Vec::new();
    let file = File::open(path).map_err(|error| CorpusError::of(path, &error))?;
    file.take(5).read_to_end(&mut begin).map_err(|error| CorpusError::of(path, &error))?;
    match &*begin {
        b"From " => Ok(()),
        _ if length == 0 => Err(CorpusError::NoMail(shown())),
        _ => Err(CorpusError::NoMbox(shown())),
    }
}

/// The names of all classes; where there are none to be found, the first mail is enough.
fn classes(path: &Path, format: CorpusFormat, by: ClassesBy) -> Result<Vec<String>, CorpusError> {
    let mut names = BTreeSet::new();
    let mut is_empty = true;
    for found in mails(path, format, by) {
        is_empty = false;
        names.extend(found?.class);
        if names.len() > MOST_CLASSES {
            return Err(CorpusError::TooManyClasses(path.display().to_string()));
        }
        if by == ClassesBy::Nothing {
            break;
        }
    }
    if is_empty {
        return Err(CorpusError::NoMail(path.display().to_string()));
    }
    Ok(names.into_iter().collect())
}
