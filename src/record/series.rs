//! A phase's second → a row of `series.ndjson`.
//!
//! Counters are increments of that second. Percentiles are given whatever their number of
//! samples, which stands beside them: a row is raw material, and what a table shows as not known
//! is decided over the whole phase.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::throttling::{self, ThrottleIncrement};
use super::{Cell, Frame, Reading};
use crate::plan::{PhaseId, Plan};
use crate::smtp::{CaseEnd, Outcome};

/// A row of `series.ndjson`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SeriesRow {
    /// One phase in one second.
    Phase(PhaseRow),
    /// What the monitor saw, with the names that it gives.
    Monitor(serde_json::Map<String, serde_json::Value>),
}

/// One phase in one second.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct PhaseRow {
    /// The second of the run's clock, from 0.
    pub second: u64,
    /// The phase's name.
    pub phase: String,
    /// The planned connections, or messages per second.
    pub level: f64,
    /// Open at the end of the second.
    pub open_sessions: u32,
    /// The most that were open at a time in it.
    #[serde(default)]
    pub peak_open: u32,
    /// Messages that came due.
    pub planned: u64,
    /// Messages that began.
    pub started: u64,
    /// Messages that never began.
    pub dropped: u64,
    /// Malformed cases that ended; absent where none did.
    #[serde(default, skip_serializing_if = "is_none")]
    pub cases: u64,
    /// Those in which the server did what it must not do; absent where there were none.
    #[serde(default, skip_serializing_if = "is_none")]
    pub findings: u64,
    /// Messages that ended, by outcome; only those that occurred.
    pub ended: BTreeMap<String, u64>,
    /// Signs that the server throttles, as `421/mail` or `closed`; absent where there were none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub throttled: BTreeMap<String, ThrottleIncrement>,
    /// Sessions that became ready for MAIL.
    pub opened: u64,
    /// Sessions that never became ready.
    pub failed: u64,
    /// Octets given to the kernel.
    pub sent: u64,
    /// Octets taken from it.
    pub received: u64,
    /// How many response times, those without an answer included.
    pub responses: u64,
    /// Median response in milliseconds; null where there was none, or no answer.
    pub p50: Option<f64>,
    /// 95th percentile, likewise.
    pub p95: Option<f64>,
    /// 99th percentile, likewise.
    pub p99: Option<f64>,
    /// The longest, likewise.
    pub max: Option<f64>,
}

impl PhaseRow {
    /// The row of a phase in a frame.
    pub fn of(frame: &Frame, phase: PhaseId, plan: &Plan) -> Self {
        let cell = frame.sum(phase, plan);
        let gauge = frame.gauge(phase);
        let percentile = |percent| cell.response.percentile(percent).and_then(Reading::known);
        Self {
            second: frame.second,
            phase: phase_name(plan, phase),
            level: gauge.map_or(0.0, |gauge| gauge.level),
            open_sessions: gauge.map_or(0, |gauge| gauge.open_sessions),
            peak_open: gauge.map_or(0, |gauge| gauge.peak_open),
            planned: cell.messages.planned,
            started: cell.messages.started,
            dropped: cell.messages.dropped,
            cases: cell.cases.values().flat_map(|case| case.ended).sum(),
            findings: cell.cases.values().map(|case| case.of(CaseEnd::Finding)).sum(),
            ended: ended(&cell),
            throttled: throttling::increments(&cell.throttles),
            opened: cell.sessions.opened,
            failed: cell.sessions.failed,
            sent: cell.octets.sent,
            received: cell.octets.received,
            responses: cell.response.count(),
            p50: percentile(50.0),
            p95: percentile(95.0),
            p99: percentile(99.0),
            max: cell.response.largest().and_then(Reading::known),
        }
    }
}

/// The phase's name; its number where the plan has no such phase.
pub(super) fn phase_name(plan: &Plan, phase: PhaseId) -> String {
    let known = plan.phases.get(phase.index());
    known.map_or_else(|| format!("phase {}", phase.0), |phase| phase.name.clone())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

fn ended(cell: &Cell) -> BTreeMap<String, u64> {
    Outcome::ALL
        .into_iter()
        .map(|outcome| (outcome.name().to_owned(), cell.messages.of(outcome)))
        .filter(|(_, count)| *count > 0)
        .collect()
}
