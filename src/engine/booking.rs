//! What a session's dialog tells → the books.

use tokio::time::Instant;

use super::books::Books;
use super::dialer::Dialer;
use super::session::Session;
use super::transcript::Said;
use super::turns::envelope;
use crate::message::Mail;
use crate::record::{CellKey, ThrottleKey};
use crate::smtp::{End, Event, LoginEnd, Reply, Step, Throttle};

/// Books that a server would not have a connection.
pub(super) fn refused(books: &Books, at: CellKey, cause: &str) {
    let key = ThrottleKey { sign: Throttle::Refused, step: Some(Step::Connect) };
    books.count(at, |cell| cell.throttled(key, None, || cause.to_owned()));
}

impl<D: Dialer> Session<D> {
    pub(super) fn book_events(&mut self, reply: Option<&Reply<'_>>, now: Instant) {
        let mut events = std::mem::take(&mut self.events);
        for event in &events {
            self.book(*event, reply, now);
        }
        events.clear();
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
            Event::Refused { step, code, .. } => match (reply, code) {
                (Some(reply), Some(_)) => {
                    self.text.refused(step, reply, self.dialog.veil().as_ref());
                }
                (Some(_), None) => {
                    let said = self.covered(reply);
                    self.text.because(format!("`{said}`, which answers nothing that was said"));
                }
                (None, _) => {}
            },
            Event::Throttled { sign, step } => {
                let key = ThrottleKey { sign, step };
                let before = self.messages_before().filter(|_| sign.ends_session());
                books.count(self.key, |cell| cell.throttled(key, before, || self.covered(reply)));
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

    /// How many messages the session has ended, if it became ready for MAIL.
    pub(super) fn messages_before(&self) -> Option<u32> {
        let in_progress = u32::try_from(self.starts.len()).unwrap_or(u32::MAX);
        self.handle.ready.get().then(|| self.carried.saturating_sub(in_progress))
    }

    /// A reply's text without what must not be kept of it.
    fn covered(&self, reply: Option<&Reply<'_>>) -> String {
        let text = reply.map(Reply::text).unwrap_or_default();
        self.dialog.veil().map(|veil| veil.cover(&text)).unwrap_or(text)
    }

    /// Whether a session that has carried messages awaits the reply to the next one's MAIL: that
    /// may have crossed the end of the connection on the way.
    pub(super) fn has_just_said_mail(&self) -> bool {
        self.dialog.awaited() == Some(Step::Mail) && self.messages_before() > Some(0)
    }

    /// Books a connection that the server ended between messages, while their phase is in force.
    pub(super) fn book_closed(&self) {
        if self.worker.is_in_force(self.key.phase) {
            let key = ThrottleKey { sign: Throttle::Closed, step: None };
            let (before, example) = (self.messages_before(), || self.text.cause().to_owned());
            self.worker.books.count(self.key, |cell| cell.throttled(key, before, example));
        }
    }

    fn transcript(&self, seq: u64, mail: &Mail, end: &End) -> Vec<String> {
        // What was not given to the kernel was not said.
        let all_written = self.out.is_written();
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
