//! What was planned and achieved over the whole run → a chart of block and braille characters.
//!
//! What was achieved fills an area, what was planned is a line over it: where the run falls short,
//! the gap between both is what one sees first.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use ratatui::symbols::{Marker, bar};
use ratatui::text::{Line, Span};
use ratatui::widgets::canvas::{Canvas, Line as Stroke};
use ratatui::widgets::{Sparkline, Widget};

use super::palette::{DIM, STRONG};
use crate::format;

/// Columns of the labels and the axis before the plot.
const LABEL: u16 = 7;
/// How fine an area's heights are told to the widget that draws it.
const FINE: f64 = 1_000_000.0;

/// A value over the time between two moments.
type Value<'a> = Box<dyn Fn(Duration, Duration) -> Option<f64> + 'a>;

/// One row of values.
pub(super) struct Trace<'a> {
    pub(super) name: &'static str,
    pub(super) style: Style,
    pub(super) value: Value<'a>,
}

/// A chart over the time from the run's beginning.
pub(super) struct Chart<'a> {
    pub(super) title: &'static str,
    /// A label of the axis, in at most 6 characters.
    pub(super) label: fn(f64) -> String,
    pub(super) area: Option<Trace<'a>>,
    pub(super) lines: Vec<Trace<'a>>,
    /// How much time it shows.
    pub(super) span: Duration,
    /// The phases: when each began or will, and its name.
    pub(super) marks: &'a [(Duration, &'a str)],
}

impl Chart<'_> {
    /// Draws it; an area of fewer than 3 rows stays as it is.
    pub(super) fn render(&self, area: Rect, buf: &mut Buffer) {
        if area.height < 3 || area.width < LABEL + 8 {
            return;
        }
        let plot = Rect {
            x: area.x + LABEL,
            y: area.y + 1,
            width: area.width - LABEL,
            height: area.height - 2,
        };
        let filled = self.area.as_ref().map(|trace| self.values(trace, plot.width));
        let drawn: Vec<_> =
            self.lines.iter().map(|trace| self.values(trace, plot.width * 2)).collect();
        let all = filled.iter().chain(&drawn).flatten().flatten().copied();
        let top = ceiling(all.fold(0.0, f64::max));
        self.heading(area, buf);
        self.axis(area, plot, top, buf);
        self.marks(plot, buf);
        if let (Some(trace), Some(values)) = (&self.area, filled) {
            fill(&values, top, trace.style, plot, buf);
        }
        for (trace, values) in self.lines.iter().zip(drawn) {
            stroke(&values, top, trace.style, plot, buf);
        }
    }

    fn values(&self, trace: &Trace<'_>, columns: u16) -> Vec<Option<f64>> {
        let columns = u32::from(columns);
        let at = |column: u32| self.span.mul_f64(f64::from(column) / f64::from(columns));
        (0..columns).map(|column| (trace.value)(at(column), at(column + 1))).collect()
    }

    fn heading(&self, area: Rect, buf: &mut Buffer) {
        let mut spans = vec![Span::styled(self.title, STRONG)];
        let area_key = self.area.iter().map(|trace| ("█", trace));
        for (sign, trace) in self.lines.iter().map(|trace| ("─", trace)).chain(area_key) {
            spans.push(Span::raw("   "));
            spans.push(Span::styled(sign, trace.style));
            spans.push(Span::styled(format!(" {}", trace.name), DIM));
        }
        buf.set_line(area.x + 1, area.y, &Line::from(spans), area.width - 1);
    }

    fn axis(&self, area: Rect, plot: Rect, top: f64, buf: &mut Buffer) {
        let dim = DIM;
        for row in plot.top()..plot.bottom() {
            buf.set_string(plot.x - 1, row, "│", dim);
        }
        let width = usize::from(LABEL) - 1;
        let mut label = |row: u16, value: f64| {
            let text = format!("{:>width$}", (self.label)(value));
            buf.set_stringn(area.x, row, text, width, dim);
        };
        label(plot.top(), top);
        if plot.height >= 5 {
            label(plot.top() + plot.height / 2, top / 2.0);
        }
        let row = area.bottom() - 1;
        buf.set_string(area.x, row, format!("{:>width$}", format::clock(Duration::ZERO)), dim);
        let end = format::clock(self.span);
        let end_at = plot.right().saturating_sub(u16::try_from(end.len()).unwrap_or(0));
        for (column, name, room) in self.placed(plot) {
            let room = room.min(usize::from(end_at.saturating_sub(column + 1)));
            if room > 1 {
                buf.set_stringn(column, row, format::cut(name, room), room, dim);
            }
        }
        buf.set_string(end_at, row, end, dim);
    }

    /// The phases' columns, with their names and the room up to the next.
    fn placed(&self, plot: Rect) -> impl Iterator<Item = (u16, &str, usize)> {
        let columns: Vec<u16> =
            self.marks.iter().map(|(at, _)| plot.x + self.column(*at, plot.width)).collect();
        self.marks.iter().enumerate().map(move |(index, (_, name))| {
            let next = columns.get(index + 1).copied().unwrap_or(plot.right());
            (columns[index], *name, usize::from(next.saturating_sub(columns[index] + 1)))
        })
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most the width"
    )]
    fn column(&self, at: Duration, width: u16) -> u16 {
        let part = at.as_secs_f64() / self.span.as_secs_f64().max(f64::MIN_POSITIVE);
        (part.min(1.0) * f64::from(width)) as u16
    }

    fn marks(&self, plot: Rect, buf: &mut Buffer) {
        for (column, _, _) in self.placed(plot).filter(|(column, _, _)| *column > plot.x) {
            for row in plot.top()..plot.bottom().min(plot.top() + 200) {
                if column < plot.right() {
                    buf.set_string(column, row, "┊", DIM);
                }
            }
        }
    }
}

