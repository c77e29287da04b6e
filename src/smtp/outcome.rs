//! How a message that started came to its end, and whose doing it was.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The end of a message; each started message has exactly one.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A final 2xx with at least one recipient accepted.
    Accepted,
    /// The refusal that the plan's `expect` names.
    Expected,
    /// Not what `expect` names.
    Unexpected,
    /// A 4xx.
    Temporary,
    /// A 5xx.
    Permanent,
    /// No reply in time, before the final dot was written.
    TimedOut,
    /// The connection ended before the final dot was written.
    Disconnected,
    /// No session: refused, unreachable, or a greeting other than 220.
    Unconnected,
    /// The TLS handshake failed.
    Tls,
    /// A reply that is no legal reply, or that nothing asked for.
    Protocol,
    /// The final dot was written and no complete reply came (RFC 1047).
    Ambiguous,
    /// Cut by the plan, or by the user.
    Interrupted,
    /// The tester's own failure: ports, descriptors, a template.
    Local,
}

/// What the server said to one recipient.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RecipientEnd {
    /// A 2xx.
    Accepted,
    /// The refusal that the plan's `expect` names.
    Expected,
    /// A 4xx.
    Temporary,
    /// A 5xx, or another refusal.
    Permanent,
}

/// Whose doing an outcome is; the three are never added up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Party {
    /// The server under test.
    Target,
    /// This program, or the machine that it runs on.
    Tester,
    /// The plan asked for it.
    Plan,
}

impl Outcome {
    /// All outcomes, in the order of the results.
    pub const ALL: [Self; 13] = [
        Self::Accepted,
        Self::Expected,
        Self::Unexpected,
        Self::Temporary,
        Self::Permanent,
        Self::TimedOut,
        Self::Disconnected,
        Self::Unconnected,
        Self::Tls,
        Self::Protocol,
        Self::Ambiguous,
        Self::Interrupted,
        Self::Local,
    ];

    /// The name in the results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Expected => "expected",
            Self::Unexpected => "unexpected",
            Self::Temporary => "temporary",
            Self::Permanent => "permanent",
            Self::TimedOut => "timed_out",
            Self::Disconnected => "disconnected",
            Self::Unconnected => "unconnected",
            Self::Tls => "tls",
            Self::Protocol => "protocol",
            Self::Ambiguous => "ambiguous",
            Self::Interrupted => "interrupted",
            Self::Local => "local",
        }
    }

    /// The position in [`Outcome::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Whose doing it is.
    pub const fn party(self) -> Party {
        match self {
            Self::Accepted
            | Self::Unexpected
            | Self::Temporary
            | Self::Permanent
            | Self::TimedOut
            | Self::Disconnected
            | Self::Unconnected
            | Self::Tls
            | Self::Protocol
            | Self::Ambiguous => Party::Target,
            Self::Expected | Self::Interrupted => Party::Plan,
            Self::Local => Party::Tester,
        }
    }

    /// Whether it counts as an error of the target.
    pub const fn is_error(self) -> bool {
        !matches!(self, Self::Accepted | Self::Expected | Self::Interrupted | Self::Local)
    }

    /// Whether the end came without an answer, so that the latency is only known to be at least
    /// the message's age.
    pub const fn is_censored(self) -> bool {
        matches!(self, Self::TimedOut | Self::Ambiguous)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_stands_at_its_index() {
        for (index, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome.index(), index);
        }
    }

    #[test]
    fn only_the_target_makes_errors() {
        for outcome in Outcome::ALL.into_iter().filter(|outcome| outcome.is_error()) {
            assert_eq!(outcome.party(), Party::Target, "{outcome}");
        }
    }
}
