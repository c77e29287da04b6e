//! The reply to EHLO → what the server offers (RFC 5321 4.1.1.1).

use super::xclient::Attributes;
use super::{Mechanism, Mechanisms, Reply, Xclient};

/// An extension that the dialog makes use of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Keyword {
    /// Groups of commands (RFC 2920).
    Pipelining = 1,
    /// Text with the eighth bit set (RFC 6152).
    EightBitMime = 2,
    /// Addresses beyond ASCII (RFC 6531).
    SmtpUtf8 = 4,
    /// The SIZE parameter of MAIL (RFC 1870).
    Size = 8,
    /// Text by BDAT (RFC 3030).
    Chunking = 16,
    /// Parameters for delivery status notifications (RFC 3461).
    Dsn = 32,
    /// TLS on the same connection (RFC 3207).
    Starttls = 64,
}

/// What a server takes for the body of a mail, named as in `BODY=` (RFC 6152).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum BodyType {
    /// Octets up to 127 alone: texts beyond ASCII are encoded. Every server takes it.
    #[default]
    SevenBit,
    /// All octets, in lines.
    EightBitMime,
}

/// What a server offers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Capabilities {
    keywords: u8,
    xclient: Attributes,
    auth: Mechanisms,
}

impl Capabilities {
    /// What a reply to EHLO offers; its first line is the server's greeting.
    pub fn of(reply: &Reply<'_>) -> Self {
        let mut offered = Self::default();
        for line in reply.lines().skip(1) {
            let mut words = line.split(|octet| *octet == b' ');
            match words.next() {
                Some(word) if word.eq_ignore_ascii_case(b"XCLIENT") => {
                    offered.xclient = Attributes::of(words);
                }
                Some(word) if word.eq_ignore_ascii_case(b"AUTH") => {
                    offered.auth = offered.auth.or(Mechanisms::of(words));
                }
                Some(word) => offered.keywords |= keyword(word).map_or(0, |keyword| keyword as u8),
                None => {}
            }
        }
        offered
    }

    /// Whether an extension is offered.
    pub const fn offers(self, keyword: Keyword) -> bool {
        self.keywords & keyword as u8 != 0
    }

    /// What may be sent as the body of a mail.
    pub const fn body(self) -> BodyType {
        if self.offers(Keyword::EightBitMime) { BodyType::EightBitMime } else { BodyType::SevenBit }
    }

    /// Whether a session can log in in this way.
    pub const fn authenticates(self, mechanism: Mechanism) -> bool {
        self.auth.hold(mechanism)
    }

    /// Whether all that a client says of whom it stands for can be said.
    pub(super) fn takes(self, xclient: &Xclient) -> bool {
        self.xclient.holds(xclient.attributes())
    }
}

fn keyword(word: &[u8]) -> Option<Keyword> {
    let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
    if is(b"PIPELINING") {
        Some(Keyword::Pipelining)
    } else if is(b"8BITMIME") {
        Some(Keyword::EightBitMime)
    } else if is(b"SMTPUTF8") {
        Some(Keyword::SmtpUtf8)
    } else if is(b"SIZE") {
        Some(Keyword::Size)
    } else if is(b"STARTTLS") {
        Some(Keyword::Starttls)
    } else if is(b"CHUNKING") {
        Some(Keyword::Chunking)
    } else if is(b"DSN") {
        Some(Keyword::Dsn)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_read_in_any_case_and_unknown_ones_are_passed_over() {
        let octets =
            b"250-pipelining.example greets\r\n250-Size 1000\r\n250-X-FOO\r\n250 8bitmime\r\n";
        let (reply, _) = Reply::parse(octets).unwrap().unwrap();

        let offered = Capabilities::of(&reply);

        assert!(offered.offers(Keyword::Size));
        assert!(offered.offers(Keyword::EightBitMime));
        assert!(!offered.offers(Keyword::Pipelining));
        assert!(!offered.offers(Keyword::SmtpUtf8));
    }
}
