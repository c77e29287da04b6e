//! When phases begin and end, as far as that is known: the timeline under the orders in force.
//!
//! Worker and conductor each keep one and apply the same orders, so they agree without asking.

use std::time::Duration;

use super::{Line, Timeline};
use crate::plan::{Begin, PhaseId, SearchId};

/// The beginnings and ends of all phases, as times of the run's clock.
#[derive(Clone, Debug)]
pub struct Schedule {
    begins: Vec<Option<Duration>>,
    ends: Vec<Option<Duration>>,
    /// By search: when it has ended.
    searched: Vec<Option<Duration>>,
    /// Nothing begins any more after this.
    drained: Option<Duration>,
}

impl Schedule {
    /// The schedule before any order.
    pub fn new(timeline: &Timeline) -> Self {
        let unknown = vec![None; timeline.lines().len()];
        let searched = vec![None; timeline.searches().len()];
        let mut schedule = Self { begins: unknown.clone(), ends: unknown, searched, drained: None };
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

    /// A probe begins at a time, as its search asked for it.
    pub fn append(&mut self, line: &Line, at: Duration) {
        let id = line.id().index();
        self.begins[id] = Some(at);
        self.ends[id] = line.length().map(|length| at + length);
    }

    /// A search has ended: it asks for no further probe, and what follows it begins at a time.
    pub fn end_search(&mut self, timeline: &Timeline, id: SearchId, at: Duration) {
        self.searched[id.index()] = Some(at);
        self.look_ahead(timeline);
    }

    /// Whether a phase will never begin: a probe that its search did not ask for.
    pub fn is_needless(&self, timeline: &Timeline, id: PhaseId) -> bool {
        let ended = timeline.searches().iter().zip(&self.searched);
        self.begins[id.index()].is_none()
            && ended.filter(|(_, end)| end.is_some()).any(|(probes, _)| probes.contains(&id))
    }

    /// All phases end at a time, and none begins after it.
    pub fn drain(&mut self, at: Duration) {
        self.drained.get_or_insert(at);
    }

    /// Whether all phases were told to end, so that none begins any more.
    pub fn drains(&self) -> bool {
        self.drained.is_some()
    }

    /// Whether the times of all phases are known.
    pub fn total(&self, timeline: &Timeline) -> Option<Duration> {
        let begins = timeline.lines().iter().filter(|line| !self.is_needless(timeline, line.id()));
        // A search goes on behind the end of its last probe.
        let ends = begins.map(|line| self.ends[line.id().index()]);
        let mut ends = ends.chain(self.searched.iter().copied());
        ends.try_fold(Duration::ZERO, |latest, end| Some(latest.max(end?)))
    }

    /// Beginnings that were worked out from a later end are worked out anew.
    fn forget_followers(&mut self, timeline: &Timeline, id: PhaseId) {
        for line in timeline.lines() {
            let follows = match line.begin() {
                Begin::After(other) => other == id,
                Begin::With(other, _) => self.begins[other.index()].is_none(),
                Begin::Start | Begin::Asked(_) | Begin::Behind(_) => false,
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
                Begin::Asked(_) => None,
                Begin::Behind(search) => self.searched[search.index()],
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
    use crate::plan::{Phase, Plan, Search};

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
        assert_eq!(schedule.total(&timeline), None);

        schedule.end_phase(&timeline, PhaseId(0), seconds(3));

        assert_eq!(schedule.begin(PhaseId(1)), Some(seconds(3)));
        assert_eq!(schedule.begin(PhaseId(2)), Some(seconds(8)));
        assert_eq!(schedule.total(&timeline), Some(seconds(10)));
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
    fn what_stands_behind_a_search_begins_when_that_has_ended_and_what_it_left_over_never_does() {
        let (first, search) = (
            fixture::phase(fixture::closed(fixture::steady(1.0)), fixture::seconds(2)),
            SearchId(0),
        );
        let probe = || Phase { begin: Begin::Asked(search), ..first.clone() };
        let behind = Phase { begin: Begin::Behind(search), ..first.clone() };
        let searched = Search {
            name: "find".to_owned(),
            first: PhaseId(0),
            max_probes: 3,
            from: 1.0,
            to: 5.0,
            settle: seconds(1),
            precision: 0.05,
            conditions: Vec::new(),
        };
        let phases = vec![first.clone(), probe(), probe(), behind];
        let plan = Plan { searches: vec![searched], ..fixture::plan(phases) };
        let timeline = Timeline::new(&plan);
        let mut schedule = Schedule::new(&timeline);
        let begins = |schedule: &Schedule| [0, 1, 2, 3].map(|id| schedule.begin(PhaseId(id)));
        assert_eq!(begins(&schedule), [Some(seconds(0)), None, None, None]);
        assert_eq!(schedule.end(PhaseId(0)), Some(seconds(2)));

        schedule.append(&timeline.probe(&plan, PhaseId(1), 2.0), seconds(3));
        assert_eq!(begins(&schedule), [Some(seconds(0)), Some(seconds(3)), None, None]);
        assert_eq!(schedule.end(PhaseId(1)), Some(seconds(5)));
        assert_eq!(schedule.total(&timeline), None);

        schedule.end_search(&timeline, search, seconds(6));
        assert_eq!(begins(&schedule)[2..], [None, Some(seconds(6))]);
        assert_eq!(schedule.total(&timeline), Some(seconds(8)));
        let needless = [0, 1, 2, 3].map(|id| schedule.is_needless(&timeline, PhaseId(id)));
        assert_eq!(needless, [false, false, true, false]);
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
