//! The probes of a search → what it found: the shape of `search` in the results.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Event, FitnessRow, PhaseResult};

/// What a search found.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct SearchResult {
    /// Its name in the plan; its probes are the phases `NAME/1`, `NAME/2`, ...
    pub name: String,
    /// The highest level at which all conditions held; null where they held at none.
    pub capacity: Option<f64>,
    /// What a level counts: `per_s`, messages that start in a second, or `connections`.
    pub unit: String,
    /// Why it ended, and so what the capacity is worth.
    pub ended: SearchEnd,
    /// The condition, as the plan writes it, that broke at the lowest level at which any did; the
    /// first in the plan's order where several did. Null where none broke.
    pub broke_first: Option<String>,
    /// That level.
    pub broke_at: Option<f64>,
    /// The levels that were tried, in their order.
    pub probes: Vec<Probe>,
}

/// Why a search ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchEnd {
    /// The lowest level that broke is above the capacity by no more than the precision.
    Found,
    /// All conditions held at `to` itself: the capacity is at least that.
    UpperBound,
    /// A condition broke at `from` itself: the capacity is below that.
    LowerBound,
    /// The tester was not fit in two probes of one level, so that a higher capacity would be its
    /// own: the capacity is the highest level that held before.
    TesterLimit,
    /// As many levels were tried as the plan allows: the capacity is the highest that held.
    MaxProbes,
    /// The run ended before the search did: the capacity is the highest level that held up to then.
    Interrupted,
}

/// One level that a search tried.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Probe {
    /// The phase's name.
    pub name: String,
    /// The level.
    pub level: f64,
    /// Whether all conditions held, and the tester was fit; null where the run ended before that
    /// was known.
    pub held: Option<bool>,
    /// The limit that the tester missed: then it was tried again, or the search ended.
    pub unfit: Option<FitnessRow>,
    /// The conditions with what came out.
    pub conditions: Vec<Condition>,
}

/// A condition of a search, judged over all messages of a probe.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Condition {
    /// The check as the plan writes it.
    pub check: String,
    /// The value; none where it was never taken, or falls among messages without an answer.
    pub value: Option<f64>,
    /// What it is compared with, in the same unit.
    pub limit: f64,
    /// `ms`, `share`, `per_s` or `count`.
    pub unit: String,
    /// Whether it holds.
    pub holds: bool,
    /// Whether a percentile rests on fewer than 10 samples above it.
    pub few_samples: bool,
}

impl SearchResult {
    /// What the probes of a search that ended like this say.
    pub fn new(name: String, unit: String, ended: SearchEnd, probes: Vec<Probe>) -> Self {
        let held = probes.iter().filter(|probe| probe.held == Some(true));
        let capacity = held.map(|probe| probe.level).reduce(f64::max);
        let broken = probes.iter().filter_map(|probe| Some((probe.level, probe.broke()?)));
        let lowest = broken.min_by(|one, other| one.0.total_cmp(&other.0));
        let broke_first = lowest.map(|(_, check)| check.to_owned());
        let broke_at = lowest.map(|(level, _)| level);
        Self { name, capacity, unit, ended, broke_first, broke_at, probes }
    }

    /// What the events of a run say of its searches; one that the run did not end is
    /// [`SearchEnd::Interrupted`].
    pub fn told(events: &[Event]) -> Vec<Self> {
        let mut searches: Vec<Self> = Vec::new();
        for event in events {
            match event {
                Event::ProbeJudged { search, unit, probe, .. } => {
                    let known = searches.iter().position(|known| known.name == *search);
                    let mut probes = match known {
                        Some(at) => searches.remove(at).probes,
                        None => Vec::new(),
                    };
                    probes.push(probe.clone());
                    let ended = SearchEnd::Interrupted;
                    searches.push(Self::new(search.clone(), unit.clone(), ended, probes));
                }
                Event::SearchEnded { result, .. } => {
                    searches.retain(|known| known.name != result.name);
                    searches.push(result.clone());
                }
                _ => {}
            }
        }
        searches
    }

    /// Puts the result on the row of the first probe, and each probe's level on its own.
    pub fn add_to(&self, phases: &mut [PhaseResult]) {
        for (at, probe) in self.probes.iter().enumerate() {
            let row = phases.iter_mut().find(|row| row.name == probe.name);
            let Some(row) = row else { continue };
            row.level = Some(probe.level);
            if at == 0 {
                row.search = Some(self.clone());
            }
        }
    }
}

impl Probe {
    /// The first condition that broke, where the tester was fit.
    pub fn broke(&self) -> Option<&str> {
        let mut broken = self.conditions.iter().filter(|condition| !condition.holds);
        broken.next().filter(|_| self.unfit.is_none()).map(|condition| condition.check.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It holds where the value is below 200 ms.
    fn probe(number: u16, level: f64, millis: f64) -> Probe {
        let holds = millis < 200.0;
        let condition = Condition {
            check: "message.p99 < 200ms".to_owned(),
            value: Some(millis),
            limit: 200.0,
            unit: "ms".to_owned(),
            holds,
            few_samples: false,
        };
        let name = format!("find/{number}");
        Probe { name, level, held: Some(holds), unfit: None, conditions: vec![condition] }
    }

    fn result(ended: SearchEnd) -> SearchResult {
        let levels = [(10.0, 20.0), (20.0, 50.0), (40.0, 900.0), (30.0, 300.0), (25.0, 150.0)];
        let probes =
            (1..).zip(levels).map(|(number, (level, millis))| probe(number, level, millis));
        SearchResult::new("find".to_owned(), "per_s".to_owned(), ended, probes.collect())
    }

    #[test]
    fn the_capacity_is_the_highest_level_that_held_and_the_lowest_that_broke_is_named() {
        let found = result(SearchEnd::Found);

        assert_eq!((found.capacity, found.broke_at), (Some(25.0), Some(30.0)));
        assert_eq!(found.broke_first.as_deref(), Some("message.p99 < 200ms"));
    }

    #[test]
    fn what_broke_while_the_tester_was_not_fit_says_nothing_of_the_target() {
        let row = FitnessRow {
            check: "lag_p99".to_owned(),
            phase: Some("find/1".to_owned()),
            status: super::super::FitnessStatus::Invalid,
            value: 30.0,
            limit: 10.0,
            unit: "ms".to_owned(),
        };
        let unfit = Probe { unfit: Some(row), held: Some(false), ..probe(1, 10.0, 300.0) };

        let found = SearchResult::new(String::new(), String::new(), SearchEnd::Found, vec![unfit]);

        assert_eq!((found.capacity, found.broke_first), (None, None));
    }

    #[test]
    fn the_events_of_a_run_that_was_cut_off_tell_what_was_found_up_to_then() {
        let whole = result(SearchEnd::Found);
        let judged = whole.probes.iter().map(|probe| Event::ProbeJudged {
            at_s: 1.0,
            search: "find".to_owned(),
            unit: "per_s".to_owned(),
            probe: probe.clone(),
        });
        let mut events: Vec<Event> = judged.collect();

        let cut_off = SearchResult::told(&events[..3]);
        assert_eq!(cut_off[0].capacity, Some(20.0));
        assert_eq!(cut_off[0].ended, SearchEnd::Interrupted);

        events.push(Event::SearchEnded { at_s: 2.0, result: whole.clone() });
        assert_eq!(SearchResult::told(&events), [whole]);
    }
}
