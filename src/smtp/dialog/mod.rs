//! One session's dialog as a value: replies and ends of the connection in, octets and events out.
//!
//! It does no I/O and knows no clock, so that groups, lock-step and the pipelining of RFC 2920
//! 3.1 are one machine: a queue of outstanding commands of which each reply pops one. A refusal
//! is an event; only the transport, a 421 and an illegal reply end a session.

mod command;
mod introduction;
mod login;
mod loss;
mod manners;
mod message;
mod opening;

use std::collections::VecDeque;
use std::rc::Rc;

use tokio::time::Instant;

use command::{Command, Pending};
use login::Entry;
pub use manners::Manners;

use super::chunk::{Carrier, MOST_IN_FLIGHT};
use super::envelope::{Commands, Terms};
use super::transaction::{Part, Transaction};
use super::{
    Act, BodyType, Capabilities, Chunking, Class, Code, End, Ending, Envelope, Event, Expectations,
    Input, Keyword, Mark, Outcome, Pipelining, Reply, Step, Throttle,
};

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
    /// The session's number within its client.
    number: u64,
    /// What was offered last: what a server says in clear is forgotten with the handshake.
    offered: Capabilities,
    secured: bool,
    stage: Stage,
    /// Whether the server knows whom the session stands for.
    introduced: bool,
    /// How the session logs in, if it does.
    entry: Option<Box<Entry>>,
    pending: VecDeque<Pending>,
    /// The message in progress, and in one-round-trip mode the one behind it. In boxes, which are
    /// used again, so that nothing is moved.
    transactions: VecDeque<Box<Transaction>>,
    spare: Option<Box<Transaction>>,
    last_reply: Option<Instant>,
    last_final: Option<Instant>,
}

impl Dialog {
    /// The dialog of a session that is about to connect.
    pub fn new(manners: Rc<Manners>) -> Self {
        Self {
            manners,
            number: 0,
            offered: Capabilities::default(),
            secured: false,
            stage: Stage::Opening,
            introduced: false,
            entry: None,
            pending: VecDeque::new(),
            transactions: VecDeque::with_capacity(1),
            spare: None,
            last_reply: None,
            last_final: None,
        }
    }

