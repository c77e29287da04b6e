//! A threshold and its row → the words and names by which it is told.

use std::time::Duration;

use crate::format;
use crate::plan::{Action, Phase, Span, Threshold, Unit};
use crate::record::ThresholdRow;

/// The row of a threshold that holds and has no value yet.
pub(super) fn blank_row(threshold: &Threshold, phase: Option<&Phase>) -> ThresholdRow {
    let lasting = Some(threshold.lasting).filter(|lasting| !lasting.is_zero());
    ThresholdRow {
        check: threshold.text.clone(),
        phase: phase.map(|phase| phase.name.clone()),
        limit: threshold.limit,
        unit: unit(threshold.metric.unit()).to_owned(),
        holds: true,
        action: action(threshold.action).to_owned(),
        window_s: threshold.window.map(|window| window.as_secs()),
        for_s: lasting.map(|lasting| lasting.as_secs()),
        ..ThresholdRow::default()
    }
}

/// The check with its times, such as `` `message.p99 < 500ms` over 10s for 5s ``.
pub fn named(row: &ThresholdRow) -> String {
    format!("`{}`{}", row.check, times(row))
}

/// The times of a check, such as ` over 10s for 5s`; nothing where it has none.
pub fn times(row: &ThresholdRow) -> String {
    let time = |word: &str, seconds: Option<u64>| {
        let span = seconds.and_then(|seconds| Span::new(Duration::from_secs(seconds)));
        span.map(|span| format!(" {word} {span}")).unwrap_or_default()
    };
    format!("{}{}", time("over", row.window_s), time("for", row.for_s))
}

/// That a check broke, or does not hold: where, when and at what value, without a period, such as
/// `` `message.p99 < 500ms` over 10s broke in `soak` at 1:20 (612 ms) ``.
pub fn broken(row: &ThresholdRow) -> String {
    let place = place(row);
    let value = value(row);
    match row.broken_at_s.and_then(|at| Duration::try_from_secs_f64(at).ok()) {
        Some(at) => format!("{} broke{place} at {} ({value})", named(row), format::clock(at)),
        None => format!("{} does not hold{place} ({value})", named(row)),
    }
}

/// That a check ended the run, likewise.
pub(super) fn aborted(row: &ThresholdRow) -> String {
    let at = row.broken_at_s.and_then(|at| Duration::try_from_secs_f64(at).ok());
    let at = at.map(|at| format!(" at {}", format::clock(at))).unwrap_or_default();
    let (place, value) = (place(row), value(row));
    format!("The run was aborted{at}: {} broke{place} ({value})", named(row))
}

fn place(row: &ThresholdRow) -> String {
    row.phase.as_ref().map_or(String::new(), |phase| format!(" in `{phase}`"))
}

fn value(row: &ThresholdRow) -> String {
    match row.value {
        Some(value) => format::value_beside(value, row.limit, &row.unit),
        None if row.window_s.is_some() && row.broken_at_s.is_none() => {
            "its window was never full".to_owned()
        }
        None => "no value".to_owned(),
    }
}

const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Milliseconds => "ms",
        Unit::Share => "share",
        Unit::PerSecond => "per_s",
        Unit::Count => "count",
    }
}

const fn action(action: Action) -> &'static str {
    match action {
        Action::Fail => "fail",
        Action::Warn => "warn",
        Action::Abort => "abort",
    }
}
