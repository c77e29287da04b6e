//! The level over time → a curve of block characters, 72 columns wide and 8 rows high.

use std::time::Duration;

use crate::format;
use crate::timeline::{Model, Sketch};

/// Columns of the curve itself; with the labels and the axis the whole has 72.
const COLUMNS: usize = 64;
const ROWS: usize = 8;
/// Columns of the labels before the axis.
const LABEL: usize = 6;
/// A character by how many eighths of it are filled.
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A title, the curve and its axis, without a line end at the end.
pub(super) fn text(sketch: &Sketch) -> String {
    let title = match sketch.model {
        Model::Open => "messages/s",
        Model::Closed | Model::Pause => "connections",
    };
    let levels = columns(&sketch.levels);
    let top = levels.iter().copied().fold(0.0, f64::max);
    let heights: Vec<usize> = levels.iter().map(|level| height(*level, top)).collect();
    let mut lines = vec![title.to_owned()];
    lines.extend((0..ROWS).rev().map(|row| line(row, &heights, top)));
    lines.push(format!("{:>LABEL$} └{}", "0", "─".repeat(COLUMNS)));
    lines.push(times(sketch));
    lines.join("\n")
}

/// The highest level in each column.
fn columns(levels: &[f64]) -> Vec<f64> {
    let each = levels.len().div_ceil(COLUMNS).max(1);
    levels.chunks(each).map(|steps| steps.iter().copied().fold(0.0, f64::max)).collect()
}

/// How many eighths of a character a column is high; a level above zero is always seen.
fn height(level: f64, top: f64) -> usize {
    if level <= 0.0 {
        return 0;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the eighths of a column"
    )]
    let eighths = (level / top * 64.0).round() as usize;
    eighths.max(1)
}

fn line(row: usize, heights: &[usize], top: f64) -> String {
    let label = match row {
        7 => level(top),
        3 => level(top / 2.0),
        _ => String::new(),
    };
    let curve: String =
        heights.iter().map(|height| EIGHTHS[height.saturating_sub(row * 8).min(8)]).collect();
    format!("{label:>LABEL$} │{curve}").trim_end().to_owned()
}

/// A level in at most six characters.
fn level(level: f64) -> String {
    if level < 9_999.5 {
        return format::level(level);
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "above zero, and the cast saturates"
    )]
    format::short_count(level.round() as u64)
}

/// The beginning, the middle and the end of the time, below their columns.
fn times(sketch: &Sketch) -> String {
    let steps = u32::try_from(sketch.levels.len()).unwrap_or_default();
    // The steps together may miss the length by some nanoseconds.
    let millis = (sketch.step_s * f64::from(steps) * 1e3).round();
    let length = Duration::try_from_secs_f64(millis / 1e3).unwrap_or_default();
    let time = |at: Duration| {
        if length < Duration::from_secs(10) { format::duration(at) } else { format::clock(at) }
    };
    let end = time(length);
    let middle = time(length / 2);
    let half = COLUMNS / 2;
    let gap = half.saturating_sub(end.chars().count());
    format!("{:>LABEL$}  {:<half$}{middle:<gap$}{end}", "", time(Duration::ZERO))
}
