//! Documents that become plans, and what is said where they can't.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::plan::Environment;
use crate::plan::complete::complete;
use crate::plan::files::Files;
use crate::plan::model::{
    Arrival, Begin, ClientId, Curve, Endpoint, Load, PhaseId, SearchId, TargetId,
};
use crate::plan::{Part, Place};

const SECOND: Duration = Duration::from_secs(1);

/// The plan of a tree, and its mistakes as code, pointer, message and help.
fn lowered(tree: &Value) -> (Plan, Vec<String>) {
    let mut errors = Vec::new();
    let mut document = Document::read(tree, &mut errors);
    assert_eq!(errors, [], "{tree}");
    complete(&mut document, "plan.toml");
    let (environment, files) = (Environment::default(), Files::of(&document));
    let vault = Vault { environment: &environment, files: &files };
    let plan = lower(&document, "host.test", vault, &mut errors);
    (plan, errors.into_iter().map(shown).collect())
}

fn shown(diagnostic: Diagnostic) -> String {
    let Place::Plan(pointer, part) = diagnostic.place else { panic!("{:?}", diagnostic.place) };
    let part = if part == Part::Key { " key" } else { "" };
    let help = diagnostic.help.map(|help| format!(" ({help})")).unwrap_or_default();
    format!("{} {pointer}{part}: {}{help}", diagnostic.code, diagnostic.message)
}

pub(super) fn mistakes(tree: &Value) -> Vec<String> {
    lowered(tree).1
}

pub(super) fn plan(tree: &Value) -> Plan {
    let (plan, mistakes) = lowered(tree);
    assert_eq!(mistakes, Vec::<String>::new(), "{tree}");
    plan
}

pub(super) fn plan_of_one_client() -> Plan {
    plan(&with(json!({})))
}

/// A plan of these phases and two clients.
fn phases(phases: &[Value]) -> Value {
    json!({
        "version": 1,
        "clients": { "app": {}, "slow": {} },
        "defaults": { "mix": "app" },
        "phases": phases,
    })
}

/// What is wrong with one phase.
fn of_phase(phase: &Value) -> Vec<String> {
    mistakes(&phases(std::slice::from_ref(phase)))
}

