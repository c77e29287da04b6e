//! Frames → sums for each phase, client and address.
//!
//! Sums are only ever made of cells, so that percentiles over several parts come from merged
//! histograms and never from averaged percentiles.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Cell, CellKey, Frame, OpenPeaks, Throttling};
use crate::plan::{Client, ClientId, Phase, PhaseId, Plan};

/// When a phase was in force, on the run's clock and without its drain.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PhaseSpan {
    /// The phase.
    pub phase: PhaseId,
    /// When it began.
    pub start: Duration,
    /// How long it was in force; in a run that was cut off, as far as it came.
    pub length: Duration,
    /// What ended it.
    pub end: SpanEnd,
}

/// What ended a phase.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SpanEnd {
    /// Its time, or an order; or nothing yet.
    Time,
    /// The last message of a closed phase's count had started, or the last for which its feed had
    /// a row.
    Count,
}

/// All that was counted so far.
#[derive(Debug)]
pub struct Ledger {
    cells: BTreeMap<CellKey, Cell>,
    peaks: BTreeMap<(PhaseId, ClientId, u16), u32>,
    phase_peaks: BTreeMap<PhaseId, u32>,
    open_peaks: OpenPeaks,
    counting: Vec<bool>,
    /// By client.
    paced: Vec<bool>,
    throttling: Throttling,
}

/// Which cells are summed up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Extent {
    /// Every phase.
    All,
    /// Every phase but warm-ups and the probes of searches.
    Counting,
    /// One phase.
    Phase(PhaseId),
}

impl Ledger {
    /// An empty ledger for a plan's phases.
    pub fn new(plan: &Plan) -> Self {
        Self {
            cells: BTreeMap::new(),
            peaks: BTreeMap::new(),
            phase_peaks: BTreeMap::new(),
            open_peaks: OpenPeaks::default(),
            counting: plan.phases.iter().map(Phase::counts).collect(),
            paced: plan.clients.iter().map(Client::is_paced).collect(),
            throttling: Throttling::default(),
        }
    }

    /// Adds what happened in one second.
    pub fn fold(&mut self, frame: &Frame) {
        for (key, cell) in &frame.cells {
            self.cells.entry(*key).or_default().merge(cell);
        }
        self.fold_peaks(frame);
        self.throttling.fold(frame);
    }

    fn fold_peaks(&mut self, frame: &Frame) {
        self.open_peaks = self.open_peaks.max(frame.peaks);
        for gauge in &frame.gauges {
            raise(self.phase_peaks.entry(gauge.phase).or_default(), gauge.peak_open);
            for peak in &gauge.peaks {
                let key = (gauge.phase, peak.client, peak.address);
                raise(self.peaks.entry(key).or_default(), peak.open);
            }
        }
    }

    /// When throttling began.
    pub const fn throttling(&self) -> &Throttling {
        &self.throttling
    }

    /// Whether a phase belongs to an extent.
    pub fn includes(&self, extent: Extent, phase: PhaseId) -> bool {
        match extent {
            Extent::All => true,
            Extent::Counting => self.counting.get(phase.index()).copied().unwrap_or(true),
            Extent::Phase(only) => phase == only,
        }
    }

    /// The cells of an extent, in the order of their keys.
    pub fn cells(&self, extent: Extent) -> impl Iterator<Item = (CellKey, &Cell)> {
        self.cells
            .iter()
            .filter(move |(key, _)| self.includes(extent, key.phase))
            .map(|(key, cell)| (*key, cell))
    }

    /// Whether a client paces itself, so that its times say nothing of the target.
    pub(super) fn is_paced(&self, client: ClientId) -> bool {
        self.paced.get(client.index()).copied().unwrap_or(false)
    }

    /// The sum of an extent's cells that belong to `part`, without the times of paced clients.
    pub fn sum(&self, extent: Extent, part: impl Fn(CellKey) -> bool) -> Cell {
        let mut sum = Cell::default();
        for (key, cell) in self.cells(extent).filter(|(key, _)| part(*key)) {
            if self.is_paced(key.client) {
                sum.merge_counts(cell);
            } else {
                sum.merge(cell);
            }
        }
        sum
    }

    /// The sum of one client's cells, with its times, paced or not.
    pub fn sum_of_client(&self, extent: Extent, client: ClientId) -> Cell {
        let mut sum = Cell::default();
        for (_, cell) in self.cells(extent).filter(|(key, _)| key.client == client) {
            sum.merge(cell);
        }
        sum
    }

    /// The most sessions of an extent that were open at one time. A session that goes over to
    /// the next phase is one session, and phases beside each other have theirs together.
    pub fn peak_open(&self, extent: Extent) -> u64 {
        u64::from(match extent {
            Extent::All => self.open_peaks.all,
            Extent::Counting => self.open_peaks.counting,
            Extent::Phase(phase) => self.phase_peaks.get(&phase).copied().unwrap_or(0),
        })
    }

    /// The same for a part of an extent; an upper bound where it covers several clients, phases
    /// or addresses, as their peaks need not have been at the same time.
    pub fn peak_open_of(&self, extent: Extent, part: impl Fn(CellKey) -> bool) -> u64 {
        self.peaks
            .iter()
            .filter(|((phase, client, address), _)| {
                self.includes(extent, *phase)
                    && part(CellKey { phase: *phase, client: *client, address: *address })
            })
            .map(|(_, open)| u64::from(*open))
            .sum()
    }
}

fn raise(peak: &mut u32, to: u32) {
    *peak = (*peak).max(to);
}
