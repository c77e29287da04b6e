//! Feeds that stop → whether a message may start, and the end of all starts.
//!
//! A start that would find no row is neither planned nor begun: it is left out before anything is
//! booked. It ends the run's starts in all workers at once; the conductor's order follows, so that
//! the phases end too.

use std::time::Duration;

use tokio::time::Instant;

use super::dialer::Dialer;
use super::order::Note;
use super::start::{Seed, Start};
use super::worker::Worker;
use crate::message::Composer;
use crate::plan::PhaseId;
use crate::smtp::CaseId;

/// A feed of which each row was used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UsedUp {
    /// Its position among the feeds of the plan.
    pub feed: usize,
    /// The phase whose message found no row.
    pub phase: PhaseId,
    /// When, on the run's clock.
    pub at: Duration,
}

impl<D: Dialer> Worker<D> {
    /// Whether a start of the open model that is due finds the rows that its message reads.
    pub(super) fn may_begin(&self, start: &Start, now: Instant) -> bool {
        let at = start.planned.unwrap_or(now);
        self.finds(start.case, start.key.phase, at, |composer| {
            composer.lacks_row_for(start.message.index(), start.seq)
        })
    }

    /// The same of the closed model, where rows are taken as messages start.
    pub(super) fn finds_rows(&self, seed: &Seed, phase: PhaseId, now: Instant) -> bool {
        self.finds(seed.case, phase, now, |composer| composer.lacks_row(seed.message.index()))
    }

    /// Whether nothing is lacking at this moment; a malformed case reads no rows.
    fn finds(
        &self,
        case: Option<CaseId>,
        phase: PhaseId,
        at: Instant,
        lacking: impl FnOnce(&Composer) -> Option<usize>,
    ) -> bool {
        if self.books.shared.used_up().is_some() {
            return false;
        }
        if case.is_some() {
            return true;
        }
        let Some(feed) = lacking(&self.composer.borrow()) else { return true };
        self.use_up(feed, phase, at);
        false
    }

    /// Nothing starts any more in any worker, from the first call on.
    pub(super) fn use_up(&self, feed: usize, phase: PhaseId, now: Instant) {
        let at = now.saturating_duration_since(self.books.zero);
        let used_up = UsedUp { feed, phase, at };
        if self.books.shared.use_up(used_up) {
            self.books.note(Note::FeedUsedUp(used_up));
        }
    }
}
