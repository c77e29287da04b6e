//! Names with weights, and ranges to draw from → ids and numbers that can be drawn from.

use super::faults::Faults;
use crate::message::CountRange;
use crate::plan::document::{Count, ShortOr, Table};
use crate::plan::model::Weighted;
use crate::plan::{DiagnosticCode, escape};

/// Weights over ids; `resolve` turns a name at a pointer into its id.
pub(super) fn lower_weights<T>(
    table: &Table<f64>,
    pointer: &str,
    faults: &mut Faults,
    mut resolve: impl FnMut(&str, &str, &mut Faults) -> T,
) -> Weighted<T> {
    if table.is_empty() {
        faults.bad(pointer, "needs at least one name with its weight");
    }
    let mut choices = Vec::with_capacity(table.len());
    for (name, weight) in table.iter() {
        let pointer = format!("{pointer}/{}", escape(name));
        if !(*weight > 0.0 && weight.is_finite()) {
            faults.bad(&pointer, "a weight is above zero");
        }
        choices.push((resolve(name, &pointer, faults), *weight));
    }
    if choices.iter().map(|(_, weight)| weight).sum::<f64>() == f64::INFINITY {
        faults.bad(pointer, "the weights are too large to be added up");
    }
    Weighted { choices }
}

/// A number of at least 1, or a range of them.
pub(super) fn lower_count(count: &Count, pointer: &str, faults: &mut Faults) -> CountRange {
    let range = match count {
        ShortOr::Short(count) => CountRange::exactly(*count),
        ShortOr::Long(range) => {
            let (Some(min), Some(max)) = (range.min, range.max) else {
                let key = if range.min.is_none() { "min" } else { "max" };
                faults.missing(pointer, key);
                return CountRange::exactly(1);
            };
            CountRange { min, max }
        }
    };
    if range.min == 0 {
        faults.bad(pointer, "at least 1 is needed");
    }
    if range.min > range.max {
        faults.value(DiagnosticCode::Conflict, pointer, "`min` is above `max`");
    }
    range
}

/// The most recipients of one message; RFC 5321 4.5.3.1.8 has a server take at least 100.
const MOST_RECIPIENTS: u32 = 10_000;

/// How many recipients a message has.
pub(super) fn lower_recipients(count: &Count, pointer: &str, faults: &mut Faults) -> CountRange {
    let CountRange { min, max } = lower_count(count, pointer, faults);
    if max > MOST_RECIPIENTS {
        faults.bad(pointer, format!("a message has at most {MOST_RECIPIENTS} recipients"));
    }
    // What is refused is not tried either.
    CountRange { min: min.min(MOST_RECIPIENTS), max: max.min(MOST_RECIPIENTS) }
}

/// A number that is at least 1, where it is given.
pub(super) fn at_least_one<N: PartialEq + From<u8>>(
    number: Option<N>,
    pointer: &str,
    faults: &mut Faults,
) -> Option<N> {
    if number == Some(N::from(0)) {
        faults.bad(pointer, "at least 1 is needed");
    }
    number
}
