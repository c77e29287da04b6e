//! A summary → whether its figures add up, in the totals, in all, and in each phase.

use serde_json::Value;

const OUTCOMES: [&str; 13] = [
    "accepted",
    "expected",
    "unexpected",
    "temporary",
    "permanent",
    "timed_out",
    "disconnected",
    "unconnected",
    "tls",
    "protocol",
    "ambiguous",
    "interrupted",
    "local",
];

/// A number in a summary.
pub(crate) fn number(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).expect(pointer)
}

/// Stops the test where a sum does not hold.
pub(crate) fn hold(summary: &Value) {
    figures_hold("totals", &summary["totals"]);
    figures_hold("all", &summary["all"]);
    let phases = summary["phases"].as_array().unwrap();
    for phase in phases {
        phase_holds(phase);
    }
    for kind in OUTCOMES.iter().chain(&["planned", "started", "dropped"]) {
        let pointer = format!("/figures/messages/{kind}");
        let of = |phases: Vec<&Value>| {
            phases.into_iter().map(|phase| number(phase, &pointer)).sum::<u64>()
        };
        let pointer = format!("/messages/{kind}");
        assert_eq!(number(&summary["all"], &pointer), of(phases.iter().collect()), "all {kind}");
        let counting = phases.iter().filter(|phase| counts(phase)).collect();
        assert_eq!(number(&summary["totals"], &pointer), of(counting), "totals {kind}");
    }
    peaks_fit(summary);
    embedded_server_agrees(summary);
}

/// No part of a run has more sessions open at one time than the whole.
fn peaks_fit(summary: &Value) {
    let peak = |figures: &Value| number(figures, "/sessions/peak_open");
    let (all, totals) = (peak(&summary["all"]), peak(&summary["totals"]));
    assert!(totals <= all, "{totals} of {all}");
    for phase in summary["phases"].as_array().unwrap() {
        let whole = if counts(phase) { totals } else { all };
        assert!(peak(&phase["figures"]) <= whole, "{}: more than {whole}", phase["name"]);
    }
}

/// Whether a phase is in the totals: no warm-up, and no probe of a search.
fn counts(phase: &Value) -> bool {
    phase["warmup"] == false && phase["kind"] != "search"
}

fn phase_holds(phase: &Value) {
    let name = phase["name"].as_str().unwrap();
    let figures = &phase["figures"];
    figures_hold(name, figures);
    if phase["model"] == "closed" {
        assert_eq!(number(figures, "/messages/dropped"), 0, "{name}");
    }
    let clients = phase["clients"].as_object().unwrap();
    let targets = phase["targets"].as_object().unwrap().values();
    let addresses = targets.flat_map(|target| target.as_object().unwrap().values());
    let parts = [clients.values().collect::<Vec<_>>(), addresses.collect()];
    for (parts, what) in parts.into_iter().zip(["clients", "addresses"]) {
        let ended: u64 = parts.iter().map(|part| number(part, "/messages/accepted")).sum();
        assert_eq!(ended, number(figures, "/messages/accepted"), "{name}: {what}");
    }
    for (client, figures) in clients {
        figures_hold(&format!("{name}/{client}"), figures);
    }
    for (class, figures) in phase["classes"].as_object().into_iter().flatten() {
        messages_hold(&format!("{name}/{class}"), figures);
    }
}

fn figures_hold(name: &str, figures: &Value) {
    messages_hold(name, figures);
    let messages = |kind: &str| number(figures, &format!("/messages/{kind}"));
    codes_decide(name, figures);
    let no_error = ["accepted", "expected", "interrupted"];
    for kind in OUTCOMES.iter().filter(|kind| !no_error.contains(kind)) {
        let rows = figures["errors"].as_array().unwrap().iter();
        let rows = rows.filter(|row| row["outcome"] == *kind).map(|row| number(row, "/count"));
        assert_eq!(rows.sum::<u64>(), messages(kind), "{name}: rows of {kind}");
    }
    let sessions = |kind: &str| number(figures, &format!("/sessions/{kind}"));
    assert!(sessions("started") >= sessions("opened") + sessions("failed"), "{name}");
    assert!(sessions("opened") == 0 || sessions("peak_open") > 0, "{name}: no peak");
}

fn messages_hold(name: &str, figures: &Value) {
    let messages = |kind: &str| number(figures, &format!("/messages/{kind}"));
    assert_eq!(messages("planned"), messages("started") + messages("dropped"), "{name}");
    let ended: u64 = OUTCOMES.iter().map(|kind| messages(kind)).sum();
    assert_eq!(messages("started"), ended, "{name}: {:#}", figures["messages"]);
}

/// Some malformed cases are mail for a server all the same.
fn cases_started(figures: &Value) -> u64 {
    let cases = figures["cases"].as_object().into_iter().flat_map(|cases| cases.values());
    cases.map(|case| number(case, "/started")).sum()
}

/// Codes are those of the replies that decided: every acceptance has one, what no reply decided
/// has none, and a failed greeting may have one.
fn codes_decide(name: &str, figures: &Value) {
    let messages = |kind: &str| number(figures, &format!("/messages/{kind}"));
    let codes = figures["codes"].as_object().unwrap().values();
    let codes: u64 = codes.map(|count| count.as_u64().unwrap()).sum();
    let decided: u64 = ["accepted", "expected", "unexpected", "temporary", "permanent"]
        .into_iter()
        .map(messages)
        .sum();
    assert!(codes >= decided, "{name}: {codes} codes of {decided} replies");
    let may = decided + messages("unconnected") + messages("protocol");
    assert!(codes <= may, "{name}: {codes} codes of {may} replies at most");
}

/// What was accepted is what the embedded server took, and what it took without our knowing is
/// among what is ambiguous, unexpected, or was cut off.
fn embedded_server_agrees(summary: &Value) {
    let Some(taken) = summary.pointer("/environment/sink/messages") else { return };
    let taken = taken.as_u64().unwrap();
    let messages = |kind: &str| number(summary, &format!("/all/messages/{kind}"));
    let known = messages("accepted");
    let unknown = cases_started(&summary["all"])
        + messages("ambiguous")
        + messages("unexpected")
        + messages("interrupted");
    assert!((known..=known + unknown).contains(&taken), "{taken} taken, {known} accepted");
}
