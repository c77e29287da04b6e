//! Figures → the rows of the page's tables, as words.

use serde::Serialize;

use crate::format;
use crate::record::{
    ErrorRow, Figures, FitnessRow, FitnessStatus, PhaseResult, SearchResult, Summary, ThresholdRow,
    ratio,
};
use crate::report::search::probe_outcome;
use crate::report::text::{achieved, achieved_in_all, mark, outcome, percentiles};
use crate::smtp::Step;
use crate::verdict::{search_level, search_sentence};

/// More kinds of errors than these are counted, not listed.
const MOST_ERRORS: usize = 60;

/// An example is shown so far.
const LONGEST_EXAMPLE: usize = 300;

/// A row of the table of phases.
#[derive(Debug, Serialize)]
pub(super) struct PhaseLine {
    name: String,
    kind: String,
    /// Behind the name of a phase that is in no total.
    mark: Option<&'static str>,
    bad: bool,
    /// In the order of the table's header, behind name and kind.
    cells: Vec<String>,
}

/// A table whose rows are only words.
#[derive(Debug, Serialize)]
pub(super) struct NamedTable {
    title: String,
    header: Vec<&'static str>,
    /// How many columns from the left hold text; the others hold numbers.
    texts: usize,
    rows: Vec<Vec<String>>,
}

/// A reply code that decided messages.
#[derive(Debug, Serialize)]
pub(super) struct CodeRow {
    code: String,
    class: &'static str,
    words: &'static str,
    count: String,
    share: String,
    example: String,
}

/// A kind of error.
#[derive(Debug, Serialize)]
pub(super) struct ErrorLine {
    count: String,
    share: String,
    outcome: String,
    step: String,
    code: String,
    example: String,
}

/// A threshold, or a check of the tester.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    /// `good`, `warn` or `bad`.
    class: &'static str,
    mark: &'static str,
    words: String,
    phase: String,
    outcome: String,
    /// How much of twice the limit the value is, in percent; absent where either is not known.
    bar: Option<f64>,
}

impl PhaseLine {
    /// The row of a phase.
    pub(super) fn of(phase: &PhaseResult) -> Self {
        let of_plan = if phase.model == "open" { achieved(&phase.figures) } else { None };
        let mut cells = vec![clock(phase.start_s), length(phase.duration_s)];
        if phase.model == "pause" {
            cells.resize(2 + MEASURED, format::UNKNOWN.to_owned());
        } else {
            cells.extend(measured(&phase.figures, of_plan));
        }
        Self {
            name: format::escape(&phase.name),
            kind: format::escape(&phase.kind),
            mark: mark(phase),
            bad: phase.figures.messages.errors() > 0,
            cells,
        }
    }

    /// The last row.
    pub(super) fn total(summary: &Summary) -> Self {
        let mut cells = vec![String::new(), length(summary.duration_s)];
        cells.extend(measured(&summary.totals, achieved_in_all(summary)));
        Self {
            name: "total".to_owned(),
            kind: String::new(),
            mark: None,
            bad: summary.totals.messages.errors() > 0,
            cells,
        }
    }
}

/// How many cells [`measured`] gives.
const MEASURED: usize = 9;

fn measured(figures: &Figures, of_plan: Option<f64>) -> [String; MEASURED] {
    let [p50, p95, p99, max] = percentiles(&figures.response_ms.unwrap_or_default());
    let known =
        |share: Option<f64>| share.map_or_else(|| format::UNKNOWN.to_owned(), format::share);
    [
        format::count(figures.messages.started),
        known(of_plan),
        figures.accepted_per_s.map_or_else(|| format::UNKNOWN.to_owned(), format::rate),
        format::count(figures.messages.errors()),
        format::share(figures.errors_share),
        p50,
        p95,
        p99,
        max,
    ]
}

