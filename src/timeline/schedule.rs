//! When phases begin and end, as far as that is known: the timeline under the orders in force.
//!
//! Worker and conductor each keep one and apply the same orders, so they agree without asking.

use std::time::Duration;

use super::{Line, Timeline};
use crate::plan::{Begin, PhaseId};

/// The beginnings and ends of all phases, as times of the run's clock.
#[derive(Clone, Debug)]
pub struct Schedule {
    begins: Vec<Option<Duration>>,
    ends: Vec<Option<Duration>>,
    /// Nothing begins any more after this.
    drained: Option<Duration>,
}

impl Schedule {
    /// The schedule before any order.
    pub fn new(timeline: &Timeline) -> Self {
        let unknown = vec![None; timeline.lines().len()];
        let mut schedule = Self { begins: unknown.clone(), ends: unknown, drained: None };
        schedule.look_ahead(timeline);
        schedule
    }

    /// When a phase begins or began; none while that is open, or if it never will.
    pub fn begin(&self, id: PhaseId) -> Option<Duration> {
        let begin = self.begins.get(id.index()).copied().flatten()?;
        self.drained.is_none_or(|drained| begin < drained).then_some(begin)
    }

    /// When a phase ends or ended; none while that is open.
    pub fn end(&self, id: PhaseId) -> Option<Duration> {
        self.begin(id)?;
        let end = self.ends.get(id.index()).copied().flatten();
        [end, self.drained].into_iter().flatten().min()
    }

    /// A phase ends at a time; what follows it begins then.
    pub fn end_phase(&mut self, timeline: &Timeline, id: PhaseId, at: Duration) {
        let planned = self.ends[id.index()];
        self.ends[id.index()] = Some(planned.map_or(at, |planned| planned.min(at)));
        self.forget_followers(timeline, id);
        self.look_ahead(timeline);
    }

    /// All phases end at a time, and none begins after it.
    pub fn drain(&mut self, at: Duration) {
        self.drained.get_or_insert(at);
    }

    /// Whether the times of all phases are known.
    pub fn total(&self) -> Option<Duration> {
        self.ends.iter().copied().try_fold(Duration::ZERO, |latest, end| Some(latest.max(end?)))
    }

    /// Beginnings that were worked out from a later end are worked out anew.
    fn forget_followers(&mut self, timeline: &Timeline, id: PhaseId) {
        for line in timeline.lines() {
            let follows = match line.begin() {
                Begin::After(other) => other == id,
                Begin::With(other, _) => self.begins[other.index()].is_none(),
                Begin::Start => false,
            };
            let next = line.id();
            if follows && self.begins[next.index()].is_some() {
                self.begins[next.index()] = None;
                self.ends[next.index()] = None;
                self.forget_followers(timeline, next);
            }
        }
    }

    fn look_ahead(&mut self, timeline: &Timeline) {
        // A phase may stand beside one that comes later in the file, so one pass may not do.
        while timeline.lines().iter().filter(|line| self.look_at(line)).count() > 0 {}
    }

    /// Works out one phase's times; whether its beginning was found.
    fn look_at(&mut self, line: &Line) -> bool {
        let at = line.id().index();
        let unknown = self.begins[at].is_none();
        if unknown {
            self.begins[at] = match line.begin() {
                Begin::Start => Some(Duration::ZERO),
                Begin::After(other) => self.ends[other.index()],
                Begin::With(other, delay) => self.begins[other.index()].map(|begin| begin + delay),
            };
        }
        if self.ends[at].is_none() {
            self.ends[at] =
                self.begins[at].zip(line.length()).map(|(begin, length)| begin + length);
        }
        unknown && self.begins[at].is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;
    use crate::plan::Phase;

    fn timeline(last: Begin) -> Timeline {
        let closed = || fixture::closed(fixture::steady(1.0));
        let counted = Phase { count: Some(10), ..fixture::phase(closed(), None) };
        let second = fixture::after(fixture::phase(closed(), fixture::seconds(5)), 0);
        let third = Phase { begin: last, ..fixture::phase(closed(), fixture::seconds(2)) };
        Timeline::new(&fixture::plan(vec![counted, second, third]))
    }

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn what_stands_behind_a_count_is_known_only_when_that_was_reached() {
        let timeline = timeline(Begin::After(PhaseId(1)));
        let mut schedule = Schedule::new(&timeline);
        assert_eq!(schedule.begin(PhaseId(1)), None);
        assert_eq!(schedule.total(), None);

        schedule.end_phase(&timeline, PhaseId(0), seconds(3));

        assert_eq!(schedule.begin(PhaseId(1)), Some(seconds(3)));
        assert_eq!(schedule.begin(PhaseId(2)), Some(seconds(8)));
        assert_eq!(schedule.total(), Some(seconds(10)));
    }

    #[test]
    fn an_earlier_end_moves_what_follows_it() {
        let timeline = timeline(Begin::With(PhaseId(1), seconds(1)));
        let mut schedule = Schedule::new(&timeline);
        schedule.end_phase(&timeline, PhaseId(0), seconds(3));
        schedule.end_phase(&timeline, PhaseId(1), seconds(4));

        assert_eq!(schedule.end(PhaseId(1)), Some(seconds(4)));
        assert_eq!(schedule.begin(PhaseId(2)), Some(seconds(4)));
    }

    #[test]
    fn after_a_drain_nothing_begins() {
        let timeline = timeline(Begin::After(PhaseId(1)));
        let mut schedule = Schedule::new(&timeline);
        schedule.end_phase(&timeline, PhaseId(0), seconds(3));
        schedule.drain(seconds(6));

        assert_eq!(schedule.end(PhaseId(1)), Some(seconds(6)));
        assert_eq!(schedule.begin(PhaseId(2)), None);
    }
}
