//! Phases → a table with a row for each and the total.
//!
//! All forms of the table hold the same rows; a narrow page gets shorter numbers, then shorter
//! names, then fewer percentiles.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use super::{Ink, Page};
use crate::format;
use crate::record::{Figures, LatencyFigures, PhaseResult, Summary, ratio};

/// In place of a percentile that dropped starts decide.
const DROPPED: &str = "dropped";

/// How much of each row is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Form {
    /// All of it.
    Wide,
    /// Numbers in few characters.
    Short,
    /// Neither p95 nor the share of the plan.
    Narrow,
}

impl Form {
    /// How far names are cut before the next form is taken.
    const fn shortest_name(self) -> usize {
        match self {
            Self::Wide => 20,
            Self::Short => 16,
            Self::Narrow => 12,
        }
    }
}

/// The table's lines, and a note on the warm-ups.
pub(super) fn table(summary: &Summary, page: Page<'_>) -> Vec<String> {
    let lines = fitting(summary, page.width);
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let rule = page.style.paint(Ink::Faint, &format!("  {}", "─".repeat(width.saturating_sub(2))));
    let mut rows = lines.into_iter();
    let mut page_lines = Vec::new();
    page_lines.extend(rows.next().map(|header| page.style.paint(Ink::Faint, &header)));
    page_lines.push(rule.clone());
    for phase in &summary.phases {
        let ink = if phase.counts() { Ink::Plain } else { Ink::Faint };
        page_lines.extend(rows.next().map(|row| page.style.paint(ink, &row)));
    }
    page_lines.push(rule);
    page_lines.extend(rows.next().map(|total| page.style.paint(Ink::Strong, &total)));
    let notes = footnotes(summary).into_iter();
    page_lines.extend(notes.map(|note| page.style.paint(Ink::Faint, &format!("  {note}"))));
    page_lines
}

/// What the marks behind names say, as far as there are any.
pub(in crate::report) fn footnotes(summary: &Summary) -> Vec<&'static str> {
    let mut notes = Vec::new();
    if summary.phases.iter().any(|phase| phase.warmup) {
        notes.push("° warm-up: in no total, threshold or check of the generator");
    }
    if summary.phases.iter().any(PhaseResult::is_probe) {
        notes.push("* probe of a search: in no total, threshold or check of the generator");
    }
    notes
}

/// The widest form that fits; the narrowest where none does.
fn fitting(summary: &Summary, width: usize) -> Vec<String> {
    let longest = summary.phases.iter().map(|phase| label(phase, usize::MAX).chars().count());
    let longest = longest.max().unwrap_or(0);
    let mut lines = Vec::new();
    for form in [Form::Wide, Form::Short, Form::Narrow] {
        lines = draw(summary, form, longest);
        let over = widest(&lines).saturating_sub(width);
        if over > 0 {
            lines = draw(summary, form, longest.saturating_sub(over).max(form.shortest_name()));
        }
        if widest(&lines) <= width {
            break;
        }
    }
    lines
}

fn widest(lines: &[String]) -> usize {
    lines.iter().map(|line| line.chars().count()).max().unwrap_or(0)
}

/// The header, a line for each phase, and the total.
fn draw(summary: &Summary, form: Form, name_width: usize) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(header(form));
    for phase in &summary.phases {
        table.add_row(phase_row(phase, form, name_width));
    }
    let of_plan = achieved_in_all(summary);
    table.add_row(row("total".to_owned(), &summary.totals, of_plan, form));
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((2, 0));
        if at > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}

fn header(form: Form) -> Vec<&'static str> {
    match form {
        Form::Wide => {
            vec!["phase", "messages", "of plan", "accepted/s", "errors", "p50", "p95", "p99", "max"]
        }
        Form::Short => {
            vec!["phase", "messages", "of plan", "acc/s", "errors", "p50", "p95", "p99", "max"]
        }
        Form::Narrow => vec!["phase", "messages", "acc/s", "errors", "p50", "p99", "max"],
    }
}

fn phase_row(phase: &PhaseResult, form: Form, name_width: usize) -> Vec<String> {
    let name = label(phase, name_width);
    match phase.model.as_str() {
        "pause" => pause_row(name, form),
        "open" => row(name, &phase.figures, achieved(&phase.figures), form),
        _ => row(name, &phase.figures, None, form),
    }
}

/// What stands behind the name of a phase that is in no total.
pub(in crate::report) fn mark(phase: &PhaseResult) -> Option<&'static str> {
    match (phase.warmup, phase.is_probe()) {
        (true, _) => Some("°"),
        (false, true) => Some("*"),
        (false, false) => None,
    }
}

/// The name, cut to a width, with a mark behind that of a warm-up or a probe.
fn label(phase: &PhaseResult, width: usize) -> String {
    match mark(phase) {
        Some(mark) => format!("{} {mark}", format::cut(&phase.name, width.saturating_sub(2))),
        None => format::cut(&phase.name, width),
    }
}

fn pause_row(name: String, form: Form) -> Vec<String> {
    let mut cells = vec![name];
    cells.resize(header(form).len(), format::UNKNOWN.to_owned());
    cells
}

/// Over the phases that have a rate: in a closed one, planned and started are always equal.
pub(in crate::report) fn achieved_in_all(summary: &Summary) -> Option<f64> {
    let open = summary.phases.iter().filter(|phase| phase.model == "open" && phase.counts());
    let mut sum = Figures::default();
    for phase in open {
        sum.messages.planned += phase.figures.messages.planned;
        sum.messages.started += phase.figures.messages.started;
    }
    achieved(&sum)
}

/// What began of what was planned; a closed phase plans nothing that could be missed.
pub(in crate::report) fn achieved(figures: &Figures) -> Option<f64> {
    let messages = &figures.messages;
    ratio(messages.started, messages.planned)
}

fn row(name: String, figures: &Figures, of_plan: Option<f64>, form: Form) -> Vec<String> {
    let count = if form == Form::Wide { format::count } else { format::short_count };
    let times = figures.response_ms.unwrap_or_default();
    let errors = figures.messages.errors();
    let of_plan = of_plan.map_or_else(|| format::UNKNOWN.to_owned(), format::share);
    let [p50, p95, p99, max] = percentiles(&times);
    let messages = count(figures.messages.started);
    let accepted = figures.accepted_per_s.map_or_else(|| format::UNKNOWN.to_owned(), format::rate);
    match form {
        Form::Wide | Form::Short => {
            vec![name, messages, of_plan, accepted, count(errors), p50, p95, p99, max]
        }
        Form::Narrow => vec![name, messages, accepted, count(errors), p50, p99, max],
    }
}

/// p50, p95, p99 and the largest, as words.
pub(in crate::report) fn percentiles(times: &LatencyFigures) -> [String; 4] {
    [
        (times.p50, times.p50_at_least, times.supports(50.0)),
        (times.p95, times.p95_at_least, times.supports(95.0)),
        (times.p99, times.p99_at_least, times.supports(99.0)),
        (times.max, times.max_at_least, times.count > 0),
    ]
    .map(|(millis, at_least, has_samples)| match (millis, at_least) {
        // Samples enough, and yet not even a bound: it falls among starts that never began.
        (None, None) if has_samples => DROPPED.to_owned(),
        _ => format::percentile(millis, at_least),
    })
}
