//! A made-up result, for the tests of pages.
//!
//! It is read from JSON as an older result would be, so that what results gain later is absent.

use serde_json::json;

use crate::record::{Figures, LatencyFigures, MessageFigures, PhaseResult, Summary, ThresholdRow};

/// A run of one phase, `steady`, that passed.
pub(super) fn summary() -> Summary {
    let summary = json!({
        "schema_version": 1,
        "tool": { "name": "mailquake", "version": "0.1.0" },
        "partial": false,
        "labels": {},
        "segment": null,
        "plan": { "name": "nightly", "hash": "sha256:0", "seed": 7, "file": null },
        "started_at": "2026-11-25T20:00:00.000Z",
        "duration_s": 10.0,
        "verdict": "pass",
        "exit_code": 0,
        "reason": "All thresholds hold, and the tester was fit.",
        "thresholds": [],
        "fitness": [],
        "totals": figures(),
        "all": figures(),
        "phases": [phase("steady", "open")],
        "environment": {},
    });
    serde_json::from_value(summary).unwrap()
}

pub(super) fn phase(name: &str, model: &str) -> PhaseResult {
    let phase = json!({
        "name": name,
        "kind": "steady",
        "model": model,
        "warmup": false,
        "start_s": 0.0,
        "duration_s": 10.0,
        "figures": figures(),
        "clients": {},
        "targets": {},
    });
    serde_json::from_value(phase).unwrap()
}

fn figures() -> Figures {
    Figures {
        messages: MessageFigures {
            planned: 1_000,
            started: 1_000,
            accepted: 997,
            temporary: 3,
            ..MessageFigures::default()
        },
        errors_share: 0.003,
        accepted_per_s: Some(99.7),
        response_ms: Some(LatencyFigures {
            count: 1_000,
            p50: Some(20.1),
            p95: Some(24.0),
            p99: Some(31.5),
            max: Some(48.2),
            ..LatencyFigures::default()
        }),
        ..Figures::default()
    }
}

pub(super) fn threshold(check: &str, value: f64, limit: f64, unit: &str) -> ThresholdRow {
    let row = json!({
        "check": check,
        "phase": null,
        "value": value,
        "limit": limit,
        "unit": unit,
        "holds": true,
        "action": "fail",
        "few_samples": false,
    });
    serde_json::from_value(row).unwrap()
}
