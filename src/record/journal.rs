//! What a results folder holds beside histograms and rows so that its figures can be made anew:
//! `run.json`, and the lines of `counters.ndjson`.
//!
//! `counters.ndjson` has in each second a line for each cell with its increments, then one that
//! closes the second: how many rows of the series belong to it, the sessions that were open, what
//! the workers used, and the phases' times. A run that came to its end has one more line. Phases,
//! clients, addresses and classes go by their positions in `run.json`.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Cell, CellKey, EnvironmentFigures, FitnessRow, OpenPeaks, Outline, PhaseGauge, PhaseSpan,
    PlanIdentity, SearchResult, Stint, ThresholdRow, ToolIdentity,
};
use crate::monitor::Stall;

/// The version of the folder's format.
pub(super) const FORMAT: u32 = 1;

/// `run.json`: what is known before the first second.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct RunRecord {
    /// The version of the folder's format.
    pub format: u32,
    /// What ran it.
    pub tool: ToolIdentity,
    /// What was run.
    pub plan: PlanIdentity,
    /// When the run began, RFC 3339.
    pub started_at: String,
    /// The exit code of a threshold that does not hold.
    pub threshold_exit_code: u8,
    /// The machine: the parts of the summary's `environment` that do not change.
    pub environment: EnvironmentFigures,
    /// What was checked of it before the start.
    pub before: Vec<FitnessRow>,
    /// By target: the resolved addresses as `127.0.0.1:2525`.
    pub addresses: Vec<Vec<String>>,
    /// What results need of the plan.
    pub outline: Outline,
}

impl RunRecord {
    /// A record of this format and this program.
    pub fn new(plan: PlanIdentity, started_at: String, outline: Outline) -> Self {
        Self {
            format: FORMAT,
            tool: ToolIdentity::own(),
            plan,
            started_at,
            threshold_exit_code: 0,
            environment: EnvironmentFigures::default(),
            before: Vec::new(),
            addresses: Vec::new(),
            outline,
        }
    }
}

impl ToolIdentity {
    /// This program.
    pub fn own() -> Self {
        Self {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// A line of `counters.ndjson`.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Entry<'a> {
    /// What one cell counted in the second that is open.
    Cell { key: CellKey, counts: Cow<'a, Box<Cell>> },
    /// The monitor looked, for which the series has a row: the phases whose times changed.
    Look(Cow<'a, [PhaseSpan]>),
    /// The second is over.
    Second(Closing<'a>),
    /// The run is over.
    End(Cow<'a, RunEnd>),
}

/// What closes a second.
#[derive(Deserialize, Serialize)]
pub(super) struct Closing<'a> {
    /// Which, from 0.
    pub(super) second: u64,
    /// How many rows of the series it has.
    pub(super) rows: usize,
    pub(super) gauges: Cow<'a, [PhaseGauge]>,
    pub(super) stints: Cow<'a, [Stint]>,
    pub(super) peaks: OpenPeaks,
    /// The phases whose times changed since the second before.
    pub(super) spans: Cow<'a, [PhaseSpan]>,
}

/// How a run came to its end.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct RunEnd {
    /// How long it took.
    pub took: Duration,
    /// The phases that began, with their times.
    pub spans: Vec<PhaseSpan>,
    /// The signal that ended it: `SIGINT` or `SIGTERM`.
    pub interrupted: Option<String>,
    /// What the tester itself did wrong.
    pub failures: Vec<String>,
    /// A sentence on why it ended before its plan, without its period.
    pub note: Option<String>,
    /// What was found of the thresholds that are judged while the run goes on: the times of steps
    /// are not in the folder second by second.
    #[serde(default)]
    pub live: Vec<ThresholdRow>,
    /// What the summary says beside its figures.
    pub warnings: Vec<String>,
    /// The stalls of the machine since the monitor's last row; none where nothing was watched.
    pub stalls: Option<Vec<Stall>>,
    /// What the embedded server counted, if it ran.
    pub sink: Option<Value>,
    /// What the searches found that began.
    #[serde(default)]
    pub searches: Vec<SearchResult>,
}
