//! A search for the highest level at which its conditions hold.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::PhaseId;
use crate::plan::Threshold;

/// The position of a search in [`super::Plan::searches`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct SearchId(pub u16);

impl SearchId {
    /// The position as an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A search: probes that stand one behind another among the plan's phases. The first begins as the
/// plan says, at the level `from`; the others only when they are asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// The name in the plan; its probes are `NAME/1`, `NAME/2`, ...
    pub name: String,
    /// Its first probe.
    pub first: PhaseId,
    /// How many probes it may have, at least one.
    pub max_probes: u16,
    /// The lowest level, above zero: messages per second or connections.
    pub from: f64,
    /// The highest level, above `from`.
    pub to: f64,
    /// For how long nothing is sent before a further probe.
    pub settle: Duration,
    /// How close the bounds of the answer must come, as a share of the lower one.
    pub precision: f64,
    /// What must hold, at least one.
    pub conditions: Vec<Threshold>,
}

impl Search {
    /// All that may be probes, in their order.
    pub fn probes(&self) -> impl Iterator<Item = PhaseId> + use<> {
        let last = self.first.0.saturating_add(self.max_probes);
        (self.first.0..last).map(PhaseId)
    }
}
