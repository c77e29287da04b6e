//! What each worker hands over once a second → one [`Frame`] for each second of the run's clock.
//!
//! A frame is the only thing that leaves the collector: folder, live screen, thresholds and
//! summary fold the same frames. It is complete when every worker has handed its second over.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::{Deserialize, Serialize};

use super::{Cell, CellKey, Stint};
use crate::plan::{ClientId, PhaseId, Plan};

/// What one worker hands over for one second of the run's clock.
#[derive(Debug)]
pub struct Handover {
    /// Which worker, from 0.
    pub worker: u32,
    /// Which second, from 0; a worker hands its seconds over in order.
    pub second: u64,
    /// What it counted in that second, as [`super::Tally::take`] gives it.
    pub cells: Vec<(CellKey, Box<Cell>)>,
    /// Its part of each phase that is in force or draining.
    pub gauges: Vec<PhaseGauge>,
    /// What all workers together had open at most up to now.
    pub peaks: OpenPeaks,
    /// What its thread used since it last handed over.
    pub stints: Vec<Stint>,
}

/// The most sessions that were open at one time since the run began; never a sum of peaks.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct OpenPeaks {
    /// In all phases together.
    pub all: u32,
    /// In all phases together but warm-ups.
    pub counting: u32,
}

impl OpenPeaks {
    /// The higher of both, each by itself.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { all: self.all.max(other.all), counting: self.counting.max(other.counting) }
    }
}

/// How a phase stands; of one worker its part, in a frame the sum of all.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct PhaseGauge {
    /// The phase.
    pub phase: PhaseId,
    /// The planned connections, or messages per second, at the end of the second, or of the phase
    /// where that ended in it; 0 in a drain.
    pub level: f64,
    /// Sessions that are open at the end of the second.
    pub open_sessions: u32,
    /// The most that were open at a time in this second; told by one worker for all.
    pub peak_open: u32,
    /// The same by client and address, each session in one of them. Summed over workers it is an
    /// upper bound, as each may have had its peak at another moment.
    pub peaks: Vec<PeakOpen>,
}

/// The most sessions that one client had open to one address.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PeakOpen {
    /// The client.
    pub client: ClientId,
    /// The position among the target's resolved addresses.
    pub address: u16,
    /// How many.
    pub open: u32,
}

/// All that happened in one second, in all workers: increments, not totals.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// Which second, from 0.
    pub second: u64,
    /// What was counted, in the order of the keys.
    pub cells: Vec<(CellKey, Box<Cell>)>,
    /// The phases in force or draining, in their order.
    pub gauges: Vec<PhaseGauge>,
    /// What the workers' threads used.
    pub stints: Vec<Stint>,
    /// What was open at most up to now.
    pub peaks: OpenPeaks,
}

impl Frame {
    /// Adds what another tester saw in the same second; what it had open is beside what this one
    /// had.
    pub fn join(&mut self, other: Self) {
        let mut cells: BTreeMap<CellKey, Box<Cell>> = self.cells.drain(..).collect();
        add_cells(&mut cells, other.cells);
        self.cells = cells.into_iter().collect();
        for gauge in other.gauges {
            match self.gauges.iter_mut().find(|known| known.phase == gauge.phase) {
                Some(sum) => sum.add(gauge),
                None => self.gauges.push(gauge),
            }
        }
        self.gauges.sort_by_key(|gauge| gauge.phase);
        self.stints.extend(other.stints);
        self.peaks.all += other.peaks.all;
        self.peaks.counting += other.peaks.counting;
    }

    /// The phases of which this frame says anything, in their order.
    pub fn phases(&self) -> Vec<PhaseId> {
        let mut phases: Vec<PhaseId> = self.cells.iter().map(|(key, _)| key.phase).collect();
        phases.extend(self.gauges.iter().map(|gauge| gauge.phase));
        phases.sort_unstable();
        phases.dedup();
        phases
    }

    /// The cells of one phase.
    pub fn of(&self, phase: PhaseId) -> impl Iterator<Item = (CellKey, &Cell)> {
        self.cells
            .iter()
            .filter(move |(key, _)| key.phase == phase)
            .map(|(key, cell)| (*key, &**cell))
    }

    /// The gauge of one phase, where it is in force or draining.
    pub fn gauge(&self, phase: PhaseId) -> Option<&PhaseGauge> {
        self.gauges.iter().find(|gauge| gauge.phase == phase)
    }

    /// All that was counted in one phase, without the times of paced clients.
    pub fn sum(&self, phase: PhaseId, plan: &Plan) -> Cell {
        let mut sum = Cell::default();
        for (key, cell) in self.of(phase) {
            sum.merge_from(plan.clients.get(key.client.index()), cell);
        }
        sum
    }
}

impl PhaseGauge {
    fn add(&mut self, other: Self) {
        self.level += other.level;
        self.open_sessions += other.open_sessions;
        self.peak_open += other.peak_open;
        for more in other.peaks {
            let same =
                |peak: &&mut PeakOpen| (peak.client, peak.address) == (more.client, more.address);
            match self.peaks.iter_mut().find(same) {
                Some(peak) => peak.open += more.open,
                None => self.peaks.push(more),
            }
        }
    }
}

/// Puts the workers' parts together, second by second.
#[derive(Debug)]
pub struct Merger {
    /// For each worker the first second that it has not yet handed over.
    expected: Vec<u64>,
    next: u64,
    pending: BTreeMap<u64, Parts>,
}

#[derive(Debug, Default)]
struct Parts {
    cells: BTreeMap<CellKey, Box<Cell>>,
    gauges: BTreeMap<PhaseId, PhaseGauge>,
    stints: Vec<Stint>,
    peaks: OpenPeaks,
}

