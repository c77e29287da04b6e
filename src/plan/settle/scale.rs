//! `--scale` and `--time-scale` → levels, counts and times of phases multiplied.
//!
//! What can't be read is left as it is: the reader of the plan reports it. What becomes too long is
//! a mistake at its place.

use std::time::Duration;

use serde_json::{Map, Value};

use super::super::diagnostic::{Diagnostic, DiagnosticCode};
use super::super::value::{Rate, Span};
use super::Findings;

/// The keys of a phase that are times of the load; timeouts and the drain are the server's.
const TIMES: [&str; 6] = ["duration", "every", "burst", "hold", "settle", "delay"];

/// The keys of a threshold that are times of the load.
const THRESHOLD_TIMES: [&str; 2] = ["window", "for"];

/// Multiplies rates, connections and counts. What was at least one connection or message stays
/// so.
pub(super) fn scale_levels(tree: &mut Map<String, Value>, factor: f64) {
    for phase in phases(tree) {
        for key in ["rate", "connections"] {
            if let Some(level) = phase.get_mut(key) {
                for value in values_of_level(level) {
                    scale_level(value, factor);
                }
            }
        }
        if let Some(count) = phase.get_mut("count") {
            scale_level(count, factor);
        }
    }
}

/// Multiplies the times of phases and of their thresholds, to whole milliseconds; what was above
/// zero stays so.
pub(super) fn scale_times(tree: &mut Map<String, Value>, factor: f64, findings: &mut Findings) {
    for (index, phase) in phases(tree).enumerate() {
        let pointer = format!("/phases/{index}");
        scale_keys(phase, &TIMES, &pointer, factor, findings);
        scale_thresholds(phase, &pointer, factor, findings);
    }
    if let Some(Value::Object(defaults)) = tree.get_mut("defaults") {
        scale_thresholds(defaults, "/defaults", factor, findings);
    }
    scale_thresholds(tree, "", factor, findings);
}

fn scale_thresholds(
    table: &mut Map<String, Value>,
    pointer: &str,
    factor: f64,
    findings: &mut Findings,
) {
    let thresholds = table.get_mut("thresholds").and_then(Value::as_array_mut);
    for (index, threshold) in thresholds.into_iter().flatten().enumerate() {
        let Value::Object(threshold) = threshold else { continue };
        let pointer = format!("{pointer}/thresholds/{index}");
        scale_keys(threshold, &THRESHOLD_TIMES, &pointer, factor, findings);
    }
}

fn scale_keys(
    table: &mut Map<String, Value>,
    keys: &[&str],
    pointer: &str,
    factor: f64,
    findings: &mut Findings,
) {
    for key in keys {
        let Some(value) = table.get_mut(*key) else { continue };
        let Some(span) = value.as_str().and_then(|text| text.parse::<Span>().ok()) else {
            continue;
        };
        match scaled_span(span, factor) {
            Some(scaled) => *value = Value::String(scaled.to_string()),
            None => findings.errors.push(too_long(&format!("{pointer}/{key}"), factor)),
        }
    }
}

fn too_long(pointer: &str, factor: f64) -> Diagnostic {
    let message = format!("with `--time-scale {factor}` this is longer than 365 days");
    Diagnostic::value(DiagnosticCode::BadValue, pointer, message)
}

fn phases(tree: &mut Map<String, Value>) -> impl Iterator<Item = &mut Map<String, Value>> {
    let phases = tree.get_mut("phases").and_then(Value::as_array_mut);
    phases.into_iter().flatten().filter_map(Value::as_object_mut)
}

/// The level itself, or those of `{ from, to }` and `{ base, peak }`.
fn values_of_level(level: &mut Value) -> Vec<&mut Value> {
    match level {
        Value::Object(parts) => parts.values_mut().collect(),
        single => vec![single],
    }
}

