//! The results folder of a run → whether it is whole, and what others can read from it.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use rustix::process::Signal;
use serde_json::Value;

use crate::program::{Desk, number};

const TWO_PHASES: &str = r#"
[vars]
peak = 200

[[phases]]
name = "closed"
kind = "steady"
connections = 2
count = 100

[[phases]]
name = "open"
kind = "steady"
rate = "${peak}/s"
duration = "1100ms"

[sink]
latency = { end_of_data = "2ms" }
replies = { rcpt = { "450 4.7.1 greylisted" = 0.1 } }
"#;

fn lines(desk: &Desk, name: &str) -> Vec<Value> {
    desk.read(name).lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

#[test]
fn the_summary_on_standard_output_is_the_one_in_the_folder() {
    let desk = Desk::with_plan(TWO_PHASES);

    let shown = desk.run(&["--no-thresholds"]);

    shown.ended(0);
    assert_eq!(shown.stdout, desk.read("out/summary.json"));
}

#[test]
fn the_rows_of_the_series_add_up_to_the_summary() {
    let desk = Desk::with_plan(TWO_PHASES);
    let summary = desk.run(&["--no-thresholds", "--workers", "2"]).ended(0);
    let rows = lines(&desk, "out/series.ndjson");

    for phase in summary["phases"].as_array().unwrap() {
        let rows = rows.iter().filter(|row| row["phase"] == phase["name"]);
        let mut sums: BTreeMap<String, u64> = BTreeMap::new();
        for row in rows {
            for kind in ["planned", "started", "dropped", "opened", "sent", "received"] {
                *sums.entry(kind.to_owned()).or_default() += row[kind].as_u64().unwrap();
            }
            for (outcome, count) in row["ended"].as_object().unwrap() {
                *sums.entry(outcome.clone()).or_default() += count.as_u64().unwrap();
            }
        }
        let figures = &phase["figures"];
        for kind in ["planned", "started", "dropped", "accepted", "temporary"] {
            let sum = sums.get(kind).copied().unwrap_or(0);
            assert_eq!(sum, number(figures, &format!("/messages/{kind}")), "{kind}");
        }
        assert_eq!(sums["opened"], number(figures, "/sessions/opened"));
        assert_eq!(sums["sent"], number(figures, "/octets/sent"));
        assert_eq!(sums["received"], number(figures, "/octets/received"));
    }
    assert!(rows.iter().any(|row| row["kind"] == "monitor" && row["host"].is_object()));
}

#[test]
fn hdr_histogram_reads_the_latencies() {
    let desk = Desk::with_plan(TWO_PHASES);
    let summary = desk.run(&["--no-thresholds"]).ended(0);

    let log = histograms(desk.read("out/latency.hlog").as_bytes());

    for phase in summary["phases"].as_array().unwrap() {
        let name = phase["name"].as_str().unwrap();
        let read = &log[&format!("{name}/*/message/response")];
        let figures = &phase["figures"];
        assert_eq!(read.len(), number(figures, "/response_ms/count"), "{name}");
        let median = figures["response_ms"]["p50"].as_f64().unwrap();
        let micros = Duration::from_micros(read.value_at_quantile(0.5));
        let ratio = median / 1e3 / micros.as_secs_f64();
        assert!((ratio - 1.0).abs() < 0.01, "{name}: {median} ms, {micros:?}");
        let mail = &log[&format!("{name}/app/mail/service")];
        assert_eq!(mail.len(), number(figures, "/steps/mail/count"), "{name}");
    }
}

/// By tag, all intervals together.
pub(crate) fn histograms(text: &[u8]) -> BTreeMap<String, Histogram<u64>> {
    let mut all: BTreeMap<String, Histogram<u64>> = BTreeMap::new();
    for entry in IntervalLogIterator::new(text) {
        let LogEntry::Interval(line) = entry.unwrap() else { continue };
        let octets = base64(line.encoded_histogram());
        let read = Deserializer::new().deserialize::<u64, _>(&mut &octets[..]).unwrap();
        let tag = line.tag().unwrap().as_str().to_owned();
        all.entry(tag).or_insert_with(|| Histogram::new(3).unwrap()).add(&read).unwrap();
    }
    all
}

fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits: Vec<u32> = text
        .bytes()
        .filter(|digit| *digit != b'=')
        .map(|digit| DIGITS.iter().position(|known| *known == digit).unwrap())
        .map(|value| u32::try_from(value).unwrap())
        .collect();
    let whole = digits.chunks(4).flat_map(|four| {
        let bits = (0..4).fold(0, |bits, n| bits << 6 | four.get(n).copied().unwrap_or(0));
        let [_, octets @ ..] = u32::to_be_bytes(bits);
        octets.into_iter().take(four.len() * 6 / 8)
    });
    whole.collect()
}

