//! Which phases are in force: what is announced and shown.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::Shared;
use crate::plan::{Load, Phase, PhaseId, Plan};
use crate::record::{Event, Extent, Ledger, PhaseSpan, SpanEnd};
use crate::report::{Course, CoursePhase, Level, PhaseProgress};
use crate::timeline::{Line, Schedule};

/// The phases of a run under the orders in force.
#[derive(Debug)]
pub(super) struct Phases {
    schedule: Schedule,
    /// The probes that searches asked for.
    probes: BTreeMap<PhaseId, Arc<Line>>,
    began: Vec<bool>,
    ended: Vec<bool>,
}

impl Phases {
    pub(super) fn new(shared: &Shared) -> Self {
        let none = vec![false; shared.plan.phases.len()];
        Self {
            schedule: Schedule::new(&shared.timeline),
            probes: BTreeMap::new(),
            began: none.clone(),
            ended: none,
        }
    }

    pub(super) fn schedule(&mut self) -> &mut Schedule {
        &mut self.schedule
    }

    /// A probe begins at a time, as its search asked for it.
    pub(super) fn append(&mut self, line: Arc<Line>, at: Duration) {
        self.schedule.append(&line, at);
        self.probes.insert(line.id(), line);
    }

    /// How long all phases take together, where that is known.
    pub(super) fn total(&self, shared: &Shared) -> Option<Duration> {
        self.schedule.total(&shared.timeline)
    }

    /// When the next phase begins or ends, after what was announced.
    pub(super) fn next_change(&self, shared: &Shared) -> Option<Duration> {
        let ids = (0..).map(PhaseId).take(self.began.len());
        ids.filter_map(|id| match (self.began[id.index()], self.ended[id.index()]) {
            (false, _) => self.begin(shared, id),
            (true, false) => self.schedule.end(id),
            (true, true) => None,
        })
        .min()
    }

    /// The phases that began or ended since the last call.
    pub(super) fn changes(&mut self, shared: &Shared, now: Duration) -> Vec<Event> {
        let mut changes = Vec::new();
        for (id, phase) in (0..).map(PhaseId).zip(&shared.plan.phases) {
            let at = id.index();
            if let Some(begin) =
                self.begin(shared, id).filter(|begin| *begin <= now && !self.began[at])
            {
                self.began[at] = true;
                let event =
                    Event::PhaseBegan { at_s: begin.as_secs_f64(), phase: phase.name.clone() };
                changes.push(event);
            }
            if let Some(end) =
                self.end(shared, id).filter(|end| *end <= now && self.began[at] && !self.ended[at])
            {
                self.ended[at] = true;
                let event =
                    Event::PhaseEnded { at_s: end.as_secs_f64(), phase: phase.name.clone() };
                changes.push(event);
            }
        }
        changes
    }

    /// When a phase began or will: none does once a feed was used up, though the workers hear of
    /// that a little later.
    fn begin(&self, shared: &Shared, id: PhaseId) -> Option<Duration> {
        let last = shared.used_up().map(|used_up| used_up.at);
        self.schedule.begin(id).filter(|begin| last.is_none_or(|last| *begin <= last))
    }

    /// When a phase ended or will: where its count was reached or a feed was used up, or as
    /// scheduled.
    fn end(&self, shared: &Shared, id: PhaseId) -> Option<Duration> {
        let used_up = shared.used_up().map(|used_up| used_up.at);
        [shared.reached(id), used_up, self.schedule.end(id)].into_iter().flatten().min()
    }

    /// The phases that were in force up to now.
    pub(super) fn spans(&self, shared: &Shared, now: Duration) -> Vec<PhaseSpan> {
        let ids = (0..).map(PhaseId).take(shared.plan.phases.len());
        ids.filter_map(|phase| {
            let start = self.begin(shared, phase).filter(|begin| *begin <= now)?;
            let until = self.end(shared, phase).unwrap_or(now).min(now);
            let used_up = shared.used_up().map(|used_up| used_up.at);
            let mut ends = [shared.reached(phase), used_up].into_iter().flatten();
            let counted = ends.any(|end| end <= until);
            let end = if counted { SpanEnd::Count } else { SpanEnd::Time };
            Some(PhaseSpan { phase, start, length: until.saturating_sub(start), end })
        })
        .collect()
    }

    /// The phases in force at a time.
    pub(super) fn in_force(&self, shared: &Shared, at: Duration) -> Vec<PhaseId> {
        let ids = (0..).map(PhaseId).take(shared.plan.phases.len());
        ids.filter(|id| {
            let begun = self.begin(shared, *id).is_some_and(|begin| begin <= at);
            begun && self.end(shared, *id).is_none_or(|end| at < end)
        })
        .collect()
    }

    /// What is planned when, as far as that is known.
    pub(super) fn course(&self, shared: &Shared) -> Course {
        let phases = shared.plan.phases.iter().zip(shared.timeline.lines());
        // A probe has no place before its search asks for it, and a level only then.
        let placed = phases.filter(|(phase, line)| {
            !phase.waits_to_be_asked() || self.schedule.begin(line.id()).is_some()
        });
        let phases = placed.map(|(phase, line)| CoursePhase {
            name: phase.name.clone(),
            line: Arc::clone(self.probes.get(&line.id()).unwrap_or(line)),
            begin: self.schedule.begin(line.id()),
            end: self.schedule.end(line.id()),
        });
        let phases: Vec<CoursePhase> = phases.collect();
        let length = if self.schedule.drains() {
            phases.iter().filter_map(|phase| phase.end).max()
        } else {
            self.total(shared)
        };
        Course { plan: shared.plan.name.clone(), phases, length }
    }

    /// How far the phase is that a person looks at: the first in force, else the last that was.
    pub(super) fn progress(
        &self,
        shared: &Shared,
        ledger: &Ledger,
        now: Duration,
    ) -> PhaseProgress {
        let last = || self.began.iter().rposition(|began| *began).unwrap_or(0);
        let in_force = self.in_force(shared, now);
        let index = in_force.first().map_or_else(last, |id| id.index());
        let id = PhaseId(u16::try_from(index).unwrap_or_default());
        let phase = &shared.plan.phases[index];
        let begin = self.schedule.begin(id).unwrap_or_default();
        let elapsed = now.saturating_sub(begin);
        let level = self.probes.get(&id).unwrap_or(shared.timeline.line(id)).level(elapsed);
        let times = ledger.times(Extent::Phase(id));
        let beside = in_force.iter().skip(1).map(|id| shared.plan.phases[id.index()].name.clone());
        let (position, of) = position(&shared.plan, index);
        PhaseProgress {
            name: phase.name.clone(),
            position,
            of,
            beside: beside.collect(),
            elapsed,
            length: self.schedule.end(id).map(|end| end.saturating_sub(begin)),
            planned: planned(phase.load, level),
            response_ms: times.response.figures(),
            lag_ms: times.lag.figures(),
        }
    }
}

/// Which phase of how many one is, all probes of a search taken for one.
fn position(plan: &Plan, index: usize) -> (usize, usize) {
    let is_one = |phase: &&Phase| !phase.waits_to_be_asked();
    let before = plan.phases.iter().take(index + 1).filter(is_one).count();
    (before, plan.phases.iter().filter(is_one).count())
}

/// A level with what it counts.
pub(super) fn planned(load: Load, level: f64) -> Level {
    match load {
        Load::Open { .. } => Level::PerSecond(level),
        Load::Closed { .. } => Level::Connections(level.round()),
        Load::Pause => Level::Pause,
    }
}
