//! A client's octets → the server's replies, and when to go on: one SMTP session without I/O.
//!
//! Commands are obeyed one after another. One whose answer is not due yet stops the dialogue; what
//! was read behind it is handed in again when the time has come. So the answers keep their order,
//! and a message enters the queue of the servers at the moment when it arrives there.

mod admission;
mod chunk;
mod login;
mod replies;
mod secure;
mod transaction;

use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use super::behaviour::{Behaviour, Proxied, Xclient};
use super::capabilities::Security;
use super::command::{Command, Commands, Hello, NOT_OFFERED, Objection};
use super::content::Search;
use super::limits::Limit;
use super::proxy::Header;
use super::tally::Granted;
use super::text::Text;
use crate::smtp::{Protocol, Step, TlsMode};
use admission::Admission;
use chunk::Chunk;
use login::Login;
use secure::Afterwards;
use transaction::{Delivery, Envelope};

/// What the dialogue waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Act {
    /// More octets of the client.
    Read,
    /// The time at which the next answer is due, counted from the server's start.
    Wait(Duration),
    /// A handshake on the stream; what is not used belongs to it.
    StartTls,
    /// Nothing: the replies are the last ones.
    Close(Ending),
}

/// Why the server closes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ending {
    /// The client said QUIT.
    Quit,
    /// A 421.
    Closing,
    /// What should have been the header of a proxy was none.
    Unannounced,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// The header of a proxy comes first.
    AwaitHeader,
    /// The greeting is not said.
    Opening,
    /// The greeting was a refusal: only QUIT is obeyed (RFC 5321 3.1).
    Turned,
    /// No EHLO or HELO yet.
    AwaitHello,
    /// The client must shake hands.
    AwaitHandshake(Afterwards),
    /// Between transactions.
    AwaitMail,
    /// Within AUTH.
    AwaitResponse,
    /// In a transaction.
    AwaitData(Envelope),
    /// Behind a 354.
    AwaitDot(Envelope, Text),
    /// Behind a BDAT.
    AwaitChunk(Chunk),
    /// Behind a text for several recipients, each with a reply of its own (RFC 2033).
    Delivering(Delivery),
    /// The last reply is given.
    Over(Ending),
}

impl Stage {
    /// Where a session begins that was let in, or will be told that it was not.
    const fn after_admission(behaviour: &Behaviour) -> Self {
        match behaviour.tls {
            Some(TlsMode::Implicit) => Self::AwaitHandshake(Afterwards::Greet),
            Some(TlsMode::Starttls) | None => Self::Opening,
        }
    }
}

/// One reply on its way.
#[derive(Debug)]
struct Answer {
    step: Option<Step>,
    words: Words,
    /// What it takes.
    message: Option<Taken>,
}

/// What a reply to a text takes.
#[derive(Clone, Copy, Debug)]
struct Taken {
    messages: u64,
    recipients: u64,
    octets: u64,
}

/// What a reply says.
#[derive(Debug)]
enum Words {
    Fixed(&'static [u8]),
    Planned(Rc<[u8]>),
}

impl From<&'static [u8]> for Words {
    fn from(octets: &'static [u8]) -> Self {
        Self::Fixed(octets)
    }
}

impl From<Rc<[u8]>> for Words {
    fn from(octets: Rc<[u8]>) -> Self {
        Self::Planned(octets)
    }
}

impl Words {
    fn octets(&self) -> &[u8] {
        match self {
            Self::Fixed(octets) => octets,
            Self::Planned(octets) => octets,
        }
    }

    fn code(&self) -> u16 {
        self.octets().iter().take(3).fold(0, |code, digit| code * 10 + u16::from(digit & 15))
    }
}

/// One session of the server.
#[derive(Debug)]
pub(super) struct Dialogue {
    stage: Stage,
    security: Security,
    admission: Admission,
    /// Messages that have begun.
    messages: u32,
    commands: Commands,
    login: Login,
    search: Search,
    waiting: Option<(Duration, Answer)>,
}

/// Where one call stands: the whole server, the clock, and the replies so far.
struct Turn<'a> {
    behaviour: &'a mut Behaviour,
    now: Duration,
    out: &'a mut Vec<u8>,
}

impl Dialogue {
    /// A session with a server that behaves so, from an address: the header of a proxy is due, or
    /// the handshake of implicit TLS, or the greeting.
    pub(super) fn new(behaviour: &Behaviour, peer: Option<IpAddr>) -> Self {
        let (stage, admission) = match behaviour.proxied {
            Proxied::Never => (Stage::after_admission(behaviour), Admission::of(behaviour, peer)),
            Proxied::Always => {
                (Stage::AwaitHeader, Admission::AwaitHeader(Header::default(), peer))
            }
        };
        let (security, commands) = (Security::Clear, Commands::default());
        let (login, search) = (Login::default(), Search::default());
        Self { stage, security, admission, messages: 0, commands, login, search, waiting: None }
    }

