//! Plan → timeline: pure, no clock, no I/O.
//!
//! A timeline is compiled once and shared by all workers. Each of them asks for its own share of
//! the starts and slots; what comes back depends on the plan and its seed alone.

mod curve;
#[cfg(test)]
pub(crate) mod fixture;
mod line;
mod mix;
mod needs;
mod numbered;
mod ports;
mod preview;
mod schedule;
mod sketch;
mod slots;
mod starts;

use std::sync::Arc;
use std::time::Duration;

pub(crate) use curve::LevelCurve;
pub use line::{Line, Model};
pub use needs::{Needs, Peaks};
pub use numbered::Numbered;
pub use ports::{Reach, TIME_WAIT};
pub use preview::{ClientShare, LevelRange, PhasePreview, PlannedTotals, Preview};
pub use schedule::Schedule;
pub use sketch::Sketch;
pub use slots::{Change, SlotChange, SlotChanges};
pub use starts::{PlannedStart, Starts};

use crate::draw::Draw;
use crate::plan::{Begin, ClientId, PhaseId, Plan};
use line::SlotNumbering;

/// Keeps what sessions draw from apart from what phases draw from: no phase has this id.
const SESSIONS: u64 = 1 << 32;

/// All phases of a plan, compiled.
#[derive(Clone, Debug)]
pub struct Timeline {
    draw: Draw,
    lines: Vec<Arc<Line>>,
    /// By search: its probes.
    searches: Vec<Vec<PhaseId>>,
}

/// Which part of the starts and slots one worker has: number `n` where `n % of == worker`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Share {
    /// The worker, from 0.
    pub worker: u32,
    /// The number of workers.
    pub of: u32,
}

impl Share {
    /// All of it.
    pub const ALL: Self = Self { worker: 0, of: 1 };

    /// Whether number `n` is in it.
    pub fn has(self, n: u64) -> bool {
        n % u64::from(self.of.max(1)) == u64::from(self.worker)
    }
}

impl Timeline {
    /// Compiles a plan; counts the Poisson starts once, which takes some 20 ns for each.
    pub fn new(plan: &Plan) -> Self {
        let draw = Draw::new(plan.seed);
        let mut lines: Vec<Line> = (0..)
            .map(PhaseId)
            .zip(&plan.phases)
            .map(|(id, phase)| Line::new(id, phase, draw))
            .collect();
        let searches: Vec<Vec<PhaseId>> =
            plan.searches.iter().map(|search| search.probes().collect()).collect();
        number(&mut lines, &searches.concat());
        Self { draw, lines: lines.into_iter().map(Arc::new).collect(), searches }
    }

    /// The probes of each search, in their order.
    pub fn searches(&self) -> &[Vec<PhaseId>] {
        &self.searches
    }

    /// A probe at the level that its search asks for: a further piece of the timeline.
    ///
    /// # Panics
    ///
    /// With an id of another plan.
    pub fn probe(&self, plan: &Plan, id: PhaseId, level: f64) -> Arc<Line> {
        Arc::new(self.line(id).at_level(&plan.phases[id.index()], level))
    }

    /// By [`PhaseId`].
    pub fn lines(&self) -> &[Arc<Line>] {
        &self.lines
    }

    /// One phase of the plan that the timeline was compiled from.
    ///
    /// # Panics
    ///
    /// With an id of another plan.
    pub fn line(&self, id: PhaseId) -> &Arc<Line> {
        &self.lines[id.index()]
    }

    /// The planned beginning of each phase since the run's start; none behind a closed phase
    /// that only a count ends, and behind a search. Behind one with a duration too it is the latest.
    pub fn begins(&self) -> Vec<Option<Duration>> {
        self.begins_by(&Line::length)
    }

    /// The beginnings if each phase is as long as `length` says.
    fn begins_by(&self, length: &dyn Fn(&Line) -> Option<Duration>) -> Vec<Option<Duration>> {
        let mut begins = vec![None; self.lines.len()];
        // A phase may stand beside one that comes later in the file, so one pass may not do.
        loop {
            let mut found = false;
            for (index, line) in self.lines.iter().enumerate() {
                if begins[index].is_none() {
                    begins[index] = self.begin_of(line, length, &begins);
                    found |= begins[index].is_some();
                }
            }
            if !found {
                return begins;
            }
        }
    }

