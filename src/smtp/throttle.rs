//! The signs by which a server says that it takes no more for now.

use serde::{Deserialize, Serialize};
use std::fmt;

use super::{Class, Code, Step};

/// A sign of throttling. It says what the server did, not why: one 451 in a million is one too.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Throttle {
    /// A reply that puts off: see [`Throttle::of_reply`].
    Reply(Code),
    /// A connection that was refused or reset, or closed before its greeting.
    Refused,
    /// A session that was closed between messages, before the client had sent all it meant to.
    Closed,
}

impl Throttle {
    /// Whether a reply is one: a 421 anywhere (RFC 5321 3.8), a 450, 451 or 452 to what a message
    /// consists of (4.2.2), and any 4xx as the greeting.
    pub fn of_reply(step: Step, code: Code) -> Option<Self> {
        let puts_off = match step {
            Step::Greeting => code.class() == Class::Temporary,
            Step::Mail | Step::Rcpt | Step::Data | Step::EndOfData | Step::Bdat => {
                matches!(code.number(), 450..=452)
            }
            Step::Connect
            | Step::Ehlo
            | Step::Starttls
            | Step::Tls
            | Step::TlsResumed
            | Step::Xclient
            | Step::Auth
            | Step::Rset
            | Step::Quit => false,
        };
        (puts_off || code == Code::CLOSING).then_some(Self::Reply(code))
    }

    /// Whether the session is over with it.
    pub fn ends_session(self) -> bool {
        match self {
            Self::Reply(code) => code == Code::CLOSING,
            Self::Refused | Self::Closed => true,
        }
    }
}

impl fmt::Display for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply(code) => code.fmt(f),
            Self::Refused => f.write_str("refused"),
            Self::Closed => f.write_str("closed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_421_is_a_sign_anywhere_and_other_codes_only_where_they_put_off() {
        let table = [
            (421, Step::Quit, true),
            (421, Step::Ehlo, true),
            (450, Step::Rcpt, true),
            (451, Step::EndOfData, true),
            (452, Step::Mail, true),
            (450, Step::Greeting, true),
            (454, Step::Starttls, false),
            (451, Step::Rset, false),
            (455, Step::Mail, false),
            (550, Step::Rcpt, false),
            (250, Step::Mail, false),
        ];
        for (number, step, sign) in table {
            let code = Code::new(number).unwrap();
            let expected = sign.then_some(Throttle::Reply(code));
            assert_eq!(Throttle::of_reply(step, code), expected, "{number} to {step}");
        }
    }
}
