//! The environment of a result, whatever it holds → names and values in words.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::format;

/// More facts than these are no longer read.
const MOST: usize = 200;

/// A name and its value.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(super) struct Fact {
    pub(super) name: String,
    pub(super) value: String,
}

/// Every value with the path to it as its name; what is null is left out.
pub(super) fn facts(all: &Map<String, Value>) -> Vec<Fact> {
    let mut facts = Vec::new();
    for (key, value) in all {
        add(key, key, value, &mut facts);
    }
    facts.truncate(MOST);
    facts
}

fn add(path: &str, key: &str, value: &Value, facts: &mut Vec<Fact>) {
    let text = match value {
        Value::Null => return,
        Value::Object(inner) => {
            for (key, value) in inner {
                add(&format!("{path} {key}"), key, value, facts);
            }
            return;
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                add(&format!("{path} {}", at + 1), key, item, facts);
            }
            return;
        }
        Value::Bool(is) => if *is { "yes" } else { "no" }.to_owned(),
        Value::String(text) => format::escape(&format::cut(text, 500)),
        Value::Number(number) => self::number(key, number),
    };
    facts.push(Fact { name: format::escape(&words(path)), value: text });
}

/// The unit stands at the end of the key, as everywhere in the results.
fn number(key: &str, number: &serde_json::Number) -> String {
    let value = number.as_f64().unwrap_or(f64::NAN);
    match number.as_u64() {
        Some(octets) if key.ends_with("_octets") => format::octets(octets),
        _ if key.starts_with("cpu") => format::share(value),
        _ if key.ends_with("_ms") => format::latency(value),
        Some(count) => format::count(count),
        None => format::value(value, "count"),
    }
}

fn words(path: &str) -> String {
    path.replace("_octets", "").replace('_', " ").replace("cpu", "processor")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_by_their_keys_and_what_is_not_known_is_left_out() {
        let environment = serde_json::json!({
            "kernel": "Linux \u{1b}[31m6.1", "cores": 2, "nofile": null,
            "host": { "cpu_max": 0.25, "memory_max_octets": 1_048_576 },
        });

        let facts = facts(environment.as_object().unwrap());

        let mut lines: Vec<String> =
            facts.iter().map(|fact| format!("{}: {}", fact.name, fact.value)).collect();
        lines.sort_unstable();
        assert_eq!(
            lines,
            [
                "cores: 2",
                "host memory max: 1.00 MiB",
                "host processor max: 25 %",
                "kernel: Linux \\u{1b}[31m6.1",
            ]
        );
    }
}
