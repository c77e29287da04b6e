//! A board → as many charts as there is room for, the most telling first.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::board::Board;
use super::chart::{Chart, Trace};
use super::history::Measure;
use super::palette::{Palette, STRONG};
use crate::format;
use crate::report::{Level, Progress};
use crate::timeline::Model;

/// The least rows and columns of a chart beside or below others.
const ROWS: u16 = 10;
const COLUMNS: u16 = 56;
/// How much more than what is over a chart shows where the run's length is not known.
const AHEAD: f64 = 1.25;

/// A kind of chart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Shown {
    /// The planned level with what is achieved.
    Level(Model),
    Accepted,
    Response,
    Errors,
}

/// Draws charts into an area.
pub(super) fn render(
    board: &Board,
    progress: &Progress,
    palette: Palette,
    area: Rect,
    buf: &mut Buffer,
) {
    let span = span(board, progress.elapsed);
    let marks: Vec<(Duration, &str)> = board
        .course
        .phases
        .iter()
        .filter_map(|phase| Some((phase.begin?, phase.name.as_str())))
        .filter(|(begin, _)| *begin < span)
        .collect();
    for (shown, place) in places(&kinds(board, progress), area) {
        chart(board, shown, palette, span, &marks).render(place, buf);
    }
}

/// How much time charts show: the whole run, or what is known of it and a little more.
fn span(board: &Board, elapsed: Duration) -> Duration {
    let known = board.course.known();
    match board.course.length {
        // What drains behind the last phase is shown too.
        Some(length) => length.max(elapsed),
        None => known.max(elapsed.mul_f64(AHEAD)),
    }
    .max(Duration::from_secs(1))
}

fn kinds(board: &Board, progress: &Progress) -> Vec<Shown> {
    let first = match progress.phase.planned {
        Level::PerSecond(_) => Model::Open,
        Level::Pause if board.course.has(Model::Open) => Model::Open,
        Level::Connections(_) | Level::Pause => Model::Closed,
    };
    let other = if first == Model::Open { Model::Closed } else { Model::Open };
    let mut kinds = vec![Shown::Level(first)];
    kinds.extend([Shown::Accepted, Shown::Response]);
    kinds.extend(board.course.has(other).then_some(Shown::Level(other)));
    kinds.push(Shown::Errors);
    kinds
}

/// A place for each of the first kinds.
fn places(kinds: &[Shown], area: Rect) -> Vec<(Shown, Rect)> {
    let columns = (area.width / COLUMNS).clamp(1, 2);
    let rows = (area.height / ROWS).clamp(1, 3);
    let count = u16::try_from(kinds.len()).unwrap_or(u16::MAX);
    let rows = rows.min(count.div_ceil(columns)).max(1);
    let (width, height) = (area.width / columns, area.height / rows);
    // The first row takes what can't be divided.
    let rest = area.height - height * rows;
    let place = |index: u16| {
        let (row, column) = (index / columns, index % columns);
        Rect {
            x: area.x + column * width,
            y: area.y + row * height + if row > 0 { rest } else { 0 },
            width: width - u16::from(columns > 1),
            height: height + if row == 0 { rest } else { 0 },
        }
    };
    let mut places: Vec<(Shown, Rect)> =
        kinds.iter().copied().zip((0..columns * rows).map(place)).collect();
    // The last one takes what would stay empty beside it.
    let odd = !places.len().is_multiple_of(usize::from(columns));
    if let Some((_, last)) = places.last_mut().filter(|_| odd) {
        last.width = area.right() - last.x;
    }
    places
}

fn chart<'a>(
    board: &'a Board,
    shown: Shown,
    palette: Palette,
    span: Duration,
    marks: &'a [(Duration, &'a str)],
) -> Chart<'a> {
    let (course, history) = (&board.course, &board.history);
    let trace = |name, style, measure| Trace {
        name,
        style,
        value: Box::new(move |from, to| history.over(measure, from, to)),
    };
    let planned = |model| Trace {
        name: "planned",
        style: STRONG,
        value: Box::new(move |from, to| course.highest(model, from, to)),
    };
    let (title, label, area, lines): (_, fn(f64) -> String, _, _) = match shown {
        Shown::Level(Model::Open) => {
            let started = trace("started", palette.achieved(), Measure::Started);
            ("messages/s", count, started, vec![planned(Model::Open)])
        }
        Shown::Level(Model::Closed | Model::Pause) => {
            let open = trace("open", palette.achieved(), Measure::Open);
            ("sessions", count, open, vec![planned(Model::Closed)])
        }
        Shown::Accepted => {
            ("accepted/s", count, trace("accepted", palette.second(), Measure::Accepted), vec![])
        }
        Shown::Response => {
            let p99 = trace("p99", palette.notable(), Measure::P99);
            ("response", millis, trace("p50", palette.second(), Measure::P50), vec![p99])
        }
        Shown::Errors => {
            ("errors/s", count, trace("errors", palette.wrong(), Measure::Errors), vec![])
        }
    };
    Chart { title, label, area: Some(area), lines, span, marks }
}

/// A count in at most 6 characters.
fn count(value: f64) -> String {
    let whole = value.round();
    if value < 99.95 && (value - whole).abs() > f64::EPSILON {
        return format::rate(value);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative")]
    format::short_count(whole as u64)
}

/// Milliseconds in at most 6 characters.
fn millis(value: f64) -> String {
    format::latency(value).replace(".0 ", " ").replace(' ', "")
}
