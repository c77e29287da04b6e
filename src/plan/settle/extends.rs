//! `extends = "app"` → the keys of `app`, where the thing has none of its own.
//!
//! It is shallow: a key that stands in both is the heir's alone, tables included.

use serde_json::{Map, Value};

use super::super::diagnostic::{Diagnostic, DiagnosticCode, escape, suggest};
use super::Findings;

/// The tables whose entries may extend each other.
const FAMILIES: [&str; 3] = ["clients", "messages", "targets"];

/// Fills every heir of the plan.
pub(super) fn inherit(tree: &mut Map<String, Value>, findings: &mut Findings) {
    // `[target]` is the target named `default`.
    let default_target = tree.get("target").and_then(Value::as_object).cloned();
    for family in FAMILIES {
        let Some(Value::Object(members)) = tree.get_mut(family) else { continue };
        let mut line = Line { family, written: members.clone(), default_target: None };
        if family == "targets" {
            line.default_target.clone_from(&default_target);
        }
        for (name, member) in members.iter_mut() {
            if let Value::Object(heir) = member {
                line.fill(name, heir, findings);
            }
        }
    }
}

/// The entries of one table as they are written.
struct Line {
    family: &'static str,
    written: Map<String, Value>,
    default_target: Option<Map<String, Value>>,
}

impl Line {
    /// Walks from the heir over all it extends; the nearer one's keys win.
    fn fill(&self, name: &str, heir: &mut Map<String, Value>, findings: &mut Findings) {
        let mut path = vec![name.to_owned()];
        let mut next = heir.shift_remove("extends");
        while let Some(parent) = next {
            let child = path.last().map_or(name, String::as_str);
            let Some((parent, source, keys)) = self.parent(child, &parent, findings) else {
                return;
            };
            if path.contains(&parent) {
                path.push(parent);
                self.report_circle(&path, findings);
                return;
            }
            for (key, value) in keys.iter().filter(|(key, _)| *key != "extends") {
                if !heir.contains_key(key) {
                    let pointer = format!("/{}/{}/{}", self.family, escape(name), escape(key));
                    findings.origins.copied(&pointer, &format!("{source}/{}", escape(key)));
                    heir.insert(key.clone(), value.clone());
                }
            }
            next = keys.get("extends").cloned();
            path.push(parent);
        }
    }

    /// The name, pointer and keys of what `child` extends.
    fn parent(
        &self,
        child: &str,
        parent: &Value,
        findings: &mut Findings,
    ) -> Option<(String, String, &Map<String, Value>)> {
        let pointer = format!("/{}/{}/extends", self.family, escape(child));
        let Value::String(parent) = parent else {
            let message = "`extends` is not a name";
            findings.errors.push(Diagnostic::value(DiagnosticCode::WrongType, pointer, message));
            return None;
        };
        let known = match self.written.get(parent) {
            Some(Value::Object(keys)) => {
                Some((format!("/{}/{}", self.family, escape(parent)), keys))
            }
            // What is no table is reported by the reader of the plan.
            Some(_) => return None,
            None if parent == "default" => {
                self.default_target.as_ref().map(|keys| ("/target".to_owned(), keys))
            }
            None => None,
        };
        let Some((source, keys)) = known else {
            let message = format!("there is no `{parent}` in `{}`", self.family);
            let default = self.default_target.as_ref().map(|_| "default");
            let others = self.written.keys().map(String::as_str).filter(|name| *name != child);
            let help = suggest(parent, others.chain(default));
            findings.errors.push(
                Diagnostic::value(DiagnosticCode::UnknownName, pointer, message).with_help(help),
            );
            return None;
        };
        Some((parent.clone(), source, keys))
    }

    /// Reported once for a circle: at its first member by name.
    fn report_circle(&self, path: &[String], findings: &mut Findings) {
        let Some((last, before)) = path.split_last() else { return };
        let circle: Vec<&String> = before.iter().skip_while(|name| *name != last).collect();
        let Some(first) = circle.iter().min() else { return };
        let turned = circle.iter().cycle().skip_while(|name| name != &first);
        let names: Vec<&str> = turned.take(circle.len() + 1).map(|name| name.as_str()).collect();
        let pointer = format!("/{}/{}/extends", self.family, escape(first));
        let message = format!("`extends` goes in a circle: {}", names.join(" → "));
        let found = Diagnostic::value(DiagnosticCode::Cycle, pointer, message);
        if !findings.errors.contains(&found) {
            findings.errors.push(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::diagnostic::{Part, Place};
    use super::*;

    fn inherited(tree: Value) -> (Value, Findings) {
        let Value::Object(mut tree) = tree else { panic!("no table") };
        let mut findings = Findings::default();
        inherit(&mut tree, &mut findings);
        (Value::Object(tree), findings)
    }

    #[test]
    fn the_nearest_value_wins_and_tables_are_not_merged() {
        let (tree, findings) = inherited(json!({ "clients": {
            "base": { "think": "1s", "end": "close", "expect": { "rcpt": 550 } },
            "app": { "extends": "base", "think": "2s" },
            "staff": { "extends": "app", "expect": { "mail": 450 } },
        }}));

        assert_eq!(findings.errors, []);
        let staff = json!({ "expect": { "mail": 450 }, "think": "2s", "end": "close" });
        assert_eq!(tree["clients"]["staff"], staff);
    }

    #[test]
    fn a_target_may_extend_the_default_one() {
        let (tree, _) = inherited(json!({
            "target": { "address": "a:1", "timeouts": { "reply": "1s" } },
            "targets": { "other": { "extends": "default", "address": "b:2" } },
        }));

        let other = json!({ "address": "b:2", "timeouts": { "reply": "1s" } });
        assert_eq!(tree["targets"]["other"], other);
    }

    #[test]
    fn a_mistake_in_an_inherited_value_is_where_it_is_written() {
        let (_, findings) = inherited(json!({ "clients": {
            "base": { "think": 1 },
            "app": { "extends": "base" },
        }}));
        let found = Diagnostic::value(DiagnosticCode::BadValue, "/clients/app/think", "no unit");

        let place = findings.origins.trace(vec![found])[0].place.clone();

        assert_eq!(place, Place::Plan("/clients/base/think".into(), Part::Value));
    }

    #[test]
    fn a_circle_is_reported_once() {
        let (_, findings) = inherited(json!({ "messages": {
            "b": { "extends": "c" }, "c": { "extends": "a" }, "a": { "extends": "b" },
            "d": { "extends": "a" },
        }}));

        let [found] = findings.errors.as_slice() else { panic!("{findings:?}") };
        assert_eq!(found.code, DiagnosticCode::Cycle);
        assert_eq!(found.place, Place::Plan("/messages/a/extends".into(), Part::Value));
        assert_eq!(found.message, "`extends` goes in a circle: a → b → c → a");
    }

    #[test]
    fn an_unknown_name_is_told_with_what_is_near() {
        let (_, findings) = inherited(json!({ "clients": {
            "app": {}, "staff": { "extends": "ap" }, "x": { "extends": 5 },
        }}));

        let [unknown, wrong] = findings.errors.as_slice() else { panic!("{findings:?}") };
        assert_eq!(unknown.message, "there is no `ap` in `clients`");
        assert_eq!(unknown.help.as_deref(), Some("did you mean `app`?"));
        assert_eq!(wrong.code, DiagnosticCode::WrongType);
    }
}
