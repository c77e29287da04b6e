//! What a message is made of, as the plan says it: templates that are rendered for each message.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::attachment::Attachment;
use super::{CorpusSpec, Dkim, Library, Table, Template};
use crate::smtp::Expectations;

/// One kind of message.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// The name in the plan.
    pub name: String,
    /// The template of the sender: an address, or a name with one in angle brackets; may render
    /// to nothing, the null sender.
    pub from: String,
    /// Those whom the message is for. The envelope has those of `to`, `cc` and `bcc`, in this
    /// order.
    pub to: Recipients,
    /// Those whom a copy is for.
    pub cc: Option<Recipients>,
    /// Those whom a copy is for that no header tells of.
    pub bcc: Option<Recipients>,
    /// How the text is made.
    pub form: Form,
    /// The size to pad the whole message up to; none leaves it as it is.
    pub size: Option<SizeSpec>,
    /// What results are told apart by: the class of its mails, or those of its corpus in their
    /// order; none: it has no class.
    pub classes: Vec<ClassId>,
    /// Whether header fields tell the mail apart from all others.
    pub trace: Trace,
    /// How each mail is signed.
    pub dkim: Option<Dkim>,
    /// The replies that must come for this message.
    pub expect: Expectations,
    /// The template files; all recipes of a plan share one library.
    pub library: Arc<Library>,
}

/// The position of a class among all of a plan's.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct ClassId(pub u16);

/// Whether a mail says of which run, message, phase and client it is (`X-Mailquake-*`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Trace {
    /// It says so.
    #[default]
    Shown,
    /// It is as the plan has it.
    Left,
}

/// How the text of a message is made.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// Correct MIME with Date and Message-ID, made from parts.
    Composed(Parts),
    /// The template of a whole RFC 5322 message.
    Raw {
        /// The template.
        text: Template,
    },
    /// The mails of a corpus.
    Corpus(CorpusSpec),
}

/// What a message is composed from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parts {
    /// The template of the Subject.
    pub subject: String,
    /// Further header fields: name, template of the value.
    pub headers: Vec<(String, String)>,
    /// The template of the plain text; none only beside `html`.
    pub text: Option<Template>,
    /// The template of the HTML text, an alternative to the plain one.
    pub html: Option<Template>,
    /// What goes along with it.
    pub attachments: Vec<Attachment>,
}

/// The recipients of one message.
#[derive(Clone, Debug, PartialEq)]
pub enum Recipients {
    /// Each of these templates once: an address, or a name with one in angle brackets.
    Each(Vec<String>),
    /// One template, rendered anew for each of a number of recipients.
    Repeated {
        /// The template of one address.
        address: String,
        /// How many.
        count: CountRange,
    },
}

/// A whole number, drawn evenly from `min..=max`; `1 <= min <= max`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CountRange {
    /// The least.
    pub min: u32,
    /// The most.
    pub max: u32,
}

impl CountRange {
    /// Always the same number.
    pub const fn exactly(count: u32) -> Self {
        Self { min: count, max: count }
    }
}

/// The size of a message in octets as it is sent, without the final dot.
#[derive(Clone, Debug, PartialEq)]
pub enum SizeSpec {
    /// Always the same.
    Fixed(u64),
    /// Even between the two.
    Uniform {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// Log-normal through two percentiles; `0 < p50 <= p99`.
    LogNormal {
        /// The median.
        p50: u64,
        /// The 99th percentile.
        p99: u64,
    },
    /// As often as counted up to each size, in rising order; even inside a step, which begins
    /// behind the size before it. The counts are finite, zero or more, and not all zero.
    Histogram(Arc<[(u64, f64)]>),
}

/// Rows of data that templates read as `feed.NAME.FIELD`.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedSpec {
    /// The name in the plan.
    pub name: String,
    /// The rows, at least one.
    pub rows: Table,
    /// In which order the messages use them.
    pub order: FeedOrder,
    /// What follows the last of them.
    pub when_exhausted: WhenExhausted,
}

/// What happens when each row of a feed was used.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum WhenExhausted {
    /// They are used again.
    #[default]
    Wrap,
    /// Nothing starts any more; not with a random order, which uses up no row.
    Stop,
}

/// In which order messages use the rows of a feed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum FeedOrder {
    /// One after another, and again from the first.
    #[default]
    Sequential,
    /// Each row once in a block as long as the feed, in an order drawn from the seed.
    Shuffled,
    /// A row drawn for each message.
    Random,
}
