//! One transaction: a dialog's acts carried out on a connection, with all that was said.

use std::io;
use std::rc::Rc;

use tokio::time::Instant;

use super::super::dialer::Connection;
use super::super::handshake::Agreed;
use super::super::session::first_line;
use super::super::tls::is_of_tls;
use super::super::turns::envelope;
use super::Stand;
use super::transcript::{Carrier, Entry, Log};
use super::wire::{Happening, Wire};
use crate::message::Mail;
use crate::smtp::{
    Act, Code, Dialog, End, Event, Expectations, Input, Mark, Outcome, RecipientEnd, Reply, Step,
};

/// What became of a transaction.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// How it ended.
    pub outcome: Outcome,
    /// At which step.
    pub step: Step,
    /// The code that decided, where there was a reply.
    pub code: Option<Code>,
    /// The reply that decided, or what happened in its place. Not escaped.
    pub words: String,
    /// What the server said to each recipient that it answered.
    pub recipients: Vec<RecipientEnd>,
    /// What the server offered last: the lines of its reply to EHLO behind the first.
    pub offered: Vec<String>,
}

impl Verdict {
    /// An end before anything was said.
    pub(super) fn never(outcome: Outcome, step: Step, words: String) -> Self {
        let (recipients, offered) = (Vec::new(), Vec::new());
        Self { outcome, step, code: None, words, recipients, offered }
    }

    /// Whether it is the end that the plan wants.
    pub const fn is_well(&self) -> bool {
        matches!(self.outcome, Outcome::Accepted | Outcome::Expected)
    }
}

/// Whether the session goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Flow {
    On,
    Over,
}

/// A session with one message.
pub(super) struct Talk<'a, 'b, C> {
    stand: &'a Stand<'a>,
    seq: u64,
    mail: &'a Mail,
    expect: Option<Rc<Expectations>>,
    log: &'a mut Log<'b>,
    wire: Wire<C>,
    dialog: Dialog,
    out: Vec<u8>,
    events: Vec<Event>,
    unread: Vec<u8>,
    deadline: Instant,
    begun: bool,
    end: Option<End>,
    /// All replies in full.
    replies: Vec<(Step, Code, String)>,
    recipients: Vec<RecipientEnd>,
    offered: Vec<String>,
    /// What ended it where no reply did.
    cause: String,
    agreed: Option<Agreed>,
}

