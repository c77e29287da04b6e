//! From the greeting until the session is ready for MAIL, or why it never is.

use super::super::transaction::refusal;
use super::super::{Capabilities, Class, Code, End, Event, Outcome, Protocol, Reply, Step};
use super::{Act, Command, Dialog, Stage};

impl Dialog {
    pub(super) fn greeted(
        &mut self,
        reply: &Reply<'_>,
        out: &mut Vec<u8>,
        events: &mut Vec<Event>,
    ) -> Act {
        if reply.code() == Code::GREETING {
            return self.say_hello(out);
        }
        self.opening_failed(Outcome::Unconnected, Step::Greeting, Some(reply), events)
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
            Class::Positive => {
                self.offered = Capabilities::of(reply);
                self.introduce(out, events)
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
            Class::Positive => self.introduce(out, events),
            Class::Intermediate | Class::Temporary | Class::Permanent => {
                self.refused_at_opening(reply, out, events)
            }
        }
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
        let code = reply.map(Reply::code);
        if code.is_some() {
            events.push(Event::Refused { outcome, step, code });
        }
        let enhanced = reply.and_then(Reply::enhanced);
        events.push(Event::Ended(End { outcome, step, code, enhanced, service: None }));
        self.over(Act::Close)
    }
}