    /// Goes on with the octets of one read, or with those that an earlier call left over; puts the
    /// replies that are due behind `out`. Gives how many octets were used, and what comes next.
    pub(super) fn on(
        &mut self,
        octets: &[u8],
        now: Duration,
        behaviour: &mut Behaviour,
        out: &mut Vec<u8>,
    ) -> (usize, Act) {
        let mut turn = Turn { behaviour, now, out };
        let mut used = 0;
        self.release(&mut turn);
        loop {
            if let Some((due, _)) = self.waiting {
                return (used, Act::Wait(due));
            }
            let rest = &octets[used..];
            match self.stage {
                Stage::Over(ending) => return (octets.len(), Act::Close(ending)),
                Stage::AwaitHandshake(_) => return (used, Act::StartTls),
                Stage::Opening => self.greet(&mut turn),
                Stage::Delivering(delivery) => self.deliver_next(delivery, &mut turn),
                Stage::AwaitChunk(chunk) if chunk.left == 0 => {
                    self.end_of_chunk(chunk, &mut turn);
                }
                _ if rest.is_empty() => return (used, Act::Read),
                Stage::AwaitHeader => used += self.read_header(rest, &mut turn),
                Stage::AwaitDot(envelope, text) => {
                    used += self.read_text(rest, envelope, text, &mut turn);
                }
                Stage::AwaitChunk(chunk) => used += self.read_chunk(rest, chunk, &turn),
                Stage::AwaitResponse => used += self.read_response(rest, &mut turn),
                Stage::Turned | Stage::AwaitHello | Stage::AwaitMail | Stage::AwaitData(_) => {
                    used += self.read_command(rest, &mut turn);
                }
            }
        }
    }

    fn release(&mut self, turn: &mut Turn<'_>) {
        if let Some((_, answer)) = self.waiting.take_if(|(due, _)| *due <= turn.now) {
            self.say(&answer, turn);
        }
    }

    fn greet(&mut self, turn: &mut Turn<'_>) {
        if let Admission::Denied(limit) = self.admission {
            self.stage = Stage::Turned;
            return self.limit(Step::Greeting, limit, turn);
        }
        self.stage = Stage::AwaitHello;
        let greeting = greeting(turn.behaviour.protocol);
        if self.answer(Step::Greeting, greeting, turn) == Granted::No {
            self.stay(Stage::Turned);
        }
    }

    fn read_command(&mut self, rest: &[u8], turn: &mut Turn<'_>) -> usize {
        let (used, read) = self.commands.read(rest);
        if let Some(read) = read {
            turn.behaviour.tally.command();
            match (read, self.stage) {
                (Ok(Command::Quit), _) => self.quit(turn),
                (Ok(Command::Bdat { size, position }), _) => self.bdat(size, position),
                (_, Stage::Turned) => self.object(None, replies::NO_SERVICE, turn),
                (Ok(command), _) => self.obey(command, turn),
                (Err(objection), _) => self.refuse(objection, turn),
            }
        }
        used
    }

    fn obey(&mut self, command: Command, turn: &mut Turn<'_>) {
        match command {
            Command::Hello(hello) => self.hello(hello, turn),
            Command::Starttls => self.starttls(turn),
            Command::Xclient => self.xclient(turn),
            Command::Auth => self.auth(turn),
            Command::Mail { size, alphabet } => self.mail(size, alphabet, turn),
            Command::Rcpt { alphabet } => self.rcpt(alphabet, turn),
            Command::Data => self.data(turn),
            Command::Bdat { size, position } => self.bdat(size, position),
            Command::Rset => {
                if self.answer(Step::Rset, replies::DONE, turn) == Granted::Yes {
                    self.reset();
                }
            }
            Command::Noop => self.give(plain(None, replies::DONE), turn),
            Command::Verify => self.give(plain(None, replies::UNVERIFIED), turn),
            Command::Quit => self.quit(turn),
        }
    }

