//! AUTH before the first message: the last thing of the opening (RFC 4954).
//!
//! All rounds are one step, from the command to the final reply. A wrong password that was tried
//! on purpose must be refused with 535; any other session must be let in, unless the plan expects
//! something else.

use std::time::Duration;

use tokio::time::Instant;

use super::super::auth::{Exchange, Proof, decode, encode};
use super::super::event::LoginEnd;
use super::super::transaction::refusal;
use super::super::{Breach, Class, Code, CodeSet, Event, Outcome, Reply, Step, Throttle, Veil};
use super::{Act, Command, Dialog};

/// The longest command line with its end (RFC 5321 4.5.3.1.4), which holds for AUTH too.
const LONGEST_COMMAND: usize = 512;

/// A login on its way, and what it must come to.
#[derive(Debug)]
pub(super) struct Entry {
    exchange: Exchange,
    /// What the plan says must come.
    expect: Option<CodeSet>,
    begun: Begun,
    /// When the command was sent; known with its first reply.
    since: Option<Instant>,
    /// Why it was cancelled.
    breach: Option<Breach>,
}

/// How far a login has come.
#[derive(Debug)]
enum Begun {
    Not,
    /// The command was sent without its long initial response, which a 334 asks for.
    WithoutResponse(String),
    Yes,
}

impl Entry {
    /// The codes that must come; none: a success.
    fn must_be(&self, code: Code) -> Option<bool> {
        match (&self.expect, self.exchange.proof()) {
            (Some(codes), _) => Some(codes.holds(code)),
            (None, Proof::Wrong(_)) if code == Code::NOT_AUTHENTICATED => Some(true),
            // Let in with a wrong password.
            (None, Proof::Wrong(_)) if code.class() == Class::Positive => Some(false),
            (None, Proof::Wrong(_) | Proof::Right) => None,
        }
    }

    fn end(&self, code: Code) -> LoginEnd {
        match (code.class(), self.exchange.proof()) {
            (Class::Positive, _) => LoginEnd::Accepted,
            (_, Proof::Wrong(_)) => LoginEnd::RefusedOnPurpose,
            (_, Proof::Right) => LoginEnd::Refused,
        }
    }
}

impl Dialog {
    /// The same for a session that logs in before its first message; `expect` is what must come.
    #[must_use]
    pub fn logging_in(self, exchange: Exchange, expect: Option<CodeSet>) -> Self {
        let (begun, since, breach) = (Begun::Not, None, None);
        Self { entry: Some(Box::new(Entry { exchange, expect, begun, since, breach })), ..self }
    }

    /// What must not be seen of all that the server says; none where nothing is secret.
    pub fn veil(&self) -> Option<Veil> {
        self.entry.as_ref().map(|entry| entry.exchange.veil())
    }

    /// Logs in if that is still to be done; else the session is ready.
    pub(super) fn log_in(&mut self, out: &mut Vec<u8>, events: &mut Vec<Event>) -> Act {
        let offered = self.offered;
        let Some(entry) = self.entry.as_mut() else { return self.ready(events) };
        let mechanism = entry.exchange.mechanism();
        if !offered.authenticates(mechanism) {
            events.push(Event::Lacking(mechanism.lacking()));
            self.opening_failed(Outcome::Unconnected, Step::Auth, None, events);
            return self.leave(out);
        }
        let mut command = format!("AUTH {}", mechanism.name());
        let initial = entry.exchange.initial().map(|response| encode(&response));
        entry.begun = Begun::Yes;
        if let Some(response) = initial {
            // RFC 4954 4: what makes the line too long waits for the server's 334.
            if command.len() + 1 + response.len() + 2 > LONGEST_COMMAND {
                entry.begun = Begun::WithoutResponse(response);
            } else {
                let response = if response.is_empty() { "=" } else { &response };
                command = format!("{command} {response}");
            }
        }
        out.extend_from_slice(command.as_bytes());
        self.ask(Command::Auth, b"\r\n", out)
    }

    /// A challenge, or the final reply; `since` is when it began to be waited for.
    pub(super) fn auth_answered(
        &mut self,
        reply: &Reply<'_>,
        (since, now): (Instant, Instant),
        out: &mut Vec<u8>,
        events: &mut Vec<Event>,
    ) -> Act {
        let Some(entry) = self.entry.as_mut() else { return self.ready(events) };
        let since = *entry.since.get_or_insert(since);
        let code = reply.code();
        if code == Code::CHALLENGE && entry.breach.is_none() {
            return self.respond(reply, out);
        }
        let took: Duration = now.saturating_duration_since(since);
        let passed = code.class() == Class::Positive;
        events.push(Event::Replied { step: Step::Auth, code, passed, took });
        self.logged_in(reply, out, events)
    }

    /// The next response, or `*` where the server's challenge can't be answered.
    fn respond(&mut self, reply: &Reply<'_>, out: &mut Vec<u8>) -> Act {
        let Some(entry) = self.entry.as_mut() else { return Act::Flush };
        let response = match std::mem::replace(&mut entry.begun, Begun::Yes) {
            Begun::WithoutResponse(response) => Ok(response),
            Begun::Not | Begun::Yes => {
                let line = reply.lines().next().unwrap_or_default();
                let challenge = decode(line).ok_or(Breach::NotBase64);
                let response = challenge.and_then(|octets| entry.exchange.answer(&octets));
                response.map(|octets| encode(&octets))
            }
        };
        match response {
            Ok(response) => out.extend_from_slice(response.as_bytes()),
            Err(breach) => {
                entry.breach = Some(breach);
                out.push(b'*');
            }
        }
        self.ask(Command::Auth, b"\r\n", out)
    }

    fn logged_in(&mut self, reply: &Reply<'_>, out: &mut Vec<u8>, events: &mut Vec<Event>) -> Act {
        let Some(entry) = self.entry.as_ref() else { return self.ready(events) };
        let code = reply.code();
        let accepted = code.class() == Class::Positive;
        let believed = if accepted { entry.exchange.believes() } else { Ok(()) };
        let breach = entry.breach.or(believed.err());
        let must = entry.must_be(code);
        events.push(Event::LoggedIn(entry.end(code)));
        if let Some(sign) = Throttle::of_reply(Step::Auth, code).filter(|_| must != Some(true)) {
            events.push(Event::Throttled { sign, step: Some(Step::Auth) });
        }
        if let Some(breach) = breach {
            events.push(Event::Lacking(breach.text()));
            self.opening_failed(Outcome::Protocol, Step::Auth, None, events);
            return self.leave(out);
        }
        let outcome = match must {
            Some(true) | None if accepted => return self.ready(events),
            Some(true) => Outcome::Expected,
            Some(false) => Outcome::Unexpected,
            None => refusal(code),
        };
        let act = self.opening_failed(outcome, Step::Auth, Some(reply), events);
        if code == Code::CLOSING { act } else { self.leave(out) }
    }
}
