//! Sessions that open and close → how many are open, and the most that were at one time.
//!
//! All workers count in the same crowd, so that its peak was reached at one moment and is no sum
//! of peaks that each worker or phase had at another. It is touched only where a session opens,
//! closes, or goes over to another phase.

use std::sync::atomic::{AtomicU32, Ordering};

/// A number of open sessions, and its highest so far.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    open: AtomicU32,
    peak: AtomicU32,
}

impl Crowd {
    /// One more is open.
    pub(super) fn enter(&self) {
        let open = self.open.fetch_add(1, Ordering::Relaxed) + 1;
        self.peak.fetch_max(open, Ordering::Relaxed);
    }

    /// One is open no longer.
    pub(super) fn leave(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many are open.
    pub(super) fn open(&self) -> u32 {
        self.open.load(Ordering::Relaxed)
    }

    /// The most that were open at one time.
    pub(super) fn peak(&self) -> u32 {
        self.peak.load(Ordering::Relaxed)
    }

    /// How many are open, and the most since the last call.
    pub(super) fn take(&self) -> (u32, u32) {
        let open = self.open.load(Ordering::Relaxed);
        let peak = self.peak.swap(open, Ordering::Relaxed);
        (open, peak.max(open))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_the_most_at_one_time_and_not_the_sum_of_all_that_came() {
        let crowd = Crowd::default();
        for _ in 0..3 {
            crowd.enter();
            crowd.enter();
            crowd.leave();
            crowd.leave();
        }

        assert_eq!(crowd.peak(), 2);
    }

    #[test]
    fn what_is_taken_is_the_peak_since_the_last_time() {
        let crowd = Crowd::default();
        crowd.enter();
        crowd.enter();
        crowd.leave();

        assert_eq!(crowd.take(), (1, 2));
        assert_eq!(crowd.take(), (1, 1));
    }
}
