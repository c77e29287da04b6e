//! What the embedded server has seen, counted by its thread and readable from any other.
//!
//! The server's thread is the only writer, so a count is a relaxed load and store: no lock and no
//! locked instruction for each message.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::limits::Limit;
use crate::smtp::{Handshake, Step};

/// What the embedded server has seen so far.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct SinkCounters {
    /// Connections accepted.
    pub connections: u64,
    /// Connections open now.
    pub open: u64,
    /// Connections that ended without a QUIT or a closing reply.
    pub aborted: u64,
    /// Command lines read, those that are no commands too.
    pub commands: u64,
    /// Messages whose final reply was a 2xx.
    pub messages: u64,
    /// Recipients of these messages.
    pub recipients: u64,
    /// Octets of these messages' texts, without the dots of RFC 5321 4.5.2.
    pub octets: u64,
    /// Chunks of RFC 3030 that were taken.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub chunks: u64,
    /// Handshakes.
    #[serde(default, skip_serializing_if = "TlsSessions::is_empty")]
    pub tls: TlsSessions,
    /// Connections and messages that were refused by a limit.
    #[serde(default, skip_serializing_if = "Limited::is_empty")]
    pub limited: Limited,
    /// Sessions that logged in; absent where the server has no users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_accepted: Option<u64>,
    /// Logins that were refused, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_refused: Option<u64>,
    /// 4xx and 5xx replies by step (`other`: of no step) and code.
    pub refused: BTreeMap<String, BTreeMap<String, u64>>,
}

/// What was never there is left out.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// What came of the handshakes of TLS.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct TlsSessions {
    /// Handshakes with certificates and a new key exchange.
    pub full: u64,
    /// Handshakes on the ground of an earlier session.
    pub resumed: u64,
    /// Handshakes that failed.
    pub failed: u64,
}

/// What was refused by each limit.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Limited {
    /// Connections, by the limit on all of them.
    pub connections: u64,
    /// Connections, by the limit on those from one address.
    pub connections_per_address: u64,
    /// Messages, by the limit on those of one connection.
    pub messages_per_connection: u64,
    /// Messages, by the limit on their rate.
    pub rate: u64,
}

impl Limited {
    /// Whether there was none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl TlsSessions {
    /// Whether there was none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Whether a step had the success that lets the session go on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Granted {
    Yes,
    No,
}

/// The name of replies that belong to no step.
const OTHER: &str = "other";
/// Codes 400 to 599 have a place for each step.
const CODES: usize = 200;

#[derive(Debug, Default)]
struct Count(AtomicU64);

impl Count {
    fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self, more: u64) {
        self.set(self.value().wrapping_add(more));
    }
}

/// The counts themselves; written by one thread only.
#[derive(Debug)]
pub(super) struct Tally {
    connections: Count,
    open: Count,
    aborted: Count,
    commands: Count,
    messages: Count,
    recipients: Count,
    octets: Count,
    chunks: Count,
    tls_full: Count,
    tls_resumed: Count,
    tls_failed: Count,
    limited: [Count; 4],
    /// 1 where the server has users.
    logins: Count,
    auth_accepted: Count,
    auth_refused: Count,
    refused: Box<[Count]>,
}

