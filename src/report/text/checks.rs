//! Thresholds and checks of the tester → lines that say what held, and by how much.

use std::time::Duration;

use super::{Ink, Page, columns, entry};
use crate::format;
use crate::plan::Span;
use crate::record::{FitnessRow, FitnessStatus, ThresholdRow};
use crate::verdict::{FitnessCheck, measured};

/// The checks whose worst values are told of a tester that is fit, by how their names begin: a
/// percentile of the lag is named by what the number of starts allows.
const SHOWN_WHEN_FIT: [&str; 2] = ["lag_p", "worker_cpu"];

/// A heading and a line for each threshold; nothing where there is none.
pub(super) fn thresholds(rows: &[ThresholdRow], page: Page<'_>) -> Vec<String> {
    if rows.is_empty() {
        return Vec::new();
    }
    let cells: Vec<_> = rows
        .iter()
        .map(|row| {
            let mark = if row.holds { "✓" } else { "✗" };
            let check = format::cut(&format::escape(&row.check), page.width / 2);
            [mark.to_owned(), check, outcome(row)]
        })
        .collect();
    let lines = columns(&cells, page.width).into_iter().zip(rows).map(|(line, row)| {
        match (row.holds, row.action.as_str()) {
            (true, _) => line,
            (false, "warn") => page.style.paint(Ink::Warn, &line),
            (false, _) => page.style.paint(Ink::Bad, &line),
        }
    });
    let heading = page.style.paint(Ink::Strong, "  thresholds");
    [String::new(), heading].into_iter().chain(lines).collect()
}

/// The value, its distance from the limit, and where it was taken.
pub(in crate::report) fn outcome(row: &ThresholdRow) -> String {
    let mut parts = vec![match row.value {
        Some(value) => format::value_beside(value, row.limit, &row.unit),
        None => "not known: never taken, or no answer came".to_owned(),
    }];
    if !row.holds && row.action == "warn" {
        parts.push("only a warning".to_owned());
    }
    parts.extend(breaking(row));
    // With `for` a value may be on the wrong side of the limit, and what holds is how long.
    parts.extend(row.value.filter(|_| row.for_s.is_none()).and_then(|value| margin(row, value)));
    parts.extend(times(row));
    if let Some(phase) = &row.phase {
        parts.push(format!("in {phase}"));
    }
    if row.few_samples {
        parts.push("few samples".to_owned());
    }
    parts.join(" · ")
}

/// The window, and for how long it must be broken.
fn times(row: &ThresholdRow) -> Vec<String> {
    let time = |word: &str, seconds: Option<u64>| {
        let span = seconds.and_then(|seconds| Span::new(Duration::from_secs(seconds)));
        span.map(|span| format!("{word} {span}"))
    };
    [time("over", row.window_s), time("for", row.for_s)].into_iter().flatten().collect()
}

/// When it broke, or for how long at most it was about to.
fn breaking(row: &ThresholdRow) -> Option<String> {
    let seconds = |seconds: Option<f64>| Duration::try_from_secs_f64(seconds?).ok();
    if let Some(at) = seconds(row.broken_at_s) {
        let at = format::clock(at);
        return Some(if row.aborted {
            format!("ended the run at {at}")
        } else {
            format!("broke at {at}")
        });
    }
    let longest = seconds(row.longest_broken_s)?;
    if !row.holds {
        return Some("broken whenever it was judged".to_owned());
    }
    Some(format!("broken for at most {}", format::duration(longest)))
}

/// The distance from the limit as a share of it.
fn margin(row: &ThresholdRow, value: f64) -> Option<String> {
    let limit = row.limit;
    if limit <= 0.0 {
        return None;
    }
    let distance = (value - limit).abs() / limit;
    if !row.holds && value >= 2.0 * limit {
        let times = value / limit;
        let digits = usize::from(times < 10.0);
        return Some(format!("{times:.digits$} times the limit"));
    }
    let distance =
        if distance < 0.1 { format::share(distance) } else { format!("{:.0} %", distance * 100.0) };
    Some(if row.holds { format!("{distance} to spare") } else { format!("off by {distance}") })
}

/// One line where the tester was fit, else for each check that says otherwise what came out and
/// what to do about it.
pub(super) fn fitness(rows: &[FitnessRow], page: Page<'_>) -> Vec<String> {
    let poor = rows.iter().filter(|row| row.status != FitnessStatus::Ok);
    let poor: Vec<String> = poor.flat_map(|row| poor_lines(row, rows, page)).collect();
    if poor.is_empty() { entry("generator", &fitness_sentence(rows), page.width) } else { poor }
}

/// What says that the tester was not fit, check by check; nothing where it was.
pub(in crate::report) fn misgivings(rows: &[FitnessRow]) -> Vec<String> {
    let poor = rows.iter().filter(|row| row.status != FitnessStatus::Ok);
    poor.map(|row| poor_words(row, rows).1).collect()
}

/// The whole in one sentence: fit, or what says otherwise.
pub(in crate::report) fn fitness_sentence(rows: &[FitnessRow]) -> String {
    let poor = misgivings(rows);
    if rows.is_empty() {
        "not checked".to_owned()
    } else if poor.is_empty() {
        fit(rows)
    } else {
        poor.join(" · ")
    }
}

fn poor_lines(row: &FitnessRow, rows: &[FitnessRow], page: Page<'_>) -> Vec<String> {
    let (ink, words) = poor_words(row, rows);
    let lines = entry("generator", &words, page.width);
    lines.iter().map(|line| page.style.paint(ink, line)).collect()
}

