//! The tree of a plan file and what the command line changes → the tree of the plan in force.
//!
//! Variables, overrides and `extends` are worked into the tree before any type is read from it,
//! so that the reader of the plan knows nothing of them, and the settled tree, written down, is a
//! plan that does the same. A mistake found here or later is traced back by [`Origins`].

mod destination;
mod extends;
mod interpolate;
mod origins;
mod overrides;
mod profile;
mod scale;
mod select;
mod set;
mod thresholds;
mod variables;

use serde_json::{Map, Value};

use super::diagnostic::Diagnostic;
use variables::Variables;

pub use interpolate::escape_dollars;
pub use origins::Origins;
pub use overrides::{Destination, Overrides, PlannedThresholds, TargetAddress, VarsFile};
pub(super) use profile::names as profile_names;

/// A plan with its variables, overrides and `extends` worked in.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    /// The plan in force: no `vars`, no `${}`, no `extends`; a seed.
    pub tree: Value,
    /// From where its parts came; what is found wrong with the tree goes through
    /// [`Origins::trace`].
    pub origins: Origins,
}

/// What settling finds out on its way.
#[derive(Debug, Default)]
struct Findings {
    origins: Origins,
    errors: Vec<Diagnostic>,
}

/// Works variables, overrides and `extends` into a plan, and adds all mistakes in them to
/// `errors`, each at its place in the user's text. A tree that is no table comes back as it is.
///
/// `default_seed` is the seed of a plan that has none, cut to 63 bits: TOML has no larger number.
pub fn settle(
    tree: Value,
    overrides: &Overrides,
    default_seed: u64,
    errors: &mut Vec<Diagnostic>,
) -> Settled {
    let mut findings = Findings::default();
    let (tree, kept) = match tree {
        Value::Object(table) => {
            let mut tree = settle_table(table, overrides, default_seed, &mut findings);
            let kept = select::select(&mut tree, &overrides.phases, &mut findings);
            (Value::Object(tree), kept)
        }
        other => (other, None),
    };
    let Findings { mut origins, errors: found } = findings;
    errors.extend(origins.trace_all(found));
    // What was found so far is told by the positions that phases had before some were left out.
    if let Some(kept) = kept {
        origins.keep_phases(kept);
    }
    Settled { tree, origins }
}

fn settle_table(
    mut table: Map<String, Value>,
    overrides: &Overrides,
    default_seed: u64,
    findings: &mut Findings,
) -> Map<String, Value> {
    profile::choose(&mut table, overrides.profile.as_deref(), findings);
    let mut tree = with_values_set(table, overrides, findings);
    fill_variables(&mut tree, overrides, findings);
    extends::inherit(&mut tree, findings);
    destination::redirect(&mut tree, &overrides.destination, findings);
    thresholds::settle_planned(&mut tree, overrides.planned_thresholds);
    thresholds::add(&mut tree, &overrides.thresholds, findings);
    if let Some(factor) = overrides.scale {
        scale::scale_levels(&mut tree, factor);
    }
    if let Some(factor) = overrides.time_scale {
        scale::scale_times(&mut tree, factor, findings);
    }
    settle_seed(&mut tree, overrides.seed, default_seed, findings);
    tree
}

/// The plan with `--set` worked in, but for variables, which have an order of their own.
fn with_values_set(
    table: Map<String, Value>,
    overrides: &Overrides,
    findings: &mut Findings,
) -> Map<String, Value> {
    let mut tree = Value::Object(table);
    let of_the_tree = overrides.sets.iter().filter(|(path, _)| variable_of(path).is_none());
    set::set_all(&mut tree, of_the_tree, findings);
    match tree {
        Value::Object(table) => table,
        _ => Map::new(),
    }
}

/// NAME of the path `vars.NAME`.
fn variable_of(path: &str) -> Option<&str> {
    path.strip_prefix("vars.").filter(|name| !name.contains('.'))
}

fn fill_variables(tree: &mut Map<String, Value>, overrides: &Overrides, findings: &mut Findings) {
    let mut variables = Variables::take(tree, overrides, findings);
    variables.settle(findings);
    interpolate::interpolate_table(tree, "", &mut variables, findings);
    variables.report_unknown(findings);
}

