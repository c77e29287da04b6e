//! Small runs against the embedded server → exit code, verdict, sums, and what is shown.

use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::program::{Desk, number};

const COUNTED: &str = r#"
[[phases]]
name = "closed"
kind = "steady"
connections = 3
count = 250

[[phases]]
name = "open"
kind = "steady"
rate = "500/s"
count = 150
"#;

const OPEN: &str = r#"
[[phases]]
name = "open"
kind = "steady"
rate = "300/s"
arrival = "even"
duration = "500ms"
"#;

/// Two phases beside each other and one that is not counted.
const MANY_KINDS: &str = r#"
[clients.other]
extends = "app"
messages_per_connection = 1

[mixes]
both = { app = 3, other = 1 }

[defaults]
mix = "both"

[[phases]]
name = "warm"
kind = "ramp"
connections = { from = 1, to = 3 }
duration = "300ms"
warmup = true

[[phases]]
name = "step"
kind = "step"
rate = { from = "50/s", to = "150/s", by = "50/s" }
hold = "200ms"

[[phases]]
name = "beside"
with = "step/1"
kind = "burst"
connections = { base = 1, peak = 3 }
every = "200ms"
burst = "100ms"
duration = "400ms"

[[phases]]
name = "rest"
kind = "pause"
duration = "100ms"

[[phases]]
name = "last"
kind = "steady"
connections = 2
duration = "200ms"
fresh = true

[sink]
latency = { end_of_data = "5ms" }
"#;

/// Long, so that a signal comes in its middle; each message takes a while.
fn long(latency: &str) -> Desk {
    Desk::with_plan(&format!(
        "[[phases]]\nname = \"long\"\nkind = \"steady\"\nrate = \"50/s\"\nduration = \"10m\"\n\
         [[phases]]\nname = \"never\"\nkind = \"steady\"\nrate = \"50/s\"\nduration = \"10m\"\n\
         [sink]\nlatency = {{ end_of_data = \"{latency}\" }}\n"
    ))
}

fn messages(summary: &Value, kind: &str) -> u64 {
    number(summary, &format!("/all/messages/{kind}"))
}

#[test]
fn a_count_is_kept_to_the_message() {
    let summary = Desk::with_plan(COUNTED).run(&[]).ended(0);

    for (phase, count) in [(0, 250), (1, 150)] {
        let figures = &summary["phases"][phase]["figures"];
        assert_eq!(number(figures, "/messages/accepted"), count);
    }
    assert_eq!(number(&summary, "/environment/sink/messages"), 400);
    assert_eq!(number(&summary, "/phases/0/figures/sessions/peak_open"), 3);
    let sink = |count: &str| number(&summary, &format!("/environment/sink/{count}"));
    let ours = number(&summary, "/all/sessions/started");
    assert_eq!((sink("connections"), sink("aborted")), (ours, 0), "sessions and nothing else");
}

#[test]
fn a_count_of_no_more_messages_than_connections_tells_no_throughput() {
    let summary = Desk::with_plan(
        "[[phases]]\nname = \"a\"\nkind = \"steady\"\nconnections = 3\ncount = 3\n\
         [sink]\nlatency = { end_of_data = \"50ms\" }\n",
    )
    .run(&["--threshold", "throughput > 0/s"])
    .ended(5);

    assert_eq!(messages(&summary, "accepted"), 3);
    for figures in [&summary["phases"][0]["figures"], &summary["totals"]] {
        assert!(figures["accepted_per_s"].is_null(), "{}", figures["accepted_per_s"]);
    }
}

#[test]
fn a_count_is_kept_by_several_workers() {
    let summary = Desk::with_plan(COUNTED).run(&["--workers", "2"]).ended(0);

    assert_eq!(number(&summary, "/environment/sink/messages"), 400);
    assert_eq!(summary["environment"]["workers"], 2);
}

