//! A board → the live view, in whatever room a terminal has.
//!
//! Pure rendering: the terminal, its keys and its clock are `cli`'s. From top to bottom: how far
//! run and phase are, charts over the whole run, figures, the machine, notes, keys. What is least
//! telling goes first where there is less room; where there is more, more charts and notes come.

mod board;
mod chart;
mod charts;
mod head;
mod history;
mod palette;
mod panels;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Paragraph, Widget};

pub use board::{Board, Going};

use super::Style;
use palette::Palette;

/// Rows of the figures: a heading and what stands below it.
const FIGURES: u16 = 7;
/// Columns of one table.
const TABLE: u16 = 30;
/// The smallest width in which tables stand beside each other.
const WIDE: u16 = 78;

/// What the user looks at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Looking {
    /// At the newest.
    Newest,
    /// At a picture that stands still.
    Held,
    /// At the words on keys and signs.
    Help,
}

/// Draws a board over the whole of an area.
pub fn render(board: &Board, looking: Looking, style: Style, area: Rect, buf: &mut Buffer) {
    let palette = Palette(style);
    let mut room = Room { left: area };
    head::render(board, looking, palette, room.top(2), buf);
    head::keys(looking, room.bottom(u16::from(area.height >= 8)), buf);
    if looking == Looking::Help {
        return lines(head::help(), room.left, buf);
    }
    let Some(progress) = &board.newest else {
        return lines(vec![Line::raw(" the first second is not over yet")], room.left, buf);
    };
    let notes = notes_rows(area.height, board.notes.len());
    let notes = room.bottom(notes);
    lines(panels::notes(board, palette, notes.height.into()), notes, buf);
    if area.width < WIDE {
        let brief = room.bottom(4.min(area.height / 3));
        lines(panels::brief(progress, palette), brief, buf);
    } else {
        if let Some(sample) = progress.machine.as_ref().filter(|_| area.height >= 18) {
            let machine = panels::machine(sample);
            let rows = u16::try_from(machine.len()).unwrap_or(u16::MAX);
            lines(machine, room.bottom(rows), buf);
        }
        let rows = FIGURES.min(room.left.height.saturating_sub(3));
        figures(progress, palette, room.bottom(rows), buf);
    }
    charts::render(board, progress, palette, room.left, buf);
}

/// How many rows notes take: few on a small screen, many where there is room.
fn notes_rows(height: u16, notes: usize) -> u16 {
    let most = match height {
        0..=17 => 0,
        18..=29 => 2,
        30..=44 => 4,
        _ => 8,
    };
    most.min(u16::try_from(notes).unwrap_or(u16::MAX))
}

fn figures(progress: &super::Progress, palette: Palette, area: Rect, buf: &mut Buffer) {
    let rows = usize::from(area.height.saturating_sub(2));
    let column = |index: u16, width: u16| {
        let x = (area.x + 1 + index).min(area.right());
        let right = (x + width).min(area.right());
        Rect { x, y: area.y + 1, width: right - x, height: area.height.saturating_sub(1) }
    };
    put(panels::messages(progress, palette), column(0, TABLE), buf);
    put(panels::response(progress), column(TABLE, TABLE), buf);
    let third = 2 * TABLE;
    if area.width >= third + 2 * 32 {
        put(panels::outcomes(progress, palette, rows), column(third + 2, 30), buf);
        put(panels::codes(progress, palette, rows), column(third + 34, 30), buf);
    } else {
        // The counts of outcomes and codes without their shares, one below the other.
        let outcomes = progress.so_far.outcomes.len().min(rows.saturating_sub(3)).max(1);
        let mut both = panels::outcomes(progress, palette, outcomes);
        let codes = rows.saturating_sub(outcomes + 1);
        both.extend(
            panels::codes(progress, palette, codes).into_iter().skip(usize::from(codes == 0)),
        );
        put(both, column(third, 20), buf);
    }
}

fn lines(lines: Vec<Line<'static>>, area: Rect, buf: &mut Buffer) {
    let inner = Rect { x: area.x + area.width.min(1), width: area.width.saturating_sub(1), ..area };
    put(lines, inner, buf);
}

fn put(lines: Vec<Line<'static>>, area: Rect, buf: &mut Buffer) {
    Paragraph::new(lines).render(area, buf);
}

/// What is left of an area while rows are taken from its ends.
struct Room {
    left: Rect,
}

impl Room {
    fn top(&mut self, rows: u16) -> Rect {
        let rows = rows.min(self.left.height);
        let taken = Rect { height: rows, ..self.left };
        self.left.y += rows;
        self.left.height -= rows;
        taken
    }

    fn bottom(&mut self, rows: u16) -> Rect {
        let rows = rows.min(self.left.height);
        self.left.height -= rows;
        Rect { y: self.left.y + self.left.height, height: rows, ..self.left }
    }
}

#[cfg(test)]
mod tests;