fn settle_seed(
    tree: &mut Map<String, Value>,
    seed: Option<u64>,
    default_seed: u64,
    findings: &mut Findings,
) {
    if let Some(seed) = seed {
        tree.insert("seed".to_owned(), Value::from(seed));
        findings.origins.set_by_flag("/seed", &format!("--seed {seed}"));
    } else if !tree.contains_key("seed") {
        tree.insert("seed".to_owned(), Value::from(default_seed & (u64::MAX >> 1)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::diagnostic::{DiagnosticCode, Part, Place};
    use super::*;

    fn settled(tree: Value, overrides: &Overrides) -> (Value, Vec<Diagnostic>) {
        let mut errors = Vec::new();
        let settled = settle(tree, overrides, 7, &mut errors);
        (settled.tree, errors)
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn a_lone_reference_takes_the_type_and_others_become_text() {
        let tree = json!({
            "seed": "${n}",
            "vars": { "n": 5, "on": true, "url": "${host}:${port}", "port": 25, "host": "h", "w": { "a": 1 } },
            "phases": [{ "rate": "${n}/s", "warmup": "${on}" }],
            "mixes": { "m": "${w}" },
            "target": { "address": "${url}" },
            "messages": { "a": { "text": "{{ seq }} costs $5, $${n} or ${n}" } },
        });

        let (tree, errors) = settled(tree, &Overrides::default());

        assert_eq!(errors, []);
        let expected = json!({
            "seed": 5,
            "phases": [{ "rate": "5/s", "warmup": true }],
            "mixes": { "m": { "a": 1 } },
            "target": { "address": "h:25" },
            "messages": { "a": { "text": "{{ seq }} costs $5, ${n} or 5" } },
        });
        assert_eq!(tree, expected);
    }

    #[test]
    fn private_keys_are_left_alone_wherever_they_stand_and_headers_are_not_private() {
        let tree = json!({
            "vars": { "v": 1 },
            "x-top": "${nothing}",
            "clients": { "app": { "x-note": ["${nothing}"] }, "x-app": { "ehlo": "${" } },
            "phases": [{ "x-why": "$${", "name": "p" }],
            "messages": { "m": { "headers": { "x-id": "${v}" } } },
        });

        let (settled, errors) = settled(tree.clone(), &Overrides::default());

        assert_eq!(errors, []);
        assert_eq!(settled["messages"]["m"]["headers"]["x-id"], 1);
        for pointer in ["/x-top", "/clients", "/phases"] {
            assert_eq!(settled.pointer(pointer), tree.pointer(pointer), "{pointer}");
        }
    }

    #[test]
    fn each_source_of_variables_wins_over_those_before() {
        let tree = json!({
            "vars": { "a": 0, "b": 0, "c": 0, "d": 0, "e": 0 },
            "labels": { "a": "${a}", "b": "${b}", "c": "${c}", "d": "${d}", "e": "${e}" },
        });
        let file = |name: &str, text: &str| VarsFile { name: name.into(), text: text.into() };
        let overrides = Overrides {
            environment: pairs(&[("A", "1"), ("b", "1"), ("PATH", "x"), ("", "y")]),
            vars_files: vec![file("v.toml", "b = 2\nc = 2"), file("v.yaml", "c: 3\nd: \"${c}0\"")],
            vars: pairs(&[("d", "4"), ("e", "4")]),
            sets: pairs(&[("vars.e", "5")]),
            ..Overrides::default()
        };

        let (tree, errors) = settled(tree, &overrides);

        assert_eq!(errors, []);
        assert_eq!(tree["labels"], json!({ "a": 1, "b": 2, "c": 3, "d": 4, "e": 5 }));
    }

    #[test]
    fn a_variable_of_the_command_line_is_a_number_where_it_looks_like_one() {
        let table = [
            ("5", json!(5)),
            ("0.5", json!(0.5)),
            ("true", json!(true)),
            ("007", json!("007")),
            ("1.2.3", json!("1.2.3")),
            ("\"x\"", json!("\"x\"")),
            ("${x}", json!("${x}")),
            ("", json!("")),
        ];
        for (text, expected) in table {
            let overrides = Overrides { vars: pairs(&[("v", text)]), ..Overrides::default() };
            let (tree, errors) = settled(json!({ "name": "${v}" }), &overrides);
            assert_eq!(errors, [], "{text}");
            assert_eq!(tree["name"], expected, "{text}");
        }
    }

    #[test]
    fn every_mistake_with_variables_has_its_place() {
        let tree = json!({
            "vars": { "peak": 5, "a": "${b}", "b": "x${a}", "bad name": 1, "list": [1], "a0": "${a}" },
            "name": "${peek}",
            "labels": { "x": "${peak", "y": "a${list}", "z": "${a0}" },
            "phases": [{ "rate": "${pea}/s ${nothing-near}" }],
        });
        let overrides = Overrides { vars: pairs(&[("paek", "1")]), ..Overrides::default() };

        let (_, errors) = settled(tree, &overrides);

        let found: Vec<(String, &str)> = errors
            .iter()
            .map(|error| match &error.place {
                Place::Plan(pointer, Part::Key) => {
                    (format!("{} {pointer} key", error.code), error.message.as_str())
                }
                Place::Plan(pointer, Part::Value) => {
                    (format!("{} {pointer}", error.code), error.message.as_str())
                }
                Place::Flag(flag) => (format!("{} {flag}", error.code), error.message.as_str()),
                Place::Octets(_) | Place::File { .. } => panic!("{error:?}"),
            })
            .collect();
        let expected = [
            ("E021 /vars/bad name key", "`bad name` is not a name for a variable"),
            ("E023 /vars/b", "variables refer to each other in a circle: a → b → a"),
            ("E022 /name", "no variable is named `peek`"),
            ("E022 /labels/x", "`${` is not closed"),
            ("E022 /labels/y", "`${list}` is a list and can't stand inside a text"),
            ("E022 /phases/0/rate", "no variable is named `pea`"),
            ("E022 /phases/0/rate", "no variable is named `nothing-near`"),
            ("E026 --var paek=1", "the plan has no variable `paek`"),
        ];
        assert_eq!(found, expected.map(|(place, message)| (place.to_owned(), message)));
        assert_eq!(errors[2].help.as_deref(), Some("did you mean `peak`?"));
        assert_eq!(errors[7].help.as_deref(), Some("did you mean `peak`?"));
    }

    #[test]
    fn what_a_bad_variable_spoils_is_not_reported_again() {
        let mut errors = Vec::new();
        let tree = json!({ "phases": [{ "rate": "${x}/s" }] });
        let sets = pairs(&[("name", "${y}")]);
        let overrides = Overrides { sets, ..Overrides::default() };

        let settled = settle(tree, &overrides, 7, &mut errors);

        let places: Vec<&Place> = errors.iter().map(|error| &error.place).collect();
        assert_eq!(
            places,
            [
                &Place::Plan("/phases/0/rate".into(), Part::Value),
                &Place::Flag("--set name=${y}".into()),
            ],
        );
        let later = ["/phases/0/rate", "/name"]
            .map(|pointer| Diagnostic::value(DiagnosticCode::BadValue, pointer, "not a rate"));
        assert_eq!(settled.origins.trace(later.to_vec()), []);
    }

    #[test]
    fn variables_that_double_each_other_are_stopped() {
        let mut vars = Map::new();
        vars.insert("v0".to_owned(), json!("0123456789abcdef".repeat(4096)));
        for n in 1..15 {
            vars.insert(format!("v{n}"), json!(format!("${{v{0}}}${{v{0}}}", n - 1)));
        }

        let (_, errors) = settled(json!({ "vars": vars }), &Overrides::default());

        assert_eq!(errors.first().map(|error| error.code), Some(DiagnosticCode::TooLarge));
    }

    #[test]
    fn a_chain_of_variables_has_an_end() {
        let chain = (0..1000).map(|n| (format!("v{n}"), json!(format!("${{v{}}}", n + 1))));
        let vars: Map<String, Value> = chain.collect();

        let (_, errors) = settled(json!({ "vars": vars }), &Overrides::default());

        assert_eq!(errors.first().map(|error| error.code), Some(DiagnosticCode::TooLarge));
    }

    #[test]
    fn a_file_of_variables_that_cannot_be_read_is_named() {
        let file = VarsFile { name: "v.toml".into(), text: "a = 1\nb = \n".into() };
        let overrides = Overrides { vars_files: vec![file], ..Overrides::default() };

        let (_, errors) = settled(json!({}), &overrides);

        assert_eq!(errors[0].place, Place::Flag("--vars v.toml".into()));
        assert!(errors[0].message.ends_with("in line 2"), "{}", errors[0].message);
    }

    #[test]
    fn a_plan_always_has_a_seed() {
        let flag = Overrides { seed: Some(9), ..Overrides::default() };
        let table = [
            (json!({}), Overrides::default(), 7),
            (json!({ "seed": 8 }), Overrides::default(), 8),
            (json!({ "seed": 8 }), flag, 9),
        ];
        for (tree, overrides, seed) in table {
            assert_eq!(settled(tree, &overrides).0["seed"], json!(seed));
        }
    }

    #[test]
    fn set_wins_over_variables_and_scales_come_last() {
        let tree = json!({
            "vars": { "peak": 10 },
            "phases": [{ "name": "soak", "rate": "1/s", "duration": "1m" }],
        });
        let overrides = Overrides {
            vars: pairs(&[("peak", "20")]),
            sets: pairs(&[("phases.soak.rate", "${peak}/s")]),
            scale: Some(2.0),
            time_scale: Some(0.5),
            ..Overrides::default()
        };

        let (tree, errors) = settled(tree, &overrides);

        assert_eq!(errors, []);
        assert_eq!(tree["phases"][0], json!({ "name": "soak", "rate": "40/s", "duration": "30s" }));
    }

    proptest! {
        #[test]
        fn no_text_and_no_flag_make_settling_panic(
            text in "[${}a~/ .é]{0,12}",
            path in "(phases|vars|clients|a)?[.a0]{0,8}",
            value in "[\\[{}=\"a0\n.$-]{0,8}",
        ) {
            let tree = json!({
                "vars": { "a": &text, "0": [&text] },
                "phases": [{ "name": "a", "rate": &text }],
                "clients": { "a": { "extends": &text, "x": &text } },
            });
            let overrides = Overrides {
                sets: vec![(path, value.clone())],
                vars: vec![(text.clone(), value.clone())],
                vars_files: vec![
                    VarsFile { name: "v.toml".into(), text: value.clone() },
                    VarsFile { name: "v.yaml".into(), text: value },
                ],
                ..Overrides::default()
            };
            let (settled, errors) = settled(tree, &overrides);

            let filled = settled["phases"][0]["rate"] != json!(text) || !text.contains("${");
            prop_assert!(filled || !errors.is_empty(), "{text}: {settled}");
        }
    }
}
