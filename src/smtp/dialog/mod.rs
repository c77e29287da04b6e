//! One session's dialog as a value: replies and ends of the connection in, octets and events out.
//!
//! It does no I/O and knows no clock, so that groups, lock-step and the pipelining of RFC 2920
//! 3.1 are one machine: a queue of outstanding commands of which each reply pops one. A refusal
//! is an event; only the transport, a 421 and an illegal reply end a session.

mod opening;

use std::collections::VecDeque;
use std::rc::Rc;

use tokio::time::Instant;

use super::envelope::Commands;
use super::transaction::{Onward, Part, Transaction};
use super::{
    Act, Capabilities, Class, Code, EhloName, End, Ending, Envelope, Event, Expectations, Input,
    Keyword, Outcome, Pipelining, Reply, Step, TlsMode,
};

/// What does not change from session to session.
#[derive(Clone, Debug)]
pub struct Manners {
    /// The name in EHLO.
    pub ehlo: EhloName,
    /// How commands are grouped.
    pub pipelining: Pipelining,
    /// When the session's TLS handshake is; none: everything goes in clear.
    pub tls: Option<TlsMode>,
    /// How the session is ended.
    pub ending: Ending,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Command {
    Greeting,
    Ehlo,
    Helo,
    Starttls,
    /// The handshake, which no reply answers.
    Tls,
    Message(Part),
    Rset,
    Quit,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    command: Command,
    sent: Option<Instant>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    Opening,
    Ready,
    Leaving,
    Over,
}

/// One session's dialog.
#[derive(Debug)]
pub struct Dialog {
    manners: Rc<Manners>,
    /// What was offered last: what a server says in clear is forgotten with the handshake.
    offered: Capabilities,
    secured: bool,
    stage: Stage,
    pending: VecDeque<Pending>,
    /// The message in progress, and in one-round-trip mode the one behind it.
    transactions: VecDeque<Transaction>,
    spare: Option<Transaction>,
    last_reply: Option<Instant>,
    last_final: Option<Instant>,
}

impl Dialog {
    /// The dialog of a session that is about to connect.
    pub fn new(manners: Rc<Manners>) -> Self {
        Self {
            manners,
            offered: Capabilities::default(),
            secured: false,
            stage: Stage::Opening,
            pending: VecDeque::new(),
            transactions: VecDeque::new(),
            spare: None,
            last_reply: None,
            last_final: None,
        }
    }

    /// Whether a message can begin: the session is open and nothing is outstanding.
    pub fn is_idle(&self) -> bool {
        self.stage == Stage::Ready && self.pending.is_empty() && self.transactions.is_empty()
    }

    /// Whether the session has ended or is being ended.
    pub fn is_leaving(&self) -> bool {
        matches!(self.stage, Stage::Leaving | Stage::Over)
    }

    /// Whether the next message's commands may ride behind the text of this one (RFC 2920 3.1);
    /// asked after [`Act::Text`].
    pub fn may_ride(&self) -> bool {
        self.manners.pipelining == Pipelining::Full && self.groups() && self.transactions.len() == 1
    }

