//! The keys of a phase, and which of them its kind has.

use std::time::Duration;

use super::faults::Faults;
use super::weights::at_least_one;
use crate::plan::Span;
use crate::plan::document::{Phase as PhaseTable, PhaseKind as KindName};
use crate::plan::model::PhaseKind;

use KindName::{Burst, Pause, Ramp, Search, Steady, Step};

/// The finest and the coarsest precision of a search.
const PRECISIONS: std::ops::RangeInclusive<f64> = 0.001..=0.5;
/// The most probes of a search.
const MOST_PROBES: u16 = 100;

/// The kind of a phase in the plan's model.
pub(super) fn lower_kind(kind: KindName) -> PhaseKind {
    match kind {
        Steady => PhaseKind::Steady,
        Ramp => PhaseKind::Ramp,
        Burst => PhaseKind::Burst,
        Step => PhaseKind::Step,
        Pause => PhaseKind::Pause,
        Search => PhaseKind::Search,
    }
}

/// Refuses the keys that a phase of this kind does not have, and asks for those that it needs.
pub(super) fn check_keys(table: &PhaseTable, kind: KindName, pointer: &str, faults: &mut Faults) {
    let keys: [(&str, bool, &[KindName]); 19] = [
        ("every", table.every.is_some(), &[Burst]),
        ("burst", table.burst.is_some(), &[Burst]),
        ("hold", table.hold.is_some(), &[Step, Search]),
        ("while", table.conditions.is_some(), &[Search]),
        ("settle", table.settle.is_some(), &[Search]),
        ("precision", table.precision.is_some(), &[Search]),
        ("max_probes", table.max_probes.is_some(), &[Search]),
        ("warmup", table.warmup.is_some(), &[Steady, Ramp, Burst, Step, Pause]),
        ("repeat", table.repeat.is_some(), &[Steady, Ramp, Burst, Step, Pause]),
        ("duration", table.duration.is_some(), &[Steady, Ramp, Burst, Pause]),
        ("count", table.count.is_some(), &[Steady, Ramp, Burst]),
        ("connections", table.connections.is_some(), &[Steady, Ramp, Burst, Step, Search]),
        ("rate", table.rate.is_some(), &[Steady, Ramp, Burst, Step, Search]),
        ("mix", table.mix.is_some(), &[Steady, Ramp, Burst, Step]),
        ("arrival", table.arrival.is_some(), &[Steady, Ramp, Burst, Step, Search]),
        ("max_in_flight", table.max_in_flight.is_some(), &[Steady, Ramp, Burst, Step, Search]),
        ("max_connections", table.max_connections.is_some(), &[Steady, Ramp, Burst, Step, Search]),
        ("drain", table.drain.is_some(), &[Steady, Ramp, Burst, Step, Search]),
        ("thresholds", table.thresholds.is_some(), &[Steady, Ramp, Burst, Step]),
    ];
    for (key, _, kinds) in
        keys.into_iter().filter(|(_, is_there, kinds)| *is_there && !kinds.contains(&kind))
    {
        let this = lower_kind(kind).name();
        let message = match kinds {
            [only] => {
                let only = lower_kind(*only).name();
                format!("`{key}` belongs to phases of kind `{only}`, and this one is `{this}`")
            }
            _ => format!("a phase of kind `{this}` has no `{key}`"),
        };
        faults.conflict(pointer, key, message);
    }
    check_needs(table, kind, pointer, faults);
    check_model(table, kind, pointer, faults);
    check_values(table, pointer, faults);
}