impl<'a, 'b, C: Connection> Talk<'a, 'b, C> {
    pub(super) fn new(
        connection: C,
        stand: &'a Stand<'a>,
        dialog: Dialog,
        (seq, mail, expect): (u64, &'a Mail, Option<Rc<Expectations>>),
        log: &'a mut Log<'b>,
    ) -> Self {
        Self {
            stand,
            seq,
            mail,
            expect,
            log,
            wire: Wire::new(connection),
            dialog,
            out: Vec::new(),
            events: Vec::new(),
            unread: Vec::new(),
            deadline: Instant::now() + stand.timeouts.reply,
            begun: false,
            end: None,
            replies: Vec::new(),
            recipients: Vec::new(),
            offered: Vec::new(),
            cause: String::new(),
            agreed: None,
        }
    }

    pub(super) async fn run(mut self) -> Verdict {
        let mut flow = self.take(Input::Opened, None);
        while flow == Flow::On {
            flow = match self.wire.happening(self.deadline).await {
                Happening::Written(mark) => self.written(mark),
                Happening::Read(octets) => self.read(&octets),
                Happening::Ended(error) => self.ended(error),
                Happening::Shaken(Ok(agreed)) => {
                    let kind = agreed.kind;
                    self.agreed = Some(agreed);
                    self.take(Input::TlsReady(kind), None)
                }
                Happening::Shaken(Err(error)) => self.ended(Some(error)),
                Happening::Overdue => self.lost("no reply in time".to_owned(), Input::Deadline),
            };
        }
        self.verdict()
    }

    /// Sets the time by which the awaited reply must be there. A part of a reply is no reply: who
    /// says it octet by octet gains no time.
    fn renew_deadline(&mut self) {
        let timeouts = &self.stand.timeouts;
        let ends = matches!(self.dialog.awaited(), Some(Step::EndOfData | Step::Bdat));
        let limit = if ends { timeouts.end_of_data } else { timeouts.reply };
        self.deadline = Instant::now() + limit;
    }

    fn written(&mut self, mark: Mark) -> Flow {
        let now = Instant::now();
        self.dialog.written(mark, now);
        if !self.wire.writes() {
            self.dialog.on(Input::Flushed, now, &mut self.out, &mut self.events);
        }
        self.renew_deadline();
        Flow::On
    }

    /// Takes all complete replies; what is left over begins the next one.
    fn read(&mut self, octets: &[u8]) -> Flow {
        self.unread.extend_from_slice(octets);
        let unread = std::mem::take(&mut self.unread);
        let mut rest = &unread[..];
        loop {
            let flow = match Reply::parse(rest) {
                Ok(None) => break,
                Ok(Some((reply, length))) => {
                    rest = rest.get(length..).unwrap_or_default();
                    self.unread = rest.to_vec();
                    self.take(Input::Reply(reply), Some(&reply))
                }
                Err(_) => {
                    let line = String::from_utf8_lossy(first_line(rest)).into_owned();
                    let line = self.covered(line);
                    self.lost(format!("no legal reply: `{}`", line.trim_end()), Input::Illegal)
                }
            };
            if flow == Flow::Over {
                return Flow::Over;
            }
        }
        self.unread = rest.to_vec();
        self.turn()
    }

    fn ended(&mut self, error: Option<io::Error>) -> Flow {
        let of_tls = error.as_ref().is_some_and(is_of_tls);
        let text = match error {
            Some(error) if error.kind() != io::ErrorKind::UnexpectedEof => error.to_string(),
            Some(_) | None => "the server closed the connection".to_owned(),
        };
        self.lost(text, if of_tls { Input::TlsFailed } else { Input::Eof })
    }

    /// What no reply told.
    fn lost(&mut self, cause: String, input: Input<'_>) -> Flow {
        self.log.add(Entry::Note(cause.clone()));
        self.cause = cause;
        self.take(input, None)
    }

    /// Gives the dialog what happened and does what it says.
    fn take(&mut self, input: Input<'_>, reply: Option<&Reply<'_>>) -> Flow {
        let awaited = self.dialog.awaited();
        let act = self.dialog.on(input, Instant::now(), &mut self.out, &mut self.events);
        if let Some(reply) = reply {
            self.heard(reply, awaited);
        }
        for event in std::mem::take(&mut self.events) {
            self.note(&event);
        }
        self.proceed(act)
    }

    fn heard(&mut self, reply: &Reply<'_>, awaited: Option<Step>) {
        let took = self.events.iter().find_map(|event| {
            if let Event::Replied { took, .. } = event { Some(*took) } else { None }
        });
        self.log.heard(reply, awaited, took, self.dialog.veil().as_ref());
        if let Some(step) = awaited {
            let text = self.covered(reply.text());
            self.replies.push((step, reply.code(), text));
        }
        if awaited == Some(Step::Ehlo) {
            let lines = reply.lines().skip(1);
            self.offered = lines.map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        }
    }

    /// What the server says, without the secrets that it may repeat.
    fn covered(&self, text: String) -> String {
        match self.dialog.veil() {
            Some(veil) => veil.cover(&text),
            None => text,
        }
    }

    fn note(&mut self, event: &Event) {
        match event {
            Event::Secured { took, .. } => {
                if let Some(agreed) = &self.agreed {
                    let Agreed { kind, negotiated } = *agreed;
                    let (version, cipher) = (negotiated.version, negotiated.cipher);
                    self.log.add(Entry::Secured { kind, version, cipher, took: *took });
                }
            }
            Event::Lacking(why) => (*why).clone_into(&mut self.cause),
            Event::Recipient(end) => self.recipients.push(*end),
            Event::Ended(end) => self.end = Some(*end),
            Event::Replied { .. }
            | Event::Unanswered { .. }
            | Event::LoggedIn(_)
            | Event::Ready
            | Event::Refused { .. }
            | Event::Throttled { .. } => {}
        }
    }

    fn proceed(&mut self, act: Act) -> Flow {
        let out = std::mem::take(&mut self.out);
        self.log.sent(&out, self.dialog.awaited());
        self.wire.put(out, Mark::Commands);
        self.renew_deadline();
        match act {
            Act::Flush => Flow::On,
            Act::Text => self.put_text(self.mail.octets.to_vec(), Carrier::Data),
            Act::Chunk => {
                let mut chunk = Vec::new();
                self.mail.put_chunk(&mut chunk);
                self.put_text(chunk, Carrier::Bdat)
            }
            Act::StartTls => self.secure(),
            Act::Close => {
                self.wire.transport.say_goodbye();
                Flow::Over
            }
            Act::Reset => {
                self.wire.transport.reset_on_close();
                Flow::Over
            }
        }
    }

    fn put_text(&mut self, octets: Vec<u8>, carrier: Carrier) -> Flow {
        self.log.add(Entry::Text { octets: octets.clone(), carrier });
        self.wire.put(octets, Mark::Text);
        Flow::On
    }

    /// Begins the handshake, unless something came in clear behind the last reply: whoever put it
    /// there would speak for the server (RFC 3207 6).
    fn secure(&mut self) -> Flow {
        if !self.unread.is_empty() {
            let cause = "octets in clear behind the reply to STARTTLS".to_owned();
            return self.lost(cause, Input::Illegal);
        }
        let Some(connector) = &self.stand.sender.tls else {
            return self.lost("TLS is not set up".to_owned(), Input::TlsFailed);
        };
        let name = connector.name(self.stand.address);
        self.wire.transport.secure(connector.connector(), name);
        self.dialog.on(Input::Flushed, Instant::now(), &mut self.out, &mut self.events);
        Flow::On
    }

    /// All that the server has said is heard: the message begins, or the session is left.
    fn turn(&mut self) -> Flow {
        if !self.dialog.is_idle() {
            return Flow::On;
        }
        let act = if self.begun || !self.may_begin() {
            self.dialog.leave(&mut self.out)
        } else {
            self.begun = true;
            let envelope = envelope(self.seq, self.mail);
            self.dialog.begin(&envelope, self.expect.take(), &mut self.out)
        };
        self.proceed(act)
    }

    /// Whether the server offers what the message needs.
    fn may_begin(&mut self) -> bool {
        let lack = self.dialog.lacks(&envelope(self.seq, self.mail));
        if let Some(why) = lack {
            why.clone_into(&mut self.cause);
            self.end = Some(End::without_reply(Outcome::Local, Step::Mail));
        }
        lack.is_none()
    }

    fn verdict(self) -> Verdict {
        let step = self.dialog.awaited().unwrap_or(Step::Mail);
        let end = self.end.unwrap_or(End::without_reply(Outcome::Disconnected, step));
        let decided =
            |(step, code, _): &&(Step, Code, String)| *step == end.step && Some(*code) == end.code;
        let reply = self.replies.iter().rfind(decided).map(|(_, _, text)| text.clone());
        Verdict {
            outcome: end.outcome,
            step: end.step,
            code: end.code,
            words: reply.unwrap_or(self.cause),
            recipients: self.recipients,
            offered: self.offered,
        }
    }
}
