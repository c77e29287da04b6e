//! The phases in their places → what is planned at each moment of a run.
//!
//! A place that is not yet known (behind a phase that a count ends) stays empty until it is.

use std::sync::Arc;
use std::time::Duration;

use crate::timeline::{Line, Model};

/// The course of a run, as far as it is known.
#[derive(Clone, Debug)]
pub struct Course {
    /// The plan's name.
    pub plan: String,
    /// The phases in the order of the plan.
    pub phases: Vec<CoursePhase>,
    /// When the last one ends, where that is known.
    pub length: Option<Duration>,
}

/// A phase in its place.
#[derive(Clone, Debug)]
pub struct CoursePhase {
    /// Its name.
    pub name: String,
    /// What is planned in it.
    pub line: Arc<Line>,
    /// When it begins; none while that is not known, or where it never will.
    pub begin: Option<Duration>,
    /// When it ends; none while that is not known.
    pub end: Option<Duration>,
}

impl Course {
    /// The last moment that is known.
    pub fn known(&self) -> Duration {
        let known = self.phases.iter().filter_map(|phase| phase.end.or(phase.begin));
        known.max().unwrap_or_default()
    }

    /// Whether any phase is of this model.
    pub fn has(&self, model: Model) -> bool {
        self.phases.iter().any(|phase| phase.line.model() == model)
    }

    /// The highest planned level of a model between two moments; phases beside each other are
    /// added up. None where no phase of that model is in force.
    pub fn highest(&self, model: Model, from: Duration, to: Duration) -> Option<f64> {
        // What takes turns within that time must not be added up.
        let ends = self.phases.iter().flat_map(|phase| [phase.begin, phase.end]).flatten();
        let mut edges: Vec<Duration> = ends.filter(|at| from < *at && *at < to).collect();
        edges.extend([from, to]);
        edges.sort_unstable();
        let pieces = edges.windows(2).map(|piece| self.sum(model, piece[0], piece[1]));
        pieces.flatten().reduce(f64::max)
    }

    fn sum(&self, model: Model, from: Duration, to: Duration) -> Option<f64> {
        let of_model = self.phases.iter().filter(|phase| phase.line.model() == model);
        of_model.filter_map(|phase| phase.highest(from, to)).reduce(|sum, level| sum + level)
    }
}

impl CoursePhase {
    fn highest(&self, from: Duration, to: Duration) -> Option<f64> {
        let begin = self.begin?;
        let (from, to) = (from.max(begin), to.min(self.end.unwrap_or(Duration::MAX)));
        let inside = from < to;
        inside.then(|| self.line.highest(from.saturating_sub(begin), to.saturating_sub(begin)))
    }
}
