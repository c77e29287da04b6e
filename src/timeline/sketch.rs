//! Phases in their places → the level over the whole known time, in steps of equal length.
//!
//! A step shows the highest level in it, so a burst that is shorter than a step is still seen.

use std::time::Duration;

use serde::Serialize;

use super::preview::Placed;
use super::{LevelCurve, Model};

/// How many steps a sketch has.
const STEPS: u32 = 256;

/// The load of one model over time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sketch {
    /// Open (messages per second) or closed (connections).
    pub model: Model,
    /// How long one step is, in seconds.
    pub step_s: f64,
    /// The highest level in each step; phases beside each other are added up.
    pub levels: Vec<f64>,
}

/// A sketch for each model that occurs in the known time.
pub(super) fn sketches(placed: &[Placed<'_>]) -> Vec<Sketch> {
    let length = placed.iter().filter_map(|placed| placed.end).max().unwrap_or_default();
    let step = length / STEPS;
    if step.is_zero() {
        return Vec::new();
    }
    [Model::Closed, Model::Open]
        .into_iter()
        .filter(|model| placed.iter().any(|placed| placed.line.model() == *model))
        .map(|model| sketch(placed, model, step))
        .collect()
}

fn sketch(placed: &[Placed<'_>], model: Model, step: Duration) -> Sketch {
    let of_model: Vec<_> = placed.iter().filter(|placed| placed.line.model() == model).collect();
    let levels = (0..STEPS)
        .map(|index| of_model.iter().map(|placed| level(placed, step * index, step)).sum())
        .collect();
    Sketch { model, step_s: step.as_secs_f64(), levels }
}

/// The highest level of a phase in a step of the run. A phase behind one of unknown length has
/// no place; one that only its count ends is shown to the end.
fn level(placed: &Placed<'_>, at: Duration, step: Duration) -> f64 {
    let Some(begin) = placed.begin else { return 0.0 };
    let end = placed.end.unwrap_or(Duration::MAX);
    let (from, to) = (at.max(begin), (at + step).min(end));
    if from >= to {
        return 0.0;
    }
    let curve: &LevelCurve = placed.line.curve();
    curve.highest(from.saturating_sub(begin), to.saturating_sub(begin))
}
