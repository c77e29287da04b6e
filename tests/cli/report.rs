//! `report`: a results folder, read back → the same results, or what a killed run has left.

use std::fs;

use rustix::process::Signal;
use serde_json::Value;

use crate::program::{Desk, HEAD, Ran, SinkProcess, number};

const MIX: &str = r#"
[clients.slow]
messages = "note"
pace = { before_command = "5ms" }

[clients.rude]
kind = "malformed"
cases = ["syntax"]

[[phases]]
name = "warm"
kind = "steady"
connections = 2
count = 60
warmup = true
mix = { app = 1 }

[[phases]]
name = "stairs"
kind = "step"
rate = { from = "100/s", to = "150/s", by = "50/s" }
hold = "700ms"
mix = { app = 6, slow = 2, rude = 1 }
thresholds = ["message.p50 < 1s", "generator.cpu < 100%"]

[sink]
latency = { end_of_data = "2ms" }
replies = { rcpt = { "450 4.7.1 greylisted" = 0.1 }, mail = { "421 4.3.2 busy" = 0.05 } }
"#;

const CLASSES: &str = r#"
[messages.offer]
from = "app@load.test"
to = "user@example.test"
subject = "an offer"
text = "Buy."
class = "spam"

[messages.letter]
from = "app@load.test"
to = "user@example.test"
subject = "a letter"
text = "Dear you."
class = "ham"

[clients.both]
messages = { offer = 1, letter = 2 }

[[phases]]
name = "all"
kind = "steady"
rate = "100/s"
duration = "1500ms"
mix = { both = 2, app = 1 }
"#;

fn report(desk: &Desk, folder: &str) -> Ran {
    desk.mailquake(&["report", folder, "--json", "-"])
}

/// What is made anew is what the run itself wrote.
fn is_rebuilt(desk: &Desk, name: &str) -> Value {
    let own: Value = serde_json::from_str(&desk.read("out/summary.json")).unwrap();
    fs::remove_file(desk.path("out/summary.json")).unwrap();
    // Another machine has neither the plan's files nor its secrets.
    fs::remove_file(desk.path("out/plan.toml")).unwrap();
    let ran = report(desk, "out");
    assert_eq!(ran.code, Some(0), "{name}: {}", ran.stderr);
    let rebuilt: Value = serde_json::from_str(&ran.stdout).unwrap();
    for part in own.as_object().unwrap().keys() {
        assert_eq!(rebuilt[part], own[part], "{name}: {part}");
    }
    assert_eq!(rebuilt, own, "{name}");
    own
}

#[test]
fn a_mix_of_clients_is_rebuilt_from_its_journal() {
    let desk = Desk::with_plan(MIX);
    desk.run(&["--workers", "2", "--seed", "3"]).summary();

    let own = is_rebuilt(&desk, "mix");

    let stairs = &own["phases"][1];
    assert!(stairs["throttled"].is_object(), "no 421 was seen");
    assert!(!stairs["cases"].as_object().unwrap().is_empty(), "no case was played");
    assert_eq!(stairs["paced"], serde_json::json!(["slow"]));
}

#[test]
fn classes_are_rebuilt_from_their_journal() {
    let desk = Desk::with_plan(CLASSES);
    desk.run(&[]).summary();

    let own = is_rebuilt(&desk, "classes");

    let classes = own["classes"].as_object().unwrap();
    assert_eq!(classes.keys().collect::<Vec<_>>(), ["ham", "spam"]);
    assert!(number(&classes["ham"], "/response_ms/count") > 0);
}

#[test]
fn several_addresses_are_rebuilt_from_their_journal() {
    let desk = Desk::new();
    let (one, other) = (SinkProcess::start(&desk), SinkProcess::start(&desk));
    let (first, second) = (one.address, other.address);
    desk.write(
        "plan.toml",
        &format!(
            "{HEAD}\n[target]\naddress = [\"{first}\", \"{second}\"]\n\n[[phases]]\n\
             name = \"two\"\nkind = \"steady\"\nconnections = 4\nduration = \"1500ms\"\n"
        ),
    );
    desk.run(&[]).summary();

    let own = is_rebuilt(&desk, "addresses");

    let addresses = own["phases"][0]["targets"]["default"].as_object().unwrap();
    assert_eq!(addresses.len(), 2);
    one.kill();
    other.kill();
}

#[test]
fn an_interrupted_run_is_rebuilt_with_its_end() {
    let desk = Desk::with_plan(
        "[[phases]]\nname = \"long\"\nkind = \"steady\"\nrate = \"50/s\"\nduration = \"10m\"\n",
    );
    let running = desk.begin(&[]);
    desk.wait_for_a_row();
    running.signal(Signal::INT);
    assert_eq!(running.end().code, Some(130));

    assert_eq!(is_rebuilt(&desk, "interrupted")["exit_code"], 130);
}

#[test]
fn the_page_of_a_folder_is_the_page_of_its_run() {
    let desk = Desk::with_plan(CLASSES);
    let shown = desk.mailquake(&["run", "plan.toml", "--out", "out", "--quiet"]);

    let again = desk.mailquake(&["report", "out"]);

    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert_eq!(again.stdout, shown.stdout);
}

#[test]
fn a_killed_run_is_told_as_partial_and_has_no_verdict() {
    let desk = Desk::with_plan(
        "[[phases]]\nname = \"long\"\nkind = \"steady\"\nrate = \"50/s\"\nduration = \"10m\"\n",
    );
    let running = desk.begin(&[]);
    desk.wait_for_a_row();
    running.signal(Signal::KILL);
    running.end();
    // The last line may be cut, as at a power failure.
    for name in ["counters.ndjson", "series.ndjson", "latency.hlog", "events.ndjson"] {
        let text = desk.read(&format!("out/{name}"));
        desk.write(&format!("out/{name}"), &format!("{text}{{\"cut"));
    }

    let summary: Value = serde_json::from_str(&report(&desk, "out").stdout).unwrap();
    let page = desk.mailquake(&["report", "out"]);

    assert_eq!((&summary["partial"], &summary["verdict"]), (&true.into(), &"none".into()));
    assert!(number(&summary, "/all/messages/accepted") > 0);
    let first = page.stdout.lines().next().unwrap();
    assert!(first.starts_with("NO VERDICT  The run was cut off: these are its first "), "{first}");
}

#[test]
fn a_damaged_folder_is_told_with_file_and_line() {
    let desk = Desk::with_plan(CLASSES);
    desk.run(&[]).summary();
    let counters = desk.read("out/counters.ndjson");
    desk.write("out/counters.ndjson", &format!("not a line\n{counters}"));

    let damaged = report(&desk, "out");
    let missing = report(&desk, "nowhere");

    assert_eq!((damaged.code, missing.code), (Some(2), Some(2)));
    assert!(damaged.stderr.contains("counters.ndjson` is damaged at line 1"), "{}", damaged.stderr);
    assert!(missing.stderr.contains("cannot read `nowhere/run.json`"), "{}", missing.stderr);
}
