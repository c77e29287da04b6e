//! What a session's dialog tells → the books.

use tokio::time::Instant;

use super::dialer::Dialer;
use super::session::Session;
use crate::smtp::{Event, Reply};

impl<D: Dialer> Session<D> {
    pub(super) fn book_events(&mut self, reply: Option<&Reply<'_>>, now: Instant) {
        let mut events = std::mem::take(&mut self.events);
        for event in events.drain(..) {
            self.book(event, reply, now);
        }
        self.events = events;
    }

    pub(super) fn book(&mut self, event: Event, reply: Option<&Reply<'_>>, now: Instant) {
        let books = &self.worker.books;
        match event {
            Event::Replied { step, code, passed, took } => {
                books.count(self.key, |cell| {
                    let step = cell.step(step);
                    step.reply(code, took);
                    if passed { step.ok += 1 } else { step.refused += 1 }
                });
                self.text.replied(step, code);
            }
            Event::Unanswered { step, gave_up_after } => {
                let opening = !self.handle.ready.get();
                let whole = now.saturating_duration_since(self.began);
                books.count(self.key, |cell| {
                    cell.step(step).unanswered(gave_up_after);
                    if opening && gave_up_after.is_some() {
                        cell.session.record_censored(whole);
                    }
                });
            }
            Event::Ready => {
                let took = now.saturating_duration_since(self.began);
                books.count(self.key, |cell| {
                    cell.sessions.opened += 1;
                    cell.session.record(took);
                });
                self.handle.become_ready();
            }
            Event::Recipient(end) => books.count(self.key, |cell| cell.recipient(end)),
            Event::Refused { step, .. } => {
                if let Some(reply) = reply {
                    self.text.refused(step, reply);
                }
            }
            Event::Lacks(what) => self.text.because(what),
            Event::Ended(end) => {
                if let Some(start) = self.starts.pop_front() {
                    start.settle(&end, now, &self.text);
                }
                self.text.forget();
                self.follow_front();
            }
        }
    }
}
