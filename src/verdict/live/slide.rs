//! The evidence of each second → the evidence of the last seconds, or of all.
//!
//! A running sum takes the newest second in and the oldest out. What it holds of the seconds
//! between, to take it out later, is packed: memory grows with the window, and not with the run.
//! Without a window there is the sum alone.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::evidence::{Evidence, Finding};
use crate::plan::Metric;
use crate::record::PackedLatency;

/// What a threshold is judged on.
#[derive(Debug)]
pub(super) struct Slide {
    metric: Metric,
    /// How many seconds; none: all.
    window: Option<usize>,
    seconds: VecDeque<Second>,
    sum: Evidence,
    /// How much of the sum's time messages started in.
    covered: Duration,
    /// How many whole seconds came since it was last emptied.
    whole: usize,
}

/// One second, to be taken out later.
#[derive(Debug)]
struct Second {
    evidence: Packed,
    covered: Duration,
}

#[derive(Debug)]
enum Packed {
    Times(PackedLatency),
    Other(Evidence),
}

/// How a second lies in the stretch that is looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// Messages start in all of it.
    Whole,
    /// The stretch begins in it.
    First,
    /// The stretch ends in it, or has ended: what still ends belongs to the last window, which
    /// does not move on any more.
    Closing,
}

impl Slide {
    pub(super) fn new(metric: &Metric, window: Option<Duration>) -> Self {
        let seconds = |window: Duration| usize::try_from(window.as_secs()).unwrap_or(usize::MAX);
        Self {
            metric: metric.clone(),
            window: window.map(seconds),
            seconds: VecDeque::new(),
            sum: Evidence::none(metric),
            covered: Duration::ZERO,
            whole: 0,
        }
    }

    /// A window begins anew; what came so far stays where there is none.
    pub(super) fn begin(&mut self) {
        if self.window.is_some() {
            self.seconds.clear();
            self.sum = Evidence::none(&self.metric);
            self.covered = Duration::ZERO;
            self.whole = 0;
        }
    }

    /// Takes a second in, of which messages started in `covered`.
    pub(super) fn add(&mut self, evidence: &Evidence, covered: Duration, kind: Kind) {
        self.sum.add(evidence);
        self.covered += covered;
        let Some(window) = self.window else { return };
        self.whole += usize::from(kind == Kind::Whole);
        match self.seconds.back_mut() {
            Some(last) if kind == Kind::Closing => last.add(evidence, covered),
            Some(_) | None => {
                self.seconds.push_back(Second { evidence: Packed::of(evidence), covered });
            }
        }
        while self.seconds.len() > window {
            let Some(oldest) = self.seconds.pop_front() else { break };
            self.sum.subtract(&oldest.evidence.unpacked());
            self.covered = self.covered.saturating_sub(oldest.covered);
        }
    }

    /// Whether a whole window has come.
    pub(super) fn is_full(&self) -> bool {
        self.window.is_none_or(|window| self.whole >= window)
    }

    /// The value over the window.
    pub(super) fn finding(&self) -> Finding {
        self.sum.finding(&self.metric, self.covered)
    }
}

impl Second {
    fn add(&mut self, evidence: &Evidence, covered: Duration) {
        let mut sum = self.evidence.unpacked();
        sum.add(evidence);
        self.evidence = Packed::of(&sum);
        self.covered += covered;
    }
}

impl Packed {
    fn of(evidence: &Evidence) -> Self {
        match evidence {
            Evidence::Times(times) => Self::Times(times.pack()),
            Evidence::Counts { .. } | Evidence::Processor(_) => Self::Other(evidence.clone()),
        }
    }

