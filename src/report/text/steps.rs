//! Phases → the times and refusals of each step, for those who ask for more.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use super::{Ink, Page};
use crate::format;
use crate::record::{PhaseResult, StepFigures, Summary};
use crate::smtp::Step;

/// A table for each phase, the steps in the order of a session.
pub(super) fn tables(summary: &Summary, page: Page<'_>) -> Vec<String> {
    summary.phases.iter().flat_map(|phase| of_phase(phase, page)).collect()
}

fn of_phase(phase: &PhaseResult, page: Page<'_>) -> Vec<String> {
    let steps = &phase.figures.steps;
    let rows: Vec<[String; 7]> =
        Step::ALL.into_iter().filter_map(|step| Some(row(step, steps.get(step.name())?))).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["step", "ok", "refused", "p50", "p95", "p99", "max"]);
    table.add_rows(rows);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let name = format!("  steps of {}", format::escape(&phase.name));
    let mut lines = vec![String::new(), page.style.paint(Ink::Strong, &name)];
    lines.extend(table.to_string().lines().map(|line| format!("   {line}")));
    lines
}

fn row(step: Step, figures: &StepFigures) -> [String; 7] {
    let time = &figures.time;
    [
        step.name().to_owned(),
        format::count(figures.ok),
        format::count(figures.refused),
        format::percentile(time.p50, time.p50_at_least),
        format::percentile(time.p95, time.p95_at_least),
        format::percentile(time.p99, time.p99_at_least),
        format::percentile(time.max, time.max_at_least),
    ]
}
