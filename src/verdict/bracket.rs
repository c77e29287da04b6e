//! Levels that held and levels that broke → the next level to try, or the end of a search.
//!
//! What is known of a capacity is a bracket: the highest level that held and the lowest that broke.
//! Until one has broken the level doubles; then the bracket is halved until it is as narrow as the
//! plan asks for. Rates are tried at three significant digits, or as many as it takes to tell two
//! levels apart; connections are whole. A probe in which the tester was not fit says nothing, so
//! its level is tried once more; one hiccup of a machine should not cost a whole search.

use crate::plan::Search;
use crate::record::SearchEnd;

/// What a level counts, and so which levels there are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Grain {
    /// Connections.
    Whole,
    /// Messages per second.
    Digits,
}

/// What became of a probe.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ProbeEnd {
    /// All conditions held.
    Held,
    /// A condition did not.
    Broke,
    /// The tester was not fit.
    Unfit,
}

/// What a search does next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Next {
    /// It tries this level.
    Probe(f64),
    /// It has ended.
    End(SearchEnd),
}

/// A search in progress.
#[derive(Clone, Debug)]
pub struct Bracket {
    from: f64,
    to: f64,
    precision: f64,
    grain: Grain,
    /// How many probes it may still have.
    left: u16,
    /// The highest level that held.
    held: Option<f64>,
    /// The lowest level that broke.
    broke: Option<f64>,
    /// The level of the last probe if the tester was not fit in it, and how often it was not.
    unfit: Option<(f64, u32)>,
}

impl Bracket {
    /// Before the first probe.
    pub fn new(search: &Search, grain: Grain) -> Self {
        Self {
            from: search.from,
            to: search.to,
            precision: search.precision,
            grain,
            left: search.max_probes,
            held: None,
            broke: None,
            unfit: None,
        }
    }

    /// What comes next.
    pub fn next(&self) -> Next {
        match self.wanted() {
            Next::Probe(_) if self.left == 0 => Next::End(SearchEnd::MaxProbes),
            next => next,
        }
    }

    /// A probe at a level has ended.
    pub fn judged(&mut self, level: f64, end: ProbeEnd) {
        self.left = self.left.saturating_sub(1);
        let times = self.unfit.take().map_or(0, |(_, times)| times);
        match end {
            ProbeEnd::Held => self.held = Some(self.held.map_or(level, |held| held.max(level))),
            ProbeEnd::Broke => self.broke = Some(self.broke.map_or(level, |it| it.min(level))),
            ProbeEnd::Unfit => self.unfit = Some((level, times + 1)),
        }
    }

    fn wanted(&self) -> Next {
        match (self.unfit, self.held, self.broke) {
            (Some((level, 1)), ..) => Next::Probe(level),
            (Some(_), ..) => Next::End(SearchEnd::TesterLimit),
            (None, None, None) => Next::Probe(self.from),
            (None, None, Some(_)) => Next::End(SearchEnd::LowerBound),
            (None, Some(held), None) if held >= self.to => Next::End(SearchEnd::UpperBound),
            (None, Some(held), None) => Next::Probe(self.doubled(held)),
            (None, Some(held), Some(broke)) => match self.between(held, broke) {
                Some(level) if broke - held > self.precision * held * (1.0 + 1e-9) => {
                    Next::Probe(level)
                }
                Some(_) | None => Next::End(SearchEnd::Found),
            },
        }
    }

    fn doubled(&self, held: f64) -> f64 {
        let doubled = 2.0 * held;
        if doubled >= self.to {
            return self.to;
        }
        match self.grain {
            Grain::Whole => doubled.round(),
            Grain::Digits => {
                Some(rounded(doubled, 3)).filter(|it| *it < self.to).unwrap_or(self.to)
            }
        }
    }

    /// A level about the middle of two; none where there is none between them.
    fn between(&self, low: f64, high: f64) -> Option<f64> {
        let middle = f64::midpoint(low, high);
        let is_between = |level: &f64| low < *level && *level < high;
        match self.grain {
            Grain::Whole => Some(middle.floor()).filter(is_between),
            Grain::Digits => (3..=9).map(|digits| rounded(middle, digits)).find(is_between),
        }
    }
}