    /// The same for the session of this number, from which XCLIENT's address follows.
    #[must_use]
    pub fn numbered(self, number: u64) -> Self {
        Self { number, ..self }
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

    /// Whether the next message may follow those whose chunks are in flight (RFC 3030 4.2).
    pub fn has_room(&self) -> bool {
        self.manners.pipelining == Pipelining::Full
            && (1..MOST_IN_FLIGHT).contains(&self.transactions.len())
            && self.stage == Stage::Ready
            && self.groups()
            && self.carrier() == Carrier::Bdat
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

    /// What the server takes for the body of a mail.
    pub const fn body(&self) -> BodyType {
        self.offered.body()
    }

    /// The commands of a message as this session sends them: MAIL, RCPT for each recipient, DATA
    /// or BDAT.
    pub fn commands_of(&self, envelope: &Envelope<'_>) -> Vec<String> {
        let mut commands = Commands::default();
        commands.fill(envelope, self.terms());
        let all = String::from_utf8_lossy(commands.all());
        all.lines().map(str::to_owned).collect()
    }

    /// The command that asks what the server offers: EHLO or LHLO.
    pub fn hello(&self) -> String {
        let command = String::from_utf8_lossy(self.manners.protocol.hello());
        format!("{command}{}", self.manners.ehlo.as_str())
    }

    /// The command that says whom the session stands for, if it says so.
    pub fn introduction(&self) -> Option<String> {
        let mut command = Vec::new();
        self.manners.xclient.as_ref()?.put(self.number, &mut command);
        Some(String::from_utf8_lossy(&command).trim_end().to_owned())
    }

    /// The step whose reply is awaited.
    pub fn awaited(&self) -> Option<Step> {
        self.pending.front().map(Pending::step)
    }

    fn terms(&self) -> Terms<'_> {
        let dsn = self.manners.dsn.as_ref();
        Terms { offered: self.offered, carrier: self.carrier(), dsn }
    }

    /// Begins a message in an idle session, or behind another one's text or chunk.
    pub fn begin(
        &mut self,
        envelope: &Envelope<'_>,
        expect: Option<Rc<Expectations>>,
        out: &mut Vec<u8>,
    ) -> Act {
        let mut transaction = self.spare.take().unwrap_or_default();
        let carrier = self.carrier();
        transaction.begin(envelope, (self.manners.protocol, self.terms()), expect);
        let mut act = Act::Flush;
        if self.groups() {
            if carrier == Carrier::Bdat {
                act = Act::Chunk;
                self.clear_the_way(out);
            }
            for part in transaction.ask_all(out) {
                self.pending.push_back(Pending::new(Command::Message(part)));
            }
        } else {
            let part = transaction.ask_next(out);
            self.pending.push_back(Pending::new(Command::Message(part)));
        }
        self.transactions.push_back(transaction);
        act
    }

    /// A message that follows others in flight begins with RSET: if the one before is refused
    /// only at its chunk, the server is still within it, and would take this one's recipients and
    /// text for its own.
    fn clear_the_way(&mut self, out: &mut Vec<u8>) {
        if !self.transactions.is_empty() {
            self.ask(Command::Rset, b"RSET\r\n", out);
        }
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

    /// All up to a place was given to the kernel, though not yet what stands behind it.
    pub fn written(&mut self, mark: Mark, now: Instant) {
        let unsent = self.pending.iter_mut().skip_while(|pending| pending.sent.is_some());
        for pending in
            unsent.take_while(|pending| pending.command.is_text() == (mark == Mark::Text))
        {
            pending.sent = Some(now);
        }
        if mark == Mark::Commands {
            self.begin_next(now);
        }
    }

    /// One more command was given to the kernel, though perhaps not yet what stands behind it: the
    /// server may answer it.
    pub fn command_written(&mut self, now: Instant) {
        let next = self.pending.iter_mut().find(|pending| pending.sent.is_none());
        let Some(pending) = next.filter(|pending| !pending.command.is_text()) else { return };
        pending.sent = Some(now);
        if pending.command == Command::Message(Part::Mail) {
            self.begin_next(now);
        }
    }

    /// The first octets of the next message were given to the kernel.
    fn begin_next(&mut self, now: Instant) {
        let mut begun = self.transactions.iter_mut();
        if let Some(transaction) = begun.find(|transaction| !transaction.has_begun()) {
            transaction.began(now);
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
            Input::Cut => self.lost(Outcome::Interrupted, now, events),
        }
    }

    fn groups(&self) -> bool {
        match self.manners.pipelining {
            Pipelining::Never => false,
            Pipelining::Auto | Pipelining::Full => self.offered.offers(Keyword::Pipelining),
            Pipelining::Always => true,
        }
    }

    fn carrier(&self) -> Carrier {
        match self.manners.chunking {
            Chunking::Always => Carrier::Bdat,
            Chunking::Auto if self.offered.offers(Keyword::Chunking) => Carrier::Bdat,
            Chunking::Auto | Chunking::Never => Carrier::Data,
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
        for transaction in &mut self.transactions {
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
        let since = self.last_reply.map_or(sent, |last| sent.max(last));
        self.last_reply = Some(now);
        if command == Command::Auth {
            return self.auth_answered(reply, (since, now), out, events);
        }
        let took = now.saturating_duration_since(since);
        let (step, code) = (command.step(), reply.code());
        events.push(Event::Replied { step, code, passed: command.is_passed_by(code), took });
        command.tell_throttled(code, events);
        match command {
            Command::Quit => self.over(Act::Close),
            Command::Greeting => self.greeted(reply, out, events),
            Command::Ehlo | Command::Helo if closing => self.refused_at_opening(reply, out, events),
            Command::Ehlo => self.ehlo_answered(reply, out, events),
            Command::Helo => self.helo_answered(reply, out, events),
            Command::Starttls => self.starttls_answered(reply, out, events),
            // The transport takes no reply before the handshake is over.
            Command::Tls | Command::Auth => self.lost(Outcome::Protocol, now, events),
            Command::Xclient => self.xclient_answered(reply, out, events),
            Command::Message(part) => self.message(part, reply, now, out, events),
            Command::Rset if code.class() == Class::Positive => Act::Flush,
            Command::Rset if closing => self.lost(Outcome::Disconnected, now, events),
            // Messages in flight come to their own ends.
            Command::Rset if !self.transactions.is_empty() => Act::Flush,
            Command::Rset => self.leave(out),
        }
    }

    /// A reply to nothing, or to what is not yet sent: legal only as a 421.
    fn unasked(&mut self, reply: &Reply<'_>, now: Instant, events: &mut Vec<Event>) -> Act {
        if reply.code() == Code::CLOSING {
            let sign = Throttle::Reply(reply.code());
            events.push(Event::Throttled { sign, step: self.awaited() });
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
            | Command::Xclient
            | Command::Auth
            | Command::Rset
            | Command::Quit => None,
        }
    }

    fn over(&mut self, act: Act) -> Act {
        self.stage = Stage::Over;
        self.pending.clear();
        act
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;
