//! Runs that are killed or whose disk is full, and folders that are merged → what is left of them.

use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime};

use rustix::process::Signal;
use serde_json::Value;

use crate::program::{Desk, HEAD, Ran, Running, SinkProcess, number};

/// Messages per second of a run that is killed.
const RATE: u64 = 100;

fn rebuilt(desk: &Desk, folder: &str) -> Value {
    let ran = desk.mailquake(&["report", folder, "--json", "-"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

/// Kills a run at some moment after its first row; how many messages the server took of which the
/// folder does not know.
fn lost_by_a_kill(seed: u64) -> u64 {
    let desk = Desk::new();
    let sink = SinkProcess::start(&desk);
    desk.write(
        "plan.toml",
        &format!(
            "{HEAD}\n[target]\naddress = \"{}\"\n\n[[phases]]\nname = \"long\"\nkind = \"steady\"\n\
             rate = \"{RATE}/s\"\narrival = \"even\"\nduration = \"10m\"\n",
            sink.address
        ),
    );
    let running = desk.begin(&[]);
    desk.wait_for_a_row();
    // Some moment: the time itself is the only source of chance that a test needs.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos();
    let chance = u64::from(now).wrapping_mul(6_364_136_223_846_793_005).wrapping_add(seed << 40);
    thread::sleep(Duration::from_millis((chance >> 33) % 3000));
    running.signal(Signal::KILL);
    assert_eq!(running.end().code, None);
    let taken = number(&sink.counters(), "/messages");

    let summary = rebuilt(&desk, "out");

    assert_eq!(summary["partial"], true);
    let known = number(&summary, "/all/messages/accepted");
    assert!(known <= taken, "{known} of {taken}");
    taken - known
}

#[test]
fn a_kill_loses_the_open_second_and_little_more() {
    for seed in 0..5 {
        let lost = lost_by_a_kill(seed);
        // The open second and 250 ms; as much again for a machine that runs other tests.
        assert!(lost <= RATE * 5 / 2, "{lost} messages are lost");
    }
}

#[test]
#[ignore = "takes minutes; to be run by hand on a machine that does nothing else"]
fn of_fifty_kills_none_loses_more_than_the_open_second_and_a_quarter() {
    let mut lost: Vec<u64> = (0..50).map(lost_by_a_kill).collect();
    lost.sort_unstable();

    // One more is in flight, and one falls on the edge.
    assert!(*lost.last().unwrap() <= RATE * 5 / 4 + 2, "{lost:?}");
}

#[test]
fn a_full_disk_stops_the_journal_and_not_the_run() {
    let desk = Desk::with_plan(
        r#"[[phases]]
name = "full"
kind = "steady"
rate = "300/s"
duration = "10s"

[monitor]
interval = "200ms"

[sink]
latency = { mail = { p50 = "2ms", p99 = "200ms" }, end_of_data = { p50 = "2ms", p99 = "200ms" } }
"#,
    );
    // No file may be longer than 36 KiB: writes fail as on a full disk.
    let limited = format!(
        "trap '' XFSZ; ulimit -f 72; exec {} run plan.toml --out out --format json --set \
         generator.limits.lag_p99=10s",
        env!("CARGO_BIN_EXE_mailquake")
    );
    let mut command = Command::new("/bin/sh");
    let own = desk.command(&[]);
    command.args(["-c", &limited]).current_dir(own.get_current_dir().unwrap());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());

    let ran: Ran = Running::begin(command).end();

    let summary = ran.ended(0);
    assert_eq!(ran.stderr.matches("the journal stopped").count(), 1, "{}", ran.stderr);
    let warning = summary["warnings"][0].as_str().unwrap();
    assert!(warning.contains("File too large"), "{warning}");
    assert_eq!((&summary["verdict"], &summary["partial"]), (&"pass".into(), &false.into()));
    assert_eq!(rebuilt(&desk, "out"), summary, "the run's own summary is taken");
    std::fs::remove_file(desk.path("out/summary.json")).unwrap();
    let left = rebuilt(&desk, "out");
    let (kept, all) = (&left["all"], &summary["all"]);
    let accepted = "/messages/accepted";
    assert_eq!(left["partial"], true);
    assert!(number(kept, accepted) > 0 && number(kept, accepted) < number(all, accepted));
}

const HALF: &str = r#"
[[phases]]
name = "closed"
kind = "steady"
connections = 2
count = 150

[[phases]]
name = "open"
kind = "steady"
rate = "150/s"
duration = "1200ms"

[sink]
latency = { end_of_data = { p50 = "2ms", p99 = "20ms" } }
replies = { rcpt = { "450 4.7.1 greylisted" = 0.1 } }
"#;

#[test]
fn merged_folders_add_up_and_their_percentiles_are_of_the_merged_histograms() {
    let desk = Desk::with_plan(HALF);
    let mut halves = Vec::new();
    for (folder, seed) in [("east", "1"), ("west", "2")] {
        let run = ["run", "plan.toml", "--out", folder, "--seed", seed, "--no-thresholds"];
        let limit = ["--set", "generator.limits.lag_p99=10s", "--format", "json"];
        halves.push(desk.mailquake(&[&run[..], &limit].concat()).ended(0));
    }

    let merged = desk.mailquake(&["merge", "east", "west", "--out", "both", "--format", "json"]);

    let merged = merged.ended(0);
    for kind in ["planned", "started", "accepted", "temporary"] {
        let pointer = format!("/all/messages/{kind}");
        let sum: u64 = halves.iter().map(|half| number(half, &pointer)).sum();
        assert_eq!(number(&merged, &pointer), sum, "{kind}");
    }
    let log = crate::folder::histograms(desk.read("east/latency.hlog").as_bytes());
    let other = crate::folder::histograms(desk.read("west/latency.hlog").as_bytes());
    let tag = "open/*/message/response";
    let mut both = log[tag].clone();
    both.add(&other[tag]).unwrap();
    let expected = Duration::from_micros(both.value_at_quantile(0.9)).as_secs_f64() * 1e3;
    let found = merged["phases"][1]["figures"]["response_ms"]["p90"].as_f64().unwrap();
    assert!((found - expected).abs() < 1e-6, "{found} ms, not {expected}");
    assert_eq!(rebuilt(&desk, "both"), merged);
}

#[test]
fn folders_of_unlike_plans_or_parts_of_runs_are_not_merged() {
    let desk = Desk::with_plan(HALF);
    desk.run(&["--no-thresholds"]).summary();
    let other = ["run", "plan.toml", "--out", "other", "--scale", "0.5", "--format", "json"];
    desk.mailquake(&other).summary();

    let unlike = desk.mailquake(&["merge", "out", "other", "--out", "both"]);
    let same = ["run", "plan.toml", "--out", "part", "--no-thresholds", "--format", "json"];
    let limit = ["--set", "generator.limits.lag_p99=10s"];
    desk.mailquake(&[&same[..], &limit].concat()).summary();
    std::fs::remove_file(desk.path("part/summary.json")).unwrap();
    let partial = desk.mailquake(&["merge", "out", "part", "--out", "both"]);

    assert_eq!((unlike.code, partial.code), (Some(2), Some(2)));
    assert!(unlike.stderr.contains("are not of the same plan"), "{}", unlike.stderr);
    assert!(partial.stderr.contains("`part` is partial"), "{}", partial.stderr);
    assert!(!desk.path("both").exists());
}
