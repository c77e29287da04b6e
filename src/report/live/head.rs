//! How far run and phase are, and the keys → the first and last rows.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::Looking;
use super::board::{Board, Going};
use super::palette::{DIM, Palette, STRONG};
use crate::format;
use crate::report::PhaseProgress;

/// The most columns of the bar of a phase.
const BAR: usize = 40;
/// The longest names that are shown in full.
const NAME: usize = 24;

/// Two rows: the run and the phase.
pub(super) fn render(
    board: &Board,
    looking: Looking,
    palette: Palette,
    area: Rect,
    buf: &mut Buffer,
) {
    if area.height == 0 || area.width < 4 {
        return;
    }
    let width = area.width - 2;
    let left = vec![
        Span::styled(format::cut(&board.course.plan, NAME), STRONG),
        Span::raw("  "),
        going(board.going, looking, palette),
    ];
    let row = Rect { x: area.x + 1, y: area.y, width, height: 1 };
    both(left, vec![Span::raw(times(board))], row, buf);
    if let Some(progress) = board.newest.as_ref().filter(|_| area.height > 1) {
        let row = Rect { y: area.y + 1, ..row };
        phase(&progress.phase, palette, row, buf);
    }
}

fn going(going: Going, looking: Looking, palette: Palette) -> Span<'static> {
    match (going, looking) {
        (Going::Stopping, _) => Span::styled("stopping", palette.wrong()),
        (Going::Draining, _) => Span::styled("draining", palette.notable()),
        (Going::Running, Looking::Held) => Span::styled("picture held", palette.notable()),
        (Going::Running, Looking::Newest | Looking::Help) => {
            Span::styled("running", palette.achieved())
        }
    }
}

fn times(board: &Board) -> String {
    let elapsed = board.newest.as_ref().map_or(Duration::ZERO, |newest| newest.elapsed);
    match board.course.length {
        Some(length) if elapsed <= length => format!(
            "{} of {}  {} left",
            format::clock(elapsed),
            format::clock(length),
            format::clock(length.saturating_sub(elapsed))
        ),
        Some(length) => format!("{} of {}", format::clock(elapsed), format::clock(length)),
        None => format::clock(elapsed),
    }
}

fn phase(phase: &PhaseProgress, palette: Palette, row: Rect, buf: &mut Buffer) {
    let PhaseProgress { name, position, of, beside, .. } = phase;
    let mut left = vec![
        Span::styled(format::cut(name, NAME), STRONG),
        Span::styled(format!(" {position}/{of}"), DIM),
    ];
    if !beside.is_empty() {
        left.push(Span::styled(format!(" + {}", beside.join(", ")), DIM));
    }
    left.push(Span::raw(format!("  {} planned", phase.planned.words())));
    let remaining = phase.length.map(|length| length.saturating_sub(phase.elapsed));
    let mut right = Vec::new();
    if let (Some(part), Some(remaining)) = (phase.part(), remaining) {
        let text = format!(" {:>3.0} %  {} left", part * 100.0, format::clock(remaining));
        let taken = width(&left) + text.chars().count() + 2;
        let columns = usize::from(row.width).saturating_sub(taken).min(BAR);
        if columns >= 6 {
            right.extend(bar(part, columns, palette));
        }
        right.push(Span::raw(text));
    } else {
        right.push(Span::raw(format!("for {}, until its count", format::clock(phase.elapsed))));
    }
    both(left, right, row, buf);
}

fn bar(part: f64, columns: usize, palette: Palette) -> [Span<'static>; 2] {
    #[expect(clippy::cast_precision_loss, reason = "a number of columns")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most columns")]
    let full = (part * columns as f64).round() as usize;
    [
        Span::styled("━".repeat(full), palette.achieved()),
        Span::styled("─".repeat(columns - full), DIM),
    ]
}

/// The keys.
pub(super) fn keys(looking: Looking, row: Rect, buf: &mut Buffer) {
    if row.height == 0 || row.width < 4 {
        return;
    }
    let hold = if looking == Looking::Held { "go on" } else { "hold the picture" };
    let mut spans = Vec::new();
    for (key, what) in [("q", "stop"), ("p", hold), ("?", "help")] {
        spans.push(Span::styled(key, STRONG));
        spans.push(Span::styled(format!(" {what}   "), DIM));
    }
    buf.set_line(row.x + 1, row.y, &Line::from(spans), row.width - 1);
}

/// What keys and signs mean.
pub(super) fn help() -> Vec<Line<'static>> {
    let text = "\n\
        q, Ctrl-C   nothing starts any more, what has started runs to its end;\n\
        \u{20}           again: everything ends at once. Results are written either way.\n\
        p, space    holds the picture; the run goes on\n\
        Ctrl-Z      stops the process, `fg` goes on: the run is late by that time\n\
        ?           shows and hides this\n\
        \n\
        now         the newest second that all workers have told\n\
        phase       all of the phase up to now; - where too few samples carry it\n\
        ≥           decided by messages without an answer: at least so much\n\
        lag         by how much the tester itself was late\n\
        in all      since the run began\n\
        charts      the line is planned, the area achieved; over the whole run";
    text.lines().map(Line::raw).collect()
}

/// One text at the left, one at the right, which goes first where there is no room for both.
fn both(left: Vec<Span<'static>>, right: Vec<Span<'static>>, row: Rect, buf: &mut Buffer) {
    let room = usize::from(row.width);
    let (left_width, right_width) = (width(&left), width(&right));
    buf.set_line(row.x, row.y, &Line::from(left), row.width);
    if left_width + 2 + right_width <= room {
        let x = row.x + u16::try_from(room - right_width).unwrap_or(0);
        buf.set_line(x, row.y, &Line::from(right), row.width);
    }
}

fn width(spans: &[Span<'_>]) -> usize {
    spans.iter().map(Span::width).sum()
}
