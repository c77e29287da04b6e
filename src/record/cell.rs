//! Finished steps → counters and histograms, by phase, client and target address.
//!
//! A worker owns one [`Tally`] and hands it over once a second; the cells are made at their
//! first sample, so that a plan with many phases and clients costs only what happens.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::cases::{self, CaseCells};
use super::sparse;
use super::throttling::{self, ThrottleCells};
use super::{AuthCounts, Latency, TlsCounts};
use crate::message::ClassId;
use crate::plan::{Client, ClientId, PhaseId};
use crate::smtp::{Code, Enhanced, Outcome, RecipientEnd, Step};

/// What a cell is kept for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct CellKey {
    /// The phase in which the message started.
    pub phase: PhaseId,
    /// The client that sent it.
    pub client: ClientId,
    /// The position among the target's resolved addresses; 0 where none was chosen.
    pub address: u16,
}

/// All that one worker counted since it last handed over.
#[derive(Debug, Default)]
pub struct Tally {
    cells: Vec<(CellKey, Box<Cell>)>,
    last: usize,
}

impl Tally {
    /// The cell of a key, made where it is not yet there.
    pub fn cell(&mut self, key: CellKey) -> &mut Cell {
        let known = self.cells.get(self.last).is_some_and(|(known, _)| *known == key);
        if !known {
            self.last = self.position(key);
        }
        &mut self.cells[self.last].1
    }

    fn position(&mut self, key: CellKey) -> usize {
        match self.cells.binary_search_by_key(&key, |(known, _)| *known) {
            Ok(at) => at,
            Err(at) => {
                self.cells.insert(at, (key, Box::default()));
                at
            }
        }
    }

    /// Hands over all cells, in the order of their keys, and begins anew.
    pub fn take(&mut self) -> Vec<(CellKey, Box<Cell>)> {
        self.last = 0;
        std::mem::take(&mut self.cells)
    }
}

/// Counters and histograms of one phase, client and address.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Cell {
    /// What became of the messages.
    #[serde(skip_serializing_if = "sparse::is_default")]
    pub messages: MessageCounts,
    /// What became of their recipients.
    #[serde(skip_serializing_if = "sparse::is_default")]
    pub recipients: RecipientCounts,
    /// What became of the sessions.
    #[serde(skip_serializing_if = "sparse::is_default")]
    pub sessions: SessionCounts,
    /// What went over the wire.
    #[serde(skip_serializing_if = "sparse::is_default")]
    pub octets: Octets,
    /// What its sessions' handshakes came to.
    #[serde(skip_serializing_if = "sparse::is_default")]
    pub tls: TlsCounts,
    /// What its sessions' logins came to.
    #[serde(skip_serializing_if = "sparse::is_default")]
    pub auth: AuthCounts,
    /// From the planned start to the last octet of the final reply.
    #[serde(skip)]
    pub response: Latency,
    /// From the first octet of the message's commands to the same end.
    #[serde(skip)]
    pub service: Latency,
    /// By how much the tester began later than planned; open model only.
    #[serde(skip)]
    pub lag: Latency,
    /// The time spent waiting for a session; open model only.
    #[serde(skip)]
    pub wait: Latency,
    /// What it took the tester to compose messages while their session waited for them.
    #[serde(skip)]
    pub rendering: Latency,
    /// From connecting until ready for MAIL.
    #[serde(skip)]
    pub session: Latency,
    /// By [`Step::index`].
    #[serde(with = "sparse::steps")]
    pub steps: [Option<Box<StepCell>>; Step::ALL.len()],
    /// The replies that decided messages.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub codes: BTreeMap<Code, u64>,
    /// The enhanced codes of the replies that decided messages.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub enhanced: BTreeMap<Enhanced, u64>,
    /// What went wrong, with an example of each.
    #[serde(with = "sparse::pairs", skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<ErrorKey, ErrorCell>,
    /// What became of malformed starts, which count nowhere else.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub cases: CaseCells,
    /// The signs that the server throttles.
    #[serde(with = "sparse::pairs", skip_serializing_if = "BTreeMap::is_empty")]
    pub throttles: ThrottleCells,
    /// Messages that have a class, once they have ended or were dropped: their counts, response
    /// and service times, codes and errors. All of that stands above too.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub classes: BTreeMap<ClassId, Box<Self>>,
}

