//! A corpus → where each mail stands, how long it is and of which class, in little memory.
//!
//! The paths of all files stand in one row of octets, relative to the corpus; an entry says where
//! its own begins. In an mbox it says where the mail begins.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::spec::LARGEST_MAIL;
use super::walk::mails;
use super::{CorpusError, CorpusFormat, CorpusSpec, mbox};

/// Octets that are read of an mbox at a time.
const READ: usize = 256 * 1024;
/// The class of a mail without one.
const NO_CLASS: u16 = u16::MAX;

/// All mails of a corpus, at least one.
#[derive(Debug)]
pub(super) struct Index {
    entries: Vec<Entry>,
    /// The paths, one behind the other; empty for an mbox.
    paths: Vec<u8>,
    octets: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    place: u64,
    length: u32,
    class: u16,
}

/// Where a mail stands.
#[derive(Debug, PartialEq)]
pub(super) enum Place<'a> {
    /// In a file of its own, at a path relative to the corpus.
    File(&'a Path),
    /// In the mbox at these octets.
    Within { offset: u64, length: usize },
}

impl Index {
    /// Looks at all mails of a corpus. Of an mbox that means to read it once.
    pub(super) fn of(spec: &CorpusSpec) -> Result<Self, CorpusError> {
        let mut index = Self { entries: Vec::new(), paths: Vec::new(), octets: 0 };
        match spec.format {
            CorpusFormat::Mbox => index.add_mbox(&spec.path)?,
            CorpusFormat::Eml | CorpusFormat::Maildir => index.add_files(spec)?,
        }
        if index.entries.is_empty() {
            return Err(CorpusError::NoMail(spec.path.display().to_string()));
        }
        index.entries.shrink_to_fit();
        index.paths.shrink_to_fit();
        Ok(index)
    }

    fn add_files(&mut self, spec: &CorpusSpec) -> Result<(), CorpusError> {
        for found in mails(&spec.path, spec.format, spec.classes_by) {
            let found = found?;
            let class = found.class.as_deref().and_then(|name| {
                let position = spec.classes.iter().position(|class| class.name == name)?;
                u16::try_from(position).ok()
            });
            let length = length(found.length()?, found.path())?;
            let path = found.path().strip_prefix(&spec.path).unwrap_or(found.path());
            self.add(self.paths.len() as u64, length, class.unwrap_or(NO_CLASS));
            self.paths.extend_from_slice(path.as_os_str().as_bytes());
        }
        Ok(())
    }

    fn add_mbox(&mut self, path: &Path) -> Result<(), CorpusError> {
        let unreadable = |error: &io::Error| CorpusError::of(path, error);
        let file = File::open(path).map_err(|error| unreadable(&error))?;
        let scanned = mbox::scan(BufReader::with_capacity(READ, file), |place| {
            let length = length(place.end - place.start, path)?;
            self.add(place.start, length, NO_CLASS);
            Ok(())
        });
        scanned.map_err(|stop| match stop {
            Stop::System(error) => unreadable(&error),
            Stop::Corpus(error) => error,
        })
    }

    fn add(&mut self, place: u64, length: u32, class: u16) {
        self.entries.push(Entry { place, length, class });
        self.octets += u64::from(length);
    }

    /// How many mails there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How long all mails are together, in octets.
    pub(super) fn octets(&self) -> u64 {
        self.octets
    }

    /// Where the n-th mail stands.
    pub(super) fn place(&self, n: usize, format: CorpusFormat) -> Option<Place<'_>> {
        let entry = self.entries.get(n)?;
        Some(match format {
            CorpusFormat::Mbox => {
                Place::Within { offset: entry.place, length: usize::try_from(entry.length).ok()? }
            }
            CorpusFormat::Eml | CorpusFormat::Maildir => {
                let end =
                    self.entries.get(n + 1).map_or(self.paths.len() as u64, |next| next.place);
                let range = usize::try_from(entry.place).ok()?..usize::try_from(end).ok()?;
                Place::File(Path::new(OsStr::from_bytes(self.paths.get(range)?)))
            }
        })
    }

    /// The position of the n-th mail's class.
    pub(super) fn class(&self, n: usize) -> Option<usize> {
        self.entries
            .get(n)
            .map(|entry| entry.class)
            .filter(|class| *class != NO_CLASS)
            .map(usize::from)
    }
}

/// Why the scan of an mbox stopped.
enum Stop {
    System(io::Error),
    Corpus(CorpusError),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl From<CorpusError> for Stop {
    fn from(error: CorpusError) -> Self {
        Self::Corpus(error)
    }
}

fn length(octets: u64, path: &Path) -> Result<u32, CorpusError> {
    match u32::try_from(octets) {
        Ok(length) if octets <= LARGEST_MAIL => Ok(length),
        Ok(_) | Err(_) => Err(CorpusError::TooLarge(path.display().to_string())),
    }
}