/// A number above zero with so many significant digits.
fn rounded(number: f64, digits: i32) -> f64 {
    // Exact for all levels of a plan: the decimals are written and read.
    let places = digits - 1;
    format!("{number:.*e}", usize::try_from(places).unwrap_or_default()).parse().unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::plan::PhaseId;

    fn search(from: f64, to: f64, precision: f64, max_probes: u16) -> Search {
        Search {
            name: "find".to_owned(),
            first: PhaseId(0),
            max_probes,
            from,
            to,
            settle: Duration::ZERO,
            precision,
            conditions: Vec::new(),
        }
    }

    /// The levels that are tried against a capacity, and the end.
    fn against(capacity: f64, search: &Search, grain: Grain) -> (Bracket, Vec<f64>, SearchEnd) {
        let mut bracket = Bracket::new(search, grain);
        let mut levels = Vec::new();
        loop {
            match bracket.next() {
                Next::End(end) => return (bracket, levels, end),
                Next::Probe(level) => {
                    levels.push(level);
                    let end = if level <= capacity { ProbeEnd::Held } else { ProbeEnd::Broke };
                    bracket.judged(level, end);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn the_answer_is_within_the_precision_of_what_is_true(
            from in 0.1..100.0_f64, over in 1.5..1000.0_f64, part in 0.0..=1.0_f64,
            precision in 0.001..0.5_f64, whole: bool,
        ) {
            let (grain, from) = if whole { (Grain::Whole, from.ceil()) } else { (Grain::Digits, from) };
            let to = if whole { (from * over).ceil() } else { from * over };
            prop_assume!(to > from);
            let truth = from + part * (to - from);
            let (bracket, levels, end) = against(truth, &search(from, to, precision, 100), grain);

            prop_assert!(levels.iter().all(|level| (from..=to).contains(level)), "{levels:?}");
            let held = bracket.held.unwrap();
            prop_assert!(held <= truth);
            match end {
                SearchEnd::Found => {
                    let nearest = if whole { 1.0 } else { 0.0 };
                    let off = bracket.broke.unwrap() - held;
                    prop_assert!(off <= (precision * held * 1.000_001).max(nearest), "{levels:?}");
                    prop_assert!(truth < bracket.broke.unwrap());
                }
                SearchEnd::UpperBound => prop_assert!(held >= to),
                other => prop_assert!(false, "{other:?} after {levels:?}"),
            }
        }

        #[test]
        fn no_search_has_more_probes_than_it_may(
            over in 1.5..1e6_f64, part in 0.0..2.0_f64, max_probes in 1..12_u16,
            ends in proptest::collection::vec(0..3_u8, 12),
        ) {
            let mut bracket = Bracket::new(&search(1.0, over, 0.01, max_probes), Grain::Digits);
            let truth = part * over;
            let mut probes = 0;
            while let Next::Probe(level) = bracket.next() {
                prop_assert!((1.0..=over).contains(&level));
                let end = match ends[usize::from(probes)] {
                    0 => ProbeEnd::Unfit,
                    _ if level <= truth => ProbeEnd::Held,
                    _ => ProbeEnd::Broke,
                };
                bracket.judged(level, end);
                probes += 1;
                prop_assert!(probes <= max_probes);
            }
        }
    }

    #[test]
    fn a_level_doubles_until_it_breaks_and_is_bisected_then() {
        let (_, levels, end) = against(412.0, &search(50.0, 2000.0, 0.05, 20), Grain::Digits);

        assert_eq!(levels, [50.0, 100.0, 200.0, 400.0, 800.0, 600.0, 500.0, 450.0, 425.0, 412.0]);
        assert_eq!(end, SearchEnd::Found);
    }

    #[test]
    fn connections_are_whole_and_as_near_as_they_can_be() {
        let (bracket, levels, end) = against(5.0, &search(1.0, 100.0, 0.05, 20), Grain::Whole);

        assert_eq!(levels, [1.0, 2.0, 4.0, 8.0, 6.0, 5.0]);
        assert_eq!((bracket.held, end), (Some(5.0), SearchEnd::Found));
    }

    #[test]
    fn the_bounds_themselves_are_told_apart_from_an_answer() {
        let ends = [(5.0, SearchEnd::LowerBound), (1e9, SearchEnd::UpperBound)];
        for (capacity, expected) in ends {
            let (_, _, end) = against(capacity, &search(10.0, 100.0, 0.05, 20), Grain::Digits);
            assert_eq!(end, expected);
        }
        let (bracket, levels, end) = against(412.0, &search(50.0, 2000.0, 0.05, 4), Grain::Digits);
        assert_eq!((bracket.held, levels.len(), end), (Some(400.0), 4, SearchEnd::MaxProbes));
    }

    #[test]
    fn a_level_at_which_the_tester_was_not_fit_is_tried_once_more() {
        let mut bracket = Bracket::new(&search(10.0, 100.0, 0.05, 20), Grain::Digits);
        bracket.judged(10.0, ProbeEnd::Held);
        bracket.judged(20.0, ProbeEnd::Unfit);
        assert_eq!(bracket.next(), Next::Probe(20.0));

        let mut again = bracket.clone();
        again.judged(20.0, ProbeEnd::Held);
        assert_eq!(again.next(), Next::Probe(40.0));
        bracket.judged(20.0, ProbeEnd::Unfit);
        assert_eq!(bracket.next(), Next::End(SearchEnd::TesterLimit));
    }
}
