//! Numbers → the drawing of a chart: scales, lines, shaded phases. Nothing else is ever in it.
//!
//! A plot is stretched to whatever width it gets, so all text stands beside it in HTML and the
//! strokes do not scale. Foreign text is never part of a drawing.

mod line;
mod plot;
mod scale;

pub(super) use line::{Curve, Look};
pub(super) use plot::Plot;
pub(super) use scale::{Scale, Tick, clock_ticks};
