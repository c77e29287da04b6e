//! `compare` and `run --baseline`: what changed between results folders.

use serde_json::Value;

use crate::program::{Desk, Ran};

const STEADY: &str = r#"
[[phases]]
name = "steady"
kind = "steady"
connections = 4
duration = "3s"

[[thresholds]]
check = "message.errors < 1%"

[sink]
latency = { end_of_data = "5ms" }
"#;

/// Of a sink that takes so much longer that no noise of a busy machine hides it.
const SLOWER: &str = "sink.latency.end_of_data=100ms";

fn run(desk: &Desk, folder: &str, more: &[&str]) -> Ran {
    let words = ["run", "plan.toml", "--progress", "none", "--out", folder];
    desk.mailquake(&[&words, more].concat())
}

/// Results of a run that must have passed.
fn result(desk: &Desk, folder: &str, more: &[&str]) {
    let ran = run(desk, folder, more);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn a_slower_server_is_a_regression_and_the_other_way_it_is_better() {
    let desk = Desk::with_plan(STEADY);
    result(&desk, "before", &[]);
    result(&desk, "after", &["--set", SLOWER]);

    let worse = desk.mailquake(&["compare", "before", "after", "--markdown", "comment.md"]);
    let better = desk.mailquake(&["compare", "after", "before", "--format", "json"]);

    assert_eq!(worse.code, Some(8), "{}{}", worse.stdout, worse.stderr);
    assert!(worse.stdout.starts_with("REGRESSION  accepted/s of `steady`: "), "{}", worse.stdout);
    assert!(desk.read("comment.md").starts_with("### mailquake: REGRESSION"));
    assert_eq!(better.code, Some(0), "{}{}", better.stdout, better.stderr);
    let told: Value = serde_json::from_str(&better.stdout).unwrap();
    assert_eq!(told["regression"], false);
    assert_eq!(told["phases"][0]["figures"][2]["figure"], "p50");
    assert_eq!(told["phases"][0]["figures"][2]["word"], "better");
}

#[test]
fn a_run_that_is_worse_than_its_baseline_ends_with_8() {
    let desk = Desk::with_plan(STEADY);
    result(&desk, "before", &[]);

    let ran = run(&desk, "after", &["--baseline", "before", "--set", SLOWER]);

    assert_eq!(ran.code, Some(8), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("\nREGRESSION  accepted/s of `steady`: "), "{}", ran.stdout);
    assert!(desk.read("after/compare.md").starts_with("### mailquake: REGRESSION"));
    let told: Value = serde_json::from_str(&desk.read("after/compare.json")).unwrap();
    assert_eq!(told["regression"], true);
}

#[test]
fn what_can_not_be_compared_is_refused_before_anything_runs() {
    let desk = Desk::with_plan(STEADY);
    result(&desk, "before", &[]);
    result(&desk, "other", &["--set", "phases.steady.connections=3"]);

    let unlike = desk.mailquake(&["compare", "before", "other"]);
    let told_so = desk.mailquake(&["compare", "before", "other", "--different-plans"]);
    let one = desk.mailquake(&["compare", "before"]);
    let nothing = desk.mailquake(&["compare", "before", "nowhere"]);
    let run = run(&desk, "new", &["--baseline", "other"]);

    assert_eq!(unlike.code, Some(2));
    assert_eq!(
        unlike.stderr,
        "error: `other` is a run of another plan than `before`\nhelp: `mailquake compare \
         --different-plans` compares phases of the same name all the same\n"
    );
    assert!(matches!(told_so.code, Some(0 | 8)), "{}", told_so.stderr);
    assert_eq!((one.code, nothing.code), (Some(2), Some(2)));
    assert!(nothing.stderr.contains("nowhere/run.json"), "{}", nothing.stderr);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(run.stderr.contains("than the one that is to be run"), "{}", run.stderr);
    assert!(!desk.path("new").exists());
}

#[test]
fn several_runs_on_each_side_are_compared_by_their_medians() {
    let desk = Desk::with_plan(STEADY);
    for folder in ["a1", "a2", "b1", "b2"] {
        let slower: &[&str] = if folder.starts_with('b') { &["--set", SLOWER] } else { &[] };
        result(&desk, folder, slower);
    }

    let ran = desk.mailquake(&["compare", "a1", "a2", "--with", "b1", "b2", "--format", "json"]);

    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(told["runs"], serde_json::json!([2, 2]));
    let p50 = &told["phases"][0]["figures"][2];
    assert!(p50["change"].as_f64().unwrap() > 0.3, "{p50}");
}
