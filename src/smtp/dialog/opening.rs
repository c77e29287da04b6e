//! From the connection until the session is ready for MAIL, or why it never is.
//!
//! In order: the handshake of implicit TLS, the greeting, EHLO, then what
//! [`Dialog::onward_in_opening`] says. STARTTLS and its handshake lead back to EHLO.

use tokio::time::Instant;

use super::super::transaction::refusal;
use super::super::{
    Capabilities, Class, Code, End, Event, Handshake, Keyword, Outcome, Protocol, Reply, Step,
    TlsMode,
};
use super::{Act, Command, Dialog, Pending, Stage};

impl Dialog {
    /// The connection stands.
    pub(super) fn opened(&mut self, now: Instant) -> Act {
        match self.manners.tls {
            Some(TlsMode::Implicit) => {
                self.pending.push_back(Pending::new(Command::Tls));
                Act::StartTls
            }
            Some(TlsMode::Starttls) | None => self.await_greeting(now),
        }
    }

    fn await_greeting(&mut self, now: Instant) -> Act {
        self.pending.push_back(Pending { command: Command::Greeting, sent: Some(now) });
        Act::Flush
    }

    /// What comes next once the server has said what it offers: what the client's manners ask
    /// for and is not yet done, in the order in which it must be done.
    fn onward_in_opening(&mut self, out: &mut Vec<u8>, events: &mut Vec<Event>) -> Act {
        if self.manners.tls == Some(TlsMode::Starttls) && !self.secured {
            return self.ask_for_tls(out, events);
        }
        self.introduce(out, events)
    }

    pub(super) fn greeted(
        &mut self,
        reply: &Reply<'_>,
        out: &mut Vec<u8>,
        events: &mut Vec<Event>,
    ) -> Act {
        if reply.code() != Code::GREETING {
            return self.opening_failed(Outcome::Unconnected, Step::Greeting, Some(reply), events);
        }
        if self.was_to_be_refused(Step::Greeting, reply) {
            return self.refused_at(Step::Greeting, reply, out, events);
        }
        self.say_hello(out)
    }

    /// Whether the plan expects another reply than this success.
    fn was_to_be_refused(&self, step: Step, reply: &Reply<'_>) -> bool {
        self.manners.expect.at(step).is_some_and(|codes| !codes.holds(reply.code()))
    }

    /// What a reply means that ends the opening: what the plan expects of the greeting and of EHLO
    /// decides. AUTH looks at it by itself.
    fn judged(&self, outcome: Outcome, step: Step, reply: Option<&Reply<'_>>) -> Outcome {
        let looks = matches!(step, Step::Greeting | Step::Ehlo);
        let expected = looks.then(|| self.manners.expect.at(step)).flatten().zip(reply);
        match expected.map(|(codes, reply)| codes.holds(reply.code())) {
            Some(true) => Outcome::Expected,
            Some(false) => Outcome::Unexpected,
            None => outcome,
        }
    }

    pub(super) fn say_hello(&mut self, out: &mut Vec<u8>) -> Act {
        out.extend_from_slice(self.manners.protocol.hello());
        out.extend_from_slice(self.manners.ehlo.as_str().as_bytes());
        self.ask(Command::Ehlo, b"\r\n", out)
    }

    pub(super) fn ehlo_answered(
        &mut self,
        reply: &Reply<'_>,
        out: &mut Vec<u8>,
        events: &mut Vec<Event>,
    ) -> Act {
        match reply.code().class() {
            Class::Positive if self.was_to_be_refused(Step::Ehlo, reply) => {
                self.refused_at_opening(reply, out, events)
            }
            Class::Positive => {
                self.offered = Capabilities::of(reply);
                self.onward_in_opening(out, events)
            }
            Class::Permanent if self.manners.expect.at(Step::Ehlo).is_some() => {
                self.refused_at_opening(reply, out, events)
            }
            // RFC 5321 3.2: a client that gets no EHLO falls back to HELO. LMTP has none.
            Class::Permanent if self.manners.protocol == Protocol::Smtp => {
                out.extend_from_slice(b"HELO ");
                out.extend_from_slice(self.manners.ehlo.as_str().as_bytes());
                self.ask(Command::Helo, b"\r\n", out)
            }
            Class::Intermediate | Class::Temporary | Class::Permanent => {
                self.refused_at_opening(reply, out, events)
            }
        }
    }

