//! Golden pages of made-up summaries.

#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them so")]

use std::collections::BTreeMap;

use expect_test::{Expect, expect};

use super::*;
use crate::record::{
    Allowed, ErrorRow, FitnessRow, FitnessStatus, LatencyFigures, MessageFigures, OctetFigures,
    PhaseResult, PlanIdentity, RecipientFigures, SessionFigures, StepFigures, ThresholdRow,
    ThrottleRow, Throttled, ToolIdentity,
};

fn times(scale: f64) -> LatencyFigures {
    LatencyFigures {
        count: 48_000,
        min: Some(0.31 * scale),
        mean: Some(1.74 * scale),
        p50: Some(1.52 * scale),
        p90: Some(2.9 * scale),
        p95: Some(3.41 * scale),
        p99: Some(7.8 * scale),
        p999: Some(21.3 * scale),
        max: Some(48.21 * scale),
        ..LatencyFigures::default()
    }
}

fn figures(started: u64, scale: f64) -> Figures {
    Figures {
        messages: MessageFigures {
            planned: started,
            started,
            accepted: started,
            ..MessageFigures::default()
        },
        recipients: RecipientFigures { accepted: started, ..RecipientFigures::default() },
        sessions: SessionFigures {
            planned: 50,
            started: 50,
            opened: 50,
            reused: started - 50,
            peak_open: 50,
            ..SessionFigures::default()
        },
        accepted_per_s: Some(803.4),
        octets: OctetFigures { sent: 56_000_000, received: 9_100_000 },
        response_ms: Some(times(scale)),
        ..Figures::default()
    }
}

fn phase(name: &str, model: &str, figures: Figures) -> PhaseResult {
    PhaseResult {
        paced: Vec::new(),
        cases: BTreeMap::new(),
        classes: BTreeMap::new(),
        throttled: None,
        level: None,
        search: None,
        name: name.to_owned(),
        kind: "steady".to_owned(),
        model: model.to_owned(),
        warmup: false,
        start_s: 0.0,
        duration_s: 60.0,
        figures,
        clients: BTreeMap::new(),
        targets: BTreeMap::new(),
    }
}

fn threshold(check: &str, value: f64, limit: f64, unit: &str) -> ThresholdRow {
    ThresholdRow {
        check: check.to_owned(),
        phase: None,
        value: Some(value),
        limit,
        unit: unit.to_owned(),
        holds: true,
        action: "fail".to_owned(),
        ..ThresholdRow::default()
    }
}

fn fit(check: &str, value: f64, limit: f64, unit: &str) -> FitnessRow {
    FitnessRow {
        check: check.to_owned(),
        phase: Some("soak".to_owned()),
        status: FitnessStatus::Ok,
        value,
        limit,
        unit: unit.to_owned(),
    }
}

fn passed() -> Summary {
    let mut warm_up = phase("warm-up", "closed", figures(1_204, 0.8));
    warm_up.warmup = true;
    let mut rest = phase("rest", "pause", Figures::default());
    rest.kind = "pause".to_owned();
    Summary {
        schema_version: 1,
        tool: ToolIdentity { name: "mailquake".to_owned(), version: "0.1.0".to_owned() },
        partial: false,
        warnings: Vec::new(),
        labels: BTreeMap::new(),
        segment: None,
        plan: PlanIdentity {
            name: "relay-capacity".to_owned(),
            hash: "sha256:00".to_owned(),
            seed: 42,
            file: Some("relay.toml".to_owned()),
        },
        started_at: "2026-01-02T03:04:05Z".to_owned(),
        duration_s: 90.4,
        verdict: VerdictName::Pass,
        exit_code: 0,
        reason: "all 2 thresholds hold".to_owned(),
        thresholds: vec![
            threshold("message.p99 < 500ms", 7.8, 500.0, "ms"),
            threshold("rate.achieved >= 99%", 1.0, 0.99, "share"),
        ],
        fitness: vec![fit("lag_p99", 0.41, 10.0, "ms"), fit("cpu", 0.432, 0.95, "share")],
        totals: figures(48_204, 1.0),
        all: figures(49_408, 1.0),
        classes: BTreeMap::new(),
        phases: vec![warm_up, phase("soak", "open", figures(48_204, 1.0)), rest],
        environment: serde_json::Map::new(),
    }
}