    fn unpacked(&self) -> Evidence {
        match self {
            Self::Times(times) => Evidence::Times(times.unpack()),
            Self::Other(evidence) => evidence.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::Stat;
    use crate::record::specimen::messages;
    use crate::record::{Cell, Stint};
    use crate::smtp::Outcome;

    /// Accepted ones after so many milliseconds, timed-out ones, dropped ones, and processor.
    type Numbers = (Vec<u64>, u64, u64, u64);

    fn evidence(
        metric: &Metric,
        second: u64,
        (accepted, late, dropped, used): &Numbers,
    ) -> Evidence {
        let mut cell = messages(*late, Outcome::TimedOut, 30_000);
        let count = accepted.len() as u64;
        for millis in accepted {
            cell.response.record(Duration::from_millis(*millis));
        }
        cell.messages.planned += count + *dropped;
        cell.messages.started += count;
        cell.messages.dropped += *dropped;
        cell.messages.ended[Outcome::Accepted.index()] += count;
        cell.messages.accepted_in_time += count;
        for _ in 0..*dropped {
            cell.response.record_dropped();
        }
        let mut evidence = Evidence::none(metric);
        add(&mut evidence, metric, &cell);
        let [from, until] = [second, second + 1].map(Duration::from_secs);
        let stint = Stint { worker: 0, from, until, used: Duration::from_millis(*used) };
        evidence.add_stint(&stint, from, until);
        evidence
    }

    fn add(evidence: &mut Evidence, metric: &Metric, cell: &Cell) {
        evidence.add_counts(metric, cell);
        evidence.add_times(metric, cell);
    }

    proptest! {
        // Each case goes over many histograms.
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn a_sliding_sum_equals_a_fresh_one_over_the_same_seconds(
            seconds in prop::collection::vec(
                (prop::collection::vec(0_u64..5_000, 0..20), 0_u64..3, 0_u64..3, 0_u64..1_000), 1..40),
            window in 1_usize..15,
        ) {
            for metric in [
                Metric::Message(Stat::Percentile(90.0)),
                Metric::Message(Stat::Max),
                Metric::Message(Stat::Mean),
                Metric::MessageErrors,
                Metric::MessageCount,
                Metric::RateAchieved,
                Metric::Throughput,
                Metric::GeneratorCpu,
            ] {
                let length = Duration::from_secs(window as u64);
                let mut slide = Slide::new(&metric, Some(length));
                let pieces: Vec<Evidence> =
                    (0..).zip(&seconds).map(|(at, second)| evidence(&metric, at, second)).collect();
                for (at, piece) in pieces.iter().enumerate() {
                    slide.add(piece, Duration::from_secs(1), Kind::Whole);
                    let mut fresh = Evidence::none(&metric);
                    let first = (at + 1).saturating_sub(window);
                    pieces[first..=at].iter().for_each(|piece| fresh.add(piece));
                    let covered = Duration::from_secs((at + 1 - first) as u64);
                    prop_assert_eq!(slide.finding(), fresh.finding(&metric, covered));
                    prop_assert_eq!(slide.is_full(), at + 1 >= window);
                    prop_assert!(slide.seconds.len() <= window);
                }
            }
        }
    }

    #[test]
    fn what_ends_behind_the_stretch_belongs_to_its_last_window() {
        let metric = Metric::MessageErrors;
        let mut slide = Slide::new(&metric, Some(Duration::from_secs(2)));
        let second = |accepted: usize, late| evidence(&metric, 0, &(vec![1; accepted], late, 0, 0));
        slide.add(&second(100, 0), Duration::from_secs(1), Kind::Whole);
        slide.add(&second(1, 0), Duration::from_secs(1), Kind::Whole);
        slide.add(&second(1, 0), Duration::from_secs(1), Kind::Whole);

        slide.add(&second(0, 1), Duration::ZERO, Kind::Closing);
        slide.add(&second(0, 1), Duration::ZERO, Kind::Closing);

        assert_eq!(slide.finding(), Finding::of(Some(0.5)));
    }

    #[test]
    fn a_second_in_which_the_stretch_begins_makes_no_window_full() {
        let metric = Metric::MessageCount;
        let mut slide = Slide::new(&metric, Some(Duration::from_secs(1)));
        let one = evidence(&metric, 0, &(vec![1], 0, 0, 0));

        slide.add(&one, Duration::from_millis(500), Kind::First);
        let is_full = slide.is_full();
        slide.add(&one, Duration::from_secs(1), Kind::Whole);

        assert_eq!((is_full, slide.is_full()), (false, true));
        assert_eq!(slide.finding(), Finding::of(Some(1.0)));
    }
}
