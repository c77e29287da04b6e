//! A folder of mails, a Maildir or an mbox → one of its mails for each message.
//!
//! When a plan is loaded a corpus is only looked at ([`survey_corpus`]): what it is, which classes
//! it has, whether there is a mail in it. When a composer is made it is indexed: where each mail
//! stands and how long it is, some tens of octets for each. What is small is then read as a whole;
//! of what is large a mail is read when its turn comes, into a cache with a limit. So ten gigabytes
//! need no more memory than their index.

mod envelope;
mod error;
mod index;
mod letter;
mod library;
mod mbox;
mod spec;
mod survey;
mod walk;

pub use error::CorpusError;
pub use spec::{ClassesBy, CorpusClass, CorpusEnvelope, CorpusFormat, CorpusSpec};
pub use survey::{CorpusSurvey, survey_corpus};

pub(super) use letter::{Letter, Part};
pub(super) use library::{Corpus, KEPT, open_all};

#[cfg(test)]
mod tests;