/// The area below the values.
fn fill(values: &[Option<f64>], top: f64, style: Style, plot: Rect, buf: &mut Buffer) {
    let mut area = Buffer::empty(plot);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most FINE")]
    let heights = values.iter().map(|value| value.map(|value| (value / top * FINE) as u64));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a constant")]
    let most = FINE as u64;
    Sparkline::default()
        .bar_set(bar::NINE_LEVELS)
        .max(most)
        .data(heights)
        .style(style)
        .render(plot, &mut area);
    // What is behind an empty cell stays.
    over(&area, plot, buf);
}

/// A line through the values, two for each column.
fn stroke(values: &[Option<f64>], top: f64, style: Style, plot: Rect, buf: &mut Buffer) {
    let mut layer = Buffer::empty(plot);
    let last = f64::from(plot.width) * 2.0 - 1.0;
    Canvas::default()
        .marker(Marker::Braille)
        .x_bounds([0.0, last])
        .y_bounds([0.0, top])
        .paint(|context| {
            let mut before: Option<(f64, f64)> = None;
            for (x, value) in (0_u32..).map(f64::from).zip(values) {
                let point = value.map(|value| (x, value.min(top)));
                if let Some((x, y)) = point {
                    let (x1, y1) = before.unwrap_or((x, y));
                    context.draw(&Stroke { x1, y1, x2: x, y2: y, color: Color::Reset });
                }
                before = point;
            }
        })
        .render(plot, &mut layer);
    for position in plot.positions() {
        let symbol = layer[position].symbol();
        if symbol == " " || symbol == "\u{2800}" {
            continue;
        }
        let below = &buf[position];
        // A line over a full block stands on the block's own colour.
        let ground = if below.symbol() == "█" { below.fg } else { Color::Reset };
        let symbol = symbol.to_owned();
        let cell = &mut buf[position];
        cell.reset();
        cell.set_symbol(&symbol).set_style(style);
        cell.set_bg(ground);
    }
}

fn over(layer: &Buffer, plot: Rect, buf: &mut Buffer) {
    for position in plot.positions() {
        if layer[position].symbol() != " " {
            buf[position] = layer[position].clone();
        }
    }
}

/// A round number that is not below a value.
fn ceiling(value: f64) -> f64 {
    if !(value.is_finite() && value > 0.0) {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    let round = steps.into_iter().map(|step| step * power).find(|round| *round >= value);
    round.unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::palette::Palette;
    use super::*;
    use crate::report::Style as Look;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn an_axis_ends_at_a_round_number() {
        for (value, expected) in [(0.0, 1.0), (0.7, 0.8), (213.0, 250.0), (1000.0, 1000.0)] {
            assert!((ceiling(value) - expected).abs() < 1e-9, "{value}: {}", ceiling(value));
        }
    }

    #[test]
    fn a_shortfall_is_a_gap_below_the_plan() {
        let palette = Palette(Look::Plain);
        let chart = Chart {
            title: "messages/s",
            label: |value| format!("{value:.0}"),
            area: Some(Trace {
                name: "started",
                style: palette.achieved(),
                value: Box::new(|from, _| {
                    let started = if from < seconds(10) { 100.0 } else { 60.0 };
                    (from < seconds(15)).then_some(started)
                }),
            }),
            lines: vec![Trace {
                name: "planned",
                style: STRONG,
                value: Box::new(|_, _| Some(100.0)),
            }],
            span: seconds(20),
            marks: &[(Duration::ZERO, "ramp"), (seconds(10), "steady")],
        };
        let mut buf = Buffer::empty(Rect::new(0, 0, 47, 8));

        chart.render(buf.area, &mut buf);

        let rows: Vec<String> = (0..8)
            .map(|row| (0..47).map(|column| buf[(column, row)].symbol()).collect::<String>())
            .collect();
        expect![[r"
            | messages/s   ─ planned   █ started
            |   100│⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉
            |      │████████████████████┊
            |      │████████████████████▄▄▄▄▄▄▄▄▄▄
            |    50│██████████████████████████████
            |      │██████████████████████████████
            |      │██████████████████████████████
            |  0:00 ramp                steady          0:20"]]
        .assert_eq(
            &rows.iter().map(|row| format!("|{}", row.trim_end())).collect::<Vec<_>>().join("\n"),
        );
    }
}
