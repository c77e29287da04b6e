//! `--phase NAME` → the plan with these phases alone.
//!
//! What is left out leaves no trace in the others: a ramp that begins where an earlier phase ends
//! begins there still. One level of a staircase, or one repetition, becomes a phase by itself,
//! named `NAME-2` for `NAME/2`, because the plan in force must say the same when it is read again.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::super::diagnostic::{Diagnostic, DiagnosticCode, suggest};
use super::super::value::Rate;
use super::Findings;

/// Keeps the named phases, in file order. Gives their positions in the whole plan; none where all
/// are kept.
pub(super) fn select(
    tree: &mut Map<String, Value>,
    names: &[String],
    findings: &mut Findings,
) -> Option<Vec<usize>> {
    if names.is_empty() {
        return None;
    }
    // What is no list is reported by the reader of the plan.
    let phases = tree.get_mut("phases").and_then(Value::as_array_mut)?;
    let mut chosen: Vec<(usize, Value)> = Vec::new();
    let mut used: BTreeSet<&str> = BTreeSet::new();
    for (index, phase) in phases.iter().enumerate() {
        for name in names.iter().filter(|name| stands_for(name, phase)) {
            let parts = parts(name, phase);
            let rows: Vec<Value> =
                parts.map(|part| with_start(phase, phases, index, &part)).collect();
            if !rows.is_empty() {
                used.insert(name);
            }
            // A phase that is named twice, by its name and by a part, is there once.
            for row in rows {
                if !chosen.iter().any(|(_, there)| own_name(there) == own_name(&row)) {
                    chosen.push((index, row));
                }
            }
        }
    }
    let unknown = names.iter().filter(|name| !used.contains(name.as_str()));
    let known: Vec<&str> = phases.iter().filter_map(own_name).collect();
    findings.errors.extend(unknown.map(|name| no_phase(name, &known)));
    check_companions(&chosen, &known, findings);
    if !findings.errors.is_empty() {
        // That no phase is left, or none that a threshold needs, is no mistake of its own.
        findings.origins.spoiled("/phases");
        findings.origins.spoiled("/thresholds");
    }
    let kept = chosen.iter().map(|(index, _)| *index).collect();
    *phases = chosen.into_iter().map(|(_, phase)| phase).collect();
    Some(kept)
}

fn own_name(phase: &Value) -> Option<&str> {
    phase.get("name").and_then(Value::as_str)
}

fn stands_for(name: &str, phase: &Value) -> bool {
    let first = name.split('/').next();
    own_name(phase).is_some_and(|own| Some(own) == first)
}

fn no_phase(name: &str, known: &[&str]) -> Diagnostic {
    let message = format!("the plan has no phase `{name}`");
    Diagnostic::flag(DiagnosticCode::UnknownName, format!("--phase {name}"), message)
        .with_help(suggest(name, known.iter().copied()))
}

/// A phase that stands beside another needs it.
fn check_companions(chosen: &[(usize, Value)], known: &[&str], findings: &mut Findings) {
    let there: Vec<&str> = chosen.iter().filter_map(|(_, phase)| own_name(phase)).collect();
    for (index, phase) in chosen {
        let Some(with) = phase.get("with").and_then(Value::as_str) else { continue };
        let first = with.split('/').next().unwrap_or(with);
        if there.contains(&first) || !known.contains(&first) {
            continue;
        }
        let pointer = format!("/phases/{index}/with");
        let message = format!("`--phase` leaves out `{first}`, with which this phase begins");
        findings.errors.push(
            Diagnostic::value(DiagnosticCode::UnknownName, pointer.clone(), message)
                .with_help(format!("add `--phase {first}`")),
        );
        findings.origins.spoiled(&pointer);
    }
}

/// The phase itself, or the parts of it that a name such as `stairs/2` stands for.
fn parts<'a>(name: &str, phase: &'a Value) -> impl Iterator<Item = Value> + 'a {
    let numbers: Option<Vec<usize>> = name.split('/').skip(1).map(|n| n.parse().ok()).collect();
    numbers.and_then(|numbers| part(phase, &numbers)).into_iter()
}

fn part(phase: &Value, numbers: &[usize]) -> Option<Value> {
    let mut part = phase.clone();
    let mut left = numbers;
    let table = part.as_object_mut()?;
    if let (Some(repeat), Some((round, rest))) = (table.get("repeat"), left.split_first()) {
        let repeat = usize::try_from(repeat.as_u64()?).ok()?;
        (1..=repeat).contains(round).then_some(())?;
        table.shift_remove("repeat");
        left = rest;
    }
    if let Some((number, rest)) = left.split_first() {
        one_level(table, *number)?;
        left = rest;
    }
    if !left.is_empty() {
        return None;
    }
    if !numbers.is_empty() {
        let own = table.get("name").and_then(Value::as_str)?;
        let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
        let name = format!("{own}-{}", numbers.join("-"));
        table.insert("name".to_owned(), Value::String(name));
    }
    Some(part)
}

/// The n-th level of a staircase, held as a steady phase is.
fn one_level(table: &mut Map<String, Value>, number: usize) -> Option<()> {
    (table.get("kind")? == "step").then_some(())?;
    let (key, level) = level_of(table)?;
    let steps = Steps::of(level)?;
    let level = steps.level(u32::try_from(number).ok()?.checked_sub(1)?)?;
    let level = written(key, level)?;
    table.insert(key.to_owned(), level);
    table.insert("kind".to_owned(), Value::from("steady"));
    if let Some(hold) = table.shift_remove("hold") {
        table.insert("duration".to_owned(), hold);
    }
    Some(())
}