fn poor_words(row: &FitnessRow, rows: &[FitnessRow]) -> (Ink, String) {
    let (ink, word) = match row.status {
        FitnessStatus::Ok => (Ink::Good, "fit"),
        FitnessStatus::Warn => (Ink::Warn, "warning"),
        FitnessStatus::Invalid => (Ink::Bad, "not fit"),
    };
    let place = row.phase.as_ref().map(|phase| format!(" in {phase}")).unwrap_or_default();
    let longest = longest_stall(row, rows).map(|longest| format!(", the longest {longest},"));
    let advice = FitnessCheck::named(&row.check).map(|check| format!(": {}", check.advice()));
    let (longest, advice) = (longest.unwrap_or_default(), advice.unwrap_or_default());
    (ink, format!("{word}: {}{longest}{place}{advice}", measured(row)))
}

/// How long the longest of the stalls was that a row counts, where that is no warning of its own.
fn longest_stall(row: &FitnessRow, rows: &[FitnessRow]) -> Option<String> {
    let is_longest = |other: &&FitnessRow| {
        other.check == FitnessCheck::LongestStall.name()
            && other.phase == row.phase
            && other.status == FitnessStatus::Ok
    };
    let longest =
        rows.iter().find(is_longest).filter(|_| row.check == FitnessCheck::Stalls.name())?;
    Some(format::value(longest.value, &longest.unit))
}

/// What a person asks first of a tester that is fit; all checks stand in the summary.
fn fit(rows: &[FitnessRow]) -> String {
    let told = SHOWN_WHEN_FIT.iter().filter_map(|check| {
        let of_check = rows.iter().filter(|row| row.check.starts_with(check));
        of_check.max_by(|one, other| one.value.total_cmp(&other.value)).map(measured)
    });
    let told: Vec<String> = told.collect();
    let all = format!("all {} checks in order", rows.len());
    format!("fit: {}", told.into_iter().chain([all]).collect::<Vec<String>>().join(" · "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Detail, Style};

    #[test]
    fn a_value_that_does_not_hold_never_reads_as_its_limit() {
        let row = ThresholdRow {
            check: "message.p99 <= 500ms".to_owned(),
            phase: None,
            value: Some(500.3),
            limit: 500.0,
            unit: "ms".to_owned(),
            holds: false,
            action: "fail".to_owned(),
            ..ThresholdRow::default()
        };

        assert_eq!(outcome(&row), "500.3 ms · off by 0.06 %");
    }

    #[test]
    fn a_warning_says_what_to_do_and_stalls_how_long_they_were() {
        let row = |check: FitnessCheck, status, value, limit, unit: &str| FitnessRow {
            check: check.name().to_owned(),
            phase: Some("soak".to_owned()),
            status,
            value,
            limit,
            unit: unit.to_owned(),
        };
        let (ok, warn) = (FitnessStatus::Ok, FitnessStatus::Warn);
        let page = Page { style: Style::Plain, width: 200, folder: None, detail: Detail::Brief };

        let rows = [
            row(FitnessCheck::HostCpu, warn, 0.934, 0.8, "share"),
            row(FitnessCheck::Stalls, warn, 3.0, 0.0, "count"),
            row(FitnessCheck::LongestStall, ok, 34.5, 100.0, "ms"),
        ];
        let lines = fitness(&rows, page);

        assert_eq!(
            lines,
            [
                "  generator   warning: host cpu 93.4 % (limit 80 %) in soak: whatever else ran \
                 there, a server under test too, took from the tester: give the tester a machine of \
                 its own",
                "  generator   warning: stalls 3 (limit 0), the longest 34.5 ms, in soak: single \
                 times may be too long by as much: let less run beside the tester",
            ]
        );
    }

    #[test]
    fn a_window_is_told_with_when_it_broke_or_for_how_long_it_nearly_did() {
        let row = ThresholdRow {
            check: "message.p99 < 500ms".to_owned(),
            phase: Some("soak".to_owned()),
            value: Some(612.4),
            limit: 500.0,
            unit: "ms".to_owned(),
            action: "abort".to_owned(),
            window_s: Some(10),
            broken_at_s: Some(80.0),
            aborted: true,
            ..ThresholdRow::default()
        };
        let forgiven = ThresholdRow {
            holds: true,
            for_s: Some(5),
            broken_at_s: None,
            longest_broken_s: Some(2.0),
            aborted: false,
            ..row.clone()
        };

        assert_eq!(
            outcome(&row),
            "612 ms · ended the run at 1:20 · off by 22 % · over 10s · in soak"
        );
        assert_eq!(
            outcome(&forgiven),
            "612 ms · broken for at most 2.0 s · over 10s · for 5s · in soak"
        );
    }

    #[test]
    fn a_fit_generator_takes_one_line_with_the_worst_of_what_is_asked_first() {
        let row = |check: &str, phase: &str, value| FitnessRow {
            check: check.to_owned(),
            phase: Some(phase.to_owned()),
            status: FitnessStatus::Ok,
            value,
            limit: 10.0,
            unit: "ms".to_owned(),
        };

        let page = Page { style: Style::Plain, width: 80, folder: None, detail: Detail::Brief };

        let lines = fitness(&[row("lag_p99", "a", 1.0), row("lag_p99", "b", 2.0)], page);

        assert_eq!(
            lines,
            ["  generator   fit: lag p99 2.00 ms (limit 10.0 ms) · all 2 checks in order"]
        );
        assert_eq!(fitness(&[], page), ["  generator   not checked"]);
    }
}