/// How messages came to their end.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct MessageCounts {
    /// Came due: started or dropped.
    #[serde(skip_serializing_if = "sparse::is_default")]
    pub planned: u64,
    /// Began.
    #[serde(skip_serializing_if = "sparse::is_default")]
    pub started: u64,
    /// Never began, because too many were in flight.
    #[serde(skip_serializing_if = "sparse::is_default")]
    pub dropped: u64,
    /// By [`Outcome::index`].
    #[serde(with = "sparse::outcomes")]
    pub ended: [u64; Outcome::ALL.len()],
    /// Accepted with the final reply inside the phase's own duration.
    #[serde(skip_serializing_if = "sparse::is_default")]
    pub accepted_in_time: u64,
}

/// How recipients came to their end.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct RecipientCounts {
    /// By [`RecipientEnd`].
    #[serde(skip_serializing_if = "sparse::is_default")]
    pub ended: [u64; 4],
}

/// What became of sessions.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct SessionCounts {
    /// Attempts to open one.
    #[serde(skip_serializing_if = "sparse::is_default")]
    pub started: u64,
    /// Became ready for MAIL.
    #[serde(skip_serializing_if = "sparse::is_default")]
    pub opened: u64,
    /// Messages that took a session which had carried one before.
    #[serde(skip_serializing_if = "sparse::is_default")]
    pub reused: u64,
    /// Found closed, or holding a 421, before MAIL's first octet.
    #[serde(skip_serializing_if = "sparse::is_default")]
    pub stale: u64,
    /// Never became ready.
    #[serde(skip_serializing_if = "sparse::is_default")]
    pub failed: u64,
}

/// What SMTP said: octets before they are encrypted and after they are decrypted, so that figures
/// with and without TLS compare.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Octets {
    /// Given to the kernel, or to TLS and by that to the kernel.
    #[serde(skip_serializing_if = "sparse::is_default")]
    pub sent: u64,
    /// Taken from it.
    #[serde(skip_serializing_if = "sparse::is_default")]
    pub received: u64,
}

/// One step's replies and times.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct StepCell {
    /// Went as it should.
    #[serde(skip_serializing_if = "sparse::is_default")]
    pub ok: u64,
    /// Was refused, or never answered.
    #[serde(skip_serializing_if = "sparse::is_default")]
    pub refused: u64,
    /// By reply code.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub codes: BTreeMap<Code, u64>,
    /// From its last octet, or the reply before it, to its own reply.
    #[serde(skip)]
    pub time: Latency,
}

/// What an error is told apart by.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct ErrorKey {
    /// How the message ended.
    pub outcome: Outcome,
    /// Where.
    pub step: Step,
    /// The code that decided, where there was a reply.
    pub code: Option<Code>,
}

/// How often an error came, and how it looked the first time.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct ErrorCell {
    /// How often.
    pub count: u64,
    /// The first reply, or the system's words; not yet escaped.
    pub example: String,
}

impl Cell {
    /// The cell of a step, made where it is not yet there.
    pub fn step(&mut self, step: Step) -> &mut StepCell {
        self.steps[step.index()].get_or_insert_default()
    }

    /// The cell of a class, made where it is not yet there.
    pub fn class(&mut self, class: ClassId) -> &mut Self {
        self.classes.entry(class).or_default()
    }

    /// How many messages and malformed cases started, and how many were planned.
    pub fn starts(&self) -> (u64, u64) {
        let mut sums = (self.messages.started, self.messages.planned);
        for case in self.cases.values() {
            sums = (sums.0 + case.started, sums.1 + case.planned);
        }
        sums
    }

    /// Counts how a recipient ended.
    pub fn recipient(&mut self, end: RecipientEnd) {
        self.recipients.ended[end as usize] += 1;
    }

