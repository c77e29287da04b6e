//! A worker's books: its tally, and the tokens whose settling fills it.
//!
//! A start is a token that must be settled. Its `Drop` books it as `local` while panicking and as
//! `interrupted` otherwise, so that started = the sum of the outcomes on every way out.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::ahead::Promise;
use super::order::{FirstError, Note};
use super::shared::Shared;
use super::transcript::Replies;
use crate::draw::Draw;
use crate::message::{ClassId, Form, Mail, Turns};
use crate::plan::{ClientId, MessageId, PhaseId};
use crate::record::{Cell as Counters, CellKey, ErrorKey, Tally};
use crate::smtp::{CaseEnd, CaseEnding, CaseId, Code, End, Outcome, Reply, Step, Veil};

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
    mails: RefCell<Vec<Mail>>,
    /// Those that were built apart, and the octets of their buffers.
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
            mails: RefCell::default(),
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

    /// A mail with used buffers, if there is one; rather one that held the same message before.
    pub(super) fn mail(&self, message: MessageId) -> Mail {
        take_used(&mut self.mails.borrow_mut(), message)
    }

    /// The same with large buffers.
    pub(super) fn large_mail(&self, message: MessageId) -> Mail {
        let (mails, octets) = &mut *self.large.borrow_mut();
        let mail = take_used(mails, message);
        *octets = octets.saturating_sub(mail.octets.capacity());
        mail
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

    fn tell_first(
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

fn take_used(mails: &mut Vec<Mail>, message: MessageId) -> Mail {
    let newest = mails.iter().rev().take(LOOKED_AT);
    let place = newest.enumerate().find(|(_, mail)| mail.held(message.index()));
    match place.map(|(behind, _)| mails.len() - 1 - behind) {
        Some(place) => mails.swap_remove(place),
        None => mails.pop().unwrap_or_default(),
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
    fn example(&self, error: ErrorKey) -> &str {
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

/// A message that has started.
pub(super) struct Start {
    pub(super) key: CellKey,
    pub(super) message: MessageId,
    /// The malformed case that it plays in place of sending its message.
    pub(super) case: Option<CaseId>,
    pub(super) draw: Draw,
    pub(super) seq: u64,
    pub(super) turns: Turns,
    pub(super) mail: Mail,
    /// The position of its mail's class among those of its corpus, where that is known.
    pub(super) class: Option<usize>,
    /// Whether `mail` holds the message.
    pub(super) composed: Composed,
    /// The planned moment, in the open model.
    pub(super) planned: Option<Instant>,
    pub(super) phase: Rc<PhaseState>,
    books: Rc<Books>,
    /// When it came due as the worker saw it; none while it is only prepared.
    due: Option<Instant>,
    queued: Option<Instant>,
    waited: Duration,
    booked: bool,
    lag: Lag,
    settled: bool,
}

/// Whether the mail of a start holds its message.
#[derive(Debug)]
pub(super) enum Composed {
    /// Ready to be sent.
    Ready,
    /// Ready to be sent, in a buffer that belongs to the builder.
    Apart,
    /// The builder is at it.
    Awaited(Promise),
    /// The builder can't compose it.
    Failed(String),
    /// Its session must be known first, or it can't be composed.
    Not,
}

/// Whether the lag of a start is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Lag {
    /// Nothing was done for it yet.
    Open,
    /// It was recorded with the first act, or there is nothing to record.
    Closed,
}

/// What a start is made from.
#[derive(Clone)]
pub(super) struct Seed {
    pub(super) client: ClientId,
    pub(super) message: MessageId,
    pub(super) case: Option<CaseId>,
    pub(super) draw: Draw,
    pub(super) seq: u64,
    /// What it takes of feeds that stop and of a corpus; nothing in the open model, where its
    /// number says that.
    pub(super) turns: Turns,
    pub(super) planned: Option<Instant>,
}

impl Start {
    /// A message that will start; nothing is booked before it comes due.
    pub(super) fn new(seed: Seed, phase: Rc<PhaseState>, books: Rc<Books>) -> Self {
        Self {
            key: CellKey { phase: phase.id, client: seed.client, address: 0 },
            message: seed.message,
            case: seed.case,
            draw: seed.draw,
            seq: seed.seq,
            turns: seed.turns,
            mail: books.mail(seed.message),
            class: None,
            composed: Composed::Not,
            planned: seed.planned,
            phase,
            books,
            due: None,
            queued: None,
            waited: Duration::ZERO,
            booked: false,
            lag: if seed.planned.is_some() { Lag::Open } else { Lag::Closed },
            settled: false,
        }
    }

    /// What it was made from.
    pub(super) fn seed(&self) -> Seed {
        let Self { key, message, case, draw, seq, planned, .. } = *self;
        let turns = self.turns.clone();
        Seed { client: key.client, message, case, draw, seq, turns, planned }
    }

    /// Whether nobody is still building its mail.
    pub(super) fn is_built(&self) -> bool {
        match &self.composed {
            Composed::Awaited(promise) => promise.is_kept(),
            Composed::Ready | Composed::Apart | Composed::Failed(_) | Composed::Not => true,
        }
    }

    /// Takes the mail that was built for it, if that has come.
    pub(super) fn take_built(&mut self) {
        let Composed::Awaited(promise) = &self.composed else { return };
        let Some(built) = promise.take() else { return };
        self.composed = match built {
            Ok(mail) => {
                self.class = mail.class;
                let spare = std::mem::replace(&mut self.mail, mail);
                self.books.mails.borrow_mut().push(spare);
                Composed::Apart
            }
            Err(why) => Composed::Failed(why),
        };
    }

    /// It starts now: from here on it must be settled.
    #[must_use]
    pub(super) fn come_due(mut self, now: Instant) -> Self {
        self.due = Some(now);
        self.phase.outstanding.set(self.phase.outstanding.get() + 1);
        if self.books.shared.addresses_of(self.key.client).len() == 1 {
            self.goes_to(0);
        }
        self
    }

    /// Books it as planned and started, with the address that it goes to.
    pub(super) fn goes_to(&mut self, address: u16) {
        if self.booked {
            return;
        }
        self.booked = true;
        self.key.address = address;
        let case = self.case;
        self.books.count(self.key, |cell| match case {
            None => {
                cell.messages.planned += 1;
                cell.messages.started += 1;
            }
            Some(case) => {
                let cell = cell.cases.entry(case).or_default();
                cell.planned += 1;
                cell.started += 1;
            }
        });
    }

    /// It waits for a session from now on.
    pub(super) fn queue(&mut self, now: Instant) {
        self.queued.get_or_insert(now);
    }

    /// It has found a session, or opens one.
    pub(super) fn unqueue(&mut self, now: Instant) {
        if let Some(since) = self.queued.take() {
            self.waited += now.saturating_duration_since(since);
        }
    }

    /// The first act for it: `connect(2)`, or MAIL's first octet given to the kernel.
    pub(super) fn act(&mut self, now: Instant) {
        let Some(planned) = self.planned.filter(|_| self.lag == Lag::Open) else { return };
        self.lag = Lag::Closed;
        let lag = now.saturating_duration_since(planned).saturating_sub(self.waited);
        let (waited, is_mail) = (self.waited, self.case.is_none());
        self.books.count(self.key, |cell| {
            // How late the tester is says the same whatever it begins.
            cell.lag.record(lag);
            if is_mail {
                cell.wait.record(waited);
            }
        });
    }

    /// Books how it ended, without a session: the only way in which a case ends as mail does.
    pub(super) fn settle(self, end: &End, now: Instant, text: &ErrorText) {
        match self.case {
            None => self.settle_with(end, now, text, |_| Vec::new()),
            Some(case) => {
                let ending = CaseEnding { end: CaseEnd::Local, words: text.cause.clone() };
                self.settle_case(case, &[], &ending);
            }
        }
    }

    /// Books how it ended; `transcript` is asked for where that is the first error of its kind.
    pub(super) fn settle_with(
        mut self,
        end: &End,
        now: Instant,
        text: &ErrorText,
        transcript: impl FnOnce(&Mail) -> Vec<String>,
    ) {
        self.settled = true;
        self.goes_to(0);
        let error = ErrorKey { outcome: end.outcome, step: end.step, code: end.code };
        let in_time = end.outcome == Outcome::Accepted && self.ended_in_time(now);
        let response = self.response(end, now);
        let tell = |cell: &mut Counters| {
            cell.messages.ended[end.outcome.index()] += 1;
            cell.messages.accepted_in_time += u64::from(in_time);
            record_latency(cell, end.outcome, response, end.service);
            if let Some(code) = end.code {
                *cell.codes.entry(code).or_default() += 1;
            }
            if let Some(enhanced) = end.enhanced {
                *cell.enhanced.entry(enhanced).or_default() += 1;
            }
            if end.outcome.is_error() || end.outcome == Outcome::Local {
                cell.error(error, || text.example(error).to_owned());
            }
        };
        self.count_with_class(tell);
        if end.outcome.is_error() || end.outcome == Outcome::Local {
            self.books.tell_first(self.key, error, text, || transcript(&self.mail));
        }
    }

    /// Counts how a started message ended, also under its class.
    fn count_with_class(&self, tell: impl Fn(&mut Counters)) {
        let class = self.class_id();
        self.books.count(self.key, |cell| {
            tell(cell);
            if let Some(class) = class {
                let cell = cell.class(class);
                cell.messages.planned += 1;
                cell.messages.started += 1;
                tell(cell);
            }
        });
    }

    /// Its class among all of the plan's.
    pub(super) fn class_id(&self) -> Option<ClassId> {
        let recipe = self.books.shared.plan.messages.get(self.message.index())?;
        let position = match recipe.form {
            Form::Corpus(_) => self.class?,
            Form::Composed(_) | Form::Raw { .. } => 0,
        };
        recipe.classes.get(position).copied()
    }

    /// Books how its case ended.
    pub(super) fn settle_case(mut self, case: CaseId, replies: &[Code], ending: &CaseEnding) {
        self.settled = true;
        self.goes_to(0);
        self.books.count(self.key, |cell| {
            let cell = cell.cases.entry(case).or_default();
            for code in replies {
                *cell.replies.entry(*code).or_default() += 1;
            }
            cell.end(ending);
        });
    }

    fn ended_in_time(&self, now: Instant) -> bool {
        let shared = &self.books.shared;
        let used_up = shared.used_up().map(|used_up| used_up.at);
        let [reached, used_up] =
            [shared.reached(self.phase.id), used_up].map(|at| at.map(|at| self.books.zero + at));
        let end = [self.phase.end.get(), reached, used_up].into_iter().flatten().min();
        end.is_none_or(|end| now <= end)
    }

    /// From the planned start; in the closed model the service time, or the age of a message of
    /// which no octet was sent.
    fn response(&self, end: &End, now: Instant) -> Duration {
        let since =
            |begin: Option<Instant>| begin.map(|begin| now.saturating_duration_since(begin));
        since(self.planned).or(end.service).or_else(|| since(self.due)).unwrap_or_default()
    }
}

fn record_latency(
    cell: &mut Counters,
    outcome: Outcome,
    response: Duration,
    service: Option<Duration>,
) {
    match outcome {
        Outcome::Accepted | Outcome::Expected => {
            cell.response.record(response);
            if let Some(service) = service {
                cell.service.record(service);
            }
        }
        Outcome::TimedOut | Outcome::Ambiguous => {
            cell.response.record_censored(response);
            if let Some(service) = service {
                cell.service.record_censored(service);
            }
        }
        Outcome::Unexpected
        | Outcome::Temporary
        | Outcome::Permanent
        | Outcome::Disconnected
        | Outcome::Unconnected
        | Outcome::Tls
        | Outcome::Protocol
        | Outcome::Interrupted
        | Outcome::Local => {}
    }
}

impl Drop for Start {
    fn drop(&mut self) {
        let books = Rc::clone(&self.books);
        let mail = std::mem::take(&mut self.mail);
        match &self.composed {
            Composed::Apart => books.reuse_large(mail),
            Composed::Ready | Composed::Awaited(_) | Composed::Failed(_) | Composed::Not => {
                books.mails.borrow_mut().push(mail);
            }
        }
        if self.due.is_none() {
            return;
        }
        self.goes_to(0);
        if !self.settled {
            let outcome =
                if std::thread::panicking() { Outcome::Local } else { Outcome::Interrupted };
            match self.case {
                None => self.count_with_class(|cell| cell.messages.ended[outcome.index()] += 1),
                Some(case) => books.count(self.key, |cell| {
                    cell.cases.entry(case).or_default().ended[CaseEnd::Local.index()] += 1;
                }),
            }
        }
        if self.planned.is_some() {
            books.shared.leave(self.phase.id);
        }
        self.phase.outstanding.set(self.phase.outstanding.get().saturating_sub(1));
    }
}

/// The text of a panic.
pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".to_owned())
}
