//! Entries of `thresholds` → checks whose names exist and that can be taken where they stand.
//!
//! `window` and `for` become whole seconds, as the run is counted second by second.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

use super::faults::Faults;
use super::names::Names;
use crate::plan::document::{
    Action as ActionName, Document, NoData as NoDataName, ShortOr, ThresholdEntry, ThresholdTable,
};
use crate::plan::model::{Begin, Load, Phase};
use crate::plan::threshold::{Action, Metric, NoData, Op, Scope, Threshold};
use crate::plan::{Diagnostic, DiagnosticCode, Span, suggest};

/// The thresholds of the whole plan.
pub(super) fn lower_plan_wide(
    document: &Document,
    names: &Names<'_>,
    phases: &[Phase],
    faults: &mut Faults,
) -> Vec<Threshold> {
    let entries = document.thresholds.as_deref().unwrap_or_default();
    let counts = |phase: &&Phase| phase.counts() && phase.load != Load::Pause;
    let has_rate =
        phases.iter().filter(counts).any(|phase| matches!(phase.load, Load::Open { .. }));
    let place = Place {
        taken: if has_rate { Taken::WithRate } else { Taken::WithoutRate },
        length: longest(phases),
        whose: "all phases that count together last",
    };
    lower_list(entries, "/thresholds", place, names, faults)
}

/// How long phases that count follow each other at most, where that is planned. Beside others
/// (`with`) they may last as long as all of them.
fn longest(phases: &[Phase]) -> Option<Duration> {
    let counts = |phase: &Phase| phase.counts() && phase.load != Load::Pause;
    let is_apart = phases.iter().all(|phase| !matches!(phase.begin, Begin::With(..)));
    let apart = phases.split(|phase| is_apart && !counts(phase));
    let lengths: Option<Vec<Duration>> = apart
        .map(|together| {
            together.iter().filter(|phase| counts(phase)).map(|phase| phase.duration).sum()
        })
        .collect();
    lengths?.into_iter().max()
}

/// Whether there is a planned rate where a threshold is taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Taken {
    /// Messages start by a rate.
    WithRate,
    /// Connections send as fast as they may, or not at all.
    WithoutRate,
}

/// Where thresholds are taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// Whether there is a planned rate.
    pub(super) taken: Taken,
    /// How long messages start there, where that is planned.
    pub(super) length: Option<Duration>,
    /// What it is that takes so long, with its verb.
    pub(super) whose: &'a str,
}

/// A list of thresholds at a pointer.
pub(super) fn lower_list(
    entries: &[ThresholdEntry],
    pointer: &str,
    place: Place<'_>,
    names: &Names<'_>,
    faults: &mut Faults,
) -> Vec<Threshold> {
    let entries = entries.iter().enumerate();
    entries
        .filter_map(|(index, entry)| {
            let pointer = format!("{pointer}/{index}");
            let table = table_of(entry);
            let check = match entry {
                ShortOr::Short(_) => pointer.clone(),
                ShortOr::Long(_) => format!("{pointer}/check"),
            };
            let threshold = lower_entry(&table, &pointer, &check, faults)?;
            check_times(&table, &pointer, place, faults);
            check_place(&threshold, &check, place.taken, faults);
            check_scope(threshold.scope.as_ref(), &check, names, faults);
            Some(threshold)
        })
        .collect()
}

/// The conditions of a search at a pointer. Each is judged once over the whole of a probe, and what
/// happens when it does not hold is the search's next step.
pub(super) fn lower_conditions(
    entries: &[ThresholdEntry],
    pointer: &str,
    place: Place<'_>,
    names: &Names<'_>,
    faults: &mut Faults,
) -> Vec<Threshold> {
    for (index, entry) in entries.iter().enumerate() {
        let ShortOr::Long(table) = entry else { continue };
        for (key, _) in conditions_lack(table).into_iter().filter(|(_, is_there)| *is_there) {
            let message = format!("a condition of a search has no `{key}`");
            faults.conflict(&format!("{pointer}/{index}"), key, message);
        }
    }
    lower_list(entries, pointer, place, names, faults)
}

/// The keys that say when and how long, or what else happens.
fn conditions_lack(table: &ThresholdTable) -> [(&'static str, bool); 3] {
    [
        ("action", table.action.is_some()),
        ("window", table.window.is_some()),
        ("for", table.lasting.is_some()),
    ]
}

fn table_of(entry: &ThresholdEntry) -> Cow<'_, ThresholdTable> {
    match entry {
        ShortOr::Short(text) => {
            Cow::Owned(ThresholdTable { check: Some(text.clone()), ..ThresholdTable::default() })
        }
        ShortOr::Long(table) => Cow::Borrowed(table),
    }
}