fn clock(seconds: f64) -> String {
    format::clock(std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

fn length(seconds: f64) -> String {
    format::duration(std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// A table for each phase, the steps in the order of a session.
pub(super) fn steps(summary: &Summary) -> Vec<NamedTable> {
    let tables = summary.phases.iter().map(|phase| {
        let steps = &phase.figures.steps;
        let rows = Step::ALL.into_iter().filter_map(|step| {
            let figures = steps.get(step.name())?;
            let [p50, p95, p99, max] = percentiles(&figures.time);
            let (ok, refused) = (format::count(figures.ok), format::count(figures.refused));
            Some(vec![step.name().to_owned(), ok, refused, p50, p95, p99, max])
        });
        NamedTable {
            title: format::escape(&phase.name),
            header: vec!["step", "ok", "refused", "p50", "p95", "p99", "max"],
            texts: 1,
            rows: rows.collect(),
        }
    });
    tables.filter(|table| !table.rows.is_empty()).collect()
}

/// The codes that decided messages, the most frequent first, with the first reply of those that
/// were errors.
pub(super) fn codes(totals: &Figures) -> Vec<CodeRow> {
    let all: u64 = totals.codes.values().sum();
    let mut codes: Vec<(&String, &u64)> = totals.codes.iter().collect();
    codes.sort_by(|one, other| other.1.cmp(one.1).then(one.0.cmp(other.0)));
    let row = |(code, count): (&String, &u64)| {
        let (class, words) = code_class(code);
        let with_code = |row: &&ErrorRow| row.code.is_some_and(|it| it.to_string() == *code);
        CodeRow {
            code: format::escape(code),
            class,
            words,
            count: format::count(*count),
            share: ratio(*count, all).map(format::share).unwrap_or_default(),
            example: totals.errors.iter().find(with_code).map(example).unwrap_or_default(),
        }
    };
    codes.into_iter().map(row).collect()
}

fn code_class(code: &str) -> (&'static str, &'static str) {
    match code.bytes().next() {
        Some(b'2') => ("good", "accepted"),
        Some(b'3') => ("good", "go on"),
        Some(b'4') => ("warn", "refused for now"),
        Some(b'5') => ("bad", "refused"),
        _ => ("bad", "no SMTP reply"),
    }
}

/// The kinds of errors, the most frequent first.
pub(super) fn errors(totals: &Figures) -> Vec<ErrorLine> {
    let ours = totals.messages.local + totals.messages.interrupted;
    let judged = totals.messages.started.saturating_sub(ours);
    let line = |row: &ErrorRow| ErrorLine {
        count: format::count(row.count),
        share: ratio(row.count, judged).map(format::share).unwrap_or_default(),
        outcome: format::escape(&row.outcome.replace('_', " ")),
        step: format::escape(&row.step),
        code: row.code.map(|code| code.to_string()).unwrap_or_default(),
        example: example(row),
    };
    totals.errors.iter().take(MOST_ERRORS).map(line).collect()
}

fn example(row: &ErrorRow) -> String {
    format::cut(&format::escape(&row.example), LONGEST_EXAMPLE)
}

/// A table for each search, its probes in the order of their levels.
pub(super) fn searches(summary: &Summary) -> Vec<NamedTable> {
    let found = summary.phases.iter().filter_map(|phase| phase.search.as_ref());
    let table = |search: &SearchResult| {
        let mut probes: Vec<_> = search.probes.iter().collect();
        probes.sort_by(|one, other| one.level.total_cmp(&other.level));
        let rows = probes.into_iter().map(|probe| {
            let level = search_level(probe.level, &search.unit);
            vec![format::escape(&probe.name), format::escape(&probe_outcome(probe)), level]
        });
        NamedTable {
            title: format::escape(&search_sentence(search)),
            header: vec!["probe", "outcome", "level"],
            texts: 2,
            rows: rows.collect(),
        }
    };
    found.map(table).collect()
}

/// What became of the messages of each class; nothing where they have none.
pub(super) fn classes(summary: &Summary) -> Option<NamedTable> {
    let rows: Vec<Vec<String>> = summary
        .classes
        .iter()
        .map(|(name, class)| {
            let [p50, _, p99, _] = percentiles(&class.response_ms.unwrap_or_default());
            let counts = [
                class.messages.started,
                class.messages.accepted,
                class.messages.expected,
                class.messages.errors(),
            ];
            let mut row = vec![format::escape(name)];
            row.extend(counts.map(format::count));
            row.extend([p50, p99]);
            row
        })
        .collect();
    (!rows.is_empty()).then(|| NamedTable {
        title: "Classes of messages".to_owned(),
        header: vec![
            "class",
            "messages",
            "accepted",
            "refused as expected",
            "errors",
            "p50",
            "p99",
        ],
        texts: 1,
        rows,
    })
}

/// What became of malformed cases; nothing where none were played.
pub(super) fn cases(summary: &Summary) -> Option<NamedTable> {
    let mut cases: Vec<_> = summary.totals.cases.iter().collect();
    cases.sort_by_key(|(_, case)| std::cmp::Reverse((case.finding, case.dead, case.hang)));
    let rows: Vec<Vec<String>> = cases
        .into_iter()
        .map(|(name, case)| {
            let counts = [
                case.started,
                case.right,
                case.tolerated,
                case.finding,
                case.hang,
                case.disconnect,
                case.dead,
            ];
            let example = case.example.as_deref().map(format::escape).unwrap_or_default();
            let mut row = vec![format::escape(name), format::cut(&example, LONGEST_EXAMPLE)];
            row.extend(counts.map(format::count));
            row
        })
        .collect();
    (!rows.is_empty()).then(|| NamedTable {
        title: "Malformed cases".to_owned(),
        header: vec![
            "case",
            "example",
            "played",
            "right",
            "tolerated",
            "finding",
            "hang",
            "disconnect",
            "not served after",
        ],
        texts: 2,
        rows,
    })
}

impl Check {
    /// The row of a threshold.
    pub(super) fn of_threshold(row: &ThresholdRow) -> Self {
        let (class, mark) = match (row.holds, row.action.as_str()) {
            (true, _) => ("good", "✓"),
            (false, "warn") => ("warn", "!"),
            (false, _) => ("bad", "✗"),
        };
        Self {
            class,
            mark,
            words: format::escape(&row.check),
            phase: row.phase.as_deref().map_or_else(|| "whole run".to_owned(), format::escape),
            outcome: format::escape(&outcome(row)),
            bar: row.value.and_then(|value| bar(value, row.limit)),
        }
    }

    /// The row of a check of the tester.
    pub(super) fn of_fitness(row: &FitnessRow) -> Self {
        let (class, mark) = match row.status {
            FitnessStatus::Ok => ("good", "✓"),
            FitnessStatus::Warn => ("warn", "!"),
            FitnessStatus::Invalid => ("bad", "✗"),
        };
        let value = format::value_beside(row.value, row.limit, &row.unit);
        let limit = format::value(row.limit, &row.unit);
        Self {
            class,
            mark,
            words: format::escape(&row.check.replace('_', " ")),
            phase: row.phase.as_deref().map_or_else(|| "whole run".to_owned(), format::escape),
            outcome: format!("{value} (limit {limit})"),
            bar: bar(row.value, row.limit),
        }
    }
}

/// The value in percent of twice the limit, so that the limit stands in the middle.
fn bar(value: f64, limit: f64) -> Option<f64> {
    let share = value / limit;
    (limit > 0.0 && share.is_finite()).then(|| (share.clamp(0.0, 2.0) * 50.0 * 10.0).round() / 10.0)
}
