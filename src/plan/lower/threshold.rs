//! Entries of `thresholds` → checks whose names exist and that can be taken where they stand.

use super::faults::Faults;
use super::names::Names;
use crate::plan::document::{
    Action as ActionName, Document, NoData as NoDataName, ShortOr, ThresholdEntry,
};
use crate::plan::model::{Load, Phase};
use crate::plan::threshold::{Action, Metric, NoData, Scope, Threshold};
use crate::plan::{Diagnostic, DiagnosticCode, suggest};

/// The thresholds of the whole plan.
pub(super) fn lower_plan_wide(
    document: &Document,
    names: &Names<'_>,
    phases: &[Phase],
    faults: &mut Faults,
) -> Vec<Threshold> {
    let entries = document.thresholds.as_deref().unwrap_or_default();
    let counts = |phase: &Phase| phase.counts() && matches!(phase.load, Load::Open { .. });
    let has_rate = phases.iter().any(counts);
    let taken = if has_rate { Taken::WithRate } else { Taken::WithoutRate };
    lower_list(entries, "/thresholds", taken, names, faults)
}

/// Whether there is a planned rate where a threshold is taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Taken {
    /// Messages start by a rate.
    WithRate,
    /// Connections send as fast as they may, or not at all.
    WithoutRate,
}

/// A list of thresholds at a pointer.
pub(super) fn lower_list(
    entries: &[ThresholdEntry],
    pointer: &str,
    taken: Taken,
    names: &Names<'_>,
    faults: &mut Faults,
) -> Vec<Threshold> {
    let entries = entries.iter().enumerate();
    entries
        .filter_map(|(index, entry)| {
            let pointer = format!("{pointer}/{index}");
            let (threshold, pointer) = lower_entry(entry, &pointer, faults)?;
            check_place(&threshold, &pointer, taken, faults);
            check_scope(threshold.scope.as_ref(), &pointer, names, faults);
            Some(threshold)
        })
        .collect()
}

/// The conditions of a search at a pointer. Each is judged once over the whole of a probe, and what
/// happens when it does not hold is the search's next step.
pub(super) fn lower_conditions(
    entries: &[ThresholdEntry],
    pointer: &str,
    taken: Taken,
    names: &Names<'_>,
    faults: &mut Faults,
) -> Vec<Threshold> {
    for (index, entry) in entries.iter().enumerate() {
        let ShortOr::Long(table) = entry else { continue };
        for (key, _) in
            [("action", table.action.is_some())].into_iter().filter(|(_, is_there)| *is_there)
        {
            let message = format!("a condition of a search has no `{key}`");
            faults.conflict(&format!("{pointer}/{index}"), key, message);
        }
    }
    lower_list(entries, pointer, taken, names, faults)
}

/// The threshold, and the pointer of its text.
fn lower_entry(
    entry: &ThresholdEntry,
    pointer: &str,
    faults: &mut Faults,
) -> Option<(Threshold, String)> {
    let (text, pointer, action, no_data) = match entry {
        ShortOr::Short(text) => (text, pointer.to_owned(), None, None),
        ShortOr::Long(table) => {
            let Some(text) = &table.check else {
                faults.missing(pointer, "check");
                return None;
            };
            (text, format!("{pointer}/check"), table.action, table.no_data)
        }
    };
    match text.parse::<Threshold>() {
        Ok(threshold) => {
            let action = match action {
                Some(ActionName::Warn) => Action::Warn,
                Some(ActionName::Fail) | None => Action::Fail,
            };
            let no_data = match no_data {
                Some(NoDataName::Pass) => NoData::Pass,
                Some(NoDataName::Fail) | None => NoData::Fail,
            };
            Some((Threshold { action, no_data, ..threshold }, pointer))
        }
        Err(error) => {
            let help = error.help();
            faults.add(
                Diagnostic::value(DiagnosticCode::Threshold, pointer, error.to_string())
                    .with_help(help),
            );
            None
        }
    }
}

fn check_place(threshold: &Threshold, pointer: &str, taken: Taken, faults: &mut Faults) {
    if threshold.metric == Metric::RateAchieved && taken == Taken::WithoutRate {
        let message = "`rate.achieved` needs a phase with a `rate`";
        faults.value(DiagnosticCode::Threshold, pointer, message);
    }
}

fn check_scope(scope: Option<&Scope>, pointer: &str, names: &Names<'_>, faults: &mut Faults) {
    let (what, name, known): (_, _, Vec<&str>) = match scope {
        Some(Scope::Client(name)) => ("client", name, names.clients().collect()),
        Some(Scope::Target(name)) => ("target", name, names.targets().collect()),
        Some(Scope::Class(name)) => ("class", name, names.classes().collect()),
        Some(Scope::Address(_)) | None => return,
    };
    if !known.contains(&name.as_str()) {
        let message = format!("no {what} is named `{name}`");
        faults.add(
            Diagnostic::value(DiagnosticCode::UnknownName, pointer, message)
                .with_help(suggest(name, known)),
        );
    }
}