/// The phase with its beginning written down, if it is a ramp that takes it from before.
fn with_start(whole: &Value, phases: &[Value], index: usize, part: &Value) -> Value {
    let mut part = part.clone();
    let takes_it = |table: &Map<String, Value>| {
        let (key, level) = level_of(table)?;
        let is_open = level.as_object().is_some_and(|level| !level.contains_key("from"));
        (whole.get("kind")? == "ramp" && is_open).then_some(key)
    };
    let Some(key) = part.as_object().and_then(takes_it) else { return part };
    let earlier = phases.iter().take(index).rev();
    let end = earlier.filter_map(Value::as_object).find_map(|table| end_of(table, key));
    let start = end.and_then(|level| written(key, level));
    let level = part.get_mut(key).and_then(Value::as_object_mut);
    if let (Some(level), Some(start)) = (level, start) {
        level.insert("from".to_owned(), start);
    }
    part
}

/// The level at which a phase ends, if it is of the model that has this key.
fn end_of(table: &Map<String, Value>, key: &str) -> Option<f64> {
    let (own, level) = level_of(table)?;
    (own == key).then_some(())?;
    match table.get("kind")?.as_str()? {
        "steady" => number(level),
        "ramp" => number(level.get("to")?),
        "burst" => number(level.get("base")?),
        "step" => {
            let steps = Steps::of(level)?;
            steps.level(steps.last)
        }
        _ => None,
    }
}

fn level_of(table: &Map<String, Value>) -> Option<(&'static str, &Value)> {
    ["connections", "rate"].into_iter().find_map(|key| Some((key, table.get(key)?)))
}

fn number(level: &Value) -> Option<f64> {
    match level {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse::<Rate>().ok().map(Rate::per_second),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A level as a plan writes it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "levels of connections are whole, checked against zero, and `as` saturates"
)]
fn written(key: &str, level: f64) -> Option<Value> {
    match key {
        "rate" => Rate::new(level).map(|rate| Value::String(rate.to_string())),
        _ => (level >= 0.0).then(|| Value::from(level.round() as u64)),
    }
}

/// The levels of a staircase.
struct Steps {
    from: f64,
    by: f64,
    /// The number of the last one, from 0.
    last: u32,
}

impl Steps {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates, and a plan of more than 1000 levels is refused"
    )]
    fn of(level: &Value) -> Option<Self> {
        let part = |key: &str| level.get(key).and_then(number);
        let (from, to, by) = (part("from")?, part("to")?, part("by")?);
        (by > 0.0).then_some(())?;
        // The sum of many tenths falls short of the whole by a hair.
        let last = ((to - from).abs() / by + 1e-9).floor() as u32;
        Some(Self { from, by: if to < from { -by } else { by }, last })
    }

    fn level(&self, number: u32) -> Option<f64> {
        (number <= self.last).then(|| (self.from + self.by * f64::from(number)).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn selected(phases: Value, names: &[&str]) -> (Value, Option<Vec<usize>>, Vec<Diagnostic>) {
        let mut tree = Map::from_iter([("phases".to_owned(), phases)]);
        let mut findings = Findings::default();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let kept = select(&mut tree, &names, &mut findings);
        (tree.remove("phases").unwrap(), kept, findings.errors)
    }

    fn plan() -> Value {
        json!([
            { "name": "warm", "kind": "steady", "rate": "5/s", "duration": "1s" },
            { "name": "stairs", "kind": "step", "rate": { "from": "10/s", "to": "30/s", "by": "10/s" }, "hold": "5s" },
            { "name": "up", "kind": "ramp", "rate": { "to": "50/s" }, "duration": "1s" },
            { "name": "beside", "with": "up", "kind": "steady", "connections": 5, "duration": "1s" },
            { "name": "again", "kind": "steady", "connections": 1, "duration": "1s", "repeat": 3 },
        ])
    }

    #[test]
    fn phases_stay_in_file_order_and_a_ramp_begins_where_it_would_have() {
        let (phases, kept, errors) = selected(plan(), &["up", "warm"]);

        assert_eq!(errors, []);
        assert_eq!(kept, Some(vec![0, 2]));
        assert_eq!(phases[0]["name"], "warm");
        assert_eq!(phases[1]["rate"], json!({ "to": "50/s", "from": "30/s" }));
    }

    #[test]
    fn one_level_or_one_repetition_is_a_phase_by_itself() {
        let (phases, _, errors) = selected(plan(), &["stairs/2", "again/3"]);

        assert_eq!(errors, []);
        let level =
            json!({ "name": "stairs-2", "kind": "steady", "rate": "20/s", "duration": "5s" });
        assert_eq!(phases[0], level);
        let once =
            json!({ "name": "again-3", "kind": "steady", "connections": 1, "duration": "1s" });
        assert_eq!(phases[1], once);
    }

    #[test]
    fn a_name_that_leads_nowhere_and_a_missing_companion_are_told() {
        let (_, _, errors) = selected(plan(), &["wram", "stairs/4", "warm/1", "beside"]);

        let told: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
        assert_eq!(
            told,
            [
                "the plan has no phase `wram`",
                "the plan has no phase `stairs/4`",
                "the plan has no phase `warm/1`",
                "`--phase` leaves out `up`, with which this phase begins",
            ]
        );
        assert_eq!(errors[0].help.as_deref(), Some("did you mean `warm`?"));
        assert_eq!(errors[3].help.as_deref(), Some("add `--phase up`"));
    }

    #[test]
    fn without_a_name_all_stay() {
        let (phases, kept, _) = selected(plan(), &[]);

        assert_eq!((phases, kept), (plan(), None));
    }
}
