//! `--set phases.soak.rate=500/s` → that value at that place of the plan.
//!
//! A phase is named, an entry of any other list counted from 0. A path may add a key, and tables
//! on the way to it, but no client, message, target, feed or mix: there a wrong name is far more
//! likely. Whether a key means anything is for the reader of the plan to say.

use serde_json::{Map, Value};

use super::super::diagnostic::{Diagnostic, DiagnosticCode, escape, suggest};
use super::Findings;

/// The tables whose keys are the user's own names.
const TABLES_OF_NAMES: [&str; 5] = ["/clients", "/messages", "/targets", "/feeds", "/mixes"];

/// Where a path leads nowhere.
struct DeadEnd {
    message: String,
    help: Option<String>,
}

/// Puts each value at its path; the later over the earlier.
pub(super) fn set_all<'a>(
    tree: &mut Value,
    sets: impl IntoIterator<Item = &'a (String, String)>,
    findings: &mut Findings,
) {
    for (path, text) in sets {
        let flag = format!("--set {path}={text}");
        match set(tree, path, value(text)) {
            Ok(pointer) => findings.origins.set_by_flag(&pointer, &flag),
            Err(DeadEnd { message, help }) => findings
                .errors
                .push(Diagnostic::flag(DiagnosticCode::Override, flag, message).with_help(help)),
        }
    }
}

/// A TOML value where the text is one, else the text.
pub(super) fn value(text: &str) -> Value {
    text.parse::<toml::Value>().ok().and_then(as_json).unwrap_or_else(|| Value::from(text))
}

/// The same in the plan's tree; none for what that can't hold: dates, and numbers without end.
fn as_json(value: toml::Value) -> Option<Value> {
    match value {
        toml::Value::String(text) => Some(Value::String(text)),
        toml::Value::Integer(number) => Some(Value::from(number)),
        toml::Value::Float(number) => serde_json::Number::from_f64(number).map(Value::Number),
        toml::Value::Boolean(truth) => Some(Value::Bool(truth)),
        toml::Value::Datetime(_) => None,
        toml::Value::Array(items) => items.into_iter().map(as_json).collect(),
        toml::Value::Table(table) => {
            let entries = table.into_iter().map(|(key, value)| Some((key, as_json(value)?)));
            entries.collect::<Option<Map<String, Value>>>().map(Value::Object)
        }
    }
}

/// The pointer of the topmost thing that the path added, or of the value itself.
fn set(tree: &mut Value, path: &str, value: Value) -> Result<String, DeadEnd> {
    let first = path.split('.').next().unwrap_or(path);
    if ["include", "profiles"].contains(&first) {
        return Err(DeadEnd {
            message: format!("`{first}` is worked in before --set, and can't be set"),
            help: Some("set the value of the plan that it changes".to_owned()),
        });
    }
    let mut pointer = String::new();
    let mut added = None;
    let mut here = tree;
    for segment in path.split('.') {
        let step = descend(here, segment, &pointer)?;
        pointer = format!("{pointer}/{}", escape(&step.key));
        if step.added == Added::Key && added.is_none() {
            added = Some(pointer.clone());
        }
        here = step.below;
    }
    *here = value;
    Ok(added.unwrap_or(pointer))
}

/// One segment of a path, taken.
struct Step<'a> {
    key: String,
    below: &'a mut Value,
    added: Added,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Added {
    Nothing,
    Key,
}

fn descend<'a>(here: &'a mut Value, segment: &str, above: &str) -> Result<Step<'a>, DeadEnd> {
    if here.is_null() {
        *here = Value::Object(Map::new());
    }
    match here {
        Value::Object(table) => descend_table(table, segment, above),
        Value::Array(items) => descend_list(items, segment, above),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Err(DeadEnd {
            message: format!("`{}` has no parts, so there is no `{segment}` in it", dotted(above)),
            help: None,
        }),
    }
}

fn descend_table<'a>(
    table: &'a mut Map<String, Value>,
    segment: &str,
    above: &str,
) -> Result<Step<'a>, DeadEnd> {
    if segment.is_empty() {
        let message = "a path has a key between any two dots".to_owned();
        let help = Some("write a path such as `phases.soak.rate`".to_owned());
        return Err(DeadEnd { message, help });
    }
    let known = table.contains_key(segment);
    if !known && TABLES_OF_NAMES.contains(&above) {
        return Err(DeadEnd {
            message: format!("there is no `{segment}` in `{}`", dotted(above)),
            help: suggest(segment, table.keys().map(String::as_str)),
        });
    }
    let added = if known { Added::Nothing } else { Added::Key };
    let below = table.entry(segment).or_insert(Value::Null);
    Ok(Step { key: segment.to_owned(), below, added })
}

