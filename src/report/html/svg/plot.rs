//! Curves on their scales → the SVG of a plot, without any text.

use std::fmt::Write as _;

use super::line::{self, HEIGHT, Point, WIDTH};
use super::{Curve, Look, Scale};

/// The most points at which each is marked by a dot.
const MOST_DOTS: usize = 40;

/// What is drawn: everything in shares of the plot's width.
#[derive(Debug)]
pub(in super::super) struct Plot<'a> {
    /// Where each value of a curve stands, from 0 to 1.
    pub(in super::super) places: &'a [f64],
    /// The upright axis.
    pub(in super::super) scale: Scale,
    /// The curves, those behind first.
    pub(in super::super) curves: &'a [Curve],
    /// The stretches that are shaded, from and until.
    pub(in super::super) bands: &'a [(f64, f64)],
    /// Upright lines, apart from the bands' edges.
    pub(in super::super) uprights: &'a [f64],
    /// Stretches marked at the top as not known.
    pub(in super::super) marks: &'a [(f64, f64)],
}

impl Plot<'_> {
    /// The drawing.
    pub(in super::super) fn svg(&self) -> String {
        let mut svg = format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" \
             aria-hidden=\"true\">"
        );
        self.ground(&mut svg);
        for curve in self.curves {
            self.curve(curve, &mut svg);
        }
        for (from, until) in self.marks {
            let (x, width) = (from * WIDTH, (until - from) * WIDTH);
            rectangle("mark", x, width, 7.0, &mut svg);
        }
        svg.push_str("</svg>");
        svg
    }

    /// Shaded phases, then the grid.
    fn ground(&self, svg: &mut String) {
        for (at, (from, until)) in self.bands.iter().enumerate() {
            let class = if at % 2 == 0 { "band" } else { "band odd" };
            rectangle(class, from * WIDTH, (until - from) * WIDTH, HEIGHT, svg);
        }
        let mut grid = String::new();
        for tick in self.scale.ticks() {
            let _ = write!(grid, "M0 {}h{WIDTH}", line::short(height(tick.at)));
        }
        for at in self.uprights {
            let _ = write!(grid, "M{} 0v{HEIGHT}", line::short(at * WIDTH));
        }
        let _ = write!(svg, "<path class=\"grid\" d=\"{grid}\"/>");
    }

    fn curve(&self, curve: &Curve, svg: &mut String) {
        let points: Vec<Point> = self
            .places
            .iter()
            .zip(&curve.values)
            .map(|(at, value)| value.map(|value| (at * WIDTH, height(self.scale.place(value)))))
            .collect();
        let classes = curve.look.classes();
        if let Look::Area(_) = curve.look {
            let _ = write!(svg, "<path class=\"area {classes}\" d=\"{}\"/>", line::area(&points));
        }
        let _ = write!(svg, "<path class=\"line {classes}\" d=\"{}\"/>", line::line(&points));
        if points.len() <= MOST_DOTS && matches!(curve.look, Look::Line(_) | Look::Area(_)) {
            let mut dots = String::new();
            for (x, y) in points.into_iter().flatten() {
                let _ = write!(dots, "M{} {}h.01", line::short(x), line::short(y));
            }
            let _ = write!(svg, "<path class=\"dots {classes}\" d=\"{dots}\"/>");
        }
    }
}

/// From the top of the plot to a place on the upright axis.
fn height(at: f64) -> f64 {
    (1.0 - at) * HEIGHT
}

fn rectangle(class: &str, x: f64, width: f64, height: f64, svg: &mut String) {
    let (x, width, height) = (line::short(x), line::short(width), line::short(height));
    let _ = write!(
        svg,
        "<rect class=\"{class}\" x=\"{x}\" y=\"0\" width=\"{width}\" height=\"{height}\"/>"
    );
}
