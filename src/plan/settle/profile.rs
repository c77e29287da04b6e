//! `[profiles.NAME]` → the plan with the chosen one laid over it.

use serde_json::{Map, Value};

use super::super::diagnostic::{Diagnostic, DiagnosticCode, escape, suggest};
use super::super::merge::{Laid, lay_over};
use super::super::name::{RULE, is_name};
use super::Findings;

/// What a profile can't change: where the plan's text comes from.
const NOT_INSIDE: [&str; 2] = ["include", "profiles"];

/// Takes `profiles` out of the plan and lays the chosen one over it.
pub(super) fn choose(tree: &mut Map<String, Value>, chosen: Option<&str>, findings: &mut Findings) {
    let mut profiles = taken(tree, findings);
    let Some(chosen) = chosen else { return };
    let Some(profile) = profiles.shift_remove(chosen) else {
        let message = format!("the plan has no profile `{chosen}`");
        let help = suggest(chosen, profiles.keys().map(String::as_str))
            .unwrap_or_else(|| format!("profiles are tables of the plan: `[profiles.{chosen}]`"));
        let flag = format!("--profile {chosen}");
        findings
            .errors
            .push(Diagnostic::flag(DiagnosticCode::UnknownName, flag, message).with_help(help));
        return;
    };
    let Value::Object(mut profile) = profile else { return };
    profile.retain(|key, _| !NOT_INSIDE.contains(&key.as_str()));
    let source = format!("/profiles/{}", escape(chosen));
    lay_over(tree, profile, &mut |into, laid| {
        if let Laid::Taken(from) = laid {
            findings.origins.copied(into, &format!("{source}{from}"));
        }
    });
}

/// The names of a plan's profiles, good or not.
pub(in crate::plan) fn names(tree: &Value) -> Vec<String> {
    let profiles = tree.get("profiles").and_then(Value::as_object);
    profiles.into_iter().flat_map(Map::keys).cloned().collect()
}

fn taken(tree: &mut Map<String, Value>, findings: &mut Findings) -> Map<String, Value> {
    let profiles = match tree.shift_remove("profiles") {
        Some(Value::Object(profiles)) => profiles,
        Some(Value::Null) | None => return Map::new(),
        Some(_) => {
            let message = "`profiles` is not a table of names and plans";
            let error = Diagnostic::value(DiagnosticCode::WrongType, "/profiles", message);
            findings.errors.push(error);
            return Map::new();
        }
    };
    for (name, profile) in &profiles {
        check(name, profile, findings);
    }
    profiles
}

fn check(name: &str, profile: &Value, findings: &mut Findings) {
    let pointer = format!("/profiles/{}", escape(name));
    if !is_name(name) {
        let message = format!("`{name}` is not a name for a profile");
        let error = Diagnostic::key(DiagnosticCode::BadName, pointer.clone(), message);
        findings.errors.push(error.with_help(RULE.to_owned()));
    }
    let Value::Object(profile) = profile else {
        let message = "a profile is a table of what it changes in the plan";
        findings.errors.push(Diagnostic::value(DiagnosticCode::WrongType, pointer, message));
        return;
    };
    for key in NOT_INSIDE.into_iter().filter(|key| profile.contains_key(*key)) {
        let message = format!("a profile has no `{key}`");
        let pointer = format!("{pointer}/{key}");
        findings.errors.push(Diagnostic::key(DiagnosticCode::UnknownKey, pointer, message));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::diagnostic::{Part, Place};
    use super::*;

    fn chosen(tree: Value, name: Option<&str>) -> (Value, Findings) {
        let Value::Object(mut tree) = tree else { panic!("no table") };
        let mut findings = Findings::default();
        choose(&mut tree, name, &mut findings);
        (Value::Object(tree), findings)
    }

    fn plan() -> Value {
        json!({
            "vars": { "peak": 5, "host": "a" },
            "phases": [{ "name": "a", "rate": "1/s" }],
            "profiles": { "ci": { "vars": { "peak": 1 }, "phases": [{ "name": "a", "rate": 2 }] } },
        })
    }

    #[test]
    fn the_chosen_one_is_laid_over_the_plan_and_the_others_are_gone() {
        let (with, findings) = chosen(plan(), Some("ci"));
        let (without, _) = chosen(plan(), None);

        assert_eq!(findings.errors, []);
        let expected = json!({
            "vars": { "peak": 1, "host": "a" },
            "phases": [{ "name": "a", "rate": 2 }],
        });
        assert_eq!(with, expected);
        assert_eq!(without["vars"]["peak"], 5);
        assert_eq!(without.get("profiles"), None);
    }

    #[test]
    fn a_mistake_in_a_profile_is_shown_in_the_profile() {
        let (_, findings) = chosen(plan(), Some("ci"));
        let found = Diagnostic::value(DiagnosticCode::WrongType, "/phases/0/rate", "bad");

        let place = findings.origins.trace(vec![found])[0].place.clone();

        assert_eq!(place, Place::Plan("/profiles/ci/phases/0/rate".into(), Part::Value));
    }

    #[test]
    fn a_name_that_leads_nowhere_and_keys_that_no_profile_has_are_told() {
        let tree = json!({ "profiles": { "ci": { "include": ["a"] }, "2": {}, "night": 5 } });

        let (_, findings) = chosen(tree, Some("nihgt"));

        let told: Vec<&str> = findings.errors.iter().map(|error| error.message.as_str()).collect();
        assert_eq!(
            told,
            [
                "a profile has no `include`",
                "`2` is not a name for a profile",
                "a profile is a table of what it changes in the plan",
                "the plan has no profile `nihgt`",
            ]
        );
        assert_eq!(findings.errors[3].help.as_deref(), Some("did you mean `night`?"));
    }
}
