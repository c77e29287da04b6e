//! The replies to one message's commands → what became of the message (RFC 5321 3.3).
//!
//! The first step at which the message fails decides; replies that only follow from it count in
//! their steps alone.

use std::rc::Rc;

use tokio::time::Instant;

use super::chunk::Carrier;
use super::envelope::{Commands, Terms};
use super::lmtp::{Deliveries, Protocol};
use super::{
    Class, Code, End, Enhanced, Envelope, Event, Expectations, Outcome, RecipientEnd, Reply, Step,
    Throttle,
};

/// What the session does after a reply to one of the message's commands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Onward {
    /// Waits for the replies that are still to come.
    Wait,
    /// Sends the next command (lock-step only).
    Next,
    /// Sends the text.
    Text,
    /// Sends a lone dot: 354 came though no recipient was accepted (RFC 2920 3.1).
    LoneDot,
    /// Ends the message.
    Finish,
    /// Leaves at once: the server would take a message that was not meant.
    Abandon,
}

/// One of the message's own commands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Part {
    Mail,
    Rcpt,
    Data,
    Text,
    Bdat,
}

impl Part {
    pub(super) const fn step(self) -> Step {
        match self {
            Self::Mail => Step::Mail,
            Self::Rcpt => Step::Rcpt,
            Self::Data => Step::Data,
            Self::Text => Step::EndOfData,
            Self::Bdat => Step::Bdat,
        }
    }
}

/// What became of a message, and by which reply.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decision {
    outcome: Outcome,
    step: Step,
    code: Option<Code>,
    enhanced: Option<Enhanced>,
}

/// One message between MAIL and its final reply.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    commands: Commands,
    protocol: Protocol,
    carrier: Carrier,
    expect: Option<Rc<Expectations>>,
    asked: usize,
    awaited: usize,
    recipients_accepted: usize,
    recipients_refused: usize,
    first_refusal: Option<Decision>,
    decision: Option<Decision>,
    deliveries: Deliveries,
    failed: bool,
    open: bool,
    began: Option<Instant>,
}

#[derive(Clone, Copy)]
enum Judgement {
    Passed,
    Failed(Outcome),
}