fn check_needs(table: &PhaseTable, kind: KindName, pointer: &str, faults: &mut Faults) {
    let needs: &[(&str, bool)] = match kind {
        Steady => &[],
        Ramp | Pause => &[("duration", table.duration.is_some())],
        Burst => &[("every", table.every.is_some()), ("burst", table.burst.is_some())],
        Step => &[("hold", table.hold.is_some())],
        Search => &[("hold", table.hold.is_some()), ("while", table.conditions.is_some())],
    };
    for (key, _) in needs.iter().filter(|(_, is_there)| !is_there) {
        faults.missing(pointer, key);
    }
    let may_end_by_count = matches!(kind, Steady | Burst);
    if may_end_by_count && table.duration.is_none() && table.count.is_none() {
        faults.value_with_help(
            crate::plan::DiagnosticCode::MissingKey,
            &format!("{pointer}/duration"),
            "missing key `duration`",
            "or end the phase by `count`",
        );
    }
    if table.delay.is_some() && table.with.is_none() {
        faults.conflict(pointer, "delay", "`delay` needs `with`");
    }
}

/// `arrival` and `max_in_flight` speak of planned starts, which a closed phase does not have.
fn check_model(table: &PhaseTable, kind: KindName, pointer: &str, faults: &mut Faults) {
    match (&table.connections, &table.rate) {
        (Some(_), Some(_)) => {
            faults.conflict(pointer, "rate", "a phase has `connections` or `rate`, not both");
        }
        (None, None) if kind != Pause => faults.value_with_help(
            crate::plan::DiagnosticCode::MissingKey,
            pointer,
            "the phase has no level",
            "add `connections` (so many at a time) or `rate` (so many messages per second)",
        ),
        (Some(_), None) => {
            let keys = [
                ("arrival", table.arrival.is_some()),
                ("max_in_flight", table.max_in_flight.is_some()),
            ];
            for (key, _) in keys.into_iter().filter(|(_, is_there)| *is_there) {
                faults.conflict(pointer, key, format!("`{key}` needs a `rate`"));
            }
        }
        (None, _) => {}
    }
}

fn check_values(table: &PhaseTable, pointer: &str, faults: &mut Faults) {
    let spans = [
        ("duration", table.duration),
        ("every", table.every),
        ("burst", table.burst),
        ("hold", table.hold),
    ];
    for (key, span) in spans {
        if span.is_some_and(|span| span.duration().is_zero()) {
            faults.bad(&format!("{pointer}/{key}"), format!("`{key}` is above zero"));
        }
    }
    if let (Some(every), Some(burst)) = (table.every, table.burst)
        && burst > every
    {
        faults.bad(&format!("{pointer}/burst"), "a burst is at most as long as `every`");
    }
    if table.count.is_some_and(|count| i64::try_from(count).is_err()) {
        faults.bad(&format!("{pointer}/count"), "a count is at most 9223372036854775807");
    }
    at_least_one(table.count, &format!("{pointer}/count"), faults);
    at_least_one(table.max_connections, &format!("{pointer}/max_connections"), faults);
    at_least_one(table.max_in_flight, &format!("{pointer}/max_in_flight"), faults);
    if table.repeat.is_some_and(|repeat| !(1..=1000).contains(&repeat)) {
        faults.bad(&format!("{pointer}/repeat"), "a phase is repeated 1 to 1000 times");
    }
    check_search(table, pointer, faults);
}

fn check_search(table: &PhaseTable, pointer: &str, faults: &mut Faults) {
    if table.conditions.as_ref().is_some_and(Vec::is_empty) {
        faults.bad(&format!("{pointer}/while"), "a search needs at least one threshold");
    }
    if table.precision.is_some_and(|share| !PRECISIONS.contains(&share.fraction())) {
        faults.bad(&format!("{pointer}/precision"), "a precision is 0.1% to 50%");
    }
    if table.max_probes.is_some_and(|probes| !(1..=MOST_PROBES).contains(&probes)) {
        let message = format!("a search has 1 to {MOST_PROBES} probes");
        faults.bad(&format!("{pointer}/max_probes"), message);
    }
}

/// A duration, or zero where it is missing and was asked for above.
pub(super) fn length(span: Option<Span>) -> Duration {
    span.map(Span::duration).unwrap_or_default()
}
