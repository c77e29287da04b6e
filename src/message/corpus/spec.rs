//! A corpus as the plan says it.

use std::path::PathBuf;

use super::super::FeedOrder;
use crate::smtp::Expectations;

/// The largest mail of a corpus, in octets.
pub(super) const LARGEST_MAIL: u64 = 1 << 30;

/// Mails that messages are taken from.
#[derive(Clone, Debug, PartialEq)]
pub struct CorpusSpec {
    /// Where it is.
    pub path: PathBuf,
    /// What it is.
    pub format: CorpusFormat,
    /// What the class of a mail is told by.
    pub classes_by: ClassesBy,
    /// The classes that were found when the plan was loaded, and what is expected of each.
    pub classes: Vec<CorpusClass>,
    /// Which mail a message takes.
    pub order: FeedOrder,
    /// Whether each message gets a Date and a Message-ID of its own in place of the mail's.
    pub rewrite: bool,
    /// Whom it goes to.
    pub envelope: CorpusEnvelope,
}

/// A class of mails.
#[derive(Clone, Debug, PartialEq)]
pub struct CorpusClass {
    /// Its name.
    pub name: String,
    /// The replies that must come; they go before those of message and client.
    pub expect: Expectations,
}

/// How a corpus is kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CorpusFormat {
    /// A folder with files that end in `.eml`, in sub-folders too.
    Eml,
    /// A Maildir: the files in `cur` and `new`, and those of its sub-folders.
    Maildir,
    /// One file with all mails.
    Mbox,
}

/// What the class of a mail is told by.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ClassesBy {
    /// The first sub-folder; mails that stand in none have no class.
    Folder,
    /// The letters that the file's name begins with; a name that begins otherwise has no class.
    Prefix,
    /// There are none.
    Nothing,
}

/// Where sender and recipients come from.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum CorpusEnvelope {
    /// From the plan.
    #[default]
    Plan,
    /// From the mail's header, and where that names none, from the plan.
    Mail,
}