impl Transaction {
    /// Takes on a new message; buffers are used again.
    pub(super) fn begin(
        &mut self,
        envelope: &Envelope<'_>,
        (protocol, terms): (Protocol, Terms<'_>),
        expect: Option<Rc<Expectations>>,
    ) {
        self.commands.fill(envelope, terms);
        let commands = std::mem::take(&mut self.commands);
        let carrier = terms.carrier;
        *self = Self { commands, protocol, carrier, expect, ..Self::default() };
    }

    /// Writes all commands as one group; tells their parts in order.
    pub(super) fn ask_all(&mut self, out: &mut Vec<u8>) -> impl Iterator<Item = Part> + use<> {
        out.extend_from_slice(self.commands.all());
        let recipients = self.commands.recipients();
        self.asked = recipients + 2;
        self.awaited = recipients + 2;
        let between = std::iter::repeat_n(Part::Rcpt, recipients);
        std::iter::once(Part::Mail).chain(between).chain(std::iter::once(self.last_part()))
    }

    /// Writes the next command.
    pub(super) fn ask_next(&mut self, out: &mut Vec<u8>) -> Part {
        out.extend_from_slice(self.commands.nth(self.asked));
        let part = match self.asked {
            0 => Part::Mail,
            n if n <= self.commands.recipients() => Part::Rcpt,
            _ => self.last_part(),
        };
        self.asked += 1;
        self.awaited += 1;
        part
    }

    const fn last_part(&self) -> Part {
        match self.carrier {
            Carrier::Data => Part::Data,
            Carrier::Bdat => Part::Bdat,
        }
    }

    /// The text, or a lone dot, is on its way: so many replies will come to it.
    pub(super) fn text_asked(&mut self) -> usize {
        self.awaited += 1;
        1 + self.further_deliveries()
    }

    /// With all recipients answered: how many replies will come to the text beyond the first. They
    /// are told once.
    pub(super) fn further_deliveries(&mut self) -> usize {
        if self.protocol == Protocol::Smtp || self.deliveries.counted {
            return 0;
        }
        self.deliveries.counted = true;
        let further = self.recipients_accepted.saturating_sub(1);
        self.awaited += further;
        further
    }

    /// The first octet of MAIL was given to the kernel.
    pub(super) fn began(&mut self, at: Instant) {
        self.began.get_or_insert(at);
    }

    /// Whether the first octet of MAIL was given to the kernel.
    pub(super) const fn has_begun(&self) -> bool {
        self.began.is_some()
    }

    /// Whether MAIL was accepted and nothing has ended the server's transaction.
    pub(super) const fn is_open(&self) -> bool {
        self.open
    }

    /// A reply to one of the commands came.
    pub(super) fn reply(
        &mut self,
        part: Part,
        reply: &Reply<'_>,
        events: &mut Vec<Event>,
    ) -> Onward {
        self.awaited = self.awaited.saturating_sub(1);
        let judgement = self.judge(part, reply, events);
        match part {
            Part::Mail => self.mail(judgement, reply),
            Part::Rcpt => self.rcpt(judgement, reply, events),
            Part::Data => return self.data(judgement, reply),
            Part::Text | Part::Bdat => return self.text(part, judgement, (reply, events)),
        }
        match (self.awaited, self.failed) {
            (0, true) => Onward::Finish,
            (0, false) => Onward::Next,
            (_, true | false) => Onward::Wait,
        }
    }

    fn judge(&mut self, part: Part, reply: &Reply<'_>, events: &mut Vec<Event>) -> Judgement {
        let code = reply.code();
        let wanted = if part == Part::Data { Class::Intermediate } else { Class::Positive };
        let positive = code.class() == wanted;
        let named = self.expect.as_ref().and_then(|expect| expect.at(part.step()));
        let outcome = match (named, positive) {
            (None, true) => return Judgement::Passed,
            (None, false) => refusal(code),
            (Some(codes), true) if codes.holds(code) => return Judgement::Passed,
            (Some(codes), false) if codes.holds(code) => Outcome::Expected,
            (Some(_), true | false) => Outcome::Unexpected,
        };
        if outcome != Outcome::Expected
            && let Some(sign) = Throttle::of_reply(part.step(), code)
        {
            events.push(Event::Throttled { sign, step: Some(part.step()) });
        }
        let decides = !self.failed;
        if decides && outcome != Outcome::Expected {
            events.push(Event::Refused { outcome, step: part.step(), code: Some(code) });
        }
        if outcome == Outcome::Unexpected {
            self.decide(Decision::new(outcome, part, reply));
        }
        if positive { Judgement::Passed } else { Judgement::Failed(outcome) }
    }

    fn decide(&mut self, decision: Decision) {
        self.decision.get_or_insert(decision);
    }

    fn fail(&mut self, decision: Decision) {
        self.decide(decision);
        self.failed = true;
    }

    fn mail(&mut self, judgement: Judgement, reply: &Reply<'_>) {
        match judgement {
            Judgement::Passed => self.open = true,
            Judgement::Failed(outcome) => self.fail(Decision::new(outcome, Part::Mail, reply)),
        }
    }

    fn rcpt(&mut self, judgement: Judgement, reply: &Reply<'_>, events: &mut Vec<Event>) {
        match judgement {
            Judgement::Passed => {
                self.recipients_accepted += 1;
                if self.protocol == Protocol::Smtp {
                    events.push(Event::Recipient(RecipientEnd::Accepted));
                }
            }
            Judgement::Failed(outcome) => {
                self.recipients_refused += 1;
                events.push(Event::Recipient(recipient_end(outcome, reply.code())));
                self.first_refusal.get_or_insert(Decision::new(outcome, Part::Rcpt, reply));
            }
        }
        let all_refused = self.recipients_refused == self.commands.recipients();
        if let Some(refusal) = self.first_refusal.filter(|_| all_refused && !self.failed) {
            self.fail(refusal);
        }
    }

    fn data(&mut self, judgement: Judgement, reply: &Reply<'_>) -> Onward {
        match judgement {
            Judgement::Passed if !self.failed => Onward::Text,
            // In LMTP no reply would come to it (RFC 2033 4.2).
            Judgement::Passed
                if self.recipients_accepted == 0 && self.protocol == Protocol::Smtp =>
            {
                Onward::LoneDot
            }
            Judgement::Passed => Onward::Abandon,
            Judgement::Failed(outcome) => {
                if !self.failed {
                    self.fail(Decision::new(outcome, Part::Data, reply));
                }
                Onward::Finish
            }
        }
    }

    fn text(
        &mut self,
        part: Part,
        judgement: Judgement,
        (reply, events): (&Reply<'_>, &mut Vec<Event>),
    ) -> Onward {
        // A refused chunk may leave the server within the transaction (RFC 3030 2).
        self.open &= part == Part::Bdat && matches!(judgement, Judgement::Failed(_));
        let decision = match judgement {
            Judgement::Passed => Decision::new(Outcome::Accepted, part, reply),
            Judgement::Failed(outcome) => Decision::new(outcome, part, reply),
        };
        if self.protocol == Protocol::Lmtp && self.recipients_accepted > 0 {
            return self.delivery(judgement, decision, (reply.code(), events));
        }
        match judgement {
            Judgement::Passed if self.failed => {}
            Judgement::Passed => self.decide(decision),
            Judgement::Failed(_) => self.fail(decision),
        }
        Onward::Finish
    }

    /// One recipient's own reply; the last of them ends the message.
    fn delivery(
        &mut self,
        judgement: Judgement,
        decision: Decision,
        (code, events): (Code, &mut Vec<Event>),
    ) -> Onward {
        let kept = match judgement {
            Judgement::Passed => {
                events.push(Event::Recipient(RecipientEnd::Accepted));
                &mut self.deliveries.accepted
            }
            Judgement::Failed(outcome) => {
                events.push(Event::Recipient(recipient_end(outcome, code)));
                &mut self.deliveries.refused
            }
        };
        kept.get_or_insert(decision);
        if self.awaited > 0 {
            return Onward::Wait;
        }
        match (self.deliveries.accepted, self.deliveries.refused) {
            (Some(_), _) if self.failed => {}
            (Some(accepted), _) => self.decide(accepted),
            (None, Some(refused)) => self.fail(refused),
            (None, None) => {}
        }
        Onward::Finish
    }

    /// The end of the message with all replies in.
    pub(super) fn end(&self, now: Instant, last_final: Option<Instant>) -> End {
        // Every way to `Onward::Finish` has decided.
        let decision =
            self.decision.unwrap_or(Decision::without_reply(Outcome::Protocol, Step::Mail));
        self.ended(decision, now, last_final)
    }

    /// The end of the message without the replies that are missing: the session is gone.
    pub(super) fn cut(
        &self,
        cause: Outcome,
        step: Step,
        now: Instant,
        last_final: Option<Instant>,
    ) -> End {
        let decided = self.decision.or(self.deliveries.accepted);
        self.ended(decided.unwrap_or(Decision::without_reply(cause, step)), now, last_final)
    }

    /// The end of the message by a 421, where nothing else has decided.
    pub(super) fn closed_by(
        &self,
        part: Part,
        reply: &Reply<'_>,
        now: Instant,
        last_final: Option<Instant>,
    ) -> End {
        let closing = Decision::new(Outcome::Temporary, part, reply);
        let Deliveries { accepted, refused, .. } = self.deliveries;
        let decided = self.decision.or(accepted).or(refused);
        self.ended(decided.unwrap_or(closing), now, last_final)
    }

    fn ended(&self, decision: Decision, now: Instant, last_final: Option<Instant>) -> End {
        let began = self.began.map(|began| last_final.map_or(began, |last| began.max(last)));
        End {
            outcome: decision.outcome,
            step: decision.step,
            code: decision.code,
            enhanced: decision.enhanced,
            service: began.map(|began| now.saturating_duration_since(began)),
        }
    }
}

impl Decision {
    fn new(outcome: Outcome, part: Part, reply: &Reply<'_>) -> Self {
        Self { outcome, step: part.step(), code: Some(reply.code()), enhanced: reply.enhanced() }
    }

    const fn without_reply(outcome: Outcome, step: Step) -> Self {
        Self { outcome, step, code: None, enhanced: None }
    }
}

/// What a reply other than the wanted one means.
pub(super) const fn refusal(code: Code) -> Outcome {
    match code.class() {
        Class::Temporary => Outcome::Temporary,
        Class::Permanent => Outcome::Permanent,
        // A 354 to MAIL, or a 250 to DATA, is no legal answer there.
        Class::Positive | Class::Intermediate => Outcome::Protocol,
    }
}

const fn recipient_end(outcome: Outcome, code: Code) -> RecipientEnd {
    match (outcome, code.class()) {
        (Outcome::Expected, _) => RecipientEnd::Expected,
        (_, Class::Temporary) => RecipientEnd::Temporary,
        (_, Class::Positive | Class::Intermediate | Class::Permanent) => RecipientEnd::Permanent,
    }
}
