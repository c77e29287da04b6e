//! A probe or what a search found → a line for a person.

use crate::format;
use crate::record::{Probe, SearchResult};
use crate::verdict::{measured, search_level, search_sentence};

/// What became of a probe: `find/3 at 433/s broke: `message.p99 < 200ms` is 212 ms`.
pub fn probe_ended(probe: &Probe, unit: &str) -> String {
    let level = search_level(probe.level, unit);
    let outcome = probe_outcome(probe);
    format!("{} at {level} {outcome}", probe.name)
}

/// The search has ended: what it found.
pub fn search_ended(result: &SearchResult) -> String {
    search_sentence(result)
}

/// What became of a probe, behind its name and level.
pub(super) fn probe_outcome(probe: &Probe) -> String {
    if let Some(row) = &probe.unfit {
        return format!("says nothing: the tester was not fit: {}", measured(row));
    }
    let told = |holds| {
        let some = probe.conditions.iter().filter(move |condition| condition.holds == holds);
        let some = some.map(|condition| {
            let shown = |value| format::value_beside(value, condition.limit, &condition.unit);
            let value = condition.value.map_or_else(|| "not known".to_owned(), shown);
            let few = if condition.few_samples { ", few samples" } else { "" };
            format!("`{}` ({value}{few})", condition.check)
        });
        some.collect::<Vec<String>>().join(", ")
    };
    match probe.held {
        Some(true) => format!("held: {}", told(true)),
        Some(false) => format!("broke: {}", told(false)),
        None => "was not judged: the run ended".to_owned(),
    }
}