fn failed() -> Summary {
    let mut summary = passed();
    summary.verdict = VerdictName::Fail;
    summary.exit_code = 5;
    summary.reason = "1 of 3 thresholds does not hold: message.errors < 1%".to_owned();
    let mut bad = figures(46_000, 1.0);
    bad.messages = MessageFigures {
        planned: 48_204,
        started: 46_000,
        dropped: 2_204,
        accepted: 44_800,
        temporary: 1_100,
        timed_out: 90,
        interrupted: 10,
        ..MessageFigures::default()
    };
    bad.errors_share = 1_190.0 / 45_990.0;
    bad.recipients.temporary = 1_100;
    bad.response_ms = Some(LatencyFigures {
        p99: None,
        p99_at_least: Some(30_000.0),
        p999: None,
        mean: None,
        mean_at_least: Some(57.3),
        max: None,
        max_at_least: Some(30_000.0),
        ..times(1.0)
    });
    bad.errors = vec![
        error("temporary", "rcpt", Some(450), 1_100, "450 4.7.1 \u{1b}[31mgreylisted\r\n250 ok"),
        error("timed_out", "end_of_data", None, 90, ""),
    ];
    summary.phases[1].figures = bad.clone();
    summary.totals = bad;
    summary.thresholds[0].value = None;
    summary.thresholds[0].holds = false;
    summary.thresholds[0].phase = Some("soak".to_owned());
    summary.thresholds[1].value = Some(0.954);
    summary.thresholds[1].holds = false;
    summary.thresholds[1].action = "warn".to_owned();
    summary.thresholds.push(ThresholdRow {
        holds: false,
        ..threshold("message.errors < 1%", 1_190.0 / 45_990.0, 0.01, "share")
    });
    summary
}

fn error(outcome: &str, step: &str, code: Option<u16>, count: u64, example: &str) -> ErrorRow {
    ErrorRow {
        outcome: outcome.to_owned(),
        step: step.to_owned(),
        code,
        count,
        example: example.to_owned(),
    }
}

fn invalid() -> Summary {
    let mut summary = passed();
    summary.verdict = VerdictName::Invalid;
    summary.exit_code = 6;
    summary.reason =
        "lag p99 in soak was 25.3 ms, over 10 ms: use more workers or a lower rate".to_owned();
    summary.fitness[0].status = FitnessStatus::Invalid;
    summary.fitness[0].value = 25.3;
    summary
}

fn interrupted() -> Summary {
    let mut summary = passed();
    summary.verdict = VerdictName::None;
    summary.exit_code = 130;
    summary.partial = true;
    summary.reason = "interrupted after 3.2 s".to_owned();
    summary.duration_s = 3.2;
    summary.thresholds.clear();
    summary.fitness.clear();
    summary.phases.truncate(1);
    summary.totals = Figures::default();
    summary
}

fn check(summary: &Summary, width: usize, expected: &Expect) {
    let page = Page {
        style: Style::Plain,
        width,
        folder: Some(Path::new("results/relay-1")),
        detail: Detail::Brief,
    };

    let text = render(summary, page);

    for line in text.lines() {
        assert!(line.chars().count() <= width, "wider than {width}: {line}");
    }
    expected.assert_eq(&text);
}