/// A plan of one good phase with these sections.
pub(super) fn with(sections: Value) -> Value {
    let mut tree = json!({
        "version": 1,
        "phases": [{ "name": "a", "kind": "steady", "connections": 1, "duration": "1s" }],
    });
    let Value::Object(sections) = sections else { panic!("no table") };
    tree.as_object_mut().unwrap().extend(sections);
    tree
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn each_kind_of_phase_refuses_what_it_does_not_have() {
    let table = [
        (
            json!({ "name": "a", "kind": "steady", "connections": 1, "duration": "1s", "every": "1s" }),
            "E014 /phases/0/every key: `every` belongs to phases of kind `burst`, and this one is `steady`",
        ),
        (
            json!({ "name": "a", "kind": "step", "connections": { "from": 1, "to": 2, "by": 1 }, "hold": "1s", "duration": "1s" }),
            "E014 /phases/0/duration key: a phase of kind `step` has no `duration`",
        ),
        (
            json!({ "name": "a", "kind": "pause", "duration": "1s", "drain": "1s" }),
            "E014 /phases/0/drain key: a phase of kind `pause` has no `drain`",
        ),
        (
            json!({ "name": "a", "kind": "pause", "duration": "1s", "max_connections": 1 }),
            "E014 /phases/0/max_connections key: a phase of kind `pause` has no `max_connections`",
        ),
        (
            json!({ "name": "a", "kind": "pause", "duration": "1s", "rate": "1/s" }),
            "E014 /phases/0/rate key: a phase of kind `pause` has no `rate`",
        ),
        (
            json!({ "name": "a", "kind": "steady", "connections": 1, "duration": "1s", "arrival": "even" }),
            "E014 /phases/0/arrival key: `arrival` needs a `rate`",
        ),
        (
            json!({ "name": "a", "kind": "steady", "connections": 1, "rate": "1/s", "duration": "1s" }),
            "E014 /phases/0/rate key: a phase has `connections` or `rate`, not both",
        ),
        (
            json!({ "name": "a", "kind": "steady", "duration": "1s" }),
            "E013 /phases/0: the phase has no level (add `connections` (so many at a time) or `rate` (so many messages per second))",
        ),
        (
            json!({ "name": "a", "kind": "steady", "rate": { "from": "1/s", "to": "2/s" }, "duration": "1s" }),
            "E014 /phases/0/rate: a steady phase has one level",
        ),
        (
            json!({ "name": "a", "kind": "ramp", "rate": "1/s", "duration": "1s" }),
            "E014 /phases/0/rate: a ramp has `{ from, to }`",
        ),
        (
            json!({ "name": "a", "kind": "ramp", "rate": { "from": "1/s" }, "duration": "1s" }),
            "E013 /phases/0/rate/to: missing key `to`",
        ),
        (
            json!({ "name": "a", "kind": "ramp", "rate": { "to": "1/s", "peak": "2/s" }, "duration": "1s" }),
            "E014 /phases/0/rate/peak key: a ramp has `{ from, to }`",
        ),
        (
            json!({ "name": "a", "kind": "steady", "rate": "1/s" }),
            "E013 /phases/0/duration: missing key `duration` (or end the phase by `count`)",
        ),
        (
            json!({ "name": "a", "kind": "steady", "rate": "0/s", "count": 5 }),
            "E012 /phases/0/rate: at a level of zero the phase never ends",
        ),
        (
            json!({ "name": "a", "kind": "burst", "rate": { "base": "1/s", "peak": "2/s" }, "every": "1s", "burst": "2s", "duration": "9s" }),
            "E012 /phases/0/burst: a burst is at most as long as `every`",
        ),
        (
            json!({ "name": "a", "kind": "steady", "rate": "1/s", "duration": "0s" }),
            "E012 /phases/0/duration: `duration` is above zero",
        ),
        (
            json!({ "name": "a", "kind": "step", "rate": { "from": "1/s", "to": "9/s", "by": "0/s" }, "hold": "1s" }),
            "E012 /phases/0/rate/by: `by` is above zero",
        ),
        (
            json!({ "name": "a", "kind": "step", "rate": { "from": "0/s", "to": "9000/s", "by": "1/s" }, "hold": "1s" }),
            "E003 /phases/0/rate: more than 1000 levels",
        ),
        (
            json!({ "name": "a", "kind": "steady", "rate": "1/s", "duration": "1s", "delay": "1s" }),
            "E014 /phases/0/delay key: `delay` needs `with`",
        ),
        (
            json!({ "name": "a b", "kind": "steady", "rate": "1/s", "duration": "1s" }),
            "E021 /phases/0/name: `a b` is not a name (a name begins with a letter or `_` and has up to 64 letters, digits, `_` and `-`)",
        ),
        (
            json!({ "kind": "steady", "rate": "1/s", "duration": "1s" }),
            "E013 /phases/0/name: missing key `name`",
        ),
        (json!({ "name": "a" }), "E013 /phases/0/kind: missing key `kind`"),
        (
            json!({ "name": "a", "kind": "steady", "rate": "1/s", "duration": "1s", "mix": "apps" }),
            "E020 /phases/0/mix: no mix or client is named `apps` (did you mean `app`?)",
        ),
        (
            json!({ "name": "a", "kind": "steady", "rate": "1/s", "duration": "1s", "mix": { "app": 0 } }),
            "E012 /phases/0/mix/app: a weight is above zero",
        ),
        (
            json!({ "name": "a", "kind": "steady", "connections": 1, "duration": "1s", "thresholds": ["rate.achieved > 9%"] }),
            "E025 /phases/0/thresholds/0: `rate.achieved` needs a phase with a `rate`",
        ),
        (
            json!({ "name": "a", "kind": "steady", "rate": "1/s", "duration": "1s", "thresholds": ["message.p99{client=ap} < 1s"] }),
            "E020 /phases/0/thresholds/0: no client is named `ap` (did you mean `app`?)",
        ),
        (
            json!({ "name": "a", "kind": "steady", "rate": "1/s", "duration": "1s", "repeat": 0 }),
            "E012 /phases/0/repeat: a phase is repeated 1 to 1000 times",
        ),
    ];
    for (phase, mistake) in table {
        assert_eq!(of_phase(&phase), [mistake], "{phase}");
    }
}

#[test]
fn with_names_an_earlier_phase() {
    let steady = |name: &str, with: &str| json!({ "name": name, "kind": "steady", "connections": 1, "duration": "1s", "with": with });
    let soak = json!({ "name": "soak", "kind": "steady", "connections": 1, "duration": "1s" });

    assert_eq!(
        mistakes(&phases(&[soak.clone(), steady("b", "soka")])),
        ["E020 /phases/1/with: no phase is named `soka` (did you mean `soak`?)"]
    );
    assert_eq!(
        mistakes(&phases(&[steady("a", "soak"), soak])),
        [
            "E020 /phases/0/with: `soak` does not stand before this phase (`with` names an earlier phase)"
        ]
    );
}

fn search(more: &Value) -> Value {
    let mut phase = json!({
        "name": "find", "kind": "search", "rate": { "from": "10/s", "to": "100/s" }, "hold": "1s",
        "max_probes": 3, "while": ["message.errors < 1%"],
    });
    let (Value::Object(phase), Value::Object(more)) = (&mut phase, more) else { panic!() };
    phase.extend(more.clone());
    phase.retain(|_, value| !value.is_null());
    Value::Object(phase.clone())
}

#[test]
fn a_search_becomes_as_many_lines_as_it_may_have_probes() {
    let plan = plan(&phases(&[
        json!({ "name": "a", "kind": "steady", "connections": 1, "duration": "1s" }),
        search(&json!({})),
        json!({ "name": "b", "kind": "steady", "connections": 1, "duration": "1s" }),
        search(&json!({ "name": "beside", "with": "find", "rate": null,
            "connections": { "from": 2, "to": 7 }, "settle": "2s", "precision": "10%" })),
        json!({ "name": "c", "kind": "steady", "connections": 1, "duration": "1s" }),
    ]));

    let lines: Vec<_> = plan
        .phases
        .iter()
        .map(|phase| (phase.name.as_str(), phase.begin, phase.counts()))
        .collect();
    let (first, second) = (SearchId(0), SearchId(1));
    let none = Duration::ZERO;
    assert_eq!(
        lines,
        [
            ("a", Begin::Start, true),
            ("find/1", Begin::After(PhaseId(0)), false),
            ("find/2", Begin::Asked(first), false),
            ("find/3", Begin::Asked(first), false),
            ("b", Begin::Behind(first), true),
            ("beside/1", Begin::With(PhaseId(1), none), false),
            ("beside/2", Begin::Asked(second), false),
            ("beside/3", Begin::Asked(second), false),
            ("c", Begin::After(PhaseId(4)), true),
        ]
    );
    let levels: Vec<f64> = plan.phases[1..4].iter().map(|phase| rate(&phase.load).peak()).collect();
    assert_eq!(levels, [10.0, 100.0, 100.0]);
    let [find, beside] = &plan.searches[..] else { panic!("{:?}", plan.searches) };
    assert_eq!((find.first, find.settle, find.precision), (PhaseId(1), 5 * SECOND, 0.05));
    assert_eq!((beside.from, beside.to, beside.precision), (2.0, 7.0, 0.1));
    assert_eq!(beside.conditions[0].text, "message.errors < 1%");
    assert_eq!(plan.thresholds.len(), 1, "the others have the usual ones");
}

#[test]
fn a_plan_of_nothing_but_searches_has_no_thresholds_of_its_own() {
    assert_eq!(plan(&phases(&[search(&json!({}))])).thresholds, []);
}

#[test]
fn mistakes_of_a_search_are_told_at_their_places() {
    let table = [
        (json!({ "while": null }), "E013 /phases/0/while: missing key `while`"),
        (json!({ "while": [] }), "E012 /phases/0/while: a search needs at least one threshold"),
        (
            json!({ "while": ["message.p99 < 1"] }),
            "E025 /phases/0/while/0: `1` has no unit; write `1s`, `1ms` or `1m`",
        ),
        (
            json!({ "while": [{ "check": "message.errors < 1%", "action": "warn" }] }),
            "E014 /phases/0/while/0/action key: a condition of a search has no `action`",
        ),
        (json!({ "hold": null }), "E013 /phases/0/hold: missing key `hold`"),
        (json!({ "hold": "0s" }), "E012 /phases/0/hold: `hold` is above zero"),
        (json!({ "rate": "10/s" }), "E014 /phases/0/rate: a search has `{ from, to }`"),
        (json!({ "rate": { "to": "10/s" } }), "E013 /phases/0/rate/from: missing key `from`"),
        (
            json!({ "rate": { "from": "0/s", "to": "10/s" } }),
            "E012 /phases/0/rate/from: a search begins above zero",
        ),
        (
            json!({ "rate": { "from": "10/s", "to": "10/s" } }),
            "E012 /phases/0/rate/to: `to` is above `from`",
        ),
        (json!({ "precision": "0.01%" }), "E012 /phases/0/precision: a precision is 0.1% to 50%"),
        (json!({ "max_probes": 0 }), "E012 /phases/0/max_probes: a search has 1 to 100 probes"),
        (
            json!({ "duration": "1s" }),
            "E014 /phases/0/duration key: a phase of kind `search` has no `duration`",
        ),
        (
            json!({ "thresholds": ["message.errors < 1%"] }),
            "E014 /phases/0/thresholds key: a phase of kind `search` has no `thresholds`",
        ),
        (
            json!({ "warmup": true }),
            "E014 /phases/0/warmup key: a phase of kind `search` has no `warmup`",
        ),
        (
            json!({ "repeat": 2 }),
            "E014 /phases/0/repeat key: a phase of kind `search` has no `repeat`",
        ),
    ];
    for (more, mistake) in table {
        assert_eq!(of_phase(&search(&more)), [mistake], "{more}");
    }
    let steady = json!({ "name": "a", "kind": "steady", "rate": "1/s", "duration": "1s",
        "while": ["message.errors < 1%"] });
    assert_eq!(
        of_phase(&steady),
        ["E014 /phases/0/while key: `while` belongs to phases of kind `search`, and this one is \
             `steady`"]
    );
}

#[test]
fn no_phase_stands_beside_a_probe_that_may_never_begin() {
    let beside = |with: &str| json!({ "name": "b", "kind": "steady", "connections": 1, "duration": "1s", "with": with });

    assert_eq!(mistakes(&phases(&[search(&json!({})), beside("find/1")])), Vec::<String>::new());
    assert_eq!(
        mistakes(&phases(&[search(&json!({})), beside("find/2")])),
        ["E020 /phases/1/with: `find/2` may never begin: the search decides how many probes it \
             has (name the search: `find`)"]
    );
}

#[test]
fn phases_follow_each_other_on_their_tracks() {
    let plan = plan(&phases(&[
        json!({ "name": "a", "kind": "steady", "connections": 1, "duration": "1s", "repeat": 2 }),
        json!({ "name": "b", "kind": "steady", "connections": 1, "duration": "1s", "with": "a", "repeat": 2 }),
        json!({ "name": "c", "kind": "steady", "connections": 1, "duration": "1s", "with": "a/2", "delay": "3s" }),
        json!({ "name": "d", "kind": "pause", "duration": "1s" }),
    ]));

    let begins: Vec<_> =
        plan.phases.iter().map(|phase| (phase.name.as_str(), phase.begin)).collect();
    let none = Duration::ZERO;
    assert_eq!(
        begins,
        [
            ("a/1", Begin::Start),
            ("a/2", Begin::After(PhaseId(0))),
            ("b/1", Begin::With(PhaseId(0), none)),
            ("b/2", Begin::After(PhaseId(2))),
            ("c", Begin::With(PhaseId(1), Duration::from_secs(3))),
            ("d", Begin::After(PhaseId(1))),
        ]
    );
}

fn rate(load: &Load) -> Curve {
    match load {
        Load::Open { rate, .. } => *rate,
        Load::Closed { connections } => *connections,
        Load::Pause => panic!("a pause has no level"),
    }
}

#[test]
fn a_ramp_begins_where_the_last_phase_of_its_model_ended() {
    let plan = plan(&phases(&[
        json!({ "name": "a", "kind": "ramp", "rate": { "to": "5/s" }, "duration": "1s" }),
        json!({ "name": "b", "kind": "ramp", "connections": { "to": 7 }, "duration": "1s" }),
        json!({ "name": "c", "kind": "pause", "duration": "1s" }),
        json!({ "name": "d", "kind": "ramp", "rate": { "to": "0/s" }, "duration": "1s" }),
        json!({ "name": "e", "kind": "burst", "connections": { "base": 3, "peak": 9 }, "every": "2s", "burst": "1s", "duration": "9s" }),
        json!({ "name": "f", "kind": "ramp", "connections": { "to": 4 }, "duration": "1s" }),
    ]));

    let from = [0, 1, 3, 5].map(|line| rate(&plan.phases[line].load));
    let linear = |from, to| Curve::Linear { from, to };
    assert_eq!(from, [linear(0.0, 5.0), linear(1.0, 7.0), linear(5.0, 0.0), linear(3.0, 4.0)]);
}

#[test]
fn a_staircase_is_a_phase_for_each_level() {
    let steps = |from: &str, to: &str, by: &str| {
        let step = json!({ "name": "s", "kind": "step", "rate": { "from": from, "to": to, "by": by }, "hold": "2s" });
        let plan = plan(&phases(&[step]));
        let levels = plan.phases.iter().map(|phase| match rate(&phase.load) {
            Curve::Linear { from, to } if from.to_bits() == to.to_bits() => from,
            curve => panic!("{curve:?}"),
        });
        levels.collect::<Vec<_>>()
    };

    assert_eq!(steps("10/s", "40/s", "10/s"), [10.0, 20.0, 30.0, 40.0]);
    assert_eq!(steps("10/s", "45/s", "10/s"), [10.0, 20.0, 30.0, 40.0]);
    assert_eq!(steps("30/s", "10/s", "10/s"), [30.0, 20.0, 10.0]);
    assert_eq!(steps("0/s", "1/s", "0.1/s").len(), 11);
}

#[test]
fn phases_inherit_the_defaults_and_override_them() {
    let mut tree = phases(&[
        json!({ "name": "a", "kind": "steady", "rate": "1/s", "duration": "1s" }),
        json!({ "name": "b", "kind": "steady", "rate": "1/s", "duration": "1s", "arrival": "even",
                "max_in_flight": 5, "max_connections": 6, "drain": "7s", "mix": { "slow": 1 } }),
    ]);
    tree["defaults"] =
        json!({ "mix": "app", "max_in_flight": 3, "max_connections": 4, "drain": "5s" });
    let plan = plan(&tree);

    let settings = |line: usize| {
        let phase = &plan.phases[line];
        let Load::Open { arrival, max_in_flight, .. } = phase.load else { panic!("{phase:?}") };
        (
            arrival,
            max_in_flight,
            phase.max_connections,
            phase.drain.as_secs(),
            phase.mix.choices[0].0,
        )
    };
    assert_eq!(settings(0), (Arrival::Poisson, 3, Some(4), 5, ClientId(0)));
    assert_eq!(settings(1), (Arrival::Even, 5, Some(6), 7, ClientId(1)));
}

#[test]
fn a_phase_drains_for_the_longest_timeout_of_its_own_targets() {
    let mut tree = phases(&[
        json!({ "name": "a", "kind": "steady", "rate": "1/s", "duration": "1s" }),
        json!({ "name": "b", "kind": "steady", "rate": "1/s", "duration": "1s", "mix": "slow" }),
    ]);
    tree["targets"] =
        json!({ "far": { "address": "127.0.0.1:25", "timeouts": { "connect": "9m" } } });
    tree["clients"]["slow"] = json!({ "target": "far" });
    let plan = plan(&tree);

    assert_eq!(plan.clients[1].target, TargetId(1));
    assert_eq!([0, 1].map(|line: usize| plan.phases[line].drain.as_secs()), [120, 540]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn mistakes_in_each_section_have_their_place() {
    let table = [
        (
            json!({ "version": 2 }),
            "E004 /version: format version 2 is not known (this version of the program knows `version = 1`)",
        ),
        (
            json!({ "name": "a/b" }),
            "E021 /name: `a/b` is not a name (a name begins with a letter or `_` and has up to 64 letters, digits, `_` and `-`)",
        ),
        (json!({ "seed": u64::MAX }), "E012 /seed: a seed is at most 9223372036854775807"),
        (
            json!({ "target": { "address": [] } }),
            "E012 /target/address: a list of addresses has at least one",
        ),
        (
            json!({ "target": { "address": ["127.0.0.1:25", "b"] } }),
            "E012 /target/address/1: `b` has no port; write `b:25`",
        ),
        (
            json!({ "target": { "allow": ["10.0.0.0/33"] } }),
            "E012 /target/allow/0: `10.0.0.0/33` is not an address or a range such as `10.20.0.0/16`",
        ),
        (
            json!({ "target": { "timeouts": { "reply": "0s" } } }),
            "E012 /target/timeouts/reply: a timeout is above zero",
        ),
        (
            json!({ "target": { "address": "a:25" }, "sink": { "role": "target" } }),
            "E014 /sink/role: the sink is the target only where `[target]` has no address",
        ),
        (
            json!({ "sink": { "role": "next_hop" } }),
            "E013 /target/address: missing key `address` (a target without an address is the sink, where that has `role = \"target\"`)",
        ),
        (
            json!({ "targets": { "default": { "address": "a:25" } } }),
            "E021 /targets/default key: `default` is the name of `[target]`",
        ),
        (
            json!({ "clients": { "a": { "target": "b" } } }),
            "E020 /clients/a/target: no target is named `b`",
        ),
        (
            json!({ "clients": { "a": { "messages": "m" } } }),
            "E020 /clients/a/messages: no message is named `m` (expected one of: default)",
        ),
        (
            json!({ "clients": { "a": { "messages": { "defalt": 1 } } } }),
            "E020 /clients/a/messages/defalt key: no message is named `defalt` (did you mean `default`?)",
        ),
        (
            json!({ "clients": { "a": {} }, "messages": { "m": {}, "n": {} } }),
            "E013 /clients/a/messages: missing key `messages` (the plan has several messages; name one, or give weights)",
        ),
        (
            json!({ "clients": { "a": { "ehlo": "a b" } } }),
            "E012 /clients/a/ehlo: `a b` is no EHLO name: an EHLO name has 1 to 255 printable ASCII characters and no space",
        ),
        (
            json!({ "clients": { "a": { "messages_per_connection": 0 } } }),
            "E012 /clients/a/messages_per_connection: at least 1 is needed",
        ),
        (
            json!({ "clients": { "a": { "recipients": { "min": 1 } } } }),
            "E013 /clients/a/recipients/max: missing key `max`",
        ),
        (
            json!({ "clients": { "a": { "expect": { "rcpt": "650" } } } }),
            "E012 /clients/a/expect/rcpt: `650` is not a reply code such as `550` or a class such as `4xx`",
        ),
        (
            json!({ "clients": { "a": {}, "b": {} } }),
            "E013 /phases/0/mix: missing key `mix` (the plan has several clients; name a mix or a client, or give weights)",
        ),
        (
            json!({ "mixes": { "m": { "default": 1.7e308, "also": 1.7e308 } }, "clients": { "default": {}, "also": {} }, "defaults": { "mix": "default" } }),
            "E012 /mixes/m: the weights are too large to be added up",
        ),
        (
            json!({ "target": { "address": ["a:25", "b:25"], "spread": false } }),
            "E014 /target/spread: sessions go to all addresses of a list in turn (leave `spread` out, or give one address)",
        ),
        (json!({ "mixes": { "m": {} } }), "E012 /mixes/m: needs at least one name with its weight"),
        (
            json!({ "mixes": { "m": { "x": 1 } } }),
            "E020 /mixes/m/x key: no client is named `x` (expected one of: default)",
        ),
        (
            json!({ "messages": { "m": { "raw": "a", "subject": "b" } } }),
            "E014 /messages/m/subject key: `subject` is part of `raw`, which is a whole message",
        ),
        (
            json!({ "messages": { "m": { "size": { "min": 1 } } } }),
            "E014 /messages/m/size: a size is a number, `{ min, max }`, `{ p50, p99 }` or `{ histogram }`",
        ),
        (
            json!({ "messages": { "m": { "expect": { "greeting": "554" } } } }),
            "E014 /messages/m/expect/greeting key: `greeting` belongs to the `expect` of a client",
        ),
        (
            json!({ "messages": { "m": { "size": "2GiB" } } }),
            "E012 /messages/m/size: a message is at most 1GiB",
        ),
        (
            json!({ "messages": { "m": { "to": [] } } }),
            "E012 /messages/m/to: a message has at least one recipient",
        ),
        (
            json!({ "messages": { "m": { "to": { "count": 2 } } } }),
            "E013 /messages/m/to/address: missing key `address`",
        ),
        (
            json!({ "feeds": { "f": { "inline": [{ "a": 1 }], "order": "random", "when_exhausted": "stop" } } }),
            "E014 /feeds/f/when_exhausted key: a `random` order uses up no row",
        ),
        (
            json!({ "feeds": { "f": { "inline": [] } } }),
            "E012 /feeds/f/inline: a feed has at least one row",
        ),
        (
            json!({ "thresholds": ["message.errors < 5"] }),
            "E025 /thresholds/0: `5` is out of range; a share is from `0%` to `100%`, or from 0 to 1",
        ),
        (
            json!({ "thresholds": [{ "action": "warn" }] }),
            "E013 /thresholds/0/check: missing key `check`",
        ),
        (
            json!({ "sink": { "listen": "localhost" } }),
            "E012 /sink/listen: `localhost` is not an address such as `127.0.0.1:2525`",
        ),
        (
            json!({ "sink": { "replies": { "rcpt": { "250 ok": 0.1 } } } }),
            "E012 /sink/replies/rcpt/250 ok key: `250 ok` is not a reply (write a 4xx or 5xx code and a text, such as `450 4.7.1 later`)",
        ),
        (
            json!({ "sink": { "replies": { "rcpt": { "450 a": 0.6, "550 b": 0.6 } } } }),
            "E012 /sink/replies/rcpt: the shares of a step's replies are more than 100%",
        ),
        (
            json!({ "sink": { "reject": [{ "contains": "x", "reply": "250 ok" }] } }),
            "E012 /sink/reject/0/reply: `250 ok` is not a reply (write a 4xx or 5xx code and a text, such as `450 4.7.1 later`)",
        ),
        (
            json!({ "sink": { "reject": [{ "contains": "", "reply": "550 x" }] } }),
            "E012 /sink/reject/0/contains: words have 1 to 998 octets",
        ),
        (
            json!({ "sink": { "reject": [{ "reply": "550 x" }] } }),
            "E013 /sink/reject/0/contains: missing key `contains`",
        ),
        (
            json!({ "sink": { "latency": { "mail": { "p50": "5ms" } } } }),
            "E013 /sink/latency/mail/p99: missing key `p99`",
        ),
        (
            json!({ "sink": { "stall": { "every": "1s", "for": "2s" } } }),
            "E012 /sink/stall/for: a stop is at most as long as `every`",
        ),
        (json!({ "sink": { "service": {} } }), "E013 /sink/service/mean: missing key `mean`"),
        (
            json!({ "monitor": { "interval": "100ms" } }),
            "E012 /monitor/interval: the interval is at least 200ms",
        ),
        (
            json!({ "monitor": { "process": 0 } }),
            "E012 /monitor/process: a process has a number from 1 to 4194304",
        ),
        (
            json!({ "monitor": { "process": "/usr/sbin/master" } }),
            "E012 /monitor/process: a program's name has 1 to 255 octets and no `/`",
        ),
        (
            json!({ "monitor": { "process": "master", "enabled": false } }),
            "E014 /monitor/process key: nothing is watched where `enabled = false`",
        ),
    ];
    for (sections, mistake) in table {
        assert_eq!(mistakes(&with(sections.clone())), [mistake], "{sections}");
    }
    assert_eq!(
        mistakes(&json!({})),
        [
            "E004 /version: missing key `version` (write `version = 1`)",
            "E013 /phases: a plan needs `phases`",
        ]
    );
}

#[test]
fn a_list_of_addresses_or_spread_goes_to_all_of_them() {
    let endpoint =
        |target: Value| plan(&with(json!({ "target": target }))).targets[0].endpoint.clone();

    assert!(matches!(endpoint(json!({ "address": "a:25" })), Endpoint::One(_)));
    assert!(matches!(endpoint(json!({ "address": ["a:25"] })), Endpoint::One(_)));
    assert!(
        matches!(endpoint(json!({ "address": "a:25", "spread": true })), Endpoint::Spread(all) if all.len() == 1)
    );
    assert!(
        matches!(endpoint(json!({ "address": ["a:25", "b:25"] })), Endpoint::Spread(all) if all.len() == 2)
    );
    assert_eq!(endpoint(json!({})), Endpoint::Sink);
}

#[test]
fn where_sessions_come_from_is_read_and_its_mistakes_have_their_place() {
    let of_client = |client: Value| with(json!({ "clients": { "app": client } }));
    let over_unix = |client: Value| {
        with(json!({
            "target": { "address": "unix:/run/lmtp" },
            "clients": { "app": client },
        }))
    };
    let range = "is not an address or a range such as `10.20.0.0/16`";
    let table = [
        (
            of_client(json!({ "source": ["127.0.0.2", "127.0.0.2/33"] })),
            format!("E012 /clients/app/source/1: `127.0.0.2/33` {range}"),
        ),
        (
            of_client(json!({ "source": [] })),
            "E012 /clients/app/source: a list of addresses has at least one".to_owned(),
        ),
        (
            of_client(json!({ "proxy": { "clients": "10.0.0.0/8" } })),
            "E013 /clients/app/proxy/version: missing key `version`".to_owned(),
        ),
        (
            of_client(json!({ "proxy": { "version": "v2", "clients": "ten" } })),
            format!("E012 /clients/app/proxy/clients: `ten` {range}"),
        ),
        (
            over_unix(json!({ "source": "127.0.0.2" })),
            "E014 /clients/app/source key: a session to a Unix socket comes from no address"
                .to_owned(),
        ),
        (
            over_unix(json!({ "end": "reset" })),
            "E014 /clients/app/end key: a Unix socket knows no reset; `close` is the nearest"
                .to_owned(),
        ),
    ];
    for (tree, mistake) in table {
        assert_eq!(mistakes(&tree), [mistake], "{tree}");
    }
}

#[test]
fn a_proxy_header_stands_for_the_range_for_benchmarks_by_default() {
    let plan = plan(&with(json!({ "clients": { "app": { "proxy": "v2" } } })));

    let proxy = plan.clients[0].proxy.as_ref().unwrap();

    let first = proxy.clients.nth(crate::plan::Family::V4, 0).unwrap();
    assert_eq!(
        (proxy.version, first.to_string()),
        (crate::smtp::ProxyVersion::V2, "198.18.0.1".into())
    );
}

#[test]
fn the_thresholds_of_a_warm_up_only_warn() {
    let plan = plan(&phases(&[json!({
        "name": "a", "kind": "steady", "rate": "1/s", "duration": "1s", "warmup": true,
        "thresholds": ["message.errors < 1%"],
    })]));

    assert_eq!(plan.phases[0].thresholds[0].action, crate::plan::Action::Warn);
}

#[test]
fn the_times_of_a_threshold_are_whole_seconds_rounded_up() {
    let threshold = json!({
        "check": "message.p99 < 1s", "window": "1500ms", "for": "1ms", "action": "abort",
        "no_data": "pass",
    });
    let plan = plan(&phases(&[json!({
        "name": "a", "kind": "steady", "rate": "1/s", "duration": "2s", "thresholds": [threshold],
    })]));

    let threshold = &plan.phases[0].thresholds[0];
    assert_eq!(threshold.window, Some(Duration::from_secs(2)));
    assert_eq!(threshold.lasting, Duration::from_secs(1));
    assert_eq!(threshold.action, crate::plan::Action::Abort);
    assert!(threshold.is_live());
}

#[test]
fn times_that_no_phase_can_fill_are_refused_at_their_places() {
    let step = |threshold: Value| {
        json!({ "name": "a", "kind": "step", "connections": { "from": 1, "to": 2, "by": 1 },
                "hold": "10s", "thresholds": [threshold] })
    };
    let help = " (make it shorter, or the phase longer)";
    let table = [
        (json!({ "window": "10s" }), String::new()),
        (json!({ "for": "10s" }), String::new()),
        (json!({ "window": "5s", "for": "5s" }), String::new()),
        (
            json!({ "window": "11s" }),
            format!("window: the window is never full: phase `a` holds each level for 10s{help}"),
        ),
        (
            json!({ "window": "5s", "for": "6s" }),
            format!(
                "for: it can't be broken for so long: phase `a` holds each level for 10s{help}"
            ),
        ),
        (json!({ "window": "0s" }), "window: `window` is above zero".to_owned()),
        (json!({ "for": "0s" }), "for: `for` is above zero".to_owned()),
    ];
    for (mut threshold, mistake) in table {
        threshold["check"] = json!("message.p99 < 1s");
        let told: Vec<String> = of_phase(&step(threshold.clone()))
            .iter()
            .filter_map(|told| {
                told.split_once("/phases/0/thresholds/0/").map(|(_, told)| told.to_owned())
            })
            .collect();
        let expected: Vec<String> =
            Some(mistake).filter(|told| !told.is_empty()).into_iter().collect();
        assert_eq!(told, expected, "{threshold}");
    }
    let plan_wide = json!({ "thresholds": [{ "check": "message.p99 < 1s", "window": "2s" }] });
    assert_eq!(
        mistakes(&with(plan_wide)),
        [format!(
            "E025 /thresholds/0/window: the window is never full: all phases that count together \
             last 1s{help}"
        )]
    );
}

#[test]
fn what_is_not_broken_before_the_end_can_abort_only_in_a_window() {
    let told = |check: &str, window: bool| {
        let mut threshold = json!({ "check": check, "action": "abort" });
        if window {
            threshold["window"] = json!("1s");
        }
        mistakes(&with(json!({ "thresholds": [threshold] }))).len()
    };

    assert_eq!([told("message.count > 5", false), told("message.count > 5", true)], [1, 0]);
    assert_eq!([told("message.count < 5", false), told("case.findings == 0", false)], [0, 1]);
}

#[test]
fn the_address_of_a_scope_is_a_resolved_one() {
    let told = |address: &str| {
        let check = format!("message.errors{{address={address}}} < 1%");
        mistakes(&with(json!({ "thresholds": [check] })))
    };

    for good in ["127.0.0.1:25", "[::1]:25", "unix:/run/smtp"] {
        assert_eq!(told(good), Vec::<String>::new(), "{good}");
    }
    assert_eq!(
        told("localhost:25"),
        ["E025 /thresholds/0: `localhost:25` is not an address that a name is resolved to (write \
             IP:PORT, such as `127.0.0.1:25` or `[::1]:25`, or `unix:/PATH`)"]
    );
}

#[test]
fn a_plan_without_thresholds_has_two() {
    let plan = plan(&phases(&[
        json!({ "name": "w", "kind": "steady", "rate": "1/s", "duration": "1s", "warmup": true }),
        json!({ "name": "a", "kind": "steady", "rate": "1/s", "duration": "1s" }),
        json!({ "name": "b", "kind": "steady", "connections": 1, "duration": "1s" }),
    ]));

    let texts = |thresholds: &[crate::plan::Threshold]| {
        thresholds.iter().map(|threshold| threshold.text.clone()).collect::<Vec<_>>()
    };
    assert_eq!(texts(&plan.thresholds), ["message.errors < 1%"]);
    let of_phases: Vec<_> = plan.phases.iter().map(|phase| texts(&phase.thresholds)).collect();
    assert_eq!(of_phases, [vec![], vec!["rate.achieved >= 99%".to_owned()], vec![]]);
}

#[test]
fn a_number_that_toml_cannot_hold_is_refused() {
    let feeds = json!({ "f": { "inline": [{ "a": [u64::MAX] }] } });
    let phase = json!({ "name": "a", "kind": "steady", "connections": 1, "count": u64::MAX });

    assert_eq!(
        mistakes(&with(json!({ "feeds": feeds }))),
        ["E012 /feeds/f/inline/0/a: a whole number is at most 9223372036854775807; make it a text"]
    );
    assert_eq!(of_phase(&phase), ["E012 /phases/0/count: a count is at most 9223372036854775807"]);
}

#[test]
fn loads_beyond_any_machine_are_refused() {
    let open = json!({ "name": "a", "kind": "steady", "rate": "1e9/s", "duration": "1h" });
    assert_eq!(
        of_phase(&open),
        ["E012 /phases/0/rate: more than 1000000000 messages in one phase"]
    );
    let closed = json!({ "name": "a", "kind": "steady", "connections": 4_000_000_000_u32, "duration": "1h" });
    assert_eq!(of_phase(&closed), ["E012 /phases/0/connections: more than 1000000 connections"]);
    let counted =
        json!({ "name": "a", "kind": "steady", "rate": "1e9/s", "duration": "1h", "count": 100 });
    assert_eq!(of_phase(&counted), Vec::<String>::new());
}

#[test]
fn a_short_phase_that_is_all_burst_is_counted_at_its_peak() {
    // Over a whole period it would be a few millions, but the phase ends within its first burst.
    let burst = json!({ "name": "a", "kind": "burst", "rate": { "base": "1/s", "peak": "1e9/s" },
        "every": "1h", "burst": "10s", "duration": "5s" });
    assert_eq!(
        of_phase(&burst),
        ["E012 /phases/0/rate: more than 1000000000 messages in one phase"]
    );
    let lower = json!({ "name": "a", "kind": "burst", "rate": { "base": "1/s", "peak": "1e8/s" },
        "every": "1h", "burst": "10s", "duration": "5s" });
    assert_eq!(of_phase(&lower), Vec::<String>::new());
}

#[test]
fn the_rate_of_a_warm_up_is_no_rate_of_the_plan() {
    let with_warmup = |warmup: bool| {
        let mut tree = phases(&[
            json!({ "name": "w", "kind": "steady", "rate": "1/s", "duration": "1s", "warmup": warmup }),
            json!({ "name": "a", "kind": "steady", "connections": 1, "duration": "1s" }),
        ]);
        tree["thresholds"] = json!(["rate.achieved >= 99%"]);
        mistakes(&tree)
    };

    let [mistake] = with_warmup(true).try_into().unwrap();
    assert!(
        mistake.ends_with("/thresholds/0: `rate.achieved` needs a phase with a `rate`"),
        "{mistake}"
    );
    assert_eq!(with_warmup(false), Vec::<String>::new());
}

#[test]
fn a_malformed_client_plays_the_cases_that_it_names_and_by_default_all() {
    let tree = with(json!({
        "clients": {
            "all": { "kind": "malformed" },
            "some": { "kind": "malformed", "cases": ["order-second-mail", "syntax"], "think": "2s" },
            "more": { "kind": "malformed", "cases": "order-second-mail", "max_connections": 3 },
            "app": {},
        },
        "defaults": { "mix": "app" },
    }));

    let plan = plan(&tree);

    let cases = |client: usize| plan.clients[client].cases.clone();
    assert_eq!(cases(0).unwrap().len(), crate::smtp::CaseId::all().count());
    let some: Vec<_> = cases(1).unwrap().into_iter().map(|id| id.case().id).collect();
    assert_eq!((some[0], some.last().copied()), ("syntax-unknown-verb", Some("order-second-mail")));
    assert_eq!(cases(2).unwrap().len(), 1);
    assert_eq!(cases(3), None);
    let think = |client: usize| plan.clients[client].think.as_secs();
    assert_eq!([think(0), think(1), think(3)], [1, 2, 0]);
    assert!(plan.clients[0].messages.choices.is_empty());
}

#[test]
fn a_malformed_client_has_no_mail_and_a_mail_client_no_cases() {
    let of = |client: Value| mistakes(&with(json!({ "clients": { "rude": client } })));
    let only = "(it sends no mail; it has kind, cases, target, source, proxy, ehlo, think, \
                max_connections)";

    assert_eq!(
        of(json!({ "kind": "malformed", "messages_per_connection": 5, "pipelining": "full" })),
        [
            format!(
                "E014 /clients/rude/messages_per_connection key: a client of kind `malformed` has \
                 no `messages_per_connection` {only}"
            ),
            format!(
                "E014 /clients/rude/pipelining key: a client of kind `malformed` has no \
                 `pipelining` {only}"
            ),
        ]
    );
    let lmtp = json!({ "address": "127.0.0.1:24", "protocol": "lmtp" });
    assert_eq!(
        mistakes(&with(json!({ "target": lmtp, "clients": { "rude": { "kind": "malformed" } } }))),
        ["E014 /clients/rude/kind key: malformed cases speak SMTP, and the target speaks LMTP"]
    );
    assert_eq!(
        of(json!({ "cases": ["syntax"] })),
        ["E014 /clients/rude/cases key: `cases` belongs to clients of kind `malformed`"]
    );
    assert_eq!(
        of(json!({ "kind": "malformed", "cases": ["syntax", "order-secnd-mail"] })),
        ["E020 /clients/rude/cases/1: no case or group of cases is named `order-secnd-mail` \
             (did you mean `order-second-mail`?)"]
    );
    assert_eq!(
        of(json!({ "kind": "malformed", "cases": "everything" })),
        ["E020 /clients/rude/cases: no case or group of cases is named `everything` (the \
             groups are syntax, order, parameters, data, abort; `mailquake explain cases` lists the \
             single cases)"]
    );
}

#[test]
fn a_plan_that_sends_no_mail_asks_for_no_findings_by_default() {
    let clients = json!({ "app": {}, "rude": { "kind": "malformed" } });
    let checks = |mix: &str| {
        let mixes = json!({ "both": { "app": 1, "rude": 1 } });
        let sections = json!({ "clients": clients, "mixes": mixes, "defaults": { "mix": mix } });
        let plan = plan(&with(sections));
        plan.thresholds.into_iter().map(|check| check.text).collect::<Vec<_>>()
    };

    assert_eq!(checks("rude"), ["case.findings == 0"]);
    assert_eq!(checks("app"), ["message.errors < 1%"]);
    assert_eq!(checks("both"), ["message.errors < 1%"]);
}

#[test]
fn every_mistake_in_a_login_is_told_at_its_place() {
    let phase = json!([{ "name": "a", "kind": "steady", "connections": 1, "duration": "1s" }]);
    let plan = |client: &Value, feeds: &Value| json!({ "version": 1, "phases": phase, "clients": { "app": client }, "feeds": feeds });
    let feed = json!({ "accounts": { "inline": [{ "user": "u", "password": "p" }] } });
    let table = [
        (
            json!({}),
            json!({ "user": "u", "password": "p" }),
            "E013 /clients/app/auth/mechanism: missing key `mechanism`",
        ),
        (
            json!({}),
            json!({ "mechanism": "plain", "user": "u" }),
            "E013 /clients/app/auth/password: missing key `password` (write `user` and `password`, or `users` with the name of a feed)",
        ),
        (
            feed.clone(),
            json!({ "mechanism": "plain", "user": "u", "users": "accounts" }),
            "E014 /clients/app/auth/user key: `user` and `users` exclude each other",
        ),
        (
            feed.clone(),
            json!({ "mechanism": "plain", "users": "acounts" }),
            "E020 /clients/app/auth/users: no feed is named `acounts` (did you mean `accounts`?)",
        ),
        (
            json!({}),
            json!({ "mechanism": "plain", "user": "", "password": "p" }),
            "E012 /clients/app/auth/user: a user is not empty and has no control character in it",
        ),
        (
            json!({}),
            json!({ "mechanism": "plain", "user": "u", "password": "" }),
            "E012 /clients/app/auth/password: the password is empty",
        ),
        (
            json!({}),
            json!({ "mechanism": "plain", "user": "u", "password": "a\u{1}" }),
            "E012 /clients/app/auth/password: the password has a control character in it",
        ),
        (
            json!({}),
            json!({ "mechanism": "plain", "user": "u", "password": "env:NOT_THERE" }),
            "E012 /clients/app/auth/password: the environment variable `NOT_THERE` is not set",
        ),
        (
            json!({}),
            json!({ "mechanism": "plain", "user": "u", "password": "file:/not/there" }),
            "E012 /clients/app/auth/password: cannot read `/not/there`: No such file or directory (os error 2)",
        ),
        (
            json!({ "f": { "inline": [{ "user": "u" }] } }),
            json!({ "mechanism": "plain", "users": "f" }),
            "E013 /feeds/f/inline/0/password: missing field `password`: clients log in with this feed",
        ),
        (
            json!({ "f": { "inline": [{ "user": [], "password": "p" }] } }),
            json!({ "mechanism": "plain", "users": "f" }),
            "E012 /feeds/f/inline/0/user: `user` of a feed of users is a text",
        ),
    ];
    for (feeds, auth, mistake) in table {
        let tree = plan(&json!({ "auth": auth }), &feeds);
        assert_eq!(mistakes(&tree), [mistake], "{tree}");
    }
    let expects = plan(&json!({ "expect": { "auth": "535" } }), &feed);
    assert_eq!(
        mistakes(&expects),
        [
            "E014 /clients/app/expect/auth key: `expect.auth` says nothing of a client without `auth`"
        ]
    );
}

#[test]
fn a_message_that_names_the_login_needs_one() {
    let tree = |auth: Value, text: &str| {
        json!({
            "version": 1,
            "phases": [{ "name": "a", "kind": "steady", "connections": 1, "duration": "1s" }],
            "clients": { "app": auth },
            "messages": { "m": { "text": text } },
        })
    };
    let login = json!({ "auth": { "mechanism": "plain", "user": "u", "password": "p" } });

    let told = mistakes(&tree(json!({}), "{{ user }}"));

    assert!(told[0].starts_with("E024 /messages/m: the message names `user`"), "{told:?}");
    assert_eq!(mistakes(&tree(login, "{{ user }}")), Vec::<String>::new());
    let guarded = "{% if user is defined %}{{ user }}{% endif %}";
    assert_eq!(mistakes(&tree(json!({}), guarded)), Vec::<String>::new());
}

#[test]
fn templates_see_no_password() {
    let tree = json!({
        "version": 1,
        "phases": [{ "name": "a", "kind": "steady", "connections": 1, "duration": "1s" }],
        "clients": { "app": { "auth": { "mechanism": "plain", "users": "f" } } },
        "feeds": { "f": { "inline": [{ "user": "u", "password": "p" }] } },
        "messages": { "m": { "text": "{{ feed.f.user }} {{ feed.f.password }}" } },
    });

    let told = mistakes(&tree);

    assert!(told[0].starts_with("E024 /messages/m/text"), "{told:?}");
}

#[test]
fn the_sink_and_a_client_share_their_users() {
    let tree = json!({
        "version": 1,
        "phases": [{ "name": "a", "kind": "steady", "connections": 1, "duration": "1s" }],
        "clients": { "app": { "auth": {
            "mechanism": "scram-sha-256", "users": "f", "failure_rate": "2%",
        } } },
        "feeds": { "f": { "inline": [{ "user": "u", "password": 12345 }] } },
        "sink": { "users": "f" },
    });

    let (plan, told) = lowered(&tree);

    assert_eq!(told, Vec::<String>::new());
    let auth = plan.clients[0].auth.as_ref().unwrap();
    assert_eq!(Some(&auth.logins), plan.sink.users.as_ref());
    assert_eq!(auth.logins[0].password.expose(), "12345");
    assert!((auth.failure_rate - 0.02).abs() < 1e-12);
}
