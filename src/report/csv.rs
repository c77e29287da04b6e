//! The rows of a series → CSV for spreadsheets: one line for each phase in each second.
//!
//! What is not known is an empty cell. A text that a spreadsheet would take for a formula has a
//! `'` in front.

use csv::Writer;

use crate::format;
use crate::record::{PhaseRow, SeriesRow};
use crate::smtp::Outcome;

/// The text could not be put together: a mistake of the program.
#[derive(Debug, thiserror::Error)]
#[error("the CSV can't be made")]
pub struct CsvError(#[from] csv::Error);

/// The columns before the outcomes.
const BEFORE: [&str; 8] =
    ["second", "phase", "level", "open_sessions", "peak_open", "planned", "started", "dropped"];

/// The columns behind them.
const BEHIND: [&str; 11] = [
    "cases",
    "findings",
    "opened",
    "failed",
    "sent",
    "received",
    "responses",
    "p50_ms",
    "p95_ms",
    "p99_ms",
    "max_ms",
];

/// The whole text, with a header; rows of the monitor are left out.
pub fn series_csv(rows: impl Iterator<Item = SeriesRow>) -> Result<String, CsvError> {
    let mut text = Writer::from_writer(Vec::new());
    let outcomes = Outcome::ALL.map(Outcome::name);
    text.write_record(BEFORE.iter().chain(&outcomes).chain(&BEHIND))?;
    for row in rows {
        match row {
            SeriesRow::Phase(row) => text.write_record(cells(&row))?,
            SeriesRow::Monitor(_) => {}
        }
    }
    let text = text.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    // Every cell is text, and so is what stands between.
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn cells(row: &PhaseRow) -> Vec<String> {
    let ended = |outcome: Outcome| row.ended.get(outcome.name()).copied().unwrap_or(0).to_string();
    let before = [
        row.second.to_string(),
        harmless(&row.phase),
        row.level.to_string(),
        row.open_sessions.to_string(),
        row.peak_open.to_string(),
        row.planned.to_string(),
        row.started.to_string(),
        row.dropped.to_string(),
    ];
    let counts =
        [row.cases, row.findings, row.opened, row.failed, row.sent, row.received, row.responses];
    let times = [row.p50, row.p95, row.p99, row.max];
    let mut cells = before.to_vec();
    cells.extend(Outcome::ALL.map(ended));
    cells.extend(counts.map(|count| count.to_string()));
    cells.extend(times.map(|time| time.map(|millis| millis.to_string()).unwrap_or_default()));
    cells
}

/// A text that no spreadsheet runs.
fn harmless(text: &str) -> String {
    let text = format::escape(text);
    if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn row(phase: &str) -> PhaseRow {
        PhaseRow {
            second: 3,
            phase: phase.to_owned(),
            level: 200.5,
            open_sessions: 5,
            peak_open: 6,
            planned: 10,
            started: 10,
            dropped: 0,
            cases: 0,
            findings: 0,
            ended: BTreeMap::from([("accepted".to_owned(), 8), ("timed_out".to_owned(), 2)]),
            throttled: BTreeMap::new(),
            opened: 1,
            failed: 0,
            sent: 99,
            received: 77,
            responses: 10,
            p50: Some(1.5),
            p95: None,
            p99: None,
            max: None,
        }
    }

    #[test]
    fn every_column_has_its_value_and_what_is_not_known_is_empty() {
        let rows = [SeriesRow::Monitor(serde_json::Map::new()), SeriesRow::Phase(row("steady"))];

        let text = series_csv(rows.into_iter()).unwrap();

        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header = reader.headers().unwrap().clone();
        let line = reader.records().next().unwrap().unwrap();
        let cells: BTreeMap<&str, &str> = header.iter().zip(line.iter()).collect();
        assert_eq!(cells.len(), 32, "{header:?}");
        let some =
            ["second", "phase", "level", "accepted", "timed_out", "sent", "p50_ms", "max_ms"];
        assert_eq!(
            some.map(|name| cells[name]),
            ["3", "steady", "200.5", "8", "2", "99", "1.5", ""]
        );
    }

    #[test]
    fn no_cell_is_a_formula() {
        for (text, expected) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@x", "'@x"),
            ("\t=1", "\\t=1"),
            ("a=b", "a=b"),
        ] {
            assert_eq!(harmless(text), expected);
        }
    }
}
