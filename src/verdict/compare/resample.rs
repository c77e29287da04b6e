//! One phase of all runs of a side → its figures, and how far chance moves them.
//!
//! Each round of the bootstrap draws as many runs as there are, with replacement, and of each run
//! as many blocks as it has; the side's figure of that round is the median of its runs, as the
//! side's figure itself is. The draws are the same each time, so that a comparison can be repeated.

use super::figure::Figure;
use super::sample::{Block, PhaseSample};
use super::spectrum::Spectrum;
use crate::draw::{Draw, Purpose};
use crate::record::{as_float, ratio};

/// How many rounds are made: the spread of 400 is known to 4 %.
const ROUNDS: u64 = 400;

/// One phase on one side.
pub(super) struct Side {
    /// By figure.
    values: [Option<f64>; Figure::ALL.len()],
    spreads: [Option<f64>; Figure::ALL.len()],
    units: usize,
}

/// One run's part of it.
struct Run<'a> {
    phase: &'a PhaseSample,
    spectrum: Spectrum,
}

impl Side {
    pub(super) fn new(phases: &[&PhaseSample]) -> Self {
        let runs: Vec<Run<'_>> =
            phases.iter().map(|phase| Run { phase, spectrum: Spectrum::new(phase) }).collect();
        let whole: Vec<Figures> = runs.iter().map(Run::whole).collect();
        let units = units(&runs);
        let rounds: Vec<Figures> = (0..ROUNDS).map(|round| redrawn(&runs, round)).collect();
        Self {
            values: Figure::ALL.map(|figure| median(&whole, figure)),
            spreads: Figure::ALL.map(|figure| spread(&rounds, figure, units)),
            units,
        }
    }

    /// The median of the runs; none where not all of them know it.
    pub(super) const fn value(&self, figure: Figure) -> Option<f64> {
        self.values[figure as usize]
    }

    /// The standard error on the figure's scale; none where it can't be told.
    pub(super) const fn spread(&self, figure: Figure) -> Option<f64> {
        self.spreads[figure as usize]
    }

    /// How many independent parts the spread rests on: runs, or the blocks of the only one.
    pub(super) const fn units(&self) -> usize {
        self.units
    }
}

/// The figures of some blocks.
type Figures = [Option<f64>; Figure::ALL.len()];

impl Run<'_> {
    fn whole(&self) -> Figures {
        let blocks: Vec<usize> = (0..self.phase.blocks.len()).collect();
        self.figures(&blocks, self.phase.length())
    }

    fn redrawn(&self, draw: Draw) -> Figures {
        let count = self.phase.blocks.len();
        let block = |number| {
            let drawn = draw.at(number).of(Purpose::Resample).below(count as u64);
            usize::try_from(drawn).unwrap_or_default()
        };
        let blocks: Vec<usize> = (0..count as u64).map(block).collect();
        let seconds = blocks.iter().map(|block| self.phase.blocks[*block].seconds).sum();
        self.figures(&blocks, seconds)
    }

    fn figures(&self, blocks: &[usize], seconds: f64) -> Figures {
        let sum = |part: fn(&Block) -> u64| {
            blocks.iter().map(|block| part(&self.phase.blocks[*block])).sum::<u64>()
        };
        let times = self.spectrum.sum(blocks.iter().copied());
        Figure::ALL.map(|figure| match (figure, figure.percent()) {
            (_, Some(percent)) => self.spectrum.percentile(&times, percent),
            (Figure::ErrorsShare, _) => ratio(sum(|it| it.errors), sum(|it| it.counted)),
            (_, None) => (seconds > 0.0).then(|| as_float(sum(|block| block.accepted)) / seconds),
        })
    }
}

fn units(runs: &[Run<'_>]) -> usize {
    match runs {
        [only] => only.phase.blocks.len(),
        several => several.len(),
    }
}

fn redrawn(runs: &[Run<'_>], round: u64) -> Figures {
    let draw = Draw::new(0).at(round);
    let drawn: Vec<Figures> = (0..runs.len() as u64)
        .map(|number| {
            let draw = draw.at(number);
            let run = draw.of(Purpose::Resample).below(runs.len() as u64);
            runs[usize::try_from(run).unwrap_or_default()].redrawn(draw)
        })
        .collect();
    Figure::ALL.map(|figure| median(&drawn, figure))
}

fn median(runs: &[Figures], figure: Figure) -> Option<f64> {
    let values: Option<Vec<f64>> = runs.iter().map(|run| run[figure as usize]).collect();
    let mut values = values.filter(|values| !values.is_empty())?;
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    Some(if values.len().is_multiple_of(2) {
        f64::midpoint(values[middle - 1], values[middle])
    } else {
        values[middle]
    })
}

/// The standard deviation over the rounds. Drawing from so few parts shows less than their own
/// spread, by the factor that is put right here.
fn spread(rounds: &[Figures], figure: Figure, units: usize) -> Option<f64> {
    if units < 2 {
        return None;
    }
    let values: Vec<f64> =
        rounds.iter().filter_map(|round| figure.scaled(round[figure as usize]?)).collect();
    // A figure that most rounds don't know, as a percentile among the unanswered, has no spread.
    if values.len() * 10 < rounds.len() * 9 {
        return None;
    }
    let count = as_float(values.len() as u64);
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let units = as_float(units as u64);
    Some((variance * units / (units - 1.0)).sqrt())
}