    pub(super) fn helo_answered(
        &mut self,
        reply: &Reply<'_>,
        out: &mut Vec<u8>,
        events: &mut Vec<Event>,
    ) -> Act {
        match reply.code().class() {
            Class::Positive => self.onward_in_opening(out, events),
            Class::Intermediate | Class::Temporary | Class::Permanent => {
                self.refused_at_opening(reply, out, events)
            }
        }
    }

    /// Asks for TLS, or ends the session where it is not offered: it never goes on in clear.
    fn ask_for_tls(&mut self, out: &mut Vec<u8>, events: &mut Vec<Event>) -> Act {
        if self.offered.offers(Keyword::Starttls) {
            return self.ask(Command::Starttls, b"STARTTLS\r\n", out);
        }
        events.push(Event::Lacking("the server offers no STARTTLS"));
        self.opening_failed(Outcome::Tls, Step::Starttls, None, events);
        self.leave(out)
    }

    pub(super) fn starttls_answered(
        &mut self,
        reply: &Reply<'_>,
        out: &mut Vec<u8>,
        events: &mut Vec<Event>,
    ) -> Act {
        let code = reply.code();
        if code == Code::GREETING {
            self.pending.push_back(Pending::new(Command::Tls));
            return Act::StartTls;
        }
        // With a 421 the server closes, whatever was asked; another 2xx is no legal answer here.
        let outcome = match code.class() {
            Class::Temporary | Class::Permanent if code != Code::CLOSING => Outcome::Tls,
            Class::Positive | Class::Intermediate | Class::Temporary | Class::Permanent => {
                refusal(code)
            }
        };
        let act = self.opening_failed(outcome, Step::Starttls, Some(reply), events);
        if code == Code::CLOSING { act } else { self.leave(out) }
    }

    /// What was learned in clear is forgotten, and EHLO is sent again (RFC 3207 4.2).
    pub(super) fn handshake_done(
        &mut self,
        handshake: Handshake,
        now: Instant,
        out: &mut Vec<u8>,
        events: &mut Vec<Event>,
    ) -> Act {
        let began = self.pending.pop_front().and_then(|pending| pending.sent);
        let took = now.saturating_duration_since(began.unwrap_or(now));
        events.push(Event::Secured { step: handshake.step(), took });
        self.secured = true;
        self.offered = Capabilities::default();
        match self.manners.tls {
            Some(TlsMode::Implicit) => self.await_greeting(now),
            Some(TlsMode::Starttls) | None => self.say_hello(out),
        }
    }

    /// Before the session is ready that is why it never will be; later it is a lost connection.
    pub(super) fn tls_failed(&mut self, now: Instant, events: &mut Vec<Event>) -> Act {
        if self.stage != Stage::Opening {
            return self.lost(Outcome::Disconnected, now, events);
        }
        self.tell_unanswered(Outcome::Tls, now, events);
        self.opening_failed(Outcome::Tls, Step::Tls, None, events)
    }

    pub(super) fn ready(&mut self, events: &mut Vec<Event>) -> Act {
        self.stage = Stage::Ready;
        events.push(Event::Ready);
        Act::Flush
    }

    /// EHLO or HELO was refused: the message ends with that, and the session with QUIT.
    pub(super) fn refused_at_opening(
        &mut self,
        reply: &Reply<'_>,
        out: &mut Vec<u8>,
        events: &mut Vec<Event>,
    ) -> Act {
        self.refused_at(Step::Ehlo, reply, out, events)
    }

    /// The same for another step of the opening.
    pub(super) fn refused_at(
        &mut self,
        step: Step,
        reply: &Reply<'_>,
        out: &mut Vec<u8>,
        events: &mut Vec<Event>,
    ) -> Act {
        let act = self.opening_failed(refusal(reply.code()), step, Some(reply), events);
        if reply.code() == Code::CLOSING { act } else { self.leave(out) }
    }

    pub(super) fn opening_failed(
        &mut self,
        outcome: Outcome,
        step: Step,
        reply: Option<&Reply<'_>>,
        events: &mut Vec<Event>,
    ) -> Act {
        let outcome = self.judged(outcome, step, reply);
        let code = reply.map(Reply::code);
        if code.is_some() {
            events.push(Event::Refused { outcome, step, code });
        }
        let enhanced = reply.and_then(Reply::enhanced);
        events.push(Event::Ended(End { outcome, step, code, enhanced, service: None }));
        self.over(Act::Close)
    }
}
