//! What a dialog is told, what it has done next, and what it reports.

use std::time::Duration;

use super::{Code, Enhanced, Handshake, Outcome, RecipientEnd, Reply, Step, Throttle};

/// What happened on the wire.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// The connection stands.
    Opened,
    /// The TLS handshake asked for by [`Act::StartTls`] is done.
    TlsReady(Handshake),
    /// TLS failed: the handshake, or what the server only said of it afterwards, as TLS 1.3 lets
    /// it judge the client's certificate.
    TlsFailed,
    /// A complete reply came.
    Reply(Reply<'a>),
    /// What came is no reply.
    Illegal,
    /// All octets were given to the kernel.
    Flushed,
    /// The connection ended, orderly or by a reset.
    Eof,
    /// The time for the awaited reply is over.
    Deadline,
    /// The plan ends the session while it is still sending at its own pace.
    Cut,
}

/// What the transport does next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Act {
    /// Writes what is in `out`, if anything, and reads.
    Flush,
    /// Appends the text of the oldest message to `out`, then perhaps the next message's commands
    /// ([`Dialog::may_ride`]), writes all of it, and reads.
    Text,
    /// Makes a TLS handshake, reading nothing else meanwhile. Octets that were read behind the
    /// last reply came in clear: there must be none.
    StartTls,
    /// Appends the text of the newest message to `out` as a chunk, without dot-stuffing and final
    /// dot, and reads. Further messages may follow ([`Dialog::has_room`]).
    Chunk,
    /// Closes the connection.
    Close,
    /// Resets the connection.
    Reset,
}

/// What the recorder is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// A reply came to a command.
    Replied {
        /// Which.
        step: Step,
        /// With what.
        code: Code,
        /// Whether it went as it should.
        passed: bool,
        /// From the command's last octet, or the reply before, to this reply.
        took: Duration,
    },
    /// A command that was sent will get no reply any more.
    Unanswered {
        /// Which.
        step: Step,
        /// How long it was waited for, where that was given up for its length.
        gave_up_after: Option<Duration>,
    },
    /// The TLS handshake is done.
    Secured {
        /// Whether it was a full or a resumed one.
        step: Step,
        /// How long it took.
        took: Duration,
    },
    /// AUTH was answered.
    LoggedIn(LoginEnd),
    /// Why the message in progress is about to end, where no reply tells.
    Lacking(&'static str),
    /// The session is ready for MAIL for the first time.
    Ready,
    /// A recipient was answered.
    Recipient(RecipientEnd),
    /// The reply at hand is an example of an error.
    Refused {
        /// What it means for the message.
        outcome: Outcome,
        /// Where.
        step: Step,
        /// The code, where it is a legal reply.
        code: Option<Code>,
    },
    /// The server says that it takes no more for now, and no `expect` names that.
    Throttled {
        /// By what.
        sign: Throttle,
        /// Where; none: between messages.
        step: Option<Step>,
    },
    /// The oldest message, or the attempt to open the session for it, came to its end.
    Ended(End),
}

/// How a login ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LoginEnd {
    /// The server let the session in.
    Accepted,
    /// It did not.
    Refused,
    /// It did not, and the password was wrong on purpose.
    RefusedOnPurpose,
}

/// The end of a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct End {
    /// How.
    pub outcome: Outcome,
    /// At which step.
    pub step: Step,
    /// The code that decided, where there was a reply.
    pub code: Option<Code>,
    /// The enhanced code of that reply.
    pub enhanced: Option<Enhanced>,
    /// From the later of its first octet sent and the final reply of the message before it; none
    /// where no octet of it was sent.
    pub service: Option<Duration>,
}

impl End {
    /// An end that no reply decided, before MAIL was sent.
    pub const fn without_reply(outcome: Outcome, step: Step) -> Self {
        Self { outcome, step, code: None, enhanced: None, service: None }
    }
}
