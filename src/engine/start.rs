//! A message that starts → how it ended, in the books.
//!
//! A start is a token that must be settled. Its `Drop` books it as `local` while panicking and as
//! `interrupted` otherwise, so that started = the sum of the outcomes on every way out.

use std::ops::{Deref, DerefMut};
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use super::ahead::Promise;
use super::books::{Books, ErrorText, PhaseState};
use crate::draw::Draw;
use crate::message::{ClassId, Form, Mail, Turns};
use crate::plan::{ClientId, MessageId};
use crate::record::{Cell as Counters, CellKey, ErrorKey};
use crate::smtp::{CaseEnd, CaseEnding, CaseId, Code, End, Outcome};

/// A message that has started. It goes from hand to hand, so what is to be known of it stands in a
/// box, which the next start uses again.
pub(super) struct Start {
    pub(super) phase: Rc<PhaseState>,
    books: Rc<Books>,
    /// Taken only when it is dropped.
    facts: Option<Box<Facts>>,
}

/// What is to be known of a start.
pub(super) struct Facts {
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
    Apart {
        /// The mail whose place it takes.
        spare: Mail,
    },
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
        let mut used = books.used(seed.message);
        let mail = used.as_mut().map(|used| std::mem::take(&mut used.mail)).unwrap_or_default();
        let facts = Facts {
            key: CellKey { phase: phase.id, client: seed.client, address: 0 },
            message: seed.message,
            case: seed.case,
            draw: seed.draw,
            seq: seed.seq,
            turns: seed.turns,
            mail,
            class: None,
            composed: Composed::Not,
            planned: seed.planned,
            due: None,
            queued: None,
            waited: Duration::ZERO,
            booked: false,
            lag: if seed.planned.is_some() { Lag::Open } else { Lag::Closed },
            settled: false,
        };
        let facts = match used {
            Some(mut room) => {
                *room = facts;
                room
            }
            None => Box::new(facts),
        };
        Self { phase, books, facts: Some(facts) }
    }

    /// What it was made from.
    pub(super) fn seed(&self) -> Seed {
        let Facts { key, message, case, draw, seq, planned, .. } = **self;
        let turns = self.turns.clone();
        Seed { client: key.client, message, case, draw, seq, turns, planned }
    }

    /// Whether nobody is still building its mail.
    pub(super) fn is_built(&self) -> bool {
        match &self.composed {
            Composed::Awaited(promise) => promise.is_kept(),
            Composed::Ready | Composed::Apart { .. } | Composed::Failed(_) | Composed::Not => true,
        }
    }

    /// Takes the mail that was built for it, if that has come.
    pub(super) fn take_built(&mut self) {
        let Composed::Awaited(promise) = &self.composed else { return };
        let Some(built) = promise.take() else { return };
        self.composed = match built {
            Ok(mail) => {
                self.class = mail.class;
                Composed::Apart { spare: std::mem::replace(&mut self.mail, mail) }
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
                let ending = CaseEnding { end: CaseEnd::Local, words: text.cause().to_owned() };
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

    /// It is dropped: what was not settled is booked as it is.
    fn end(&mut self) {
        if self.due.is_none() {
            return;
        }
        self.goes_to(0);
        if !self.settled {
            let outcome =
                if std::thread::panicking() { Outcome::Local } else { Outcome::Interrupted };
            match self.case {
                None => self.count_with_class(|cell| cell.messages.ended[outcome.index()] += 1),
                Some(case) => self.books.count(self.key, |cell| {
                    cell.cases.entry(case).or_default().ended[CaseEnd::Local.index()] += 1;
                }),
            }
        }
        if self.planned.is_some() {
            self.books.shared.leave(self.phase.id);
        }
        self.phase.outstanding.set(self.phase.outstanding.get().saturating_sub(1));
    }
}

impl Deref for Start {
    type Target = Facts;

    #[expect(clippy::expect_used, reason = "they are there until it is dropped")]
    fn deref(&self) -> &Facts {
        self.facts.as_deref().expect("a start has its facts")
    }
}

impl DerefMut for Start {
    #[expect(clippy::expect_used, reason = "they are there until it is dropped")]
    fn deref_mut(&mut self) -> &mut Facts {
        self.facts.as_deref_mut().expect("a start has its facts")
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
        self.end();
        let Some(mut facts) = self.facts.take() else { return };
        // Nobody wants what is still being built for it.
        facts.turns = Turns::default();
        if let Composed::Apart { spare } = std::mem::replace(&mut facts.composed, Composed::Not) {
            self.books.reuse_large(std::mem::replace(&mut facts.mail, spare));
        }
        self.books.reuse(facts);
    }
}
