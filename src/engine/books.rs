//! A worker's books: its tally, what it tells the conductor, and used buffers.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::order::{FirstError, Note};
use super::shared::Shared;
use super::start::Facts;
use super::transcript::Replies;
use crate::message::Mail;
use crate::plan::{ClientId, MessageId, PhaseId};
use crate::record::{Cell as Counters, CellKey, ErrorKey, Tally};
use crate::smtp::{Code, Reply, Step, Veil};

/// How many octets of large mails' buffers are kept to be used again.
const KEPT_OCTETS: usize = 64 << 20;
/// Among so many used mails one is looked for that held the same message.
const LOOKED_AT: usize = 8;

/// How many refusals of one message are kept for examples of errors.
const REFUSALS: usize = 16;

/// What one worker counts.
pub(super) struct Books {
    /// When the run's clock began.
    pub(super) zero: Instant,
    pub(super) shared: Arc<Shared>,
    pub(super) notes: UnboundedSender<Note>,
    tally: RefCell<Tally>,
    seen: RefCell<BTreeSet<(PhaseId, ClientId, ErrorKey)>>,
    /// Those of starts that have ended, with the buffers of their mails.
    #[expect(clippy::vec_box, reason = "the boxes go from start to start")]
    facts: RefCell<Vec<Box<Facts>>>,
    /// Mails that were built apart, and the octets of their buffers.
    large: RefCell<(Vec<Mail>, usize)>,
}

/// One phase as a worker sees it.
pub(super) struct PhaseState {
    pub(super) id: PhaseId,
    pub(super) begin: Instant,
    /// When it ends or ended; none while only its count will tell.
    pub(super) end: Cell<Option<Instant>>,
    /// Starts that are not settled.
    pub(super) outstanding: Cell<u32>,
}

impl PhaseState {
    pub(super) fn new(id: PhaseId, begin: Instant, end: Option<Instant>) -> Self {
        Self { id, begin, end: Cell::new(end), outstanding: Cell::new(0) }
    }

    /// Whether nothing of the phase starts any more.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.end.get().is_some_and(|end| now >= end)
    }
}

impl Books {
    pub(super) fn new(zero: Instant, shared: Arc<Shared>, notes: UnboundedSender<Note>) -> Self {
        Self {
            zero,
            shared,
            notes,
            tally: RefCell::default(),
            seen: RefCell::default(),
            facts: RefCell::default(),
            large: RefCell::default(),
        }
    }

    /// Counts something in a cell.
    pub(super) fn count<T>(&self, key: CellKey, with: impl FnOnce(&mut Counters) -> T) -> T {
        with(self.tally.borrow_mut().cell(key))
    }

    /// All that was counted since the last call.
    pub(super) fn take(&self) -> Vec<(CellKey, Box<Counters>)> {
        self.tally.borrow_mut().take()
    }

    /// What a start that has ended leaves to the next one, if there is any: rather one with a mail
    /// that held the same message.
    pub(super) fn used(&self, message: MessageId) -> Option<Box<Facts>> {
        take_used(&mut self.facts.borrow_mut(), |used| &used.mail, message)
    }

    /// A mail that was built apart, to be used again, if there is one.
    pub(super) fn large_mail(&self, message: MessageId) -> Mail {
        let (mails, octets) = &mut *self.large.borrow_mut();
        let mail = take_used(mails, |mail| mail, message).unwrap_or_default();
        *octets = octets.saturating_sub(mail.octets.capacity());
        mail
    }

    /// Keeps the box and the buffers of a start that has ended.
    pub(super) fn reuse(&self, facts: Box<Facts>) {
        self.facts.borrow_mut().push(facts);
    }

    /// Keeps the buffers of a mail that was built apart, if there is room.
    pub(super) fn reuse_large(&self, mail: Mail) {
        let (mails, octets) = &mut *self.large.borrow_mut();
        let together = octets.saturating_add(mail.octets.capacity());
        if together <= KEPT_OCTETS {
            *octets = together;
            mails.push(mail);
        }
    }

    /// Tells the conductor; a conductor that is gone needs no telling.
    pub(super) fn note(&self, note: Note) {
        drop(self.notes.send(note));
    }

    /// Tells an error of its kind once; `transcript` is asked for only then.
    pub(super) fn tell_first(
        &self,
        key: CellKey,
        error: ErrorKey,
        text: &ErrorText,
        transcript: impl FnOnce() -> Vec<String>,
    ) {
        let kind = (key.phase, key.client, error);
        if self.seen.borrow_mut().insert(kind) {
            self.note(Note::FirstError(FirstError {
                phase: key.phase,
                client: key.client,
                key: error,
                example: text.example(error).to_owned(),
                transcript: transcript(),
            }));
        }
    }
}

fn take_used<T>(used: &mut Vec<T>, mail: impl Fn(&T) -> &Mail, message: MessageId) -> Option<T> {
    let newest = used.iter().rev().take(LOOKED_AT);
    let place = newest.enumerate().find(|(_, used)| mail(used).held(message.index()));
    match place.map(|(behind, _)| used.len() - 1 - behind) {
        Some(place) => Some(used.swap_remove(place)),
        None => used.pop(),
    }
}

/// What is known of the replies to a message, for examples of errors.
#[derive(Debug, Default)]
pub(super) struct ErrorText {
    /// The replies that refused something of the message in progress.
    refusals: Vec<(Step, Code, String)>,
    /// What ended a message that no reply decided.
    cause: String,
    /// All its replies, by step and code.
    replies: Replies,
}

impl ErrorText {
    /// An error of the tester's own, or of the system's, in words.
    pub(super) fn of(cause: impl Into<String>) -> Self {
        Self { cause: cause.into(), ..Self::default() }
    }

    /// Remembers what ends the message in progress without a reply.
    pub(super) fn because(&mut self, cause: impl Into<String>) {
        self.cause = cause.into();
    }

    /// What ends the message in progress without a reply.
    pub(super) fn cause(&self) -> &str {
        &self.cause
    }

    /// Remembers the first reply of its kind that refused something of the message in progress.
    /// A veil covers what must not be kept of it.
    pub(super) fn refused(&mut self, step: Step, reply: &Reply<'_>, veil: Option<&Veil>) {
        let code = reply.code();
        let known = self.refusals.iter().any(|(at, with, _)| (*at, *with) == (step, code));
        if !known && self.refusals.len() < REFUSALS {
            let text = reply.text();
            let text = veil.map(|veil| veil.cover(&text)).unwrap_or(text);
            self.refusals.push((step, code, text));
        }
    }

    /// The message in progress has ended.
    pub(super) fn forget(&mut self) {
        self.refusals.clear();
        self.replies.forget();
    }

    /// What an error looked like.
    pub(super) fn example(&self, error: ErrorKey) -> &str {
        let decided = |(step, code, _): &&(Step, Code, String)| {
            *step == error.step && Some(*code) == error.code
        };
        self.refusals.iter().find(decided).map_or(&self.cause, |(_, _, text)| text)
    }

    /// Remembers a reply.
    pub(super) fn replied(&mut self, step: Step, code: Code) {
        self.replies.add(step, code);
    }

    /// The replies to what is said of the message in progress.
    pub(super) const fn replies(&self) -> &Replies {
        &self.replies
    }

    /// The replies that refused something, in full.
    pub(super) fn refusals(&self) -> &[(Step, Code, String)] {
        &self.refusals
    }
}

/// The text of a panic.
pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".to_owned())
}
