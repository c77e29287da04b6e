//! What the conductor tells the workers, and what they tell the conductor.

use std::sync::Arc;

use tokio::time::Instant;

use super::used_up::UsedUp;
use crate::plan::{ClientId, PhaseId, SearchId};
use crate::record::{ErrorKey, Handover};
use crate::timeline::Line;

/// A change while running, sent to all workers ahead of its time.
#[derive(Clone, Debug)]
pub struct Order {
    /// When it comes into force.
    pub at: Instant,
    /// What changes.
    pub change: Change,
}

/// What an order changes.
#[derive(Clone, Debug)]
pub enum Change {
    /// A probe begins, at the level that its search asks for.
    Append(Arc<Line>),
    /// A search has no further probes; what follows it begins.
    EndSearch(SearchId),
    /// A phase ends, and the one behind it begins.
    EndPhase(PhaseId),
    /// Nothing starts any more; what has started drains.
    Drain,
    /// Everything ends at once.
    Stop,
}

/// What a worker reports.
#[derive(Debug)]
pub enum Note {
    /// What was counted in one second of the run's clock.
    Handover(Handover),
    /// The count of a closed phase was reached.
    CountReached(PhaseId),
    /// A feed has no row left for a message; what is known of it stands in the shared part.
    FeedUsedUp(UsedUp),
    /// The first error of its kind in this worker.
    FirstError(FirstError),
    /// A task panicked; its message was booked as `local`.
    Panicked(String),
}

/// The first error of its kind.
#[derive(Clone, Debug)]
pub struct FirstError {
    /// In which phase.
    pub phase: PhaseId,
    /// Of which client.
    pub client: ClientId,
    /// Its kind.
    pub key: ErrorKey,
    /// The reply, or the system's words.
    pub example: String,
    /// The session's last commands and replies, as [`crate::record::Event::FirstError`] has them.
    pub transcript: Vec<String>,
}