    /// Counts an error; `example` is asked for only the first time.
    pub fn error(&mut self, key: ErrorKey, example: impl FnOnce() -> String) {
        let cell =
            self.errors.entry(key).or_insert_with(|| ErrorCell { count: 0, example: example() });
        cell.count += 1;
    }

    /// Adds all that another cell counted.
    pub fn merge(&mut self, other: &Self) {
        self.merge_counts(other);
        self.merge_times(other);
    }

    fn merge_times(&mut self, other: &Self) {
        self.response.merge(&other.response);
        self.service.merge(&other.service);
        self.wait.merge(&other.wait);
        self.session.merge(&other.session);
        for (class, theirs) in &other.classes {
            self.class(*class).merge_times(theirs);
        }
        for (mine, theirs) in self.steps.iter_mut().zip(&other.steps) {
            if let (Some(mine), Some(theirs)) = (mine, theirs) {
                mine.time.merge(&theirs.time);
            }
        }
    }

    /// Adds what a client's cell brings to a sum over clients: of a paced one no times.
    pub fn merge_from(&mut self, client: Option<&Client>, other: &Self) {
        if client.is_some_and(Client::is_paced) {
            self.merge_counts(other);
        } else {
            self.merge(other);
        }
    }

    /// Adds all but the times that the target and the plan took together, which of a paced client
    /// tell nothing of the target. How late the tester was counts all the same.
    pub fn merge_counts(&mut self, other: &Self) {
        self.messages.merge(&other.messages);
        add(&mut self.recipients.ended, &other.recipients.ended);
        self.sessions.merge(&other.sessions);
        self.octets.sent += other.octets.sent;
        self.octets.received += other.octets.received;
        self.tls.merge(&other.tls);
        self.auth.merge(other.auth);
        self.lag.merge(&other.lag);
        self.rendering.merge(&other.rendering);
        for (mine, theirs) in self.steps.iter_mut().zip(&other.steps) {
            if let Some(theirs) = theirs {
                mine.get_or_insert_default().merge_counts(theirs);
            }
        }
        add_map(&mut self.codes, &other.codes);
        add_map(&mut self.enhanced, &other.enhanced);
        cases::merge(&mut self.cases, &other.cases);
        throttling::merge(&mut self.throttles, &other.throttles);
        for (class, theirs) in &other.classes {
            self.class(*class).merge_counts(theirs);
        }
        for (key, cell) in &other.errors {
            self.errors
                .entry(*key)
                .or_insert_with(|| ErrorCell { count: 0, example: cell.example.clone() })
                .count += cell.count;
        }
    }
}

impl MessageCounts {
    /// How many ended with an outcome.
    pub const fn of(&self, outcome: Outcome) -> u64 {
        self.ended[outcome.index()]
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.planned += other.planned;
        self.started += other.started;
        self.dropped += other.dropped;
        self.accepted_in_time += other.accepted_in_time;
        add(&mut self.ended, &other.ended);
    }
}

impl SessionCounts {
    pub(super) fn merge(&mut self, other: &Self) {
        self.started += other.started;
        self.opened += other.opened;
        self.reused += other.reused;
        self.stale += other.stale;
        self.failed += other.failed;
    }
}

impl StepCell {
    /// Counts a reply.
    pub fn reply(&mut self, code: Code, took: Duration) {
        *self.codes.entry(code).or_default() += 1;
        self.time.record(took);
    }

    /// Counts a command that will get no reply; a wait that was given up is a sample.
    pub fn unanswered(&mut self, gave_up_after: Option<Duration>) {
        self.refused += 1;
        if let Some(age) = gave_up_after {
            self.time.record_censored(age);
        }
    }

    fn merge_counts(&mut self, other: &Self) {
        self.ok += other.ok;
        self.refused += other.refused;
        add_map(&mut self.codes, &other.codes);
    }
}

fn add(sum: &mut [u64], more: &[u64]) {
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum += more;
    }
}

pub(super) fn add_map<K: Clone + Ord>(sum: &mut BTreeMap<K, u64>, more: &BTreeMap<K, u64>) {
    for (key, count) in more {
        *sum.entry(key.clone()).or_default() += count;
    }
}