/// A text is a rate, a number counts connections or messages.
fn scale_level(value: &mut Value, factor: f64) {
    let scaled = match &*value {
        Value::String(text) => text
            .parse::<Rate>()
            .ok()
            .and_then(|rate| Rate::new(rate.per_second() * factor))
            .map(|rate| Value::String(rate.to_string())),
        Value::Number(number) => number.as_u64().and_then(|count| scaled_count(count, factor)),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    if let Some(scaled) = scaled {
        *value = scaled;
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count beyond 2^53 is out of any range")]
#[expect(
    clippy::cast_possible_truncation,
    reason = "`as` saturates, and the range is checked later"
)]
#[expect(clippy::cast_sign_loss, reason = "count and factor are not negative")]
fn scaled_count(count: u64, factor: f64) -> Option<Value> {
    let scaled = (count as f64 * factor).round() as u64;
    (count > 0).then(|| Value::from(scaled.max(1)))
}

fn scaled_span(span: Span, factor: f64) -> Option<Span> {
    let seconds = span.duration().as_secs_f64() * factor;
    let millis = Duration::try_from_secs_f64((seconds * 1e3).round() / 1e3).ok()?;
    let least = if span.duration().is_zero() { Duration::ZERO } else { Duration::from_millis(1) };
    Span::new(millis.max(least))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn table(tree: Value) -> Map<String, Value> {
        let Value::Object(table) = tree else { panic!("no table") };
        table
    }

    #[test]
    fn levels_and_counts_are_multiplied() {
        let mut tree = table(json!({
            "phases": [
                { "rate": "100/s", "count": 1000, "max_in_flight": 100 },
                { "rate": { "from": "0/s", "to": "300/min" } },
                { "connections": { "base": 1, "peak": 50 }, "repeat": 3, "max_connections": 9 },
                { "connections": "many", "rate": "fast", "count": -1 },
                { "connections": 0 },
            ],
        }));

        scale_levels(&mut tree, 0.1);

        let expected = json!({
            "phases": [
                { "rate": "10/s", "count": 100, "max_in_flight": 100 },
                { "rate": { "from": "0/s", "to": "0.5/s" } },
                { "connections": { "base": 1, "peak": 5 }, "repeat": 3, "max_connections": 9 },
                { "connections": "many", "rate": "fast", "count": -1 },
                { "connections": 0 },
            ],
        });
        assert_eq!(Value::Object(tree), expected);
    }

    #[test]
    fn times_of_phases_are_multiplied_and_timeouts_are_not() {
        let mut tree = table(json!({
            "target": { "timeouts": { "reply": "30s" } },
            "phases": [
                { "duration": "1h", "every": "30s", "burst": "5s", "delay": "0s" },
                { "hold": "3ms", "duration": "soon", "drain": "5s" },
            ],
        }));

        scale_times(&mut tree, 0.05, &mut Findings::default());

        let expected = json!({
            "target": { "timeouts": { "reply": "30s" } },
            "phases": [
                { "duration": "3m", "every": "1s500ms", "burst": "250ms", "delay": "0s" },
                { "hold": "1ms", "duration": "soon", "drain": "5s" },
            ],
        });
        assert_eq!(Value::Object(tree), expected);
    }

    #[test]
    fn the_times_of_thresholds_are_multiplied_wherever_they_stand() {
        let list = |window: &str| json!(["message.errors < 1%", { "window": window, "for": "4s" }]);
        let mut tree = table(json!({
            "thresholds": list("10s"),
            "defaults": { "thresholds": list("20s") },
            "phases": [{ "thresholds": list("30s") }],
        }));

        scale_times(&mut tree, 0.5, &mut Findings::default());

        let scaled =
            |window: &str| json!(["message.errors < 1%", { "window": window, "for": "2s" }]);
        let expected = json!({
            "thresholds": scaled("5s"),
            "defaults": { "thresholds": scaled("10s") },
            "phases": [{ "thresholds": scaled("15s") }],
        });
        assert_eq!(Value::Object(tree), expected);
    }

    #[test]
    fn a_time_that_becomes_longer_than_a_plan_may_say_is_told_at_its_place() {
        let mut tree = table(json!({ "phases": [{ "duration": "300d", "delay": "1s" }] }));
        let mut findings = Findings::default();

        scale_times(&mut tree, 2.0, &mut findings);

        assert_eq!(findings.errors, [too_long("/phases/0/duration", 2.0)]);
        assert_eq!(tree["phases"][0]["delay"], "2s");
    }
}
