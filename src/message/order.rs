//! What a worker asks for (one message of one start), and what it gets (the octets of one mail).

use std::sync::{Arc, LazyLock};
use std::time::SystemTime;

use super::cast::Cast;
use super::{CorpusError, CountRange, Turns};
use crate::draw::Draw;
use crate::smtp::BodyType;

/// What tells the mails of one run apart from those of another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RunIdentity {
    /// Different for every run, also of the same plan and seed; a part of each Message-ID.
    pub id: u64,
    /// The plan's seed, which orders shuffled feeds.
    pub seed: u64,
}

/// What the numbers of messages say of their order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Numbering {
    /// They are known ahead and have no gaps, from 1: the open model. So a message takes the same
    /// row of a feed in each run, whatever else happens.
    Dense,
    /// They say nothing of how many came before: the closed model, in which messages start as
    /// others end. So a message takes the row behind the one that was taken last.
    Sparse,
}

/// One message to compose.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The position of the recipe.
    pub message: usize,
    /// The draws of the start; the same draw gives the same text, recipients and size.
    pub draw: Draw,
    /// The number of the message, unique in the run.
    pub seq: u64,
    /// What the number says of the messages before it.
    pub numbering: Numbering,
    /// What its start has taken already; none where that is left to composing it.
    pub turns: Option<&'a Turns>,
    /// The name of the client.
    pub client: &'a str,
    /// The name of the phase.
    pub phase: &'a str,
    /// The number of the session, where it is known.
    pub session: Option<u64>,
    /// The login of the session, where it has one.
    pub user: Option<&'a str>,
    /// How many recipients the client wants, in place of the message's own count.
    pub recipients: Option<CountRange>,
    /// What the server takes, as far as it is known.
    pub body: BodyType,
    /// The time for Date and `now`.
    pub now: SystemTime,
}

/// One mail, ready to be sent; its buffers are used again by the next one.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The address in MAIL FROM, without angle brackets; empty for the null sender.
    pub from: String,
    /// The addresses in RCPT TO, without angle brackets; at least one.
    pub to: Vec<String>,
    /// What goes over the wire after the 354: lines end in CRLF, are dot-stuffed, and the last
    /// is the final dot. Whoever still writes them shares them: then the next mail gets others.
    pub octets: Arc<Vec<u8>>,
    /// The size of the message for `SIZE=`: without dot-stuffing and final dot.
    pub size: u64,
    /// Whether there is an octet above 127 in the text, so that it needs 8BITMIME.
    pub eight_bit: bool,
    /// Whether an address needs SMTPUTF8.
    pub utf8: bool,
    /// The position of its class among those of its corpus.
    pub class: Option<usize>,
    /// What it was built for, if the next one may be the same but for a few fields.
    pub(super) cast: Option<Box<Cast>>,
}

impl Mail {
    /// Whether it was built as this message and may be built as its next one at less cost.
    pub fn held(&self, message: usize) -> bool {
        self.cast.as_ref().is_some_and(|cast| cast.message == message)
    }
}

impl Default for Mail {
    /// A mail that holds nothing, which is no allocation.
    fn default() -> Self {
        static NOTHING: LazyLock<Arc<Vec<u8>>> = LazyLock::new(Arc::default);
        Self {
            from: String::new(),
            to: Vec::new(),
            octets: Arc::clone(&NOTHING),
            size: 0,
            eight_bit: false,
            utf8: false,
            class: None,
            cast: None,
        }
    }
}

impl Eq for Mail {}
impl PartialEq for Mail {
    /// Whether both go over the wire as the same.
    fn eq(&self, other: &Self) -> bool {
        let flags = |mail: &Self| (mail.size, mail.eight_bit, mail.utf8);
        self.octets == other.octets
            && self.from == other.from
            && self.to == other.to
            && flags(self) == flags(other)
    }
}

