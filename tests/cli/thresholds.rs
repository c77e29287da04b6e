//! Thresholds with a window, with `for` and with `abort` → when a run ends, and what is said.

use serde_json::Value;

use crate::program::{Desk, Ran};

/// 50 messages a second for 8 s, to a sink that says what these lines make it say.
fn desk(threshold: &str, sink: &str) -> Desk {
    Desk::with_plan(&format!(
        "[[phases]]\nname = \"soak\"\nkind = \"steady\"\nrate = \"50/s\"\narrival = \"even\"\n\
         duration = \"8s\"\ndrain = \"10s\"\n\
         [[thresholds]]\ncheck = \"message.count > 0\"\n\
         [[phases.thresholds]]\n{threshold}\n[sink]\n{sink}\n"
    ))
}

const SLOW: &str = "latency = { end_of_data = \"60ms\" }";
/// It stands still for 1.2 s in the fourth and fifth second.
const ONE_STALL: &str = "stall = { every = \"5s\", for = \"1200ms\" }";
const P50: &str = "check = \"message.p50 < 30ms\"\n";

fn row(summary: &Value) -> &Value {
    &summary["thresholds"][0]
}

fn events(desk: &Desk, kind: &str) -> Vec<Value> {
    let text = desk.read("out/events.ndjson");
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|event| event["kind"] == kind).collect()
}

fn aborted(desk: &Desk, ran: &Ran, code: i32) {
    let summary = ran.ended(code);
    let row = row(&summary);
    let at = row["broken_at_s"].as_f64().unwrap();

    assert_eq!((&row["aborted"], &row["holds"]), (&true.into(), &false.into()));
    assert!(summary["duration_s"].as_f64() < Some(8.0), "it ended early: {summary:#}");
    let reason = summary["reason"].as_str().unwrap();
    let said = "`message.p50 < 30ms` over 2s broke in `soak` (";
    assert!(row["value"].as_f64() >= Some(60.0), "{row}");
    assert!(reason.starts_with("The run was aborted at 0:0") && reason.contains(said), "{reason}");
    assert!(ran.stderr.contains("nothing starts any more"), "{}", ran.stderr);
    let broken = events(desk, "threshold_broken");
    assert_eq!(broken.len(), 1, "{broken:?}");
    assert_eq!((broken[0]["at_s"].as_f64(), &broken[0]["aborted"]), (Some(at), &true.into()));
    assert_eq!(events(desk, "order").len(), 1);
}

#[test]
fn abort_ends_the_run_early_and_says_why() {
    let desk = desk(&format!("{P50}window = \"2s\"\naction = \"abort\""), SLOW);

    aborted(&desk, &desk.run(&[]), 5);
}

#[test]
fn the_exit_code_of_an_abort_may_be_chosen() {
    let desk = desk(&format!("{P50}window = \"2s\"\naction = \"abort\""), SLOW);

    aborted(&desk, &desk.run(&["--threshold-exit-code", "42"]), 42);
}

#[test]
fn a_warning_ends_nothing() {
    let desk = desk(&format!("{P50}window = \"2s\"\naction = \"warn\""), SLOW);

    let ran = desk.run(&["--time-scale", "0.5"]);
    let summary = ran.ended(0);

    assert_eq!(summary["phases"][0]["duration_s"], 4.0);
    assert_eq!((&row(&summary)["holds"], &row(&summary)["window_s"]), (&false.into(), &1.into()));
    assert!(ran.stderr.contains("warning: `message.p50 < 30ms` over 1s broke"), "{}", ran.stderr);
}

#[test]
fn a_stall_breaks_a_window_for_good_though_the_whole_phase_holds() {
    let windowed =
        format!("check = \"message.errors < 1%\"\n[[phases.thresholds]]\n{P50}window = \"1s\"");
    let desk = desk(&windowed, ONE_STALL);

    let summary = desk.run(&["--threshold", "message.p50 < 30ms"]).ended(5);

    let rows = summary["thresholds"].as_array().unwrap();
    let holds: Vec<&Value> = rows.iter().map(|row| &row["holds"]).collect();
    assert_eq!(holds, [true, false, true, true], "{rows:#?}");
    assert!(!events(&desk, "threshold_recovered").is_empty());
}

#[test]
fn for_forgives_a_short_break() {
    let desk = desk(&format!("{P50}window = \"1s\"\nfor = \"4s\""), ONE_STALL);

    let summary = desk.run(&[]).ended(0);

    let row = row(&summary);
    assert_eq!((&row["holds"], &row["for_s"]), (&true.into(), &4.into()));
    assert!(row["longest_broken_s"].as_f64() < Some(4.0), "{row}");
    assert_eq!(events(&desk, "threshold_broken"), Vec::<Value>::new());
}

#[test]
fn a_window_without_data_means_what_the_plan_says() {
    for (no_data, code) in [("fail", 5), ("pass", 0)] {
        let check = format!(
            "check = \"message.errors < 1%\"\nwindow = \"1s\"\naction = \"abort\"\nno_data = \"{no_data}\""
        );
        let desk = desk(&check, "stall = { every = \"5s\", for = \"3s\" }");

        let summary = desk.run(&[]).ended(code);

        let row = row(&summary);
        assert_eq!(row["aborted"].as_bool().unwrap_or(false), code == 5, "{row}");
        assert_eq!(row["value"].as_f64(), (code == 0).then_some(0.0), "{row}");
    }
}

#[test]
fn a_window_that_is_never_full_is_refused_where_that_is_known() {
    let desk = desk(&format!("{P50}window = \"9s\""), "");

    let ran = desk.mailquake(&["validate", "plan.toml"]);

    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    let said = "the window is never full: phase `soak` lasts 8s";
    assert!(ran.stderr.contains(said), "{}{}", ran.stdout, ran.stderr);
}
