//! The blocks of a phase as sparse counts over one common axis, so that drawing them again and
//! again costs only what they hold.

use std::collections::BTreeMap;

use super::sample::{Block, PhaseSample};
use crate::record::as_float;

/// A percentile needs so many samples above it, as everywhere.
const SAMPLES_ABOVE: f64 = 10.0;

/// The response times of a phase's blocks.
#[derive(Clone, Debug)]
pub(super) struct Spectrum {
    /// The recorded values in microseconds, rising; one more place stands for what had no answer.
    values: Vec<u64>,
    /// By block: places and counts.
    blocks: Vec<Vec<(usize, u64)>>,
}

impl Spectrum {
    pub(super) fn new(phase: &PhaseSample) -> Self {
        let recorded = |block: &Block| -> Vec<(u64, u64)> {
            let Some(histogram) = block.response.measured() else { return Vec::new() };
            let steps = histogram.iter_recorded();
            steps.map(|step| (step.value_iterated_to(), step.count_at_value())).collect()
        };
        let blocks: Vec<Vec<(u64, u64)>> = phase.blocks.iter().map(recorded).collect();
        let mut places: BTreeMap<u64, usize> =
            blocks.iter().flatten().map(|(value, _)| (*value, 0)).collect();
        for (place, known) in places.values_mut().enumerate() {
            *known = place;
        }
        let unanswered = places.len();
        let blocks = blocks.iter().zip(&phase.blocks).map(|(measured, block)| {
            let censored = block.response.unanswered();
            let mut counts: Vec<(usize, u64)> =
                measured.iter().map(|(value, count)| (places[value], *count)).collect();
            counts.extend((censored > 0).then_some((unanswered, censored)));
            counts
        });
        Self { blocks: blocks.collect(), values: places.into_keys().collect() }
    }

    /// The counts of these blocks together, by place.
    pub(super) fn sum(&self, blocks: impl Iterator<Item = usize>) -> Vec<u64> {
        let mut sum = vec![0; self.values.len() + 1];
        for block in blocks {
            for (place, count) in &self.blocks[block] {
                sum[*place] += count;
            }
        }
        sum
    }

    /// A percentile in milliseconds; none where too few samples lie above it, or where it falls
    /// among those without an answer.
    pub(super) fn percentile(&self, sum: &[u64], percent: f64) -> Option<f64> {
        let count: u64 = sum.iter().sum();
        if as_float(count) * (1.0 - percent / 100.0) < SAMPLES_ABOVE - 1e-9 {
            return None;
        }
        let rank = as_float(count) * percent / 100.0 - 1e-6;
        let mut seen = 0;
        let place = sum.iter().position(|count| {
            seen += count;
            as_float(seen) >= rank
        })?;
        self.values.get(place).map(|micros| as_float(*micros) / 1000.0)
    }
}
