//! The replies to the end of a text: one in SMTP, one for each accepted recipient in LMTP
//! (RFC 2033 4.2).
//!
//! In LMTP a message is accepted with its first 2xx, and that stands whatever becomes of the
//! replies behind it; where none comes, the first refusal decides. A recipient counts by its own
//! reply there, not by the one to RCPT.

use super::transaction::Decision;

/// What a server speaks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Protocol {
    /// SMTP (RFC 5321).
    #[default]
    Smtp,
    /// LMTP (RFC 2033): LHLO, and a reply for each accepted recipient.
    Lmtp,
}

impl Protocol {
    /// The command that opens a session, with its space.
    pub(super) const fn hello(self) -> &'static [u8] {
        match self {
            Self::Smtp => b"EHLO ",
            Self::Lmtp => b"LHLO ",
        }
    }
}

/// What the recipients' own replies have said so far.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    /// The first reply that accepted.
    pub(super) accepted: Option<Decision>,
    /// The first that refused.
    pub(super) refused: Option<Decision>,
    /// Whether it is known how many replies there will be.
    pub(super) counted: bool,
}
