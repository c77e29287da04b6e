//! What a session's dialog tells → the books.

use tokio::time::Instant;

use super::dialer::Dialer;
use super::session::Session;
use super::transcript::Said;
use super::turns::envelope;
use crate::message::Mail;
use crate::smtp::{End, Event, LoginEnd, Reply};

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
            Event::Secured { step, took } => books.count(self.key, |cell| {
                let step = cell.step(step);
                step.ok += 1;
                step.time.record(took);
            }),
            Event::LoggedIn(end) => {
                books.count(self.key, |cell| cell.auth.add(end));
                // The plan's own doing is no failed connection.
                self.handle.turned_away.set(end == LoginEnd::RefusedOnPurpose);
            }
            Event::Lacking(what) => self.text.because(what),
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
                    self.text.refused(step, reply, self.dialog.veil().as_ref());
                }
            }
            Event::Ended(end) => {
                if let Some(start) = self.starts.pop_front() {
                    let seq = start.seq;
                    let transcript = |mail: &Mail| self.transcript(seq, mail, &end);
                    start.settle_with(&end, now, &self.text, transcript);
                }
                self.text.forget();
                self.follow_front();
            }
        }
    }

    fn transcript(&self, seq: u64, mail: &Mail, end: &End) -> Vec<String> {
        // What was not given to the kernel was not said.
        let all_written = self.written == self.out.len();
        let unanswered = (end.code.is_none() && all_written).then_some(end.step);
        let lines = self.text.replies().transcript(&Said {
            ehlo: &self.worker.manners(self.handle.client).ehlo,
            hello: self.dialog.hello(),
            introduction: self.dialog.introduction(),
            commands: self.dialog.commands_of(&envelope(seq, mail)),
            size: mail.size,
            unanswered,
            refusals: self.text.refusals(),
        });
        match self.dialog.veil() {
            Some(veil) => lines.iter().map(|line| veil.cover(line)).collect(),
            None => lines,
        }
    }
}