/// The threshold of the table at a pointer, whose text is at `check`.
fn lower_entry(
    table: &ThresholdTable,
    pointer: &str,
    check: &str,
    faults: &mut Faults,
) -> Option<Threshold> {
    let Some(text) = &table.check else {
        faults.missing(pointer, "check");
        return None;
    };
    match text.parse::<Threshold>() {
        Ok(threshold) => Some(Threshold {
            window: table.window.map(whole_seconds),
            lasting: table.lasting.map(whole_seconds).unwrap_or_default(),
            action: match table.action {
                Some(ActionName::Abort) => Action::Abort,
                Some(ActionName::Warn) => Action::Warn,
                Some(ActionName::Fail) | None => Action::Fail,
            },
            no_data: match table.no_data {
                Some(NoDataName::Pass) => NoData::Pass,
                Some(NoDataName::Fail) | None => NoData::Fail,
            },
            ..threshold
        }),
        Err(error) => {
            let help = error.help();
            faults.add(
                Diagnostic::value(DiagnosticCode::Threshold, check, error.to_string())
                    .with_help(help),
            );
            None
        }
    }
}

/// Rounded up, for the run is counted second by second.
fn whole_seconds(span: Span) -> Duration {
    let length = span.duration();
    Duration::from_secs(length.as_secs() + u64::from(length.subsec_nanos() > 0))
}

/// Compares the times as they are written: what `--time-scale` makes shorter than a second is
/// rounded up, and must not become a mistake by that.
fn check_times(table: &ThresholdTable, pointer: &str, place: Place<'_>, faults: &mut Faults) {
    let times = [("window", table.window), ("for", table.lasting)];
    let mut sum = Duration::ZERO;
    for (key, span) in times {
        let Some(span) = span.map(Span::duration) else { continue };
        let pointer = format!("{pointer}/{key}");
        if span.is_zero() {
            faults.bad(&pointer, format!("`{key}` is above zero"));
        }
        sum += span;
        // Both were rounded to a millisecond if they were scaled.
        let length = place.length.filter(|length| sum > *length + 2 * Duration::from_millis(1));
        let Some(length) = length.and_then(Span::new) else { continue };
        let (whose, help) = (place.whose, "make it shorter, or the phase longer");
        let message = match key {
            "window" => format!("the window is never full: {whose} {length}"),
            _ => format!("it can't be broken for so long: {whose} {length}"),
        };
        faults.value_with_help(DiagnosticCode::Threshold, &pointer, message, help);
        return;
    }
}

fn check_place(threshold: &Threshold, pointer: &str, taken: Taken, faults: &mut Faults) {
    if threshold.metric == Metric::RateAchieved && taken == Taken::WithoutRate {
        let message = "`rate.achieved` needs a phase with a `rate`";
        faults.value(DiagnosticCode::Threshold, pointer, message);
    }
    let only_grows = matches!(threshold.metric, Metric::MessageCount | Metric::CaseFindings);
    let from_below = matches!(threshold.op, Op::Greater | Op::AtLeast | Op::Equal);
    let is_judged_early = threshold.is_live() && threshold.window.is_none();
    if only_grows && from_below && is_judged_early {
        faults.value_with_help(
            DiagnosticCode::Threshold,
            pointer,
            "a number that has not been reached yet is not broken before the end",
            "give it a `window`, or leave `for` and `action = \"abort\"` out",
        );
    }
}

fn check_scope(scope: Option<&Scope>, pointer: &str, names: &Names<'_>, faults: &mut Faults) {
    let (what, name, known): (_, _, Vec<&str>) = match scope {
        Some(Scope::Client(name)) => ("client", name, names.clients().collect()),
        Some(Scope::Target(name)) => ("target", name, names.targets().collect()),
        Some(Scope::Class(name)) => ("class", name, names.classes().collect()),
        Some(Scope::Address(address)) => return check_address(address, pointer, faults),
        None => return,
    };
    if !known.contains(&name.as_str()) {
        let message = format!("no {what} is named `{name}`");
        faults.add(
            Diagnostic::value(DiagnosticCode::UnknownName, pointer, message)
                .with_help(suggest(name, known)),
        );
    }
}

/// An address is what a name was resolved to, as the results show it.
fn check_address(address: &str, pointer: &str, faults: &mut Faults) {
    let is_resolved = address.parse::<SocketAddr>().is_ok() || address.starts_with("unix:/");
    if !is_resolved {
        faults.value_with_help(
            DiagnosticCode::Threshold,
            pointer,
            format!("`{address}` is not an address that a name is resolved to"),
            "write IP:PORT, such as `127.0.0.1:25` or `[::1]:25`, or `unix:/PATH`",
        );
    }
}
