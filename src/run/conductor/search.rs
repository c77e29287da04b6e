//! Searches in a run: probes are judged when they are over, and the next ones ordered.

use std::sync::Arc;
use std::time::Duration;

use super::{AHEAD, Conductor, Observe};
use crate::engine::{Change, Order};
use crate::plan::{PhaseId, SearchId};
use crate::record::{Event, Frame, Probe, Results, SearchEnd};
use crate::report::{probe_ended, search_ended};
use crate::run::searches::Settled;
use crate::run::{Update, addresses};
use crate::verdict::{self, Next};

impl Conductor {
    /// Judges the probes that are over, and lets their searches go on.
    pub(super) fn search(&mut self, frame: &Frame, observe: Observe<'_>) {
        if self.phases.schedule().drains() || self.shared.used_up().is_some() {
            return;
        }
        for settled in self.searches.settled(frame, self.phases.schedule()) {
            let probe = self.judge(settled);
            let (id, unit) = (settled.search, self.searches.unit(settled.search));
            let search = &self.shared.plan.searches[id.index()];
            let (settle, name) = (search.settle, search.name.clone());
            observe(&Update::Probed(probe_ended(&probe, unit)));
            let at_s = self.now().as_secs_f64();
            let event = Event::ProbeJudged {
                at_s,
                search: name,
                unit: unit.to_owned(),
                probe: probe.clone(),
            };
            self.folder.event(&event);
            let (next, phase) = self.searches.judged(id, settled.level, probe);
            match next {
                Next::Probe(level) => self.append(phase, level, settled.at + settle, observe),
                Next::End(end) => self.end_search(id, end, observe),
            }
        }
    }

    fn judge(&self, Settled { search, phase, level, .. }: Settled) -> Probe {
        let spans = self.phases.spans(&self.shared, self.now());
        let addresses = addresses(&self.shared);
        let (plan, ledger) = (&self.shared.plan, &self.ledger);
        let results = Results { plan, ledger, spans: &spans, addresses: &addresses };
        let search = &plan.searches[search.index()];
        verdict::judge_probe(search, (phase, level), &results, &self.usage.loads())
    }

    /// A search tries a level: the planner makes the piece of the timeline, and all workers get it.
    fn append(&mut self, phase: PhaseId, level: f64, at: Duration, observe: Observe<'_>) {
        let line = self.shared.timeline.probe(&self.shared.plan, phase, level);
        let at = at.max(self.now() + AHEAD);
        let change = Change::Append(Arc::clone(&line));
        self.engine.order(&Order { at: self.zero + at, change });
        self.phases.append(line, at);
        self.replan(observe);
        let phase = self.shared.plan.phases[phase.index()].name.clone();
        self.folder.event(&Event::ProbeOrdered { at_s: at.as_secs_f64(), phase, level });
    }

    fn end_search(&mut self, id: SearchId, end: SearchEnd, observe: Observe<'_>) {
        let at = self.now() + AHEAD;
        self.engine.order(&Order { at: self.zero + at, change: Change::EndSearch(id) });
        self.phases.schedule().end_search(&self.shared.timeline, id, at);
        self.replan(observe);
        let result = self.searches.end(id, end);
        observe(&Update::Searched(search_ended(&result)));
        self.folder.event(&Event::SearchEnded { at_s: at.as_secs_f64(), result });
    }

    /// The searches that the run did not let come to their end.
    pub(super) fn end_searches(&mut self, observe: Observe<'_>) {
        let (now, at_s) = (self.now(), self.now().as_secs_f64());
        let spans = self.phases.spans(&self.shared, now);
        let began = |phase: PhaseId| spans.iter().any(|span| span.phase == phase);
        for result in self.searches.interrupt(&self.shared.plan, &began) {
            observe(&Update::Searched(search_ended(&result)));
            self.folder.event(&Event::SearchEnded { at_s, result });
        }
    }
}
