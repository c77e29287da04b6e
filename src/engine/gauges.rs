//! How many sessions a worker has open, by phase, client and address.

use std::collections::BTreeMap;

use super::handle::Handle;
use crate::plan::{ClientId, PhaseId};
use crate::record::PeakOpen;

/// The sessions of one worker.
#[derive(Default)]
pub(super) struct Gauges {
    open: BTreeMap<(PhaseId, ClientId, u16), Gauge>,
    /// By phase: sessions that are open or being opened for it.
    held: BTreeMap<PhaseId, u32>,
}

/// Sessions that are open, and the most that were.
#[derive(Default)]
struct Gauge {
    open: u32,
    peak: u32,
}

impl Gauges {
    /// A session counts for a phase from now on.
    pub(super) fn enter(&mut self, handle: &Handle, phase: PhaseId) {
        let gauge = self.open.entry((phase, handle.client, handle.address)).or_default();
        gauge.open += 1;
        gauge.peak = gauge.peak.max(gauge.open);
    }

    /// A session counts for a phase no longer.
    pub(super) fn exit(&mut self, handle: &Handle, phase: PhaseId) {
        let gauge = self.open.entry((phase, handle.client, handle.address)).or_default();
        gauge.open = gauge.open.saturating_sub(1);
    }

    /// A session is being opened for a phase, or went over to it.
    pub(super) fn hold(&mut self, phase: PhaseId) {
        *self.held.entry(phase).or_default() += 1;
    }

    /// A session of a phase is gone, or went over to another.
    pub(super) fn release(&mut self, phase: PhaseId) {
        let held = self.held.entry(phase).or_default();
        *held = held.saturating_sub(1);
    }

    /// The sessions of a phase that are open or being opened.
    pub(super) fn held(&self, phase: PhaseId) -> u32 {
        self.held.get(&phase).copied().unwrap_or(0)
    }

    /// The most sessions of a phase since the last call.
    pub(super) fn take_peaks(&mut self, phase: PhaseId) -> Vec<PeakOpen> {
        let of_phase = self.open.iter_mut().filter(|((of, ..), _)| *of == phase);
        let peaks = of_phase.map(|((_, client, address), gauge)| {
            let open = std::mem::replace(&mut gauge.peak, gauge.open);
            PeakOpen { client: *client, address: *address, open }
        });
        peaks.collect()
    }
}
