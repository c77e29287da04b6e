//! The searches of a run: which probe each is at, and what came of those before.

use std::time::Duration;

use crate::plan::{Load, PhaseId, Plan, SearchId};
use crate::record::{Frame, Probe, SearchEnd, SearchResult};
use crate::timeline::Schedule;
use crate::verdict::{Bracket, Grain, Next, probe_end};

/// All searches of a plan.
#[derive(Debug)]
pub(super) struct Searches {
    all: Vec<Searching>,
}

/// One search.
#[derive(Debug)]
struct Searching {
    id: SearchId,
    name: String,
    /// What its levels count, as results name it.
    unit: &'static str,
    bracket: Bracket,
    /// The phase and the level of the probe in progress; none once the search has ended.
    current: Option<(PhaseId, f64)>,
    probes: Vec<Probe>,
    result: Option<SearchResult>,
}

/// A probe of which nothing is in progress any more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settled {
    pub(super) search: SearchId,
    pub(super) phase: PhaseId,
    pub(super) level: f64,
    /// When its last message had ended.
    pub(super) at: Duration,
}

impl Searches {
    pub(super) fn new(plan: &Plan) -> Self {
        let all = plan.searches().map(|(id, search)| {
            let load = plan.phases.get(search.first.index()).map(|phase| phase.load);
            let (grain, unit) = match load {
                Some(Load::Closed { .. }) => (Grain::Whole, "connections"),
                Some(Load::Open { .. } | Load::Pause) | None => (Grain::Digits, "per_s"),
            };
            Searching {
                id,
                name: search.name.clone(),
                unit,
                bracket: Bracket::new(search, grain),
                current: Some((search.first, search.from)),
                probes: Vec::new(),
                result: None,
            }
        });
        Self { all: all.collect() }
    }

    /// The probes that are over for all workers. A phase has a gauge as long as any of them has
    /// something of it in progress, so the first second behind its end without one is the proof.
    pub(super) fn settled(&self, frame: &Frame, schedule: &Schedule) -> Vec<Settled> {
        let at = Duration::from_secs(frame.second);
        let settled = self.all.iter().filter_map(|search| {
            let (phase, level) = search.current?;
            let is_over = schedule.end(phase).is_some_and(|end| end <= at);
            let settled = Settled { search: search.id, phase, level, at };
            (is_over && frame.gauge(phase).is_none()).then_some(settled)
        });
        settled.collect()
    }

    /// What the levels of a search count.
    pub(super) fn unit(&self, search: SearchId) -> &'static str {
        self.all[search.index()].unit
    }

    /// The probe in progress was judged; what comes next, with the phase of a further probe.
    pub(super) fn judged(&mut self, id: SearchId, level: f64, probe: Probe) -> (Next, PhaseId) {
        let search = &mut self.all[id.index()];
        search.bracket.judged(level, probe_end(&probe));
        search.probes.push(probe);
        let last = search.current.take().map_or(PhaseId(0), |(phase, _)| phase);
        let next = PhaseId(last.0.saturating_add(1));
        let step = search.bracket.next();
        if let Next::Probe(level) = step {
            search.current = Some((next, level));
        }
        (step, next)
    }

    /// A search has ended.
    pub(super) fn end(&mut self, id: SearchId, end: SearchEnd) -> SearchResult {
        let search = &mut self.all[id.index()];
        search.current = None;
        let (name, unit) = (search.name.clone(), search.unit.to_owned());
        let result = SearchResult::new(name, unit, end, std::mem::take(&mut search.probes));
        search.result = Some(result.clone());
        result
    }

    /// The run is over: ends the searches that have begun and are not yet at their end.
    pub(super) fn interrupt(
        &mut self,
        plan: &Plan,
        began: &dyn Fn(PhaseId) -> bool,
    ) -> Vec<SearchResult> {
        let open: Vec<(SearchId, PhaseId, f64)> = self
            .all
            .iter()
            .filter_map(|search| search.current.map(|(phase, level)| (search.id, phase, level)))
            .collect();
        let mut ended = Vec::new();
        for (id, phase, level) in open {
            let probes = &mut self.all[id.index()].probes;
            if began(phase) {
                let name = plan.phases[phase.index()].name.clone();
                let (unfit, conditions) = (None, Vec::new());
                probes.push(Probe { name, level, held: None, unfit, conditions });
            }
            // Of a search that did not begin there is nothing to tell.
            if !probes.is_empty() {
                ended.push(self.end(id, SearchEnd::Interrupted));
            }
        }
        ended
    }

    /// What the searches found that began.
    pub(super) fn into_results(self) -> Vec<SearchResult> {
        self.all.into_iter().filter_map(|search| search.result).collect()
    }
}
