//! How a client behaves on the wire.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;
use std::time::Duration;

/// How commands are grouped into one write (RFC 2920).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Pipelining {
    /// Lock-step: one command, one reply; four round trips for a message with one recipient.
    Never,
    /// MAIL, RCPT and DATA in one group where the server offers it: two round trips.
    #[default]
    Auto,
    /// The next message's group also rides behind the text of the last (RFC 2920 3.1): one.
    Full,
    /// Groups even where they are not offered.
    Always,
}

/// How a slow client holds back what it sends.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Pace {
    /// The pause before each command, or before each group of commands.
    pub before_command: Duration,
    /// How many octets of a text go out in each second; none: as fast as they are taken.
    pub data: Option<NonZeroU64>,
    /// How many octets go into one write.
    pub writes: Writes,
}

/// How many octets go into one write.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Writes {
    /// All that may be sent.
    #[default]
    Together,
    /// One.
    EachOctet,
}

/// How a session is ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Ending {
    /// QUIT, and close after its reply.
    #[default]
    Quit,
    /// Close without a word (FIN).
    Close,
    /// Reset the connection (RST).
    Reset,
}

/// The name that a client gives of itself: a domain or an address literal (RFC 5321 4.1.1.1),
/// 1 to 255 printable ASCII characters without a space.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EhloName(String);

/// Why a text is no EHLO name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an EHLO name has 1 to 255 printable ASCII characters and no space")]
pub struct EhloNameError;

impl EhloName {
    /// The name as it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for EhloName {
    fn default() -> Self {
        Self("localhost".to_owned())
    }
}

impl FromStr for EhloName {
    type Err = EhloNameError;

    fn from_str(text: &str) -> Result<Self, EhloNameError> {
        let fits =
            (1..=255).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_graphic());
        fits.then(|| Self(text.to_owned())).ok_or(EhloNameError)
    }
}

impl fmt::Display for EhloName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
