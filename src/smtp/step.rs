//! The steps of a session: one command and its reply each.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One command and its reply, timed and counted by itself.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The transport's connection.
    Connect,
    /// The 220 banner (RFC 5321 3.1).
    Greeting,
    /// EHLO, or HELO where EHLO is refused.
    Ehlo,
    /// The STARTTLS command (RFC 3207).
    Starttls,
    /// A full TLS handshake.
    Tls,
    /// A resumed TLS handshake.
    TlsResumed,
    /// The XCLIENT command, which says whom the client stands for.
    Xclient,
    /// AUTH with all its rounds (RFC 4954).
    Auth,
    /// MAIL FROM.
    Mail,
    /// One RCPT TO.
    Rcpt,
    /// DATA up to its 354.
    Data,
    /// The text up to the reply to the final dot.
    EndOfData,
    /// One BDAT chunk (RFC 3030).
    Bdat,
    /// RSET.
    Rset,
    /// QUIT.
    Quit,
}

impl Step {
    /// All steps in the order of a session.
    pub const ALL: [Self; 15] = [
        Self::Connect,
        Self::Greeting,
        Self::Ehlo,
        Self::Starttls,
        Self::Tls,
        Self::TlsResumed,
        Self::Xclient,
        Self::Auth,
        Self::Mail,
        Self::Rcpt,
        Self::Data,
        Self::EndOfData,
        Self::Bdat,
        Self::Rset,
        Self::Quit,
    ];

    /// The name in plans and results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Greeting => "greeting",
            Self::Ehlo => "ehlo",
            Self::Starttls => "starttls",
            Self::Tls => "tls",
            Self::TlsResumed => "tls_resumed",
            Self::Xclient => "xclient",
            Self::Auth => "auth",
            Self::Mail => "mail",
            Self::Rcpt => "rcpt",
            Self::Data => "data",
            Self::EndOfData => "end_of_data",
            Self::Bdat => "bdat",
            Self::Rset => "rset",
            Self::Quit => "quit",
        }
    }

    /// The position in [`Step::ALL`], for tables with a place for each step.
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no step's.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a step")]
pub struct UnknownStep;

impl FromStr for Step {
    type Err = UnknownStep;

    fn from_str(text: &str) -> Result<Self, UnknownStep> {
        Self::ALL.into_iter().find(|step| step.name() == text).ok_or(UnknownStep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_stands_at_its_index_and_reads_back() {
        for (index, step) in Step::ALL.into_iter().enumerate() {
            assert_eq!(step.index(), index);
            assert_eq!(step.name().parse(), Ok(step));
        }
    }
}