impl Default for Tally {
    fn default() -> Self {
        Self::new()
    }
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            connections: Count::default(),
            open: Count::default(),
            aborted: Count::default(),
            commands: Count::default(),
            messages: Count::default(),
            recipients: Count::default(),
            octets: Count::default(),
            chunks: Count::default(),
            tls_full: Count::default(),
            tls_resumed: Count::default(),
            tls_failed: Count::default(),
            limited: Default::default(),
            logins: Count::default(),
            auth_accepted: Count::default(),
            auth_refused: Count::default(),
            refused: (0..(Step::ALL.len() + 1) * CODES).map(|_| Count::default()).collect(),
        }
    }

    pub(super) fn command(&self) {
        self.commands.add(1);
    }

    pub(super) fn chunk(&self) {
        self.chunks.add(1);
    }

    pub(super) fn accept(&self, messages: u64, recipients: u64, octets: u64) {
        self.messages.add(messages);
        self.recipients.add(recipients);
        self.octets.add(octets);
    }

    pub(super) fn handshake(&self, handshake: Handshake) {
        match handshake {
            Handshake::Full => self.tls_full.add(1),
            Handshake::Resumed => self.tls_resumed.add(1),
        }
    }

    pub(super) fn limit(&self, limit: Limit) {
        self.limited[limit as usize].add(1);
    }

    /// The server has users.
    pub(super) fn counts_logins(&self) {
        self.logins.set(1);
    }

    /// Counts a login that was judged.
    pub(super) fn login(&self, granted: Granted) {
        match granted {
            Granted::Yes => self.auth_accepted.add(1),
            Granted::No => self.auth_refused.add(1),
        }
    }

    pub(super) fn failed_handshake(&self) {
        self.tls_failed.add(1);
    }

    /// Counts a reply if its code is 4xx or 5xx.
    pub(super) fn refuse(&self, step: Option<Step>, code: u16) {
        let row = step.map_or(Step::ALL.len(), Step::index);
        let column = usize::from(code).checked_sub(400).filter(|column| *column < CODES);
        if let Some(count) = column.and_then(|column| self.refused.get(row * CODES + column)) {
            count.add(1);
        }
    }

    pub(super) fn counters(&self) -> SinkCounters {
        SinkCounters {
            connections: self.connections.value(),
            open: self.open.value(),
            aborted: self.aborted.value(),
            commands: self.commands.value(),
            messages: self.messages.value(),
            recipients: self.recipients.value(),
            octets: self.octets.value(),
            chunks: self.chunks.value(),
            tls: TlsSessions {
                full: self.tls_full.value(),
                resumed: self.tls_resumed.value(),
                failed: self.tls_failed.value(),
            },
            limited: self.limited(),
            auth_accepted: self.of_logins(&self.auth_accepted),
            auth_refused: self.of_logins(&self.auth_refused),
            refused: self.refusals(),
        }
    }

    fn limited(&self) -> Limited {
        let by = |limit: Limit| self.limited[limit as usize].value();
        Limited {
            connections: by(Limit::Connections),
            connections_per_address: by(Limit::ConnectionsPerAddress),
            messages_per_connection: by(Limit::MessagesPerConnection),
            rate: by(Limit::Rate),
        }
    }

    fn of_logins(&self, count: &Count) -> Option<u64> {
        (self.logins.value() > 0).then(|| count.value())
    }

    fn refusals(&self) -> BTreeMap<String, BTreeMap<String, u64>> {
        let mut refused: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        let names = Step::ALL.iter().map(|step| step.name()).chain([OTHER]);
        for (name, row) in names.zip(self.refused.chunks(CODES)) {
            for (code, count) in (400..).zip(row).filter(|(_, count)| count.value() > 0) {
                let by_code = refused.entry(name.to_owned()).or_default();
                by_code.insert(i32::to_string(&code), count.value());
            }
        }
        refused
    }
}

/// A connection while it is open; counts it as aborted unless it was [settled](Self::settle).
#[derive(Debug)]
pub(super) struct Seat {
    tally: Arc<Tally>,
    aborted: u64,
}

impl Seat {
    pub(super) fn taken(tally: &Arc<Tally>) -> Self {
        tally.connections.add(1);
        tally.open.add(1);
        Self { tally: Arc::clone(tally), aborted: 1 }
    }

    /// Says that the session ends in order.
    pub(super) fn settle(&mut self) {
        self.aborted = 0;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.tally.aborted.add(self.aborted);
        self.tally.open.set(self.tally.open.value().wrapping_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_apart_by_step_and_code() {
        let tally = Tally::new();
        tally.refuse(Some(Step::Rcpt), 450);
        tally.refuse(Some(Step::Rcpt), 450);
        tally.refuse(Some(Step::Rcpt), 599);
        tally.refuse(None, 500);
        tally.refuse(Some(Step::Mail), 250);

        let refused = serde_json::to_value(tally.counters().refused).unwrap();

        assert_eq!(
            refused,
            serde_json::json!({ "rcpt": { "450": 2, "599": 1 }, "other": { "500": 1 } })
        );
    }

    #[test]
    fn a_connection_that_is_dropped_counts_as_aborted() {
        let tally = Arc::new(Tally::new());
        Seat::taken(&tally).settle();
        drop(Seat::taken(&tally));
        let _open = Seat::taken(&tally);

        let counters = tally.counters();

        assert_eq!((counters.connections, counters.open, counters.aborted), (3, 1, 1));
    }
}
