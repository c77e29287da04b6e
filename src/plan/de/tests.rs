//! Trees that are read item by item: every mistake, each at its place.

use serde_json::json;

use super::*;
use crate::plan::document::{Client, Phase, Sink, VOCABULARY};
use crate::plan::{DiagnosticCode, Part};

/// Code, pointer, part, message and help of each mistake.
fn mistakes<T: DeserializeOwned + Default>(tree: &Value) -> Vec<String> {
    let mut errors = Vec::new();
    let _: T = read(tree, "/here", VOCABULARY, &mut errors);
    errors.into_iter().map(shown).collect()
}

fn shown(diagnostic: Diagnostic) -> String {
    let Place::Plan(pointer, part) = diagnostic.place else { panic!("{:?}", diagnostic.place) };
    let part = if part == Part::Key { "key" } else { "value" };
    let help = diagnostic.help.map(|help| format!(" ({help})")).unwrap_or_default();
    format!("{} {part} {pointer}: {}{help}", diagnostic.code, diagnostic.message)
}

#[test]
fn every_wrong_value_and_every_unknown_key_of_an_item_is_told() {
    let tree = json!({
        "nmae": "a", "kind": "stedy", "duration": 30, "count": -1, "warmup": "yes",
        "rate": { "from": "5/s", "tp": "9/s" }, "mix": { "app": "many", "b": 1 },
    });

    expect_test::expect![[r"
        E010 key /here/nmae: unknown key `nmae` (did you mean `name`?)
        E012 value /here/kind: unknown value `stedy` (did you mean `steady`?)
        E012 value /here/duration: `30` has no unit; write `30s`, `30ms` or `30m`
        E012 value /here/count: `-1` is below zero
        E011 value /here/warmup: expected true or false, found the text `yes`
        E010 key /here/rate/tp: unknown key `tp` (did you mean `to`?)
        E011 value /here/mix/app: expected a number, found the text `many`"]]
    .assert_eq(&mistakes::<Phase>(&tree).join("\n"));
}

#[test]
fn what_is_wrong_is_left_out_and_the_rest_is_read() {
    let tree = json!({ "name": "a", "duration": true, "count": 7, "mix": { "x": null, "y": 2 } });
    let mut errors = Vec::new();

    let phase: Phase = read(&tree, "/here", VOCABULARY, &mut errors);

    assert_eq!((phase.name.as_deref(), phase.duration, phase.count), (Some("a"), None, Some(7)));
    assert_eq!(errors.len(), 2, "{errors:?}");
}

#[test]
fn an_item_of_another_type_is_one_mistake() {
    for tree in [json!(5), json!("text"), json!([1]), json!(true)] {
        let told = mistakes::<Client>(&tree);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("E011 value /here: expected a table, found"), "{told:?}");
    }
}

#[test]
fn an_item_without_a_value_is_empty() {
    assert_eq!(mistakes::<Client>(&Value::Null), Vec::<String>::new());
    assert_eq!(
        mistakes::<Client>(&json!({ "ehlo": null })),
        ["E011 value /here/ehlo: expected a string, found no value"]
    );
}

#[test]
fn keys_that_begin_with_x_are_ignored_everywhere() {
    let tree =
        json!({ "x-a": 1, "mix": { "x-b": [], "app": 1 }, "rate": { "x-c": 0, "to": "1/s" } });

    assert_eq!(mistakes::<Phase>(&tree), Vec::<String>::new());
}

#[test]
fn keys_and_values_of_later_versions_are_told_apart_from_mistakes() {
    let clients = [json!({ "expect": { "starttls": "454" } })];
    let phases = [json!({ "per": "session" })];
    let sinks = [json!({ "greylist": {} })];
    let told = clients.iter().map(|tree| (tree, mistakes::<Client>(tree)));
    let told = told.chain(phases.iter().map(|tree| (tree, mistakes::<Phase>(tree))));
    let told = told.chain(sinks.iter().map(|tree| (tree, mistakes::<Sink>(tree))));
    for (tree, told) in told {
        assert_eq!(told.len(), 1, "{tree}: {told:?}");
        assert!(told[0].starts_with("E015 "), "{tree}: {told:?}");
        assert!(told[0].ends_with("` is not supported yet"), "{tree}: {told:?}");
    }
}

#[test]
fn the_defaults_of_later_features_may_be_written() {
    let tree = json!({ "kind": "mail", "tls": "none" });

    assert_eq!(mistakes::<Client>(&tree), Vec::<String>::new());
}

#[test]
fn an_endless_number_of_mistakes_ends() {
    let many: serde_json::Map<String, Value> =
        (0..1000).map(|n| (format!("c{n}"), "x".into())).collect();
    let mut errors = Vec::new();

    let _: Phase = read(&json!({ "mix": many }), "/here", VOCABULARY, &mut errors);

    assert_eq!(errors.len(), MOST_PASSES);
    assert!(errors.iter().all(|error| error.code == DiagnosticCode::WrongType));
}