#[test]
fn a_pass() {
    check(
        &passed(),
        100,
        &expect![[r#"
            PASS  all 2 thresholds hold
            relay-capacity · 1 m 30 s · seed 42 · mailquake 0.1.0

              phase      messages  of plan  accepted/s  errors      p50      p95      p99      max
              ────────────────────────────────────────────────────────────────────────────────────
              warm-up °     1,204        -         803       0  1.22 ms  2.73 ms  6.24 ms  38.6 ms
              soak         48,204    100 %         803       0  1.52 ms  3.41 ms  7.80 ms  48.2 ms
              rest              -        -           -       -        -        -        -        -
              ────────────────────────────────────────────────────────────────────────────────────
              total        48,204    100 %         803       0  1.52 ms  3.41 ms  7.80 ms  48.2 ms
              ° warm-up: in no total, threshold or check of the generator

              success     100 % of 48,204 messages
              latency     min 0.310 ms · mean 1.74 ms · p99.9 21.3 ms
              sessions    50 opened · 50 open at the peak · 48,154 messages on a used one
              recipients  48,204 accepted
              octets      53.4 MiB sent · 8.68 MiB received

              thresholds
                ✓  message.p99 < 500ms   7.80 ms · 98 % to spare
                ✓  rate.achieved >= 99%  100 % · 1.01 % to spare

              generator   fit: lag p99 0.410 ms (limit 10.0 ms) · all 2 checks in order
              files       results/relay-1
              report      results/relay-1/report.html
        "#]],
    );
}

#[test]
fn a_fail_on_a_wide_page() {
    check(
        &failed(),
        100,
        &expect![[r#"
            FAIL  1 of 3 thresholds does not hold: message.errors < 1%
            relay-capacity · 1 m 30 s · seed 42 · mailquake 0.1.0

              phase      messages  of plan  accepted/s  errors      p50      p95       p99       max
              ──────────────────────────────────────────────────────────────────────────────────────
              warm-up °     1,204        -         803       0  1.22 ms  2.73 ms   6.24 ms   38.6 ms
              soak         46,000  95.43 %         803   1,190  1.52 ms  3.41 ms  ≥ 30.0 s  ≥ 30.0 s
              rest              -        -           -       -        -        -         -         -
              ──────────────────────────────────────────────────────────────────────────────────────
              total        46,000  95.43 %         803   1,190  1.52 ms  3.41 ms  ≥ 30.0 s  ≥ 30.0 s
              ° warm-up: in no total, threshold or check of the generator

              success     97.41 % of 45,990 messages
              latency     min 0.310 ms · mean ≥ 57.3 ms
              sessions    50 opened · 50 open at the peak · 45,950 messages on a used one
              recipients  46,000 accepted · 1,100 refused for now
              octets      53.4 MiB sent · 8.68 MiB received
              besides     2,204 dropped: too many in flight · 10 interrupted by the plan or the user

              thresholds
                ✗  message.p99 < 500ms   not known: never taken, or no answer came · in soak
                ✗  rate.achieved >= 99%  95.4 % · only a warning · off by 3.64 %
                ✗  message.errors < 1%   2.59 % · 2.6 times the limit

              errors
                1,100  temporary at rcpt         450 4.7.1 \u{1b}[31mgreylisted\r\n250 ok
                   90  timed_out at end_of_data

              generator   fit: lag p99 0.410 ms (limit 10.0 ms) · all 2 checks in order
              files       results/relay-1
              report      results/relay-1/report.html
        "#]],
    );
}

#[test]
fn what_sessions_negotiated_stands_in_the_totals() {
    let mut summary = passed();
    let count = |name: &str, count| (name.to_owned(), count);
    summary.totals.tls.versions = [count("TLSv1.2", 8), count("TLSv1.3", 42)].into();
    summary.totals.tls.ciphers =
        [count("TLS_AES_256_GCM_SHA384", 42), count("TLS_ECDHE_RSA_WITH_AES_128", 8)].into();

    let lines = totals(&summary, 100);

    let line = lines.iter().find(|line| line.starts_with("  tls")).unwrap();
    let ciphers = "42 TLS_AES_256_GCM_SHA384 · 8 TLS_ECDHE_RSA_WITH_AES_128";
    assert_eq!(*line, format!("  tls         8 TLSv1.2 · 42 TLSv1.3 · {ciphers}"));
}

#[test]
fn a_fail_on_a_narrow_page() {
    check(
        &failed(),
        80,
        &expect![[r#"
            FAIL  1 of 3 thresholds does not hold: message.errors < 1%
            relay-capacity · 1 m 30 s · seed 42 · mailquake 0.1.0

              phase      messages  acc/s  errors      p50       p99       max
              ───────────────────────────────────────────────────────────────
              warm-up °     1,204    803       0  1.22 ms   6.24 ms   38.6 ms
              soak          46.0k    803   1,190  1.52 ms  ≥ 30.0 s  ≥ 30.0 s
              rest              -      -       -        -         -         -
              ───────────────────────────────────────────────────────────────
              total         46.0k    803   1,190  1.52 ms  ≥ 30.0 s  ≥ 30.0 s
              ° warm-up: in no total, threshold or check of the generator

              success     97.41 % of 45,990 messages
              latency     min 0.310 ms · mean ≥ 57.3 ms
              sessions    50 opened · 50 open at the peak · 45,950 messages on a used one
              recipients  46,000 accepted · 1,100 refused for now
              octets      53.4 MiB sent · 8.68 MiB received
              besides     2,204 dropped: too many in flight · 10 interrupted by the plan or
                          the user

              thresholds
                ✗  message.p99 < 500ms   not known: never taken, or no answer came · in soak
                ✗  rate.achieved >= 99%  95.4 % · only a warning · off by 3.64 %
                ✗  message.errors < 1%   2.59 % · 2.6 times the limit

              errors
                1,100  temporary at rcpt         450 4.7.1 \u{1b}[31mgreylisted\r\n250 ok
                   90  timed_out at end_of_data

              generator   fit: lag p99 0.410 ms (limit 10.0 ms) · all 2 checks in order
              files       results/relay-1
              report      results/relay-1/report.html
        "#]],
    );
}

fn sign(sign: &str, step: Option<&str>, count: u64, share: Option<f64>) -> ThrottleRow {
    ThrottleRow {
        sign: sign.to_owned(),
        step: step.map(str::to_owned),
        count,
        of: 48_204,
        share,
        begin_s: 12.0,
        into_s: 2.0,
        level: 50.0,
        open_sessions: 40,
        allowed: None,
        example: "\u{1b}[31m".to_owned(),
    }
}

#[test]
fn throttling_takes_a_line_for_each_phase_that_had_some() {
    let mut summary = passed();
    let signs = vec![
        ThrottleRow {
            allowed: Some(Allowed { min: 3, max: 10 }),
            ..sign("421", Some("mail"), 1_204, Some(0.031))
        },
        sign("refused", Some("connect"), 55, Some(0.12)),
        ThrottleRow {
            allowed: Some(Allowed { min: 10, max: 10 }),
            ..sign("closed", None, 12, None)
        },
        sign("450", Some("rcpt"), 1, Some(0.000_000_1)),
    ];
    let (begin_s, into_s, level, open_sessions) = (12.0, 2.0, 50.0, 40);
    let all = Throttled { begin_s, into_s, level, open_sessions, count: 1_272, signs };
    let one = Throttled {
        open_sessions: 7,
        level: 800.0,
        signs: vec![sign("421", None, 1, Some(0.5))],
        ..all
    };
    summary.phases[0].throttled = Some(all);
    summary.phases[1].throttled = Some(one);

    let lines = throttled(&summary, 100);
    // What all lines of a golden text begin with is not compared.
    let lines: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("  ")).collect();
    let text = lines.join("\n");

    expect![[r#"
          throttled   warm-up from 0:12 at 40 of 50 connections: 421 at mail ×1,204 (3.1 %) after 3 to 10
                      messages · connections refused ×55 (12 %) · sessions closed ×12 after 10 messages ·
                      450 at rcpt ×1 (< 0.01 %)
          throttled   soak from 0:12 at 800/s with 7 open: 421 between messages ×1 (50 %)"#]].assert_eq(&text);
}

/// The first line of a page that begins with these words.
fn line(summary: &Summary, begin: &str) -> String {
    let page = Page { style: Style::Plain, width: 100, folder: None, detail: Detail::Brief };
    let text = render(summary, page);
    let found = text.lines().map(str::trim).find(|line| line.starts_with(begin));
    found.unwrap_or_else(|| panic!("no line `{begin}` in\n{text}")).to_owned()
}

#[test]
fn what_dropped_starts_decide_says_so_and_a_mean_below_the_smallest_is_never_shown() {
    let mut summary = passed();
    summary.phases[1].figures.response_ms = Some(LatencyFigures {
        count: 500,
        min: Some(1000.0),
        p50: None,
        p95: None,
        p99: None,
        censored: 450,
        max_at_least: Some(1001.0),
        ..LatencyFigures::default()
    });
    summary.totals = summary.phases[1].figures.clone();

    let row = line(&summary, "soak");
    let cells: Vec<&str> = row.split("  ").filter(|cell| !cell.is_empty()).collect();
    assert_eq!(cells[5..], ["dropped", "dropped", "-", "≥ 1.00 s"], "{row}");
    assert_eq!(line(&summary, "latency"), "latency     min 1.00 s");
}

#[test]
fn the_total_of_the_plan_is_that_of_open_phases_that_count() {
    let mut summary = passed();
    let of = |planned, started| {
        let mut figures = figures(started, 1.0);
        figures.messages.planned = planned;
        figures.messages.dropped = planned - started;
        figures
    };
    let mut warm_up = phase("warm-up", "open", of(1_000, 100));
    warm_up.warmup = true;
    summary.phases = vec![
        warm_up,
        phase("closed", "closed", of(9_000, 9_000)),
        phase("open", "open", of(1_000, 500)),
        phase("more", "open", of(1_000, 700)),
    ];
    summary.totals = of(11_000, 10_200);

    let total = line(&summary, "total");
    assert!(total.contains("  60 %  "), "{total}");

    summary.phases.remove(3);
    summary.phases.remove(2);
    let total = line(&summary, "total");
    let cells: Vec<&str> = total.split_whitespace().collect();
    assert_eq!(cells[2], "-", "nothing was planned by a rate: {total}");
}

#[test]
fn an_invalid_run() {
    check(
        &invalid(),
        100,
        &expect![[r#"
            INVALID  lag p99 in soak was 25.3 ms, over 10 ms: use more workers or a lower rate
            relay-capacity · 1 m 30 s · seed 42 · mailquake 0.1.0

              phase      messages  of plan  accepted/s  errors      p50      p95      p99      max
              ────────────────────────────────────────────────────────────────────────────────────
              warm-up °     1,204        -         803       0  1.22 ms  2.73 ms  6.24 ms  38.6 ms
              soak         48,204    100 %         803       0  1.52 ms  3.41 ms  7.80 ms  48.2 ms
              rest              -        -           -       -        -        -        -        -
              ────────────────────────────────────────────────────────────────────────────────────
              total        48,204    100 %         803       0  1.52 ms  3.41 ms  7.80 ms  48.2 ms
              ° warm-up: in no total, threshold or check of the generator

              success     100 % of 48,204 messages
              latency     min 0.310 ms · mean 1.74 ms · p99.9 21.3 ms
              sessions    50 opened · 50 open at the peak · 48,154 messages on a used one
              recipients  48,204 accepted
              octets      53.4 MiB sent · 8.68 MiB received

              thresholds
                ✓  message.p99 < 500ms   7.80 ms · 98 % to spare
                ✓  rate.achieved >= 99%  100 % · 1.01 % to spare

              generator   not fit: lag p99 25.3 ms (limit 10.0 ms) in soak: lower the rate, or give the tester
                          more processor
              files       results/relay-1
              report      results/relay-1/report.html
        "#]],
    );
}

#[test]
fn an_interrupted_run() {
    check(
        &interrupted(),
        100,
        &expect![[r#"
            INTERRUPTED  interrupted after 3.2 s
            relay-capacity · 3.2 s · seed 42 · mailquake 0.1.0 · partial results

              phase      messages  of plan  accepted/s  errors      p50      p95      p99      max
              ────────────────────────────────────────────────────────────────────────────────────
              warm-up °     1,204        -         803       0  1.22 ms  2.73 ms  6.24 ms  38.6 ms
              ────────────────────────────────────────────────────────────────────────────────────
              total             0        -           -       0        -        -        -        -
              ° warm-up: in no total, threshold or check of the generator

              octets      0 B sent · 0 B received

              generator   not checked
              files       results/relay-1
              report      results/relay-1/report.html
        "#]],
    );
}

#[test]
fn long_names_are_cut_where_they_do_not_fit() {
    let mut summary = passed();
    summary.phases[1].name =
        "a-very-long-name-of-a-phase-that-nobody-would-like-to-type/12".to_owned();
    for width in [80, 100, 120] {
        let page = Page { style: Style::Plain, width, folder: None, detail: Detail::Brief };

        let text = render(&summary, page);

        for line in text.lines() {
            assert!(line.chars().count() <= width, "wider than {width}: {line}");
        }
    }
}

#[test]
fn colours_are_only_where_they_are_asked_for_and_change_no_text() {
    for summary in [passed, failed, invalid, interrupted] {
        let summary = summary();
        let page = |style| Page { style, width: 100, folder: None, detail: Detail::Brief };

        let plain = render(&summary, page(Style::Plain));
        let coloured = render(&summary, page(Style::Coloured));

        assert!(!plain.contains('\u{1b}'));
        assert!(coloured.contains('\u{1b}'));
        assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain);
    }
}

#[test]
fn a_full_page_tells_each_step_of_each_phase() {
    let mut summary = passed();
    summary.phases.truncate(1);
    let time = LatencyFigures { count: 40, p50: Some(1.5), max: Some(7.0), ..Default::default() };
    let figures = StepFigures { ok: 39, refused: 1, codes: BTreeMap::new(), time };
    summary.phases[0].figures.steps = BTreeMap::from([("rcpt".to_owned(), figures)]);
    let page = |detail| Page { style: Style::Plain, width: 100, folder: None, detail };

    let brief = render(&summary, page(Detail::Brief));
    let full = render(&summary, page(Detail::Full));

    let name = format!("steps of {}", summary.phases[0].name);
    assert!(!brief.contains(&name));
    assert!(full.contains(&name));
    let row = full.lines().find(|line| line.trim_start().starts_with("rcpt")).unwrap();
    let cells: Vec<&str> = row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    assert_eq!(cells, ["rcpt", "39", "1", "1.50 ms", "-", "-", "7.00 ms"]);
}

#[test]
fn classes_of_messages_have_a_row_each_and_findings_stand_out() {
    let mut spam = figures(2_000, 1.0);
    spam.messages = MessageFigures { started: 40, expected: 39, unexpected: 1, ..spam.messages };
    spam.messages.accepted = 0;
    spam.errors_share = 0.025;
    let both = BTreeMap::from([
        ("clean".to_owned(), figures(2_000, 1.0).into()),
        ("spam".to_owned(), spam.into()),
    ]);

    let page = Page { style: Style::Plain, width: 100, folder: None, detail: Detail::Brief };
    let text = format!("page{}", classes::table(&both, page).join("\n"));

    expect![[r#"
        page
          classes of messages
            class  messages  accepted  as expected  unexpected  errors      p50      p95      p99
            clean     2,000     2,000            0           0     0 %  1.52 ms  3.41 ms  7.80 ms
            spam         40         0           39           1   2.5 %  1.52 ms  3.41 ms  7.80 ms"#]].assert_eq(&text);
    assert!(classes::table(&BTreeMap::new(), page).is_empty());
}