#[test]
fn events_tell_the_phases_and_the_first_of_each_error() {
    let desk = Desk::with_plan(TWO_PHASES);
    // Each worker sees its own first one; it is an event once.
    desk.run(&["--workers", "2"]).ended(5);

    let events = lines(&desk, "out/events.ndjson");

    let of = |kind: &str| -> Vec<&Value> {
        events.iter().filter(|event| event["kind"] == kind).collect()
    };
    let names = |kind: &str| -> Vec<&str> {
        of(kind).iter().map(|event| event["phase"].as_str().unwrap()).collect()
    };
    assert_eq!(names("phase_began"), ["closed", "open"]);
    assert_eq!(names("phase_ended"), ["closed", "open"]);
    assert_eq!(names("first_error"), ["closed", "open"]);
    for error in of("first_error") {
        assert_eq!((&error["outcome"], &error["step"]), (&"temporary".into(), &"rcpt".into()));
        assert_eq!(
            (&error["code"], &error["example"]),
            (&450.into(), &"450 4.7.1 greylisted".into())
        );
        let transcript = error["transcript"].to_string();
        let refused = r#""> RCPT TO:<user@example.test>","< 450 4.7.1 greylisted""#;
        assert!(transcript.contains("\"> MAIL FROM:<app@load.test> SIZE="), "{transcript}");
        assert!(transcript.contains(refused), "{transcript}");
        assert!(!transcript.contains("A short note."), "{transcript}");
    }
    assert!(!of("threshold_broken").is_empty());
}

#[test]
fn the_plan_in_the_folder_runs_again_and_has_the_same_timeline() {
    let desk = Desk::with_plan(TWO_PHASES);
    let changes = ["--var", "peak=150", "--scale", "0.5", "--time-scale", "0.5", "--seed", "11"];
    desk.run(&[&changes[..], &["--no-thresholds"]].concat()).ended(0);

    let first = [&["preview", "plan.toml", "--format", "json"][..], &changes].concat();
    let again = desk.mailquake(&["preview", "out/plan.toml", "--format", "json"]);

    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert_eq!(again.stdout, desk.mailquake(&first).stdout);
    let kept = ["run", "out/plan.toml", "--out", "again", "--format", "json"];
    let summary = desk.mailquake(&kept).ended(0);
    assert_eq!(summary["plan"]["hash"], desk.summary()["plan"]["hash"]);
    assert_eq!(summary["plan"]["seed"], 11);
}

#[test]
fn a_killed_run_leaves_what_it_had_written() {
    let desk = Desk::with_plan(
        "[[phases]]\nname = \"long\"\nkind = \"steady\"\nrate = \"50/s\"\nduration = \"10m\"\n",
    );
    let running = desk.begin(&[]);
    desk.wait_for_a_row();
    running.signal(Signal::KILL);
    assert_eq!(running.end().code, None);

    // The last line may be cut, as at a power failure.
    let series = desk.read("out/series.ndjson");
    let (whole, _) = series.rsplit_once('\n').unwrap();
    let rows: Vec<Value> =
        whole.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert!(rows.iter().any(|row| row["phase"] == "long"));
    assert_eq!(lines(&desk, "out/events.ndjson")[0]["kind"], "phase_began");
    assert_eq!(desk.mailquake(&["validate", "out/plan.toml"]).code, Some(0));
    assert!(!desk.path("out/summary.json").exists());
}
