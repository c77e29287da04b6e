//! One plan laid over another: what an including file, or a profile, does to what is below it.
//!
//! Tables merge by key. Weights and lists are replaced as a whole, for half a list of shares is
//! nothing that anybody meant; but phases merge by name, the new ones behind those that are
//! there. So positions in what is below never move.

use serde_json::{Map, Value};

use super::escape;

/// The tables that are one value: weights over names, and what a variable holds.
const WHOLE: [&[&str]; 7] = [
    &["mixes", "*"],
    &["vars", "*"],
    &["defaults", "mix"],
    &["phases", "*", "mix"],
    &["clients", "*", "messages"],
    &["messages", "*", "size", "histogram"],
    &["sink", "replies", "*"],
];

/// What became of a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Laid<'a> {
    /// The whole of it was taken from this pointer of the upper plan.
    Taken(&'a str),
    /// The table at this pointer of the upper plan was merged into it.
    Merged(&'a str),
    /// It stays, in a table into which another was merged.
    Kept,
}

/// Hears of each value: its pointer in the result, and what became of it. Of a table that is
/// merged it first hears what stays in it.
pub(super) type Hear<'a> = dyn FnMut(&str, Laid<'_>) + 'a;

/// Lays `upper` over `lower`, both plans.
pub(super) fn lay_over(
    lower: &mut Map<String, Value>,
    upper: Map<String, Value>,
    hear: &mut Hear<'_>,
) {
    Layer { path: Vec::new(), hear }.tables(lower, upper, "", "");
}

/// Where the two are being merged.
struct Layer<'a, 'h> {
    /// The keys from the root; `*` in the place of an index.
    path: Vec<String>,
    hear: &'a mut Hear<'h>,
}

impl Layer<'_, '_> {
    fn tables(
        &mut self,
        lower: &mut Map<String, Value>,
        upper: Map<String, Value>,
        into: &str,
        from: &str,
    ) {
        // What only stands below keeps its origin, whatever becomes of the table around it.
        for key in lower.keys() {
            (self.hear)(&format!("{into}/{}", escape(key)), Laid::Kept);
        }
        (self.hear)(into, Laid::Merged(from));
        for (key, value) in upper {
            let into = format!("{into}/{}", escape(&key));
            let from = format!("{from}/{}", escape(&key));
            if let Some(below) = lower.get_mut(&key) {
                self.path.push(key);
                self.values(below, value, &into, &from);
                self.path.pop();
            } else {
                (self.hear)(&into, Laid::Taken(&from));
                lower.insert(key, value);
            }
        }
    }

    fn values(&mut self, lower: &mut Value, upper: Value, into: &str, from: &str) {
        match (lower, upper) {
            (Value::Object(lower), Value::Object(upper)) if !self.is_whole() => {
                self.tables(lower, upper, into, from);
            }
            (Value::Array(lower), Value::Array(upper)) if self.is_phases() => {
                self.phases(lower, upper, into, from);
            }
            (lower, upper) => {
                (self.hear)(into, Laid::Taken(from));
                *lower = upper;
            }
        }
    }

    /// A second phase of a name is no change of the first: it goes behind, and is told as a
    /// mistake where the plan is lowered.
    fn phases(&mut self, lower: &mut Vec<Value>, upper: Vec<Value>, into: &str, from: &str) {
        let mut free: Vec<Option<String>> = lower.iter().map(name).collect();
        for (index, phase) in upper.into_iter().enumerate() {
            let from = format!("{from}/{index}");
            let wanted = name(&phase);
            let place = free.iter().position(|free| free.is_some() && *free == wanted);
            let into = format!("{into}/{}", place.unwrap_or(lower.len()));
            if let Some(below) = place.and_then(|place| lower.get_mut(place)) {
                place.and_then(|place| free.get_mut(place)).map(Option::take);
                self.path.push("*".to_owned());
                self.values(below, phase, &into, &from);
                self.path.pop();
            } else {
                (self.hear)(&into, Laid::Taken(&from));
                lower.push(phase);
            }
        }
    }

    /// The path in the plan, whether it stands in the plan itself or in one of its profiles.
    fn in_plan(&self) -> &[String] {
        match self.path.as_slice() {
            [profiles, _, rest @ ..] if profiles == "profiles" => rest,
            path => path,
        }
    }

