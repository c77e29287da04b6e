//! Searches against servers whose capacity is known → what they find, and how they end.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::program::{Desk, number};
use crate::sums;

/// One server that takes 10 ms for each message: 100 each second. At 120/s for 1.5 s the last
/// messages wait for 300 ms.
const BY_RATE: &str = r#"
[[phases]]
name = "find"
kind = "search"
rate = { from = "60/s", to = "240/s" }
arrival = "even"
hold = "1500ms"
settle = "100ms"
precision = "20%"
while = ["message.errors < 1%", "message.p95 < 200ms"]

[sink]
servers = 1
service = { dist = "constant", mean = "10ms" }
"#;

/// Four servers that take 20 ms each: c connections wait for c × 5 ms.
const BY_CONNECTIONS: &str = r#"
[[phases]]
name = "find"
kind = "search"
connections = { from = 4, to = 64 }
hold = "1s"
settle = "0s"
precision = "25%"
while = [{ check = "message.p50 < 70ms" }]

[[phases]]
name = "behind"
kind = "steady"
connections = 2
count = 20

[sink]
servers = 4
service = { dist = "constant", mean = "20ms" }
"#;

/// The machine of a test may be busy; that a tester is late is tested elsewhere.
const AT_LEISURE: [&str; 4] =
    ["--set", "generator.limits.lag_p99=10s", "--set", "generator.limits.cpu=100%"];

fn found(desk: &Desk, more: &[&str], code: i32) -> Value {
    let words: Vec<&str> = AT_LEISURE.iter().chain(more).copied().collect();
    let summary = desk.run(&words).ended(code);
    sums::hold(&summary);
    summary
}

fn capacity(search: &Value) -> f64 {
    search["capacity"].as_f64().unwrap()
}

fn events(desk: &Desk, kind: &str) -> Vec<Value> {
    let text = desk.read("out/events.ndjson");
    let events = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.filter(|event| event["kind"] == kind).collect()
}

#[test]
fn a_rate_that_the_server_can_do_is_found_within_the_precision() {
    let desk = Desk::with_plan(BY_RATE);
    let summary = found(&desk, &[], 0);

    let search = &summary["phases"][0]["search"];
    assert_eq!(
        (&search["name"], &search["ended"]),
        (&json!("find"), &json!("found")),
        "{search:#}"
    );
    assert_eq!(search["unit"], "per_s");
    assert_eq!(search["broke_first"], "message.p95 < 200ms");
    let (capacity, broke) = (capacity(search), search["broke_at"].as_f64().unwrap());
    assert!((80.0..125.0).contains(&capacity) && broke <= capacity * 1.2 + 1e-6, "{search:#}");

    // Each probe is a row with its level, in all and in no total.
    let phases = summary["phases"].as_array().unwrap();
    let probes = search["probes"].as_array().unwrap();
    assert_eq!(phases.len(), probes.len());
    for (number, (phase, probe)) in (1..).zip(phases.iter().zip(probes)) {
        assert_eq!(phase["name"], format!("find/{number}"));
        assert_eq!((&phase["name"], &phase["level"]), (&probe["name"], &probe["level"]));
        assert_eq!((&phase["kind"], &phase["model"]), (&json!("search"), &json!("open")));
        let level = probe["level"].as_f64().unwrap();
        assert_eq!(probe["held"], json!(level <= capacity));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
        let planned = (level * 1.5 + 1e-6).floor() as u64;
        assert_eq!(self::number(phase, "/figures/messages/planned"), planned, "{level}");
    }
    assert_eq!(number(&summary, "/totals/messages/started"), 0);
    assert_eq!(
        number(&summary, "/all/messages/accepted"),
        number(&summary, "/environment/sink/messages")
    );
    assert_eq!(summary["thresholds"], json!([]));

    // What was ordered and what came of it can be read from the events alone.
    assert_eq!(events(&desk, "probe_ordered").len(), probes.len() - 1);
    assert_eq!(events(&desk, "probe_judged").len(), probes.len());
    assert_eq!(&events(&desk, "search_ended")[0]["result"], search);
}

#[test]
fn connections_are_searched_by_several_workers_and_what_follows_begins_at_the_end() {
    let desk = Desk::with_plan(BY_CONNECTIONS);
    let summary = found(&desk, &["--workers", "2"], 0);

    let search = &summary["phases"][0]["search"];
    assert_eq!((&search["unit"], &search["ended"]), (&json!("connections"), &json!("found")));
    assert!((8.0..=14.0).contains(&capacity(search)), "{search:#}");
    let phases = summary["phases"].as_array().unwrap();
    for (phase, probe) in phases.iter().zip(search["probes"].as_array().unwrap()) {
        let level = probe["level"].as_f64().unwrap();
        let peak = phase["figures"]["sessions"]["peak_open"].as_f64();
        assert_eq!(peak, Some(level), "{phase:#}");
    }
    let behind = phases.last().unwrap();
    assert_eq!((&behind["name"], &behind["search"]), (&json!("behind"), &Value::Null));
    assert_eq!(number(behind, "/figures/messages/accepted"), 20);
    assert_eq!(number(&summary, "/totals/messages/accepted"), 20);
    assert_eq!(behind["start_s"], events(&desk, "search_ended")[0]["at_s"]);
}