    /// LMTP has LHLO and nothing else (RFC 2033 4.1).
    fn hello(&mut self, hello: Hello, turn: &mut Turn<'_>) {
        match (hello, turn.behaviour.protocol) {
            (Hello::Ehlo, Protocol::Smtp) | (Hello::Lhlo, Protocol::Lmtp) => self.ehlo(turn),
            (Hello::Helo, Protocol::Smtp) => {
                self.stage = Stage::AwaitMail;
                self.give(plain(Some(Step::Ehlo), replies::HELO), turn);
            }
            (Hello::Lhlo, Protocol::Smtp) => {
                self.object(Some(Step::Ehlo), replies::NO_LMTP, turn);
            }
            (Hello::Ehlo | Hello::Helo, Protocol::Lmtp) => {
                self.object(Some(Step::Ehlo), replies::NO_SMTP, turn);
            }
        }
    }

    /// Planned replies hold for EHLO and LHLO alone, so that a client can fall back to HELO.
    fn ehlo(&mut self, turn: &mut Turn<'_>) {
        let offer = turn.behaviour.capabilities.reply(self.security);
        if self.answer(Step::Ehlo, offer, turn) == Granted::Yes {
            self.stage = Stage::AwaitMail;
        }
    }

    /// The session begins anew for whom the client stands (Postfix `XCLIENT_README`).
    fn xclient(&mut self, turn: &mut Turn<'_>) {
        const STEP: Step = Step::Xclient;
        let greeting = greeting(turn.behaviour.protocol);
        match (self.stage, turn.behaviour.xclient) {
            (_, Xclient::Withheld) => self.object(Some(STEP), NOT_OFFERED, turn),
            (Stage::AwaitMail, Xclient::Offered) => {
                if self.answer(STEP, greeting, turn) == Granted::Yes {
                    self.login = Login::default();
                    self.stay(Stage::AwaitHello);
                }
            }
            (Stage::AwaitData(_), Xclient::Offered) => {
                self.object(Some(STEP), replies::WITHIN_TRANSACTION, turn);
            }
            (_, Xclient::Offered) => self.object(Some(STEP), replies::HELLO_FIRST, turn),
        }
    }

    /// Says that a limit was reached, which ends the session.
    fn limit(&mut self, step: Step, limit: Limit, turn: &mut Turn<'_>) {
        turn.behaviour.tally.limit(limit);
        self.object(Some(step), limit.reply(), turn);
    }

    fn quit(&mut self, turn: &mut Turn<'_>) {
        self.answer(Step::Quit, replies::BYE, turn);
    }

    /// Moves on, unless a 421 has just ended the session.
    fn stay(&mut self, stage: Stage) {
        if !matches!(self.stage, Stage::Over(_)) {
            self.stage = stage;
        }
    }

    /// Answers a step with its success, or as the plan wants.
    fn answer(&mut self, step: Step, success: impl Into<Words>, turn: &mut Turn<'_>) -> Granted {
        let words = turn.behaviour.fault(step).map_or_else(|| success.into(), Words::Planned);
        let wanted = if step == Step::Data { 3 } else { 2 };
        let granted = if words.code() / 100 == wanted { Granted::Yes } else { Granted::No };
        self.give(Answer { step: Some(step), words, message: None }, turn);
        granted
    }

    fn refuse(&mut self, objection: Objection, turn: &mut Turn<'_>) {
        self.object(objection.step, objection.reply, turn);
    }

    fn object(&mut self, step: Option<Step>, reply: &'static [u8], turn: &mut Turn<'_>) {
        self.give(plain(step, reply), turn);
    }

    fn give(&mut self, answer: Answer, turn: &mut Turn<'_>) {
        let due = turn.behaviour.due(answer.step, turn.now);
        self.give_at(due, answer, turn);
    }

    fn give_at(&mut self, due: Duration, answer: Answer, turn: &mut Turn<'_>) {
        if due > turn.now {
            self.waiting = Some((due, answer));
        } else {
            self.say(&answer, turn);
        }
    }

    fn say(&mut self, answer: &Answer, turn: &mut Turn<'_>) {
        turn.out.extend_from_slice(answer.words.octets());
        let code = answer.words.code();
        if let Some(Taken { messages, recipients, octets }) = answer.message {
            turn.behaviour.tally.accept(messages, recipients, octets);
        } else if code >= 400 {
            turn.behaviour.tally.refuse(answer.step, code);
        }
        match (answer.step, code) {
            (Some(Step::Quit), 200..=299) => self.stage = Stage::Over(Ending::Quit),
            (_, 421) => self.stage = Stage::Over(Ending::Closing),
            _ => {}
        }
    }
}

const fn greeting(protocol: Protocol) -> &'static [u8] {
    match protocol {
        Protocol::Smtp => replies::GREETING,
        Protocol::Lmtp => replies::LMTP_GREETING,
    }
}

fn plain(step: Option<Step>, reply: &'static [u8]) -> Answer {
    Answer { step, words: Words::Fixed(reply), message: None }
}

#[cfg(test)]
mod tests;
