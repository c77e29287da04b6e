//! The result → Markdown for the summary of a CI job or a pull request.
//!
//! Text that is not ours is escaped so that it is neither markup nor a link nor a mention.

use std::fmt::Write as _;
use std::time::Duration;

use super::text::{
    achieved, achieved_in_all, fitness_sentence, footnotes, mark, outcome, percentiles,
    verdict_word,
};
use crate::format;
use crate::record::{Figures, PhaseResult, Summary, ThresholdRow, VerdictName};
use crate::verdict::search_sentence;

/// How many kinds of errors are listed.
const ERROR_ROWS: usize = 10;

/// How much of an example is shown.
const LONGEST_EXAMPLE: usize = 160;

/// The page.
pub fn markdown(summary: &Summary) -> String {
    let mut text = heading(summary);
    text.push_str(&phases(summary));
    text.push_str(&thresholds(&summary.thresholds));
    text.push_str(&errors(&summary.totals));
    let _ = writeln!(text, "\nGenerator: {}.", plain(&fitness_sentence(&summary.fitness)));
    text
}

fn heading(summary: &Summary) -> String {
    let mark = match summary.verdict {
        VerdictName::Pass => "✅",
        VerdictName::Fail => "❌",
        VerdictName::Invalid | VerdictName::None => "⚠️",
    };
    let took = Duration::try_from_secs_f64(summary.duration_s).unwrap_or_default();
    let partial = if summary.partial { " · partial results" } else { "" };
    format!(
        "## {mark} {}: {}\n\n{}\n\n{} · seed {} · {} {}{partial}\n",
        verdict_word(summary),
        plain(&summary.plan.name),
        plain(&summary.reason),
        format::duration(took),
        summary.plan.seed,
        plain(&summary.tool.name),
        plain(&summary.tool.version),
    )
}

fn phases(summary: &Summary) -> String {
    let mut text = String::from(
        "\n| phase | messages | of plan | accepted/s | errors | p50 | p95 | p99 | max |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for phase in &summary.phases {
        text.push_str(&phase_row(phase));
    }
    let total = cells(&summary.totals, achieved_in_all(summary));
    let _ = writeln!(text, "| **total** | {} |", total.join(" | "));
    for note in footnotes(summary) {
        let _ = writeln!(text, "\n{}", plain(note));
    }
    let found = summary.phases.iter().filter_map(|phase| phase.search.as_ref());
    for search in found {
        let _ = writeln!(text, "\n{}", plain(&search_sentence(search)));
    }
    text
}

fn phase_row(phase: &PhaseResult) -> String {
    let of_plan = if phase.model == "open" { achieved(&phase.figures) } else { None };
    let mut cells = cells(&phase.figures, of_plan);
    if phase.model == "pause" {
        cells.fill(format::UNKNOWN.to_owned());
    }
    let mark = mark(phase).map(|mark| format!(" {}", plain(mark))).unwrap_or_default();
    format!("| {}{mark} | {} |\n", plain(&phase.name), cells.join(" | "))
}

fn cells(figures: &Figures, of_plan: Option<f64>) -> [String; 8] {
    let [p50, p95, p99, max] = percentiles(&figures.response_ms.unwrap_or_default());
    [
        format::count(figures.messages.started),
        of_plan.map_or_else(|| format::UNKNOWN.to_owned(), format::share),
        figures.accepted_per_s.map_or_else(|| format::UNKNOWN.to_owned(), format::rate),
        format::count(figures.messages.errors()),
        p50,
        p95,
        p99,
        max,
    ]
    .map(|cell| plain(&cell))
}

fn thresholds(rows: &[ThresholdRow]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut text = String::from("\n| | threshold | outcome |\n|---|---|---|\n");
    for row in rows {
        let mark = match (row.holds, row.action.as_str()) {
            (true, _) => "✅",
            (false, "warn") => "⚠️",
            (false, _) => "❌",
        };
        let _ = writeln!(text, "| {mark} | {} | {} |", plain(&row.check), plain(&outcome(row)));
    }
    text
}

fn errors(totals: &Figures) -> String {
    if totals.errors.is_empty() {
        return String::new();
    }
    let mut text = String::from("\n| errors | outcome | step | example |\n|--:|---|---|---|\n");
    for row in totals.errors.iter().take(ERROR_ROWS) {
        let example = match row.code {
            Some(code) if row.example.is_empty() => code.to_string(),
            Some(_) | None => format::cut(&row.example, LONGEST_EXAMPLE),
        };
        let (outcome, step) = (plain(&row.outcome), plain(&row.step));
        let count = format::count(row.count);
        let _ = writeln!(text, "| {count} | {outcome} | {step} | {} |", plain(&example));
    }
    if totals.errors.len() > ERROR_ROWS {
        let rest = totals.errors.iter().skip(ERROR_ROWS).map(|row| row.count).sum();
        let kinds = totals.errors.len() - ERROR_ROWS;
        let _ = writeln!(text, "\nand {} of {kinds} more kinds", format::count(rest));
    }
    text
}

/// Text that is shown as it is: whatever Markdown or HTML could take for markup becomes a
/// character reference, which no dialect reads twice.
pub(super) fn plain(text: &str) -> String {
    let mut safe = String::new();
    for character in format::escape(text).chars() {
        match character {
            '&' | '<' | '>' | '|' | '\\' | '`' | '*' | '_' | '~' | '[' | ']' | '!' | '#' | '@'
            | '$' => {
                // Writing to a string does not fail.
                let _ = write!(safe, "&#{};", u32::from(character));
            }
            _ => safe.push(character),
        }
    }
    // An address of the web becomes a link by itself.
    safe.replace("://", "&#58;//").replace("www.", "www&#46;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::ErrorRow;
    use crate::report::specimen::{summary, threshold};

    #[test]
    fn a_page_has_verdict_phases_thresholds_and_errors() {
        let mut summary = summary();
        summary.thresholds = vec![threshold("message.p99 < 500ms", 612.4, 500.0, "ms")];
        summary.totals.errors = vec![ErrorRow {
            outcome: "temporary".to_owned(),
            step: "rcpt".to_owned(),
            code: Some(450),
            count: 3,
            example: "450 4.7.1 greylisted".to_owned(),
        }];

        let page = markdown(&summary);

        for line in [
            "## ✅ PASS: nightly",
            "| steady | 1,000 | 100 % | 99.7 | 3 | 20.1 ms | 24.0 ms | 31.5 ms | 48.2 ms |",
            "| **total** | 1,000 | 100 % | 99.7 | 3 | 20.1 ms | 24.0 ms | 31.5 ms | 48.2 ms |",
            "| ✅ | message.p99 &#60; 500ms | 612 ms · 22 % to spare |",
            "| 3 | temporary | rcpt | 450 4.7.1 greylisted |",
            "Generator: not checked.",
        ] {
            assert!(page.lines().any(|it| it == line), "{line}\n{page}");
        }
    }

    #[test]
    fn what_a_server_said_is_no_markup() {
        let said = plain("450 <img src=x> | [a](http://b) `c` **d** @team #1 \u{1b}[2J\u{2028}");

        for markup in ["<", "|", "[", "`", "*", "@", "://", "\u{1b}", "\u{2028}"] {
            assert!(!said.contains(markup), "{markup}: {said}");
        }
    }
}