impl Merger {
    /// A merger for so many workers.
    pub fn new(workers: u32) -> Self {
        Self { expected: vec![0; workers as usize], next: 0, pending: BTreeMap::new() }
    }

    /// Takes one worker's part and gives the frames that it completes, in order: none while
    /// another worker is behind, several where the worker itself had skipped seconds. A part of
    /// a second that is already given out goes into the next one, so that nothing is lost.
    pub fn add(&mut self, handover: Handover) -> Vec<Frame> {
        let second = handover.second.max(self.next);
        if let Some(expected) = self.expected.get_mut(handover.worker as usize) {
            *expected = (*expected).max(handover.second + 1);
        }
        self.pending.entry(second).or_default().add(handover);
        let complete = self.expected.iter().copied().min().unwrap_or(0);
        let mut frames = Vec::new();
        while self.next < complete {
            frames.push(self.take_next());
        }
        frames
    }

    /// Gives what is left when no worker hands over any more, complete or not.
    pub fn finish(mut self) -> Vec<Frame> {
        let Some(last) = self.pending.keys().next_back().copied() else { return Vec::new() };
        let mut frames = Vec::new();
        while self.next <= last {
            frames.push(self.take_next());
        }
        frames
    }

    fn take_next(&mut self) -> Frame {
        let second = self.next;
        self.next += 1;
        let parts = self.pending.remove(&second).unwrap_or_default();
        Frame {
            second,
            cells: parts.cells.into_iter().collect(),
            gauges: parts.gauges.into_values().collect(),
            stints: parts.stints,
            peaks: parts.peaks,
        }
    }
}

impl Parts {
    fn add(&mut self, handover: Handover) {
        self.stints.extend(handover.stints);
        self.peaks = self.peaks.max(handover.peaks);
        add_cells(&mut self.cells, handover.cells);
        for gauge in handover.gauges {
            match self.gauges.entry(gauge.phase) {
                Entry::Vacant(place) => drop(place.insert(gauge)),
                Entry::Occupied(mut sum) => sum.get_mut().add(gauge),
            }
        }
    }
}

fn add_cells(sum: &mut BTreeMap<CellKey, Box<Cell>>, more: Vec<(CellKey, Box<Cell>)>) {
    for (key, cell) in more {
        match sum.entry(key) {
            Entry::Vacant(place) => drop(place.insert(cell)),
            Entry::Occupied(mut sum) => sum.get_mut().merge(&cell),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::record::specimen::{CLOSED, OPEN, key, plan};

    fn handover(worker: u32, second: u64, started: u64) -> Handover {
        let mut cell = Box::<Cell>::default();
        cell.messages.started = started;
        let peaks = vec![PeakOpen { client: ClientId(0), address: 0, open: 3 }];
        let gauge = PhaseGauge { phase: OPEN, level: 50.0, open_sessions: 2, peak_open: 3, peaks };
        let stints = vec![stint(worker, second)];
        let cells = vec![(key(OPEN, 0, 0), cell)];
        let peaks = OpenPeaks { all: 5, counting: worker };
        Handover { worker, second, cells, gauges: vec![gauge], peaks, stints }
    }

    fn stint(worker: u32, second: u64) -> Stint {
        let from = Duration::from_secs(second);
        let until = Duration::from_secs(second + 1);
        Stint { worker, from, until, used: Duration::from_millis(500) }
    }

    fn seconds(frames: &[Frame]) -> Vec<(u64, u64)> {
        frames
            .iter()
            .map(|frame| (frame.second, frame.sum(OPEN, &plan()).messages.started))
            .collect()
    }

    #[test]
    fn a_second_is_complete_when_every_worker_has_handed_it_over() {
        let mut merger = Merger::new(2);

        assert_eq!(seconds(&merger.add(handover(0, 0, 1))), []);
        assert_eq!(seconds(&merger.add(handover(0, 1, 2))), []);
        assert_eq!(seconds(&merger.add(handover(1, 0, 10))), [(0, 11)]);
        assert_eq!(seconds(&merger.add(handover(1, 1, 20))), [(1, 22)]);
    }

    #[test]
    fn the_parts_of_the_workers_add_up() {
        let mut merger = Merger::new(2);
        merger.add(handover(0, 0, 1));

        let frames = merger.add(handover(1, 0, 1));

        let gauge = frames[0].gauge(OPEN).unwrap();
        assert_eq!((gauge.open_sessions, gauge.peak_open, gauge.peaks[0].open), (4, 6, 6));
        assert!((gauge.level - 100.0).abs() < f64::EPSILON);
        assert_eq!(frames[0].phases(), [OPEN]);
        assert_eq!(frames[0].gauge(CLOSED), None);
        assert_eq!(
            frames[0].peaks,
            OpenPeaks { all: 5, counting: 1 },
            "the same crowd, told twice"
        );
    }

    #[test]
    fn seconds_that_a_worker_skipped_come_out_empty_and_in_order() {
        let mut merger = Merger::new(1);

        assert_eq!(seconds(&merger.add(handover(0, 2, 7))), [(0, 0), (1, 0), (2, 7)]);
    }

    #[test]
    fn a_part_that_comes_too_late_goes_into_the_next_second() {
        let mut merger = Merger::new(1);
        merger.add(handover(0, 1, 1));
        merger.add(handover(0, 0, 5));

        assert_eq!(seconds(&merger.add(handover(0, 2, 1))), [(2, 6)]);
    }

    #[test]
    fn what_is_left_at_the_end_is_given_out_incomplete() {
        let mut merger = Merger::new(2);
        merger.add(handover(0, 0, 1));
        merger.add(handover(0, 1, 2));

        assert_eq!(seconds(&merger.finish()), [(0, 1), (1, 2)]);
    }
}
