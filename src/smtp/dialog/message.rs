//! A reply to a command of a message → what the session does next.

use tokio::time::Instant;

use super::super::transaction::{Onward, Part};
use super::super::{Act, Code, End, Event, Outcome, Reply};
use super::{Command, Dialog, Pending};

impl Dialog {
    /// The oldest message ends by itself, before the session does.
    pub(super) fn end_oldest(&mut self, end: End, events: &mut Vec<Event>) {
        self.spare = self.transactions.pop_front();
        events.push(Event::Ended(end));
    }

    /// A command of the oldest message was answered.
    pub(super) fn message(
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
            Onward::Wait => {
                self.expect_deliveries();
                Act::Flush
            }
            Onward::Next => {
                let part = transaction.ask_next(out);
                self.pending.push_back(Pending::new(Command::Message(part)));
                self.expect_deliveries();
                if part == Part::Bdat { Act::Chunk } else { Act::Flush }
            }
            Onward::Text => {
                for _ in 0..transaction.text_asked() {
                    self.pending.push_back(Pending::new(Command::Message(Part::Text)));
                }
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

    /// In LMTP a chunk has as many replies as there are accepted recipients, which is known when
    /// all of them are answered.
    fn expect_deliveries(&mut self) {
        let Some(front) = self.pending.front().copied() else { return };
        if front.command != Command::Message(Part::Bdat) {
            return;
        }
        let oldest = self.transactions.front_mut();
        let further = oldest.map_or(0, |transaction| transaction.further_deliveries());
        for _ in 0..further {
            self.pending.push_front(front);
        }
    }

    fn finish(&mut self, now: Instant, out: &mut Vec<u8>, events: &mut Vec<Event>) -> Act {
        let Some(transaction) = self.transactions.front() else { return Act::Flush };
        let end = transaction.end(now, self.last_final);
        let open = transaction.is_open();
        self.end_oldest(end, events);
        self.last_final = Some(now);
        match (end.outcome, open) {
            (Outcome::Protocol, _) => self.lost_behind_illegal(now, events),
            (_, true) if self.transactions.is_empty() => self.ask(Command::Rset, b"RSET\r\n", out),
            (_, true | false) => Act::Flush,
        }
    }
}
