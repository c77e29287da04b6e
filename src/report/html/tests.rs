//! Whole pages of made-up results: what must be on them, and what must never be.

use super::*;
use crate::record::specimen::{OPEN, addresses, key, ledger, messages, plan, spans};
use crate::record::{ErrorRow, PhaseRow};
use crate::report::specimen::{phase, summary};
use crate::smtp::Outcome;

/// The row of a second in which all messages were accepted.
fn row(second: u64, phase: &str) -> SeriesRow {
    let row = serde_json::json!({
        "second": second, "phase": phase, "level": 100.0, "open_sessions": 5, "planned": 100,
        "started": 100, "dropped": 0, "ended": { "accepted": 100 }, "opened": 0, "failed": 0,
        "sent": 5000, "received": 500, "responses": 100, "p50": 20.0, "p95": 22.0, "p99": 30.5,
        "max": 41.25,
    });
    SeriesRow::Phase(serde_json::from_value::<PhaseRow>(row).unwrap())
}

fn page(summary: &Summary, rows: Vec<SeriesRow>, plan_text: &str) -> String {
    let (plan, spans, addresses) = (plan(), spans(), addresses());
    let ledger = ledger(&plan, vec![(key(OPEN, 0, 0), messages(1_000, Outcome::Accepted, 20))]);
    let results = Results { plan: &plan, ledger: &ledger, spans: &spans, addresses: &addresses };
    render(Source { summary, results, rows: rows.into_iter(), plan: plan_text }).unwrap()
}

#[test]
fn a_page_has_verdict_charts_distributions_and_plan() {
    let rows = (0..10).map(|second| row(second, "steady")).collect();

    let page = page(&summary(), rows, "version = 1\nname = \"nightly\"\n");

    for part in [
        "<title>PASS · nightly</title>",
        "id=\"chart-throughput\"",
        "id=\"chart-response\"",
        "id=\"chart-sessions\"",
        "id=\"chart-messages-1\"",
        "41.25",
        "name = &quot;nightly&quot;",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("NaN"), "no coordinate is lost");
}

#[test]
fn text_from_elsewhere_is_never_markup_nor_script() {
    let evil =
        "450 <script>alert(1)</script> \"'` </style> </script> <!-- \u{2028} \u{1b}[31m {{ 7*7 }}";
    let mut summary = summary();
    summary.plan.name = evil.to_owned();
    summary.reason = evil.to_owned();
    summary.labels.insert(evil.to_owned(), evil.to_owned());
    summary.phases = vec![phase(evil, "open")];
    summary.environment.insert(evil.to_owned(), serde_json::json!(evil));
    summary.totals.codes.insert("450".to_owned(), 3);
    summary.totals.errors = vec![ErrorRow {
        outcome: "temporary".to_owned(),
        step: evil.to_owned(),
        code: Some(450),
        count: 3,
        example: evil.to_owned(),
    }];

    let page = page(&summary, vec![row(0, evil)], evil);

    assert_eq!(page.matches("<script").count() - page.matches("<script type").count(), 1);
    assert_eq!(page.matches("</style").count(), 1);
    assert_eq!(page.matches("<!--").count(), 0);
    assert!(page.contains("&lt;script&gt;alert(1)"), "it is shown as text");
    assert!(!page.contains(['\u{2028}', '\u{1b}']), "and moves nothing");
    assert!(!page.contains("49 "), "no template is run");
}

#[test]
fn a_day_is_a_page_of_bounded_size() {
    let mut summary = summary();
    summary.duration_s = 86_400.0;
    summary.phases = vec![phase("steady", "open")];
    summary.phases[0].duration_s = 86_400.0;

    let page = page(&summary, (0..86_400).map(|second| row(second, "steady")).collect(), "");

    assert!(page.len() < 600_000, "{} octets", page.len());
}

#[test]
fn a_run_of_which_no_second_was_written_has_a_page_too() {
    let page = page(&summary(), Vec::new(), "");

    assert!(page.contains("No second was written."));
}

#[test]
fn a_bucket_whose_percentile_is_not_known_is_a_gap_with_a_mark() {
    let mut summary = summary();
    summary.duration_s = 2_000.0;
    let unknown = |second| {
        let SeriesRow::Phase(row) = row(second, "steady") else { unreachable!() };
        SeriesRow::Phase(PhaseRow { p99: None, max: None, ..row })
    };
    let rows = (0..2_000).map(|second| match second {
        7 => unknown(second),
        _ => row(second, "steady"),
    });
    let buckets = Buckets::of(&summary, rows);

    let known: Vec<[Option<f64>; 4]> =
        buckets.all.iter().map(|bucket| bucket.times.map(buckets::Worst::known)).collect();
    assert_eq!((buckets.step, known.len()), (5.0, 400));
    assert_eq!(known[0], [Some(20.0), Some(22.0), Some(30.5), Some(41.25)]);
    assert_eq!(known[1], [Some(20.0), Some(22.0), None, None]);
    assert!(buckets.all[1].times[2].unknown && !buckets.all[0].times[2].unknown);
    assert_eq!(buckets.all[0].per_second(buckets.all[0].started), Some(100.0));
}

#[test]
fn the_last_bucket_is_as_long_as_the_run_goes() {
    for (duration, count, last) in [(2.0, 2, 1.0), (2.5, 3, 0.5), (20.05, 20, 1.05), (0.4, 1, 0.4)]
    {
        let buckets =
            Buckets::of(&Summary { duration_s: duration, ..summary() }, std::iter::empty());
        assert_eq!(buckets.all.len(), count, "{duration}");
        assert!((buckets.all[count - 1].length - last).abs() < 1e-9, "{duration}");
    }
}
