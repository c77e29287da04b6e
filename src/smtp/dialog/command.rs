//! The commands that replies are awaited for, and which replies let a session go on.

use tokio::time::Instant;

use super::super::transaction::Part;
use super::super::{Class, Code, Event, Step, Throttle};

/// A command, or what else a reply is awaited for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Command {
    Greeting,
    Ehlo,
    Helo,
    Starttls,
    /// The handshake, which no reply answers.
    Tls,
    Xclient,
    /// AUTH, and each response to a challenge.
    Auth,
    Message(Part),
    Rset,
    Quit,
}

/// A command whose reply is awaited.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) command: Command,
    /// When it was given to the kernel.
    pub(super) sent: Option<Instant>,
}

impl Pending {
    pub(super) const fn new(command: Command) -> Self {
        Self { command, sent: None }
    }

    /// Before the handshake has begun the reply to STARTTLS is not yet left behind.
    pub(super) const fn step(&self) -> Step {
        match (self.command, self.sent) {
            (Command::Tls, None) => Step::Starttls,
            (command, _) => command.step(),
        }
    }
}

impl Command {
    /// Whether it is a text or a chunk.
    pub(super) const fn is_text(self) -> bool {
        matches!(self, Self::Message(Part::Text | Part::Bdat))
    }

    pub(super) const fn step(self) -> Step {
        match self {
            Self::Greeting => Step::Greeting,
            Self::Ehlo | Self::Helo => Step::Ehlo,
            Self::Starttls => Step::Starttls,
            Self::Tls => Step::Tls,
            Self::Xclient => Step::Xclient,
            Self::Auth => Step::Auth,
            Self::Message(part) => part.step(),
            Self::Rset => Step::Rset,
            Self::Quit => Step::Quit,
        }
    }

    /// A reply to a command of a message is judged there, as the plan may expect it.
    pub(super) fn tell_throttled(self, code: Code, events: &mut Vec<Event>) {
        if let Self::Message(_) = self {
            return;
        }
        let step = self.step();
        if let Some(sign) = Throttle::of_reply(step, code) {
            events.push(Event::Throttled { sign, step: Some(step) });
        }
    }

    pub(super) fn is_passed_by(self, code: Code) -> bool {
        match self {
            // RFC 3207 4: 220 is the reply that lets the handshake begin.
            Self::Greeting | Self::Starttls | Self::Xclient => code == Code::GREETING,
            Self::Message(Part::Data) => code.class() == Class::Intermediate,
            Self::Ehlo
            | Self::Helo
            | Self::Tls
            | Self::Auth
            | Self::Message(Part::Mail | Part::Rcpt | Part::Text | Part::Bdat)
            | Self::Rset
            | Self::Quit => code.class() == Class::Positive,
        }
    }
}
