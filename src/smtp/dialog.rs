//! One session's dialog as a value: replies and ends of the connection in, octets and events out.
//!
//! It does no I/O and knows no clock, so that groups, lock-step and the pipelining of RFC 2920
//! 3.1 are one machine: a queue of outstanding commands of which each reply pops one. A refusal
//! is an event; only the transport, a 421 and an illegal reply end a session.

use std::collections::VecDeque;
use std::rc::Rc;

use tokio::time::Instant;

use super::envelope::Commands;
use super::transaction::{Onward, Part, Transaction, refusal};
use super::{
    Act, Capabilities, Class, Code, EhloName, End, Ending, Envelope, Event, Expectations, Input,
    Keyword, Outcome, Pipelining, Reply, Step,
};

/// What does not change from session to session.
#[derive(Clone, Debug)]
pub struct Manners {
    /// The name in EHLO.
    pub ehlo: EhloName,
    /// How commands are grouped.
    pub pipelining: Pipelining,
    /// How the session is ended.
    pub ending: Ending,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Command {
    Greeting,
    Ehlo,
    Helo,
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
    offered: Capabilities,
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
        self.pending.front().map(|pending| pending.command.step())
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
            Input::Opened => {
                self.pending.push_back(Pending { command: Command::Greeting, sent: Some(now) });
                Act::Flush
            }
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
            Command::Greeting | Command::Ehlo | Command::Helo | Command::Rset | Command::Quit => {
                None
            }
        }
    }

    /// The oldest message ends by itself, before the session does.
    fn end_oldest(&mut self, end: End, events: &mut Vec<Event>) {
        self.spare = self.transactions.pop_front();
        events.push(Event::Ended(end));
    }

    fn greeted(&mut self, reply: &Reply<'_>, out: &mut Vec<u8>, events: &mut Vec<Event>) -> Act {
        if reply.code() == Code::GREETING {
            out.extend_from_slice(b"EHLO ");
            out.extend_from_slice(self.manners.ehlo.as_str().as_bytes());
            return self.ask(Command::Ehlo, b"\r\n", out);
        }
        self.opening_failed(Outcome::Unconnected, Step::Greeting, Some(reply), events)
    }

    fn ehlo_answered(
        &mut self,
        reply: &Reply<'_>,
        out: &mut Vec<u8>,
        events: &mut Vec<Event>,
    ) -> Act {
        match reply.code().class() {
            Class::Positive => {
                self.offered = Capabilities::of(reply);
                self.ready(events)
            }
            // RFC 5321 3.2: a client that gets no EHLO falls back to HELO.
            Class::Permanent => {
                out.extend_from_slice(b"HELO ");
                out.extend_from_slice(self.manners.ehlo.as_str().as_bytes());
                self.ask(Command::Helo, b"\r\n", out)
            }
            Class::Intermediate | Class::Temporary => self.refused_at_opening(reply, out, events),
        }
    }

    fn helo_answered(
        &mut self,
        reply: &Reply<'_>,
        out: &mut Vec<u8>,
        events: &mut Vec<Event>,
    ) -> Act {
        match reply.code().class() {
            Class::Positive => self.ready(events),
            Class::Intermediate | Class::Temporary | Class::Permanent => {
                self.refused_at_opening(reply, out, events)
            }
        }
    }

    fn ready(&mut self, events: &mut Vec<Event>) -> Act {
        self.stage = Stage::Ready;
        events.push(Event::Ready);
        Act::Flush
    }

    /// EHLO or HELO was refused: the message ends with that, and the session with QUIT.
    fn refused_at_opening(
        &mut self,
        reply: &Reply<'_>,
        out: &mut Vec<u8>,
        events: &mut Vec<Event>,
    ) -> Act {
        let act = self.opening_failed(refusal(reply.code()), Step::Ehlo, Some(reply), events);
        if reply.code() == Code::CLOSING { act } else { self.leave(out) }
    }

    fn opening_failed(
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
            step: pending.command.step(),
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
}

impl Command {
    const fn step(self) -> Step {
        match self {
            Self::Greeting => Step::Greeting,
            Self::Ehlo | Self::Helo => Step::Ehlo,
            Self::Message(part) => part.step(),
            Self::Rset => Step::Rset,
            Self::Quit => Step::Quit,
        }
    }