    fn begin_of(
        &self,
        line: &Line,
        length: &dyn Fn(&Line) -> Option<Duration>,
        begins: &[Option<Duration>],
    ) -> Option<Duration> {
        match line.begin() {
            Begin::Start => Some(Duration::ZERO),
            Begin::After(id) => {
                let before = self.lines.get(id.index())?;
                begins[id.index()]?.checked_add(length(before)?)
            }
            Begin::With(id, delay) => begins.get(id.index()).copied()??.checked_add(delay),
            Begin::Asked(_) | Begin::Behind(_) => None,
        }
    }

    /// What the machine must have for a plan, of which this is the timeline; memory without
    /// messages.
    pub fn needs(&self, plan: &Plan, reach: Reach<'_>) -> Needs {
        Needs::of(plan, &preview::place(plan, self), &[], reach)
    }

    /// What session `number` of a client draws from.
    pub fn session_draw(&self, client: ClientId, number: u64) -> Draw {
        self.draw.at(SESSIONS).at(u64::from(client.0)).at(number)
    }
}

/// Gives each phase its place in the numbers of messages.
fn number(lines: &mut [Line], probes: &[PhaseId]) {
    let is_sparse = |line: &Line| line.is_closed() || probes.contains(&line.id());
    let mut open_starts = 0_u64;
    for line in lines.iter_mut().filter(|line| !is_sparse(line)) {
        line.number_starts(open_starts);
        open_starts = open_starts.saturating_add(line.starts_planned().unwrap_or_default());
    }
    let slots = lines.iter().map(|line| u64::from(line.peak_slots())).max().unwrap_or_default();
    let slots = slots.max(1);
    let phases = lines.iter().filter(|line| is_sparse(line)).count() as u64;
    for (position, line) in (0..).zip(lines.iter_mut().filter(|line| is_sparse(line))) {
        line.number_sparsely(SlotNumbering { open_starts, slots, phases, position });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::fixture::{after, closed, open, phase, plan, seconds, steady};
    use super::*;
    use crate::plan::{Arrival, Load, Phase, Search, SearchId};

    fn even(rate: f64) -> Load {
        open(steady(rate), Arrival::Even)
    }

    #[test]
    fn phases_begin_behind_or_beside_each_other() {
        let beside = Begin::With(PhaseId(3), Duration::from_secs(2));
        let timeline = Timeline::new(&plan(vec![
            phase(even(10.0), seconds(5)),
            Phase { begin: beside, ..phase(closed(steady(1.0)), seconds(60)) },
            after(Phase { count: Some(100), ..phase(even(10.0), None) }, 0),
            after(phase(Load::Pause, seconds(3)), 2),
            after(phase(closed(steady(1.0)), None), 3),
            after(phase(even(1.0), seconds(1)), 4),
        ]));

        assert_eq!(
            timeline.begins(),
            [seconds(0), seconds(17), seconds(5), seconds(15), seconds(18), None]
        );
    }

    #[test]
    fn phases_that_wait_for_each_other_never_begin() {
        let timeline = Timeline::new(&plan(vec![
            after(phase(even(1.0), seconds(1)), 1),
            after(phase(even(1.0), seconds(1)), 0),
        ]));

        assert_eq!(timeline.begins(), [None, None]);
    }

    #[test]
    fn every_message_of_a_run_has_a_number_of_its_own() {
        let timeline = Timeline::new(&plan(vec![
            phase(closed(steady(3.0)), seconds(1)),
            phase(even(10.0), seconds(2)),
            phase(closed(steady(5.0)), seconds(1)),
            phase(open(steady(10.0), Arrival::Poisson), seconds(2)),
        ]));
        let mut open = Vec::new();
        let mut closed = Vec::new();

        for line in timeline.lines() {
            open.extend(line.starts(Share::ALL).map(|start| line.start_seq(start.n)));
            for slot in 0..line.peak_slots() {
                closed.extend((0..10).map(|ordinal| line.slot_seq(slot, ordinal)));
            }
        }

        let last = open.len() as u64;
        assert!(open.iter().copied().eq(1..=last), "{open:?}");
        assert_eq!(closed.iter().collect::<BTreeSet<_>>().len(), 80);
        assert!(closed.iter().all(|seq| *seq > last), "{closed:?}");
    }

    /// A search with rates between two phases, and one with connections behind them.
    fn with_searches() -> Plan {
        let probe = |search, load| Phase {
            begin: Begin::Asked(SearchId(search)),
            ..phase(load, seconds(2))
        };
        let searched = |first: u16| Search {
            name: "find".to_owned(),
            first: PhaseId(first),
            max_probes: 2,
            from: 10.0,
            to: 100.0,
            settle: Duration::ZERO,
            precision: 0.05,
            conditions: Vec::new(),
        };
        let phases = vec![
            phase(even(10.0), seconds(2)),
            after(phase(even(10.0), seconds(2)), 0),
            probe(0, even(100.0)),
            Phase { begin: Begin::Behind(SearchId(0)), ..phase(even(10.0), seconds(3)) },
            phase(closed(steady(3.0)), seconds(1)),
            probe(1, closed(steady(7.0))),
        ];
        Plan { searches: vec![searched(1), searched(4)], ..plan(phases) }
    }

    #[test]
    fn messages_of_probes_have_numbers_of_their_own_whatever_their_level() {
        let plan = with_searches();
        let timeline = Timeline::new(&plan);
        let mut lines: Vec<Arc<Line>> =
            timeline.lines().iter().filter(|line| !line.waits_to_be_asked()).cloned().collect();
        assert_eq!(lines.len(), 4);
        lines.push(timeline.probe(&plan, PhaseId(2), 57.5));
        lines.push(timeline.probe(&plan, PhaseId(5), 6.0));

        let numbers: Vec<Vec<u64>> = lines
            .iter()
            .map(|line| line.in_order().take(200).map(|message| message.seq).collect())
            .collect();

        assert_eq!(numbers.iter().map(Vec::len).collect::<Vec<_>>(), [20, 20, 30, 200, 115, 200]);
        let all: Vec<u64> = numbers.concat();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        // What is no probe is numbered as if there were no searches.
        assert!([&numbers[0][..], &numbers[2][..]].concat().into_iter().eq(1..=50));
        for (line, numbers) in lines.iter().zip(&numbers) {
            for seq in numbers {
                assert_eq!(line.numbered(*seq).map(|message| message.seq), Some(*seq));
            }
        }
    }

    #[test]
    fn a_probe_that_waits_to_be_asked_sends_nothing() {
        let timeline = Timeline::new(&with_searches());
        for line in timeline.lines().iter().filter(|line| line.waits_to_be_asked()) {
            assert_eq!((line.starts_planned(), line.length()), (None, None));
            assert_eq!(line.in_order().count(), 0);
        }
        let begins = timeline.begins();
        assert_eq!(begins[1..4], [seconds(2), None, None]);
    }

    #[test]
    fn a_probe_is_the_same_whenever_it_is_asked_for() {
        let plan = with_searches();
        let starts = |timeline: &Timeline| -> Vec<PlannedStart> {
            timeline.probe(&plan, PhaseId(2), 57.5).starts(Share::ALL).collect()
        };

        let found = starts(&Timeline::new(&plan));

        assert_eq!(found, starts(&Timeline::new(&plan)));
        assert_eq!((found.len(), found[0].at), (115, Duration::from_secs_f64(1.0 / 57.5)));
    }

    #[test]
    fn draws_differ_by_phase_start_slot_and_session() {
        let timeline = Timeline::new(&plan(vec![
            phase(even(10.0), seconds(2)),
            phase(closed(steady(3.0)), seconds(1)),
        ]));
        let [open, closed] = [0, 1].map(|id| timeline.line(PhaseId(id)));

        let draws: BTreeSet<u64> = (0..20)
            .flat_map(|n| {
                [
                    open.start_draw(n),
                    closed.slot_draw(0, n),
                    closed.slot_draw(1, n),
                    timeline.session_draw(ClientId(0), n),
                    timeline.session_draw(ClientId(1), n),
                ]
            })
            .map(Draw::bits)
            .collect();

        assert_eq!(draws.len(), 100);
    }

    #[test]
    fn the_connections_of_a_phase_follow_its_weights() {
        let timeline = Timeline::new(&plan(vec![phase(closed(steady(100.0)), seconds(1))]));
        let line = timeline.line(PhaseId(0));

        let counts = (0..4)
            .map(|id| (0..100).filter(|slot| line.client_of_slot(*slot) == ClientId(id)).count());

        assert!(counts.eq([80, 15, 4, 1]));
    }
}