    /// Why a message can't be sent in this session, if so: what it needs is not offered.
    pub fn lacks(&self, envelope: &Envelope<'_>) -> Option<&'static str> {
        if envelope.utf8 && !self.offered.offers(Keyword::SmtpUtf8) {
            Some("an address is beyond ASCII and the server offers no SMTPUTF8 (RFC 6531)")
        } else if envelope.eight_bit && !self.offered.offers(Keyword::EightBitMime) {
            Some("the text is beyond ASCII and the server offers no 8BITMIME (RFC 6152)")
        } else {
            None
        }
    }

    /// The commands of a message as this session sends them: MAIL, RCPT for each recipient, DATA.
    pub fn commands_of(&self, envelope: &Envelope<'_>) -> Vec<String> {
        let mut commands = Commands::default();
        commands.fill(envelope, self.offered);
        let all = String::from_utf8_lossy(commands.all());
        all.lines().map(str::to_owned).collect()
    }

    /// The step whose reply is awaited.
    pub fn awaited(&self) -> Option<Step> {
        self.pending.front().map(Pending::step)
    }

    /// Begins a message in an idle session, or behind another one's text.
    pub fn begin(
        &mut self,
        envelope: &Envelope<'_>,
        expect: Option<Rc<Expectations>>,
        out: &mut Vec<u8>,
    ) -> Act {
        let mut transaction = self.spare.take().unwrap_or_default();
        transaction.begin(envelope, self.offered, expect);
        if self.groups() {
            for part in transaction.ask_all(out) {
                self.pending.push_back(Pending::new(Command::Message(part)));
            }
        } else {
            let part = transaction.ask_next(out);
            self.pending.push_back(Pending::new(Command::Message(part)));
        }
        self.transactions.push_back(transaction);
        Act::Flush
    }

    /// Leaves an idle session as the client's manners say.
    pub fn leave(&mut self, out: &mut Vec<u8>) -> Act {
        self.stage = Stage::Leaving;
        match self.manners.ending {
            Ending::Quit => self.ask(Command::Quit, b"QUIT\r\n", out),
            Ending::Close => self.over(Act::Close),
            Ending::Reset => self.over(Act::Reset),
        }
    }

    /// The final dot was given to the kernel, though not yet all that rides behind it.
    pub fn text_written(&mut self, now: Instant) {
        let text = Command::Message(Part::Text);
        if let Some(pending) = self.pending.iter_mut().find(|pending| pending.command == text) {
            pending.sent.get_or_insert(now);
        }
    }

    /// Takes what happened, writes what is to be sent to `out` and what is to be told to `events`.
    pub fn on(
        &mut self,
        input: Input<'_>,
        now: Instant,
        out: &mut Vec<u8>,
        events: &mut Vec<Event>,
    ) -> Act {
        match input {
            Input::Opened => self.opened(now),
            Input::TlsReady(handshake) => self.handshake_done(handshake, now, out, events),
            Input::TlsFailed => self.tls_failed(now, events),
            Input::Flushed => self.flushed(now),
            Input::Reply(reply) => self.reply(&reply, now, out, events),
            Input::Illegal => {
                if let Some(step) = self.awaited() {
                    events.push(Event::Refused { outcome: Outcome::Protocol, step, code: None });
                }
                self.lost(Outcome::Protocol, now, events)
            }
            Input::Eof => self.lost(Outcome::Disconnected, now, events),
            Input::Deadline => self.lost(Outcome::TimedOut, now, events),
        }
    }

    fn groups(&self) -> bool {
        match self.manners.pipelining {
            Pipelining::Never => false,
            Pipelining::Auto | Pipelining::Full => self.offered.offers(Keyword::Pipelining),
            Pipelining::Always => true,
        }
    }

    fn ask(&mut self, command: Command, octets: &[u8], out: &mut Vec<u8>) -> Act {
        out.extend_from_slice(octets);
        self.pending.push_back(Pending::new(command));
        Act::Flush
    }

    fn flushed(&mut self, now: Instant) -> Act {
        for pending in self.pending.iter_mut().rev().take_while(|pending| pending.sent.is_none()) {
            pending.sent = Some(now);
        }
        if let Some(transaction) = self.transactions.back_mut() {
            transaction.began(now);
        }
        Act::Flush
    }

    fn reply(
        &mut self,
        reply: &Reply<'_>,
        now: Instant,
        out: &mut Vec<u8>,
        events: &mut Vec<Event>,
    ) -> Act {
        let closing = reply.code() == Code::CLOSING;
        let Some(Pending { command, sent: Some(sent) }) = self.pending.front().copied() else {
            return self.unasked(reply, now, events);
        };
        self.pending.pop_front();
        let took =
            now.saturating_duration_since(self.last_reply.map_or(sent, |last| sent.max(last)));
        self.last_reply = Some(now);
        let (step, code) = (command.step(), reply.code());
        events.push(Event::Replied { step, code, passed: command.is_passed_by(code), took });
        match command {
            Command::Quit => self.over(Act::Close),
            Command::Greeting => self.greeted(reply, out, events),
            Command::Ehlo | Command::Helo if closing => self.refused_at_opening(reply, out, events),
            Command::Ehlo => self.ehlo_answered(reply, out, events),
            Command::Helo => self.helo_answered(reply, out, events),
            Command::Starttls => self.starttls_answered(reply, out, events),
            // The transport takes no reply before the handshake is over.
            Command::Tls => self.lost(Outcome::Protocol, now, events),
            Command::Message(part) => self.message(part, reply, now, out, events),
            Command::Rset if code.class() == Class::Positive => Act::Flush,
            Command::Rset if closing => self.over(Act::Close),
            Command::Rset => self.leave(out),
        }
    }

    /// A reply to nothing, or to what is not yet sent: legal only as a 421.
    fn unasked(&mut self, reply: &Reply<'_>, now: Instant, events: &mut Vec<Event>) -> Act {
        if reply.code() == Code::CLOSING {
            if let Some((part, transaction)) = self.awaited_part().zip(self.transactions.front()) {
                let end = transaction.closed_by(part, reply, now, self.last_final);
                let End { outcome, step, code, .. } = end;
                events.push(Event::Refused { outcome, step, code });
                self.end_oldest(end, events);
            }
            return self.lost(Outcome::Disconnected, now, events);
        }
        let step = self.awaited().unwrap_or(Step::Mail);
        events.push(Event::Refused { outcome: Outcome::Protocol, step, code: None });
        self.lost(Outcome::Protocol, now, events)
    }

    fn awaited_part(&self) -> Option<Part> {
        match self.pending.front()?.command {
            Command::Message(part) => Some(part),
            Command::Greeting
            | Command::Ehlo
            | Command::Helo
            | Command::Starttls
            | Command::Tls
            | Command::Rset
            | Command::Quit => None,
        }
    }

    /// The oldest message ends by itself, before the session does.
    fn end_oldest(&mut self, end: End, events: &mut Vec<Event>) {
        self.spare = self.transactions.pop_front();
        events.push(Event::Ended(end));
    }

    fn message(
        &mut self,
        part: Part,
        reply: &Reply<'_>,
        now: Instant,
        out: &mut Vec<u8>,
        events: &mut Vec<Event>,
    ) -> Act {
        let Some(transaction) = self.transactions.front_mut() else {
            return self.lost(Outcome::Protocol, now, events);
        };
        let onward = transaction.reply(part, reply, events);
        if reply.code() == Code::CLOSING {
            let end = transaction.closed_by(part, reply, now, self.last_final);
            self.end_oldest(end, events);
            return self.lost(Outcome::Disconnected, now, events);
        }
        match onward {
            Onward::Wait => Act::Flush,
            Onward::Next => {
                let part = transaction.ask_next(out);
                self.pending.push_back(Pending::new(Command::Message(part)));
                Act::Flush
            }
            Onward::Text => {
                transaction.text_asked();
                self.pending.push_back(Pending::new(Command::Message(Part::Text)));
                Act::Text
            }
            Onward::LoneDot => {
                transaction.text_asked();
                self.ask(Command::Message(Part::Text), b".\r\n", out)
            }
            Onward::Finish => self.finish(now, out, events),
            Onward::Abandon => self.lost(Outcome::Protocol, now, events),
        }
    }

    fn finish(&mut self, now: Instant, out: &mut Vec<u8>, events: &mut Vec<Event>) -> Act {
        let Some(transaction) = self.transactions.front() else { return Act::Flush };
        let end = transaction.end(now, self.last_final);
        let open = transaction.is_open();
        self.end_oldest(end, events);
        self.last_final = Some(now);
        match (end.outcome, open) {
            (Outcome::Protocol, _) => self.lost(Outcome::Protocol, now, events),
            (_, true) => self.ask(Command::Rset, b"RSET\r\n", out),
            (_, false) => Act::Flush,
        }
    }

    fn tell_unanswered(&self, cause: Outcome, now: Instant, events: &mut Vec<Event>) {
        let waited = |sent: Instant| {
            let since = self.last_reply.map_or(sent, |last| sent.max(last));
            (cause == Outcome::TimedOut).then(|| now.saturating_duration_since(since))
        };
        let sent = self.pending.iter().filter_map(|pending| Some((pending, pending.sent?)));
        events.extend(sent.map(|(pending, sent)| Event::Unanswered {
            step: pending.step(),
            gave_up_after: waited(sent),
        }));
    }

    /// The session is gone; everything in progress ends.
    fn lost(&mut self, cause: Outcome, now: Instant, events: &mut Vec<Event>) -> Act {
        self.tell_unanswered(cause, now, events);
        let dotted = self.pending.front().is_some_and(|pending| {
            pending.command == Command::Message(Part::Text) && pending.sent.is_some()
        });
        let step = self.awaited().unwrap_or(Step::Mail);
        if self.stage == Stage::Opening {
            let outcome = match (cause, step) {
                (Outcome::Disconnected, Step::Greeting) => Outcome::Unconnected,
                (cause, _) => cause,
            };
            return self.opening_failed(outcome, step, None, events);
        }
        // An illegal final reply is a protocol error; none at all leaves the message's fate open.
        let first = if dotted && cause != Outcome::Protocol { Outcome::Ambiguous } else { cause };
        for (n, transaction) in std::mem::take(&mut self.transactions).iter().enumerate() {
            let (cause, step) = if n == 0 { (first, step) } else { (cause, Step::Mail) };
            events.push(Event::Ended(transaction.cut(cause, step, now, self.last_final)));
        }
        self.over(Act::Close)
    }

    fn over(&mut self, act: Act) -> Act {
        self.stage = Stage::Over;
        self.pending.clear();
        act
    }
}

impl Pending {
    const fn new(command: Command) -> Self {
        Self { command, sent: None }
    }

    /// Before the handshake has begun the reply to STARTTLS is not yet left behind.
    const fn step(&self) -> Step {
        match (self.command, self.sent) {
            (Command::Tls, None) => Step::Starttls,
            (command, _) => command.step(),
        }
    }
}

impl Command {
    const fn step(self) -> Step {
        match self {
            Self::Greeting => Step::Greeting,
            Self::Ehlo | Self::Helo => Step::Ehlo,
            Self::Starttls => Step::Starttls,
            Self::Tls => Step::Tls,
            Self::Message(part) => part.step(),
            Self::Rset => Step::Rset,
            Self::Quit => Step::Quit,
        }
    }

    fn is_passed_by(self, code: Code) -> bool {
        match self {
            // RFC 3207 4: 220 is the reply that lets the handshake begin.
            Self::Greeting | Self::Starttls => code == Code::GREETING,
            Self::Message(Part::Data) => code.class() == Class::Intermediate,
            Self::Ehlo
            | Self::Helo
            | Self::Tls
            | Self::Message(Part::Mail | Part::Rcpt | Part::Text)
            | Self::Rset
            | Self::Quit => code.class() == Class::Positive,
        }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;
