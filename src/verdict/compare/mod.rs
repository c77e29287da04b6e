//! Two sets of runs of one plan → phase by phase what changed, and whether that is more than noise.
//!
//! A change counts when it is both certain and large: an interval around it leaves "no change"
//! out, and it is above the tolerance. The interval comes from a bootstrap: of each run, blocks of
//! seconds are drawn again and again with their whole histograms (percentiles are never averaged),
//! and with several runs on a side the runs too. It is widened for the number of figures that are
//! looked at, so that two runs that are alike have at most 5 % chance of any finding at all. What
//! one run on each side can't show is by how much runs differ from each other: several can.

mod figure;
mod resample;
mod sample;
mod spectrum;

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

pub use figure::Figure;
pub use sample::{Sample, Unfit};

use resample::Side;

/// The chance that two alike sets of runs have any finding.
const FALSE_ALARMS: f64 = 0.05;

/// How large a change must be to count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// The smallest change that matters, as a share of the baseline.
    pub share: f64,
    /// The smallest change of a latency that matters, in milliseconds.
    pub latency_ms: f64,
    /// The smallest change of the share of errors that matters.
    pub errors: f64,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self { share: 0.05, latency_ms: 0.2, errors: 0.005 }
    }
}

/// What came out of a comparison.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Comparison {
    /// Phases that both sides have, in the order of the baseline.
    pub phases: Vec<PhaseComparison>,
    /// Phases that only one side has, by name.
    pub unmatched: Vec<String>,
    /// What may explain a difference, each a sentence.
    pub remarks: Vec<String>,
    /// How many runs the baseline and the candidate have.
    pub runs: (usize, usize),
    /// Whether any figure is worse.
    pub regression: bool,
}

/// One phase on both sides.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct PhaseComparison {
    /// Its name.
    pub phase: String,
    /// A row for each figure.
    pub figures: Vec<Change>,
}

/// One figure on both sides.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Change {
    /// Which figure.
    pub figure: Figure,
    /// The baseline's: the median of its runs; none: not known.
    pub baseline: Option<f64>,
    /// The candidate's, likewise.
    pub candidate: Option<f64>,
    /// By how much it changed: a share of the baseline, or for the share of errors the difference.
    pub change: Option<f64>,
    /// Between which two the true change lies, as far as noise goes; in the unit of `change`.
    pub interval: Option<(f64, f64)>,
    /// What that means.
    pub word: Word,
}

/// What a change means.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// Noise, or too little to matter.
    Same,
    /// Certain, large, and to the good.
    Better,
    /// Certain, large, and to the bad.
    Worse,
    /// One side has no such figure, or too little to tell noise from change.
    Unknown,
}

/// Compares runs of a baseline with runs of a candidate.
pub fn compare(baseline: &[Sample], candidate: &[Sample], tolerance: Tolerance) -> Comparison {
    let names = phases(baseline);
    let others = phases(candidate);
    let matched: Vec<&str> = names.iter().copied().filter(|name| others.contains(name)).collect();
    let looks = matched.len() * Figure::ALL.len();
    let phases: Vec<PhaseComparison> = matched
        .iter()
        .map(|name| compare_phase(name, (baseline, candidate), tolerance, looks))
        .collect();
    let alone = |own: &[&str], other: &[&str]| -> Vec<String> {
        own.iter().filter(|name| !other.contains(name)).map(|name| (*name).to_owned()).collect()
    };
    let mut unmatched = alone(&names, &others);
    unmatched.extend(alone(&others, &names));
    let worse = |change: &Change| change.word == Word::Worse;
    let regression = phases.iter().flat_map(|phase| &phase.figures).any(worse);
    let remarks = sample::remarks(baseline, candidate);
    let runs = (baseline.len(), candidate.len());
    Comparison { phases, unmatched, remarks, runs, regression }
}

/// The phases that every run has, in their order.
fn phases(runs: &[Sample]) -> Vec<&str> {
    let Some((first, others)) = runs.split_first() else { return Vec::new() };
    let in_all = |name: &&str| others.iter().all(|run| run.phase(name).is_some());
    first.names().filter(in_all).collect()
}

fn compare_phase(
    name: &str,
    (baseline, candidate): (&[Sample], &[Sample]),
    tolerance: Tolerance,
    looks: usize,
) -> PhaseComparison {
    let side = |runs: &[Sample]| {
        Side::new(runs.iter().filter_map(|run| run.phase(name)).collect::<Vec<_>>().as_slice())
    };
    let (baseline, candidate) = (side(baseline), side(candidate));
    let figures = Figure::ALL
        .into_iter()
        .map(|figure| change(figure, &baseline, &candidate, tolerance, looks))
        .collect();
    PhaseComparison { phase: name.to_owned(), figures }
}

fn change(
    figure: Figure,
    baseline: &Side,
    candidate: &Side,
    tolerance: Tolerance,
    looks: usize,
) -> Change {
    let (before, after) = (baseline.value(figure), candidate.value(figure));
    let unknown = Change {
        figure,
        baseline: before,
        candidate: after,
        change: None,
        interval: None,
        word: Word::Unknown,
    };
    let (Some(before), Some(after)) = (before, after) else { return unknown };
    let Some(change) = figure.change(before, after) else { return unknown };
    let Some(interval) = interval(figure, (before, after), (baseline, candidate), looks) else {
        return Change { change: Some(change), ..unknown };
    };
    let certain = interval.0 > 0.0 || interval.1 < 0.0;
    let word = if certain && figure.matters(before, after, tolerance) {
        if figure.is_worse(change) { Word::Worse } else { Word::Better }
    } else {
        Word::Same
    };
    Change { change: Some(change), interval: Some(interval), word, ..unknown }
}

/// Student's t over the bootstrap's spread: with few blocks or runs the interval grows as it must.
fn interval(
    figure: Figure,
    (before, after): (f64, f64),
    (baseline, candidate): (&Side, &Side),
    looks: usize,
) -> Option<(f64, f64)> {
    let (mine, theirs) = (baseline.spread(figure)?, candidate.spread(figure)?);
    let freedom = (baseline.units() + candidate.units()).checked_sub(2).filter(|it| *it > 0)?;
    #[expect(clippy::cast_precision_loss, reason = "both are counts of a few hundred")]
    let (freedom, looks) = (freedom as f64, looks.max(1) as f64);
    let t = StudentsT::new(0.0, 1.0, freedom).ok()?;
    let reach = t.inverse_cdf(1.0 - FALSE_ALARMS / looks / 2.0) * mine.hypot(theirs);
    figure.interval(before, after, reach)
}

#[cfg(test)]
mod tests;
