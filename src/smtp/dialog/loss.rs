//! The end of a connection → the ends of all that was in progress on it.

use tokio::time::Instant;

use super::super::transaction::Part;
use super::super::{Act, Event, Outcome, Step, Throttle, TlsMode};
use super::{Command, Dialog, Stage};

impl Dialog {
    /// The session is gone; everything in progress ends. A reply that was illegal is the end of
    /// the message that it came to, the oldest.
    pub(super) fn lost(&mut self, cause: Outcome, now: Instant, events: &mut Vec<Event>) -> Act {
        let answered = usize::from(cause == Outcome::Protocol);
        self.end_all(cause, answered, now, events)
    }

    /// The same where the message that the illegal reply came to has already ended: to those that
    /// are left no reply came.
    pub(super) fn lost_behind_illegal(&mut self, now: Instant, events: &mut Vec<Event>) -> Act {
        self.end_all(Outcome::Protocol, 0, now, events)
    }

    /// So many of the messages, the oldest ones, have their reply, and it was illegal.
    fn end_all(
        &mut self,
        cause: Outcome,
        answered: usize,
        now: Instant,
        events: &mut Vec<Event>,
    ) -> Act {
        self.tell_unanswered(cause, now, events);
        let step = self.awaited().unwrap_or(Step::Mail);
        if self.stage == Stage::Opening {
            if cause == Outcome::Disconnected && self.is_before_greeting(step) {
                events.push(Event::Throttled { sign: Throttle::Refused, step: Some(step) });
            }
            let outcome = match (cause, step) {
                (Outcome::Disconnected, Step::Greeting) => Outcome::Unconnected,
                (cause, _) => cause,
            };
            return self.opening_failed(outcome, step, None, events);
        }
        let transactions = std::mem::take(&mut self.transactions);
        let whole = self.handed_over(transactions.len());
        for (n, (transaction, whole)) in transactions.iter().zip(whole).enumerate() {
            // An illegal final reply is a protocol error; none at all leaves a message's fate
            // open.
            let open = whole && n >= answered;
            let cause = if open { Outcome::Ambiguous } else { cause };
            let step = if n == 0 { step } else { Step::Mail };
            events.push(Event::Ended(transaction.cut(cause, step, now, self.last_final)));
        }
        self.over(Act::Close)
    }

    /// How many of the newest messages in progress the server can't have, since their last octet
    /// was not given to the kernel.
    pub fn unfinished(&self) -> usize {
        let whole = self.handed_over(self.transactions.len());
        whole.iter().rev().take_while(|whole| !**whole).count()
    }

    /// Whether the server has said nothing yet: a handshake comes first only in implicit TLS.
    fn is_before_greeting(&self, step: Step) -> bool {
        step == Step::Greeting
            || step == Step::Tls && self.manners.tls == Some(TlsMode::Implicit) && !self.secured
    }

    /// For each message in progress, the oldest first: whether the last octet of its text was
    /// given to the kernel. Looked up from behind, for what is left outstanding of a message that
    /// has just ended stands before the others.
    fn handed_over(&self, messages: usize) -> Vec<bool> {
        let mut whole = vec![false; messages];
        let mut places = whole.iter_mut().rev();
        let mut place = places.next();
        for pending in self.pending.iter().rev() {
            let Some(whole) = place.as_deref_mut() else { break };
            *whole |= pending.command.is_text() && pending.sent.is_some();
            if pending.command == Command::Message(Part::Mail) {
                place = places.next();
            }
        }
        whole
    }

    pub(super) fn tell_unanswered(&self, cause: Outcome, now: Instant, events: &mut Vec<Event>) {
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
}