    fn is_phases(&self) -> bool {
        matches!(self.in_plan(), [phases] if phases == "phases")
    }

    fn is_whole(&self) -> bool {
        let path = self.in_plan();
        let fits = |pattern: &&[&str]| {
            let mut pairs = pattern.iter().zip(path);
            pattern.len() == path.len() && pairs.all(|(part, key)| *part == "*" || part == key)
        };
        WHOLE.iter().any(fits)
    }
}

fn name(phase: &Value) -> Option<String> {
    phase.get("name").and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn laid(lower: Value, upper: Value) -> (Value, Vec<(String, String)>) {
        let (Value::Object(mut lower), Value::Object(upper)) = (lower, upper) else {
            panic!("no tables")
        };
        let mut taken = Vec::new();
        lay_over(&mut lower, upper, &mut |into, laid| {
            if let Laid::Taken(from) = laid {
                taken.push((into.to_owned(), from.to_owned()));
            }
        });
        (Value::Object(lower), taken)
    }

    #[test]
    fn tables_merge_by_key_and_weights_and_lists_are_replaced() {
        let (tree, taken) = laid(
            json!({
                "clients": { "app": { "think": "1s", "messages": { "a": 1, "b": 2 }, "tls": { "mode": "starttls", "ca": "a" } } },
                "mixes": { "m": { "app": 1, "slow": 2 } },
                "thresholds": ["a", "b"],
                "vars": { "weights": { "a": 1 }, "peak": 5 },
            }),
            json!({
                "clients": { "app": { "messages": { "c": 3 }, "tls": { "ca": "b" } } },
                "mixes": { "m": { "app": 5 }, "n": { "app": 1 } },
                "thresholds": ["c"],
                "vars": { "weights": { "b": 1 } },
            }),
        );

        let expected = json!({
            "clients": { "app": { "think": "1s", "messages": { "c": 3 }, "tls": { "mode": "starttls", "ca": "b" } } },
            "mixes": { "m": { "app": 5 }, "n": { "app": 1 } },
            "thresholds": ["c"],
            "vars": { "weights": { "b": 1 }, "peak": 5 },
        });
        assert_eq!(tree, expected);
        let same = ["/clients/app/messages", "/clients/app/tls/ca", "/mixes/m", "/mixes/n"];
        for pointer in same.into_iter().chain(["/thresholds", "/vars/weights"]) {
            assert!(taken.contains(&(pointer.to_owned(), pointer.to_owned())), "{pointer}");
        }
        assert_eq!(taken.len(), 6, "{taken:?}");
    }

    #[test]
    fn phases_merge_by_name_and_new_ones_go_behind() {
        let (tree, taken) = laid(
            json!({ "phases": [{ "name": "a", "rate": "1/s", "mix": { "x": 1 } }, { "name": "b" }] }),
            json!({ "phases": [
                { "name": "c" },
                { "name": "b", "duration": "5s" },
                { "name": "a", "mix": { "y": 1 } },
                { "name": "b" },
            ] }),
        );

        let expected = json!([
            { "name": "a", "rate": "1/s", "mix": { "y": 1 } },
            { "name": "b", "duration": "5s" },
            { "name": "c" },
            { "name": "b" },
        ]);
        assert_eq!(tree["phases"], expected);
        let pair = |into: &str, from: &str| (into.to_owned(), from.to_owned());
        assert!(taken.contains(&pair("/phases/1/duration", "/phases/1/duration")), "{taken:?}");
        assert!(taken.contains(&pair("/phases/0/mix", "/phases/2/mix")), "{taken:?}");
        assert!(taken.contains(&pair("/phases/3", "/phases/3")), "{taken:?}");
        assert!(taken.contains(&pair("/phases/2", "/phases/0")), "{taken:?}");
    }

    #[test]
    fn the_same_rules_hold_inside_a_profile() {
        let plan = |weights: Value| json!({ "profiles": { "ci": { "mixes": { "m": weights } } } });

        let (tree, _) = laid(plan(json!({ "a": 1 })), plan(json!({ "b": 1 })));

        assert_eq!(tree, plan(json!({ "b": 1 })));
    }
}