/// Why a message could not be composed: a failure of the tester, not of its target.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ComposeError {
    /// The template failed with the values of this message.
    #[error("message `{message}`: {reason} in the template `{template}`")]
    Template {
        /// The name of the message.
        message: String,
        /// The file of the template and its line, or its text where it stands in the plan.
        template: String,
        /// What went wrong.
        reason: String,
    },
    /// A template for an address rendered to something else.
    #[error("message `{message}`: `{}` is no address: {reason}", value.escape_debug())]
    Address {
        /// The name of the message.
        message: String,
        /// What was rendered.
        value: String,
        /// The rule that it breaks.
        reason: AddressError,
    },
    /// A header's value holds a line break, which would begin another header.
    #[error("message `{message}`: a line break in the header `{field}`: `{}`", value.escape_debug())]
    LineBreak {
        /// The name of the message.
        message: String,
        /// The name of the header.
        field: String,
        /// What was rendered.
        value: String,
    },
    /// The mail that the message takes can't be read any more.
    #[error("message `{message}`: {reason}")]
    Corpus {
        /// The name of the message.
        message: String,
        /// Why not.
        reason: CorpusError,
    },
    /// The key does not fit together, so that it signs nothing.
    #[error("message `{message}`: it can't be signed with the key of `dkim`")]
    Signature {
        /// The name of the message.
        message: String,
    },
    /// There is no recipe at this position.
    #[error("there is no message number {0}")]
    NoSuchMessage(usize),
}

/// Why a text can't stand between the angle brackets of MAIL FROM or RCPT TO.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AddressError {
    /// A recipient needs an address.
    #[error("it is empty")]
    Empty,
    /// RFC 5321 4.5.3.1.3 allows a path of 256 octets with its angle brackets.
    #[error("it is longer than 254 octets")]
    TooLong,
    /// A list in one text, or a comment, is no address.
    #[error("it holds `,`, `;`, `(` or `)`; several recipients are a list of texts")]
    Several,
    /// It would begin another header field.
    #[error("its name holds a control character")]
    Name,
    /// It would end the address, or the command.
    #[error("it holds a space, a control character or an angle bracket")]
    Character,
}

/// Checks an address that may be the null sender.
pub(crate) fn check_sender(address: &str) -> Result<(), AddressError> {
    if address.is_empty() { Ok(()) } else { check_recipient(address) }
}

/// Checks an address that must not be empty.
pub(crate) fn check_recipient(address: &str) -> Result<(), AddressError> {
    let breaks_out = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>');
    match address.len() {
        0 => Err(AddressError::Empty),
        255.. => Err(AddressError::TooLong),
        _ if address.contains(breaks_out) => Err(AddressError::Character),
        // Inside quotation marks they may stand (RFC 5321 4.1.2).
        _ if !address.starts_with('"') && address.contains([',', ';', '(', ')']) => {
            Err(AddressError::Several)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_cannot_leave_its_brackets() {
        for (address, expected) in [
            ("a@b.test", Ok(())),
            ("postmaster", Ok(())),
            ("ü@b.test", Ok(())),
            ("a@b.test,c@d.test", Err(AddressError::Several)),
            ("\"a,b\"@c.test", Ok(())),
            ("a@[IPv6:::1]", Ok(())),
            ("", Err(AddressError::Empty)),
            ("a b@c.test", Err(AddressError::Character)),
            ("a@b.test> SIZE=1", Err(AddressError::Character)),
            ("a@b.test>", Err(AddressError::Character)),
            ("a@b.test\r\nDATA", Err(AddressError::Character)),
            ("a\u{0}@b.test", Err(AddressError::Character)),
            ("a\u{2028}@b.test", Err(AddressError::Character)),
        ] {
            assert_eq!(check_recipient(address), expected, "{address:?}");
        }
        assert_eq!(check_recipient(&"a".repeat(254)), Ok(()));
        assert_eq!(check_recipient(&"a".repeat(255)), Err(AddressError::TooLong));
    }

    #[test]
    fn the_null_sender_is_a_sender() {
        assert_eq!(check_sender(""), Ok(()));
        assert_eq!(check_sender(" "), Err(AddressError::Character));
    }
}