    fn is_passed_by(self, code: Code) -> bool {
        match self {
            Self::Greeting => code == Code::GREETING,
            Self::Message(Part::Data) => code.class() == Class::Intermediate,
            Self::Ehlo
            | Self::Helo
            | Self::Message(Part::Mail | Part::Rcpt | Part::Text)
            | Self::Rset
            | Self::Quit => code.class() == Class::Positive,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A dialog whose server is the test.
    struct Wire {
        dialog: Dialog,
        now: Instant,
        out: Vec<u8>,
        events: Vec<Event>,
        act: Act,
    }

    impl Wire {
        fn connect(pipelining: Pipelining) -> Self {
            let manners =
                Manners { ehlo: "me.test".parse().unwrap(), pipelining, ending: Ending::Quit };
            let mut wire = Self {
                dialog: Dialog::new(Rc::new(manners)),
                now: Instant::now(),
                out: Vec::new(),
                events: Vec::new(),
                act: Act::Flush,
            };
            wire.on(Input::Opened);
            wire
        }

        fn ready(pipelining: Pipelining) -> Self {
            let mut wire = Self::connect(pipelining);
            wire.says("220 hi\r\n");
            wire.sends("EHLO me.test\r\n");
            wire.says("250-hi\r\n250 PIPELINING\r\n");
            wire.events.clear();
            wire
        }

        fn on(&mut self, input: Input<'_>) {
            self.act = self.dialog.on(input, self.now, &mut self.out, &mut self.events);
        }

        fn says(&mut self, text: &str) {
            let mut rest = text.as_bytes();
            while let Some((reply, length)) = Reply::parse(rest).unwrap() {
                self.on(Input::Reply(reply));
                rest = &rest[length..];
            }
            assert!(rest.is_empty());
        }

        fn sends(&mut self, text: &str) {
            assert_eq!(String::from_utf8_lossy(&self.out), text);
            self.out.clear();
            self.on(Input::Flushed);
        }

        fn wait(&mut self, milliseconds: u64) {
            self.now += Duration::from_millis(milliseconds);
        }

        fn begin(&mut self, recipients: &[&str], expect: &[(Step, &str)]) {
            let to: Vec<String> = recipients.iter().map(|to| (*to).to_owned()).collect();
            let envelope =
                Envelope { from: "a@x", to: &to, size: 3, eight_bit: false, utf8: false };
            let expect =
                Expectations::new(expect.iter().map(|(step, code)| (*step, code.parse().unwrap())));
            self.dialog.begin(&envelope, Some(Rc::new(expect)), &mut self.out);
        }

        fn text(&mut self) {
            assert_eq!(self.act, Act::Text);
            self.out.extend_from_slice(b"hi\r\n.\r\n");
        }

        fn ends(&self) -> Vec<(Outcome, Step, Option<u16>)> {
            let ends = self.events.iter().filter_map(|event| match event {
                Event::Ended(end) => Some((end.outcome, end.step, end.code.map(Code::number))),
                _ => None,
            });
            ends.collect()
        }
    }

    const GROUP: &str = "MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n";

    #[test]
    fn lock_step_sends_one_command_for_each_reply() {
        let mut wire = Wire::ready(Pipelining::Never);
        wire.begin(&["b@x", "c@x"], &[]);
        wire.sends("MAIL FROM:<a@x>\r\n");
        wire.says("250 ok\r\n");
        wire.sends("RCPT TO:<b@x>\r\n");
        wire.says("550 no\r\n");
        wire.sends("RCPT TO:<c@x>\r\n");
        wire.says("250 ok\r\n");
        wire.sends("DATA\r\n");
        wire.says("354 go\r\n");
        wire.text();
        wire.sends("hi\r\n.\r\n");
        wire.says("250 taken\r\n");

        assert_eq!(wire.ends(), [(Outcome::Accepted, Step::EndOfData, Some(250))]);
        assert!(wire.dialog.is_idle());
    }

    #[test]
    fn a_group_is_one_write_and_its_times_do_not_hold_the_waiting_for_others() {
        let mut wire = Wire::ready(Pipelining::Auto);
        wire.begin(&["b@x"], &[]);
        wire.sends(GROUP);
        wire.wait(5);
        wire.says("250 ok\r\n");
        wire.wait(2);
        wire.says("250 ok\r\n354 go\r\n");

        let times: Vec<u128> = wire
            .events
            .iter()
            .filter_map(|event| match event {
                Event::Replied { took, .. } => Some(took.as_millis()),
                _ => None,
            })
            .collect();
        assert_eq!(times, [5, 2, 0]);
        wire.text();
        assert!(!wire.dialog.may_ride());
    }

    #[test]
    fn one_round_trip_carries_the_text_and_the_next_group() {
        let mut wire = Wire::ready(Pipelining::Full);
        wire.begin(&["b@x"], &[]);
        wire.sends(GROUP);
        wire.says("250 ok\r\n250 ok\r\n354 go\r\n");
        wire.text();
        assert!(wire.dialog.may_ride());
        wire.begin(&["b@x"], &[]);
        wire.sends(&format!("hi\r\n.\r\n{GROUP}"));
        wire.wait(3);
        wire.says("250 taken\r\n");
        wire.wait(4);
        wire.says("250 ok\r\n250 ok\r\n354 go\r\n");
        wire.text();
        wire.sends("hi\r\n.\r\n");
        wire.says("250 taken\r\n");

        let services: Vec<u128> = wire
            .events
            .iter()
            .filter_map(|event| match event {
                Event::Ended(end) => end.service.map(|service| service.as_millis()),
                _ => None,
            })
            .collect();
        assert_eq!(services, [3, 4], "the second counts from the first one's final reply");
    }

    #[test]
    fn the_first_refused_step_decides_and_what_follows_counts_in_steps_alone() {
        let mut wire = Wire::ready(Pipelining::Auto);
        wire.begin(&["b@x"], &[]);
        wire.sends(GROUP);
        wire.says("452 4.3.1 full\r\n503 no\r\n503 no\r\n");

        assert_eq!(wire.ends(), [(Outcome::Temporary, Step::Mail, Some(452))]);
        assert!(wire.dialog.is_idle(), "no transaction is open, so no RSET is needed");
    }

    #[test]
    fn a_lone_dot_answers_a_354_without_recipients() {
        let mut wire = Wire::ready(Pipelining::Auto);
        wire.begin(&["b@x"], &[]);
        wire.sends(GROUP);
        wire.says("250 ok\r\n550 no\r\n354 go\r\n");
        wire.sends(".\r\n");
        wire.says("554 no recipients\r\n");

        assert_eq!(wire.ends(), [(Outcome::Permanent, Step::Rcpt, Some(550))]);
        assert!(wire.dialog.is_idle());
    }

    #[test]
    fn a_refused_message_is_reset_before_the_next() {
        let mut wire = Wire::ready(Pipelining::Never);
        wire.begin(&["b@x"], &[]);
        wire.sends("MAIL FROM:<a@x>\r\n");
        wire.says("250 ok\r\n");
        wire.sends("RCPT TO:<b@x>\r\n");
        wire.says("450 4.7.1 later\r\n");
        wire.sends("RSET\r\n");
        assert!(!wire.dialog.is_idle());
        wire.says("250 ok\r\n");

        assert_eq!(wire.ends(), [(Outcome::Temporary, Step::Rcpt, Some(450))]);
        assert!(wire.dialog.is_idle());
    }

    #[test]
    fn only_the_named_refusal_is_expected() {
        for (says, outcome) in
            [("550 no\r\n", Outcome::Expected), ("450 no\r\n", Outcome::Unexpected)]
        {
            let mut wire = Wire::ready(Pipelining::Never);
            wire.begin(&["b@x"], &[(Step::Rcpt, "550")]);
            wire.sends("MAIL FROM:<a@x>\r\n");
            wire.says("250 ok\r\n");
            wire.sends("RCPT TO:<b@x>\r\n");
            wire.says(says);
            assert_eq!(wire.ends().len(), 1);
            assert_eq!(wire.ends()[0].0, outcome, "{says}");
        }
    }

    #[test]
    fn an_acceptance_that_was_not_expected_is_an_error_though_the_message_goes_on() {
        let mut wire = Wire::ready(Pipelining::Auto);
        wire.begin(&["b@x"], &[(Step::Rcpt, "550")]);
        wire.sends(GROUP);
        wire.says("250 ok\r\n250 ok\r\n354 go\r\n");
        wire.text();
        wire.sends("hi\r\n.\r\n");
        wire.says("250 taken\r\n");

        assert_eq!(wire.ends(), [(Outcome::Unexpected, Step::Rcpt, Some(250))]);
    }

    #[test]
    fn an_end_after_the_final_dot_is_ambiguous_and_before_it_a_disconnection() {
        for (flushed, outcome) in [(true, Outcome::Ambiguous), (false, Outcome::Disconnected)] {
            let mut wire = Wire::ready(Pipelining::Auto);
            wire.begin(&["b@x"], &[]);
            wire.sends(GROUP);
            wire.says("250 ok\r\n250 ok\r\n354 go\r\n");
            wire.text();
            if flushed {
                wire.sends("hi\r\n.\r\n");
            }
            wire.on(Input::Eof);
            assert_eq!(wire.ends(), [(outcome, Step::EndOfData, None)]);
            assert_eq!(wire.act, Act::Close);
        }
    }

    #[test]
    fn a_421_ends_message_and_session_at_any_moment() {
        let mut wire = Wire::ready(Pipelining::Auto);
        wire.begin(&["b@x"], &[]);
        wire.sends(GROUP);
        wire.says("250 ok\r\n421 4.3.2 bye\r\n");

        assert_eq!(wire.ends(), [(Outcome::Temporary, Step::Rcpt, Some(421))]);
        assert_eq!(wire.act, Act::Close);
    }

    #[test]
    fn a_reply_to_something_not_yet_sent_is_a_protocol_error() {
        let mut wire = Wire::ready(Pipelining::Never);
        wire.begin(&["b@x"], &[]);
        wire.sends("MAIL FROM:<a@x>\r\n");
        wire.says("250 ok\r\n250 more\r\n");

        assert_eq!(wire.ends(), [(Outcome::Protocol, Step::Rcpt, None)]);
    }

    #[test]
    fn a_greeting_other_than_220_means_no_session() {
        let mut wire = Wire::connect(Pipelining::Auto);
        wire.says("554 5.7.1 go away\r\n");

        assert_eq!(wire.ends(), [(Outcome::Unconnected, Step::Greeting, Some(554))]);
        assert_eq!(wire.act, Act::Close);
    }

    #[test]
    fn helo_is_tried_where_ehlo_is_refused() {
        let mut wire = Wire::connect(Pipelining::Auto);
        wire.says("220 hi\r\n");
        wire.sends("EHLO me.test\r\n");
        wire.says("502 what\r\n");
        wire.sends("HELO me.test\r\n");
        wire.says("250 hi\r\n");

        assert!(wire.dialog.is_idle());
        wire.begin(&["b@x"], &[]);
        assert_eq!(wire.out, b"MAIL FROM:<a@x>\r\n", "no group was offered");
    }

    #[test]
    fn waiting_too_long_is_told_from_a_lost_connection() {
        let mut wire = Wire::ready(Pipelining::Auto);
        wire.begin(&["b@x"], &[]);
        wire.sends(GROUP);
        wire.says("250 ok\r\n");
        wire.on(Input::Deadline);

        assert_eq!(wire.ends(), [(Outcome::TimedOut, Step::Rcpt, None)]);
        let unanswered: Vec<&Event> =
            wire.events.iter().filter(|event| matches!(event, Event::Unanswered { .. })).collect();
        assert_eq!(unanswered.len(), 2);
    }

    #[test]
    fn a_session_ends_with_quit_and_its_reply() {
        let mut wire = Wire::ready(Pipelining::Auto);
        let act = wire.dialog.leave(&mut wire.out);
        assert_eq!(act, Act::Flush);
        wire.sends("QUIT\r\n");
        wire.says("221 bye\r\n");

        assert_eq!(wire.act, Act::Close);
        assert_eq!(wire.ends(), []);
    }
}