#[test]
fn sums_hold_over_all_kinds_of_phases() {
    let summary = Desk::with_plan(MANY_KINDS).run(&["--workers", "2"]).ended(0);

    let phases: Vec<&str> = summary["phases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|phase| phase["name"].as_str().unwrap())
        .collect();
    assert_eq!(phases, ["warm", "step/1", "step/2", "step/3", "beside", "rest", "last"]);
    assert!(number(&summary, "/phases/0/figures/messages/accepted") > 0);
    assert!(messages(&summary, "accepted") > number(&summary, "/totals/messages/accepted"));
    assert_eq!(number(&summary, "/environment/sink/messages"), messages(&summary, "accepted"));
}

#[test]
fn what_does_not_fit_in_flight_is_dropped_and_fails_the_rate() {
    let desk = Desk::with_plan(&format!(
        "{OPEN}max_in_flight = 2\n[sink]\nlatency = {{ end_of_data = \"200ms\" }}\n"
    ));

    let summary = desk.run(&[]).ended(5);

    assert_eq!(messages(&summary, "planned"), 150);
    assert!(messages(&summary, "dropped") > 0);
    assert_eq!(summary["verdict"], "fail");
    let response = &summary["totals"]["response_ms"];
    assert!(response["min"].as_f64() >= Some(200.0), "{response}");
    for absent in ["mean", "mean_at_least", "p50", "p50_at_least"] {
        assert_eq!(response[absent].as_f64(), None, "{absent} of {response}");
    }
}

#[test]
fn a_threshold_that_fails_gives_5_or_the_code_that_was_asked_for() {
    let desk = Desk::with_plan(OPEN);
    let impossible = ["--threshold", "message.max < 1us"];

    let summary = desk.run(&impossible).ended(5);
    let again = Desk::with_plan(OPEN);
    let other = again.run(&[&impossible[..], &["--threshold-exit-code", "9"]].concat());

    assert_eq!(summary["verdict"], "fail");
    let rows = summary["thresholds"].as_array().unwrap();
    let broken: Vec<_> = rows.iter().filter(|row| row["holds"] == false).collect();
    assert_eq!(broken.len(), 1, "{rows:?}");
    assert_eq!(broken[0]["check"], "message.max < 1us");
    other.ended(9);
}

#[test]
fn a_tester_that_misses_its_limits_is_invalid() {
    let desk = Desk::with_plan(OPEN);

    let limit = "generator.limits.lag_p99=10ms";
    let mut running = desk.begin(&["--progress", "plain", "--set", limit]);
    running.wait_for("open (1 of 1)");
    // A tester that stands still is late for all that comes due meanwhile.
    running.signal(Signal::STOP);
    thread::sleep(Duration::from_millis(300));
    running.signal(Signal::CONT);

    let summary = running.end().ended(6);

    assert_eq!(summary["verdict"], "invalid");
    let rows = summary["fitness"].as_array().unwrap();
    // 150 starts know no 99th percentile.
    assert!(rows.iter().any(|row| row["check"] == "lag_p90" && row["status"] == "invalid"));
}

#[test]
fn short_phases_know_how_busy_the_workers_were_however_rarely_the_monitor_looks() {
    let short = "kind = \"steady\"\nrate = \"100/s\"\nduration = ";
    let plan = format!(
        "[[phases]]\nname = \"a\"\n{short}\"800ms\"\n[[phases]]\nname = \"b\"\n{short}\"700ms\"\n"
    );

    let rarely = ["--set", "monitor.interval=1h", "--set", "generator.limits.cpu=100%"];
    let summary = Desk::with_plan(&plan)
        .run(&[&rarely[..], &["--no-thresholds", "--workers", "2"]].concat())
        .ended(0);

    let rows = summary["fitness"].as_array().unwrap();
    for phase in ["a", "b"] {
        for check in ["worker_busy", "worker_cpu"] {
            let row = rows.iter().find(|row| row["check"] == check && row["phase"] == phase);
            assert!(row.is_some(), "{check} in {phase}: {rows:?}");
        }
    }
}

#[test]
fn what_is_shown_as_a_phase_begins_is_what_was_counted_last() {
    let plan = "[[phases]]\nname = \"first\"\nkind = \"steady\"\nrate = \"100/s\"\n\
                duration = \"1500ms\"\n[[phases]]\nname = \"second\"\nkind = \"steady\"\n\
                rate = \"100/s\"\nduration = \"100ms\"\n";

    let ran = Desk::with_plan(plan).run(&["--no-thresholds", "--progress", "plain"]);

    ran.ended(0);
    let line = |phase: &str| ran.stderr.lines().find(|line| line.contains(phase)).unwrap();
    let (first, second) = (line("first (1 of 2)"), line("second (2 of 2)"));
    assert!(first.contains(" 0 open, 0 errors"), "nothing is counted yet: {first}");
    assert!(!second.contains(" 0 open"), "{second}");
    let started = second.split(", ").find_map(|words| words.strip_suffix("/s started")).unwrap();
    assert!(started.parse::<u64>().unwrap() >= 90, "{second}");
}

#[test]
fn fewer_workers_than_asked_for_are_told() {
    let plan = "[[phases]]\nname = \"a\"\nkind = \"steady\"\nconnections = 2\ncount = 10\n";

    let ran = Desk::with_plan(plan).run(&["--no-thresholds", "--workers", "3"]);

    let summary = ran.ended(0);
    assert_eq!(summary["environment"]["workers"], 2);
    let told = "warning: of 3 workers there are only 2: no phase has more connections";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
}

#[test]
fn a_run_without_messages_measured_nothing() {
    let plan = "[[phases]]\nname = \"rest\"\nkind = \"pause\"\nduration = \"50ms\"\n";

    let summary = Desk::with_plan(plan).run(&[]).ended(7);

    assert_eq!(summary["verdict"], "none");
}

#[test]
fn one_signal_lets_what_has_started_end() {
    for (signal, code, name) in [(Signal::INT, 130, "SIGINT"), (Signal::TERM, 143, "SIGTERM")] {
        let desk = long("300ms");
        let running = desk.begin(&[]);
        desk.wait_for_a_row();
        running.signal(signal);

        let summary = running.end().ended(code);

        assert_eq!(summary["verdict"], "none");
        assert!(messages(&summary, "accepted") > 0, "{name}");
        assert_eq!(messages(&summary, "started"), messages(&summary, "accepted"), "{name}");
        assert_eq!(summary["phases"].as_array().unwrap().len(), 1, "the next never began");
        assert_eq!(summary, desk.summary());
        let events = desk.read("out/events.ndjson");
        assert!(events.contains(&format!(r#""signal":"{name}""#)), "{events}");
        assert!(events.contains(r#""change":"drain""#), "{events}");
        assert!(!events.contains(r#""change":"stop""#), "{events}");
    }
}

#[test]
fn a_second_signal_ends_the_run_at_once() {
    let desk = long("60s");
    let mut running = desk.begin(&["--progress", "plain"]);
    desk.wait_for_a_row();
    running.signal(Signal::INT);
    running.wait_for("again to stop at once");
    running.signal(Signal::INT);

    let summary = running.end().ended(130);

    assert!(messages(&summary, "started") > 0);
    assert_eq!(messages(&summary, "accepted"), 0);
    assert!(desk.read("out/events.ndjson").contains(r#""change":"stop""#));
    assert!(summary["duration_s"].as_f64().unwrap() < 60.0, "no reply can have come");
}

#[test]
fn the_text_for_people_has_verdict_phases_and_folder() {
    let desk = Desk::with_plan(COUNTED);
    let limit = ["--set", "generator.limits.lag_p99=10s"];
    let ran = desk.mailquake(&[&["run", "plan.toml", "--out", "out"][..], &limit].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.starts_with("PASS"), "{}", ran.stdout);
    for words in ["closed", "open", "total", "message.errors < 1%", "files       out"] {
        assert!(ran.stdout.contains(words), "{words}: {}", ran.stdout);
    }
    assert!(ran.stderr.starts_with("small: 2 phases"), "the preview comes first: {}", ran.stderr);
    assert!(!ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'));
}

#[test]
fn progress_is_shown_as_asked_for() {
    let desk = Desk::with_plan(OPEN);
    let shown = |folder: &str, more: &[&str]| {
        let words = ["run", "plan.toml", "--no-thresholds", "--out", folder, "--format", "json"];
        let ran = desk.mailquake(&[&words, more].concat());
        ran.summary();
        ran.stderr
    };

    let plain = shown("1", &["--progress", "plain"]);
    let auto = shown("2", &[]);
    let json = shown("3", &["--progress", "json"]);

    for text in [plain, auto] {
        assert!(text.contains("0:00/0:00  open (1 of 1)"), "{text}");
        assert!(text.contains("results: "), "{text}");
    }
    let lines: Vec<Value> =
        json.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let kinds: Vec<&str> = lines.iter().map(|line| line["kind"].as_str().expect(&json)).collect();
    assert_eq!(kinds[..2], ["began", "phase"], "{json}");
    assert!(kinds.contains(&"second"), "{json}");
    assert_eq!(lines[1]["phase"]["name"], "open", "{json}");
    assert_eq!(shown("4", &["--progress", "none"]), "");
    assert_eq!(shown("5", &["-q"]), "");
}

#[test]
fn a_live_view_without_a_terminal_is_refused_before_anything_is_sent() {
    let desk = Desk::with_plan(OPEN);

    let ran = desk.mailquake(&["run", "plan.toml", "--progress", "tui"]);

    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("no live view: standard error is no terminal"), "{}", ran.stderr);
    assert!(!desk.path("results").exists());
}

#[test]
fn a_results_folder_is_never_overwritten() {
    let desk = Desk::with_plan(OPEN);
    desk.run(&["--no-thresholds"]).ended(0);
    let before = desk.read("out/summary.json");

    let again = desk.run(&["--no-thresholds"]);

    assert_eq!(again.code, Some(1), "{}", again.stderr);
    assert!(again.stderr.contains("out/series.ndjson"), "{}", again.stderr);
    assert_eq!(desk.read("out/summary.json"), before);
}
