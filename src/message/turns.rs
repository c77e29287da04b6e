//! The turns that a start has taken before its message is composed.
//!
//! In the closed model a message takes the next row, whichever message that is: a turn that is
//! taken with the start stays the same however often the message is composed, and a start that
//! finds no row can be left out before anything is booked.

use std::sync::Arc;

/// Turns of feeds and of a corpus; a copy is of the same turns.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Turns {
    /// That of the message's corpus, from 0.
    pub(super) corpus: Option<u64>,
    /// Those of the feeds that stop, by their positions.
    pub(super) feeds: Option<Arc<[(usize, u64)]>>,
}

impl Turns {
    /// The turn of a feed, if it was taken.
    pub(super) fn of_feed(&self, feed: usize) -> Option<u64> {
        let taken = self.feeds.as_deref()?;
        taken.iter().find(|(position, _)| *position == feed).map(|(_, turn)| *turn)
    }
}
