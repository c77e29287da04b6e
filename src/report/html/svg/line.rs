//! Points with gaps → the path of a line, and of the area below it.

use std::fmt::Write as _;

/// The width and height of a plot in its own units.
pub(super) const WIDTH: f64 = 1000.0;
pub(super) const HEIGHT: f64 = 300.0;

/// One curve of a chart.
#[derive(Clone, Debug)]
pub(in super::super) struct Curve {
    /// Its name in the legend; words of ours, or a name of the plan's.
    pub(in super::super) name: String,
    /// How it is drawn.
    pub(in super::super) look: Look,
    /// At each place of the chart; what is not known is a gap.
    pub(in super::super) values: Vec<Option<f64>>,
}

/// How a curve is drawn: a colour of the page's palette, and a stroke that tells it apart without
/// colour.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in super::super) enum Look {
    /// A full line in the colour of this number.
    Line(u8),
    /// A full line with the area below it tinted.
    Area(u8),
    /// A dashed line.
    Dashed(u8),
    /// A thin dotted line.
    Dotted(u8),
    /// The uncertain end of a curve of equals; it is not in the legend.
    Tail(u8),
    /// What was planned: dashed, in the colour of text.
    Plan,
}

impl Look {
    /// The look of the end of such a curve.
    pub(in super::super) fn tail_of(at: usize) -> Self {
        Self::Tail(u8::try_from(at % 8 + 1).unwrap_or(1))
    }

    /// The looks of curves that are equals, told apart by colour and, from the ninth on, stroke.
    pub(in super::super) fn of_equal(at: usize) -> Self {
        let colour = u8::try_from(at % 8 + 1).unwrap_or(1);
        match at / 8 {
            0 => Self::Line(colour),
            1 => Self::Dashed(colour),
            _ => Self::Dotted(colour),
        }
    }

    /// The classes by which the style sheet knows it.
    pub(in super::super) fn classes(self) -> String {
        match self {
            Self::Line(colour) => format!("c{colour}"),
            Self::Area(colour) => format!("c{colour} tinted"),
            Self::Dashed(colour) => format!("c{colour} dashed"),
            Self::Dotted(colour) | Self::Tail(colour) => format!("c{colour} dotted"),
            Self::Plan => "plan dashed".to_owned(),
        }
    }
}

/// A point of a plot, in its own units; none: a gap.
pub(super) type Point = Option<(f64, f64)>;

/// The `d` of the line through the points; a point between two gaps becomes a dot.
pub(super) fn line(points: &[Point]) -> String {
    let mut path = String::new();
    for run in runs(points) {
        let mut command = 'M';
        for (x, y) in &run {
            // Writing to a string does not fail.
            let _ = write!(path, "{command}{} {}", short(*x), short(*y));
            command = 'L';
        }
        if run.len() == 1 {
            path.push_str("h.01");
        }
    }
    path
}

/// The `d` of the area between the line and the bottom.
pub(super) fn area(points: &[Point]) -> String {
    let mut path = String::new();
    for run in runs(points).filter(|run| run.len() > 1) {
        let (Some((first, _)), Some((last, _))) = (run.first(), run.last()) else { continue };
        let _ = write!(path, "M{} {HEIGHT}", short(*first));
        for (x, y) in &run {
            let _ = write!(path, "L{} {}", short(*x), short(*y));
        }
        let _ = write!(path, "L{} {HEIGHT}Z", short(*last));
    }
    path
}

/// The stretches between gaps.
fn runs(points: &[Point]) -> impl Iterator<Item = Vec<(f64, f64)>> {
    let stretches = points.split(Option::is_none).filter(|run| !run.is_empty());
    stretches.map(|run| run.iter().copied().flatten().collect())
}

/// A coordinate in few characters.
pub(super) fn short(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINTS: [Point; 6] =
        [Some((0.0, 300.0)), Some((10.0, 20.55)), None, Some((30.0, 1.0)), None, None];

    #[test]
    fn a_gap_is_not_bridged_and_a_lone_point_is_a_dot() {
        assert_eq!(line(&POINTS), "M0 300L10 20.6M30 1h.01");
        assert_eq!(line(&[None, None]), "");
    }

    #[test]
    fn an_area_ends_where_its_line_does() {
        assert_eq!(area(&POINTS), "M0 300L0 300L10 20.6L10 300Z");
    }

    #[test]
    fn more_curves_than_colours_differ_in_their_stroke() {
        let looks: std::collections::BTreeSet<String> =
            (0..24).map(|at| Look::of_equal(at).classes()).collect();

        assert_eq!(looks.len(), 24);
    }
}
