//! `--threshold` and `--no-thresholds` → the thresholds of the plan.

use serde_json::{Map, Value};

use super::Findings;
use super::overrides::PlannedThresholds;

/// Takes all thresholds out of a plan. What stays is an empty list: an explicit one, in the place
/// of which no defaults come.
pub(super) fn settle_planned(tree: &mut Map<String, Value>, planned: PlannedThresholds) {
    match planned {
        PlannedThresholds::Keep => {}
        PlannedThresholds::Drop => {
            if let Some(Value::Object(defaults)) = tree.get_mut("defaults") {
                defaults.shift_remove("thresholds");
            }
            let phases = tree.get_mut("phases").and_then(Value::as_array_mut);
            for phase in phases.into_iter().flatten().filter_map(Value::as_object_mut) {
                phase.shift_remove("thresholds");
            }
            tree.insert("thresholds".to_owned(), Value::Array(Vec::new()));
        }
    }
}

/// Adds plan-wide thresholds.
pub(super) fn add(tree: &mut Map<String, Value>, thresholds: &[String], findings: &mut Findings) {
    if thresholds.is_empty() {
        return;
    }
    let list = tree.entry("thresholds").or_insert_with(|| Value::Array(Vec::new()));
    // What is no list is reported by the reader of the plan.
    let Value::Array(list) = list else { return };
    for text in thresholds {
        let pointer = format!("/thresholds/{}", list.len());
        findings.origins.set_by_flag(&pointer, &format!("--threshold {text}"));
        list.push(Value::String(text.clone()));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::diagnostic::{Diagnostic, DiagnosticCode, Place};
    use super::*;

    fn table(tree: Value) -> Map<String, Value> {
        let Value::Object(table) = tree else { panic!("no table") };
        table
    }

    #[test]
    fn an_empty_list_stays_where_all_are_dropped() {
        let mut tree = table(json!({
            "thresholds": ["a"],
            "defaults": { "thresholds": ["c"] },
            "phases": [{ "name": "x", "thresholds": ["b"] }],
        }));

        settle_planned(&mut tree, PlannedThresholds::Drop);

        let expected = json!({ "thresholds": [], "defaults": {}, "phases": [{ "name": "x" }] });
        assert_eq!(Value::Object(tree), expected);
    }

    #[test]
    fn a_mistake_in_an_added_one_is_the_flags() {
        let mut tree = table(json!({ "thresholds": ["message.errors < 1%"] }));
        let mut findings = Findings::default();

        add(&mut tree, &["message.p99".to_owned()], &mut findings);

        let found = Diagnostic::value(DiagnosticCode::Threshold, "/thresholds/1", "bad");
        let place = findings.origins.trace(vec![found])[0].place.clone();
        assert_eq!(place, Place::Flag("--threshold message.p99".into()));
    }
}
