//! What searches found → a sentence for each and a line for each of their probes.

use super::{Ink, Page, columns, entry};
use crate::format;
use crate::record::{SearchResult, Summary};
use crate::report::search::probe_outcome;
use crate::verdict::{search_level, search_sentence};

/// A sentence for each search, and below it its probes in the order of their levels.
pub(super) fn found(summary: &Summary, page: Page<'_>) -> Vec<String> {
    let found = summary.phases.iter().filter_map(|phase| phase.search.as_ref());
    found.flat_map(|search| of_search(search, page)).collect()
}

fn of_search(search: &SearchResult, page: Page<'_>) -> Vec<String> {
    let sentence = format::escape(&search_sentence(search));
    let mut lines = vec![String::new()];
    let told = entry("search", &sentence, page.width);
    lines.extend(told.iter().map(|line| page.style.paint(Ink::Strong, line)));
    let mut probes: Vec<_> = search.probes.iter().collect();
    probes.sort_by(|one, other| one.level.total_cmp(&other.level));
    let rows: Vec<[String; 3]> = probes
        .iter()
        .map(|probe| {
            let level = search_level(probe.level, &search.unit);
            let name = format::escape(&probe.name);
            [level, name, format::escape(&probe_outcome(probe))]
        })
        .collect();
    let painted = columns(&rows, page.width).into_iter().zip(probes).map(|(line, probe)| {
        let ink = match (probe.held, &probe.unfit) {
            (Some(true), _) => Ink::Good,
            (Some(false), None) => Ink::Bad,
            (Some(false), Some(_)) | (None, _) => Ink::Warn,
        };
        page.style.paint(ink, &line)
    });
    lines.extend(painted);
    lines
}
