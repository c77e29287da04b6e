//! Why a corpus, or one mail of it, can't be used.

use std::io;
use std::path::Path;

/// Why a corpus can't be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CorpusError {
    /// The system does not let it be read.
    #[error("cannot read `{path}`: {reason}")]
    Unreadable {
        /// What could not be read.
        path: String,
        /// The system's words.
        reason: String,
    },
    /// A folder was asked for.
    #[error("`{0}` is no folder")]
    NoFolder(String),
    /// A file was asked for.
    #[error("`{0}` is no file")]
    NoFile(String),
    /// It does not begin as an mbox does.
    #[error("`{0}` is no mbox: it does not begin with `From `")]
    NoMbox(String),
    /// No mail was found.
    #[error("there is no mail in `{0}`")]
    NoMail(String),
    /// A mail is larger than [`super::spec::LARGEST_MAIL`].
    #[error("a mail in `{0}` is larger than 1 GiB")]
    TooLarge(String),
    /// Names that differ from mail to mail are no classes.
    #[error("`{0}` has more than 100 classes")]
    TooManyClasses(String),
    /// All mails of an mbox stand in one file.
    #[error("the mails of the mbox `{0}` have no file names to tell classes by")]
    NoNames(String),
}

impl CorpusError {
    /// What the system says of a path.
    pub(super) fn of(path: &Path, error: &io::Error) -> Self {
        Self::Unreadable { path: path.display().to_string(), reason: error.to_string() }
    }

    /// What would be right.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::NoMbox(_) => Some("name the folder of `.eml` files, a Maildir or an mbox"),
            Self::NoMail(_) => {
                Some("mails are files that end in `.eml`, or stand in `cur` and `new` of a Maildir")
            }
            Self::NoNames(_) => Some("write `class = \"NAME\"` for all of them"),
            Self::TooManyClasses(_) => Some("write `classes = \"none\"`"),
            Self::Unreadable { .. } | Self::NoFolder(_) | Self::NoFile(_) | Self::TooLarge(_) => {
                None
            }
        }
    }
}