#[test]
fn a_server_that_fails_at_the_lowest_level_fails_the_run() {
    let desk = Desk::with_plan(
        "[[phases]]\nname = \"find\"\nkind = \"search\"\nrate = { from = \"50/s\", to = \"100/s\" }\n\
         hold = \"500ms\"\nwhile = [\"message.errors < 1%\"]\n\
         [sink]\nreplies = { rcpt = { \"450 4.7.1 later\" = 1.0 } }\n",
    );

    let words: Vec<&str> = AT_LEISURE.into_iter().chain(["--progress", "plain"]).collect();
    let ran = desk.run(&words);
    let summary = ran.ended(5);

    let search = &summary["phases"][0]["search"];
    assert_eq!((&search["ended"], &search["capacity"]), (&json!("lower_bound"), &Value::Null));
    assert_eq!(
        (&search["broke_first"], &summary["verdict"]),
        (&json!("message.errors < 1%"), &json!("fail"))
    );
    let told = "find/1 at 50/s broke: `message.errors < 1%` (100 %)";
    assert!(summary["reason"].as_str().unwrap().contains("below 50/s"), "{summary:#}");
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
}

#[test]
fn a_tester_that_is_late_ends_the_search_and_makes_the_run_invalid() {
    // A limit that no tester keeps stands for a machine that is too slow.
    let desk = Desk::with_plan(
        "[[phases]]\nname = \"find\"\nkind = \"search\"\nrate = { from = \"100/s\", to = \"200/s\" }\n\
         hold = \"500ms\"\nsettle = \"0s\"\nwhile = [\"message.errors < 1%\"]\n\
         [generator]\nlimits = { cpu = \"0.01%\" }\n",
    );

    let summary = desk.run(&[]).ended(6);

    let search = &summary["phases"][0]["search"];
    assert_eq!((&search["ended"], &search["capacity"]), (&json!("tester_limit"), &Value::Null));
    let levels: Vec<&Value> =
        search["probes"].as_array().unwrap().iter().map(|probe| &probe["level"]).collect();
    assert_eq!(levels, [&json!(100.0), &json!(100.0)], "one hiccup costs no search");
    assert_eq!(summary["verdict"], "invalid");
}

#[test]
fn a_search_that_is_interrupted_tells_what_it_found_up_to_then() {
    let desk = Desk::with_plan(
        "[[phases]]\nname = \"find\"\nkind = \"search\"\nrate = { from = \"50/s\", to = \"1000/s\" }\n\
         hold = \"1s\"\nsettle = \"0s\"\nwhile = [\"message.errors < 1%\"]\n",
    );

    let mut running = desk.begin(&["--progress", "plain"]);
    running.wait_for("find/2 (1 of 1)");
    running.signal(Signal::INT);
    let summary = running.end().ended(130);

    let search = &summary["phases"][0]["search"];
    assert_eq!((&search["ended"], &search["capacity"]), (&json!("interrupted"), &json!(50.0)));
    let probes = search["probes"].as_array().unwrap();
    assert_eq!((&probes[1]["level"], &probes[1]["held"]), (&json!(100.0), &Value::Null));
    assert_eq!(summary["phases"].as_array().unwrap().len(), 2);
}

#[test]
fn a_threshold_that_ends_the_run_ends_the_search_beside_it() {
    let desk = Desk::with_plan(
        "[[phases]]\nname = \"app\"\nkind = \"steady\"\nrate = \"20/s\"\nduration = \"30s\"\n\
         [[phases.thresholds]]\ncheck = \"message.p50 < 1us\"\nwindow = \"1s\"\naction = \"abort\"\n\
         [[phases]]\nname = \"find\"\nwith = \"app\"\nkind = \"search\"\n\
         rate = { from = \"50/s\", to = \"1000/s\" }\nhold = \"20s\"\nwhile = [\"message.errors < 1%\"]\n",
    );

    let summary = found(&desk, &[], 5);

    assert_eq!(summary["thresholds"][0]["aborted"], true);
    let search = &summary["phases"][1]["search"];
    assert_eq!((&search["ended"], &search["capacity"]), (&json!("interrupted"), &Value::Null));
    assert_eq!(search["probes"][0]["held"], Value::Null, "{search}");
}

#[test]
fn a_feed_that_is_used_up_ends_the_search() {
    let desk = Desk::new();
    desk.write(
        "plan.toml",
        r#"version = 1
        [[phases]]
        name = "find"
        kind = "search"
        connections = { from = 1, to = 8 }
        hold = "500ms"
        while = ["message.errors < 1%"]
        [messages.note]
        from = "a@load.test"
        to = "{{ feed.people.to }}"
        text = "x"
        [feeds.people]
        inline = [{ to = "b@example.test" }, { to = "c@example.test" }]
        when_exhausted = "stop"
        "#,
    );

    let summary = desk.run(&[]).ended(7);

    let search = &summary["phases"][0]["search"];
    assert_eq!(search["ended"], "interrupted", "{summary:#}");
    assert_eq!(number(&summary, "/all/messages/accepted"), 2);
}