fn descend_list<'a>(
    items: &'a mut [Value],
    segment: &str,
    above: &str,
) -> Result<Step<'a>, DeadEnd> {
    let name = |item: &Value| item.get("name").and_then(Value::as_str).map(str::to_owned);
    let known: Vec<String> = items.iter().filter_map(name).collect();
    let count = items.len();
    let named = items.iter().position(|item| name(item).as_deref() == Some(segment));
    let place = named.or_else(|| segment.parse().ok().filter(|index| *index < count));
    match place.and_then(|index| items.get_mut(index).map(|below| (index, below))) {
        Some((index, below)) => Ok(Step { key: index.to_string(), below, added: Added::Nothing }),
        None => Err(DeadEnd {
            message: format!("there is no `{segment}` in `{}`", dotted(above)),
            help: suggest(segment, known.iter().map(String::as_str))
                .or_else(|| Some(format!("it has {count} entries, counted from 0"))),
        }),
    }
}

/// A pointer as a path is written; the escapes of `/` and `~` don't occur in names.
fn dotted(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::diagnostic::Place;
    use super::*;

    fn plan() -> Value {
        json!({
            "seed": 1,
            "phases": [
                { "name": "warm-up", "connections": { "from": 1, "to": 2 } },
                { "name": "soak", "rate": "5/s", "thresholds": ["message.errors < 1%"] },
            ],
            "clients": { "app": { "messages": "receipt" } },
        })
    }

    fn set_one(path: &str, text: &str) -> (Value, Findings) {
        let (mut tree, mut findings) = (plan(), Findings::default());
        set_all(&mut tree, &[(path.to_owned(), text.to_owned())], &mut findings);
        (tree, findings)
    }

    #[test]
    fn a_value_is_put_at_its_path() {
        let table = [
            ("seed", "7", "/seed", json!(7)),
            ("phases.soak.rate", "500/s", "/phases/1/rate", json!("500/s")),
            ("phases.1.rate", "\"500/s\"", "/phases/1/rate", json!("500/s")),
            ("phases.warm-up.connections.to", "50", "/phases/0/connections/to", json!(50)),
            (
                "phases.soak.thresholds.0",
                "message.max < 1s",
                "/phases/1/thresholds/0",
                json!("message.max < 1s"),
            ),
            ("phases.soak.warmup", "true", "/phases/1/warmup", json!(true)),
            ("monitor.interval", "2s", "/monitor/interval", json!("2s")),
            (
                "clients.app.messages",
                "{ a = 1, b = 2.5 }",
                "/clients/app/messages",
                json!({"a": 1, "b": 2.5}),
            ),
            ("labels.day", "2026-01-01", "/labels/day", json!("2026-01-01")),
            ("labels.x", "1\ny = 2", "/labels/x", json!("1\ny = 2")),
        ];
        for (path, text, pointer, expected) in table {
            let (tree, findings) = set_one(path, text);
            assert_eq!(findings.errors, [], "{path}");
            assert_eq!(tree.pointer(pointer), Some(&expected), "{path}");
        }
    }

    #[test]
    fn a_path_that_leads_nowhere_is_told_with_what_is_near() {
        let table = [
            ("phases.sok.rate", "there is no `sok` in `phases`", "did you mean `soak`?"),
            ("phases.2.rate", "there is no `2` in `phases`", "expected one of: warm-up, soak"),
            ("clients.ap.think", "there is no `ap` in `clients`", "did you mean `app`?"),
            ("targets.relay.address", "there is no `relay` in `targets`", ""),
            ("seed.x", "`seed` has no parts", ""),
            ("phases.soak.thresholds.4", "there is no `4`", "it has 1 entries, counted from 0"),
            ("phases..rate", "there is no `` in `phases`", ""),
            ("", "a key between any two dots", "phases.soak.rate"),
        ];
        for (path, message, help) in table {
            let (_, findings) = set_one(path, "1");
            let [found] = findings.errors.as_slice() else { panic!("{path}: {findings:?}") };
            assert_eq!(found.code, DiagnosticCode::Override, "{path}");
            assert_eq!(found.place, Place::Flag(format!("--set {path}=1")));
            assert!(found.message.contains(message), "{path}: {}", found.message);
            let said = found.help.clone().unwrap_or_default();
            assert!(said.contains(help), "{path}: {said}");
        }
    }

    #[test]
    fn a_mistake_in_an_added_table_is_the_flags() {
        let (_, findings) = set_one("monitor.interval", "2");
        let found = Diagnostic::value(DiagnosticCode::BadValue, "/monitor/interval", "no unit");

        let traced = findings.origins.trace(vec![found]);

        assert_eq!(traced[0].place, Place::Flag("--set monitor.interval=2".into()));
    }
}
