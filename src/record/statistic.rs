//! A [`Latency`] → its percentiles, mean and largest, in milliseconds, with what is not known.
//!
//! A sample without an answer (censored) stands behind all that were measured: nobody knows how
//! long it would have taken. A percentile that falls among them is only known to be at least the
//! age at its rank, and so is the largest as soon as there is one of them. The mean is then only
//! known to be at least what comes out with their ages, so that time-outs cannot make it look
//! better. A start that was dropped is such a sample too, but it never began and has no age: a
//! percentile that only dropped ones decide, and a mean with any of them in it, is not known at
//! all. A bound of zero says nothing and is never given.

use std::borrow::Cow;

use hdrhistogram::Histogram;

use super::{Latency, LatencyFigures, as_float, ratio};

/// What is known of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reading {
    /// The value, in milliseconds.
    Exactly(f64),
    /// Samples without an answer decide it, and it is at least so many milliseconds; zero where
    /// not even that is known.
    AtLeast(f64),
}

impl Reading {
    /// The value, where it is known.
    pub const fn known(self) -> Option<f64> {
        match self {
            Self::Exactly(value) => Some(value),
            Self::AtLeast(_) => None,
        }
    }

    /// The lower bound, where only that is known and it says anything.
    pub const fn bound(self) -> Option<f64> {
        match self {
            Self::AtLeast(bound) if bound > 0.0 => Some(bound),
            Self::Exactly(_) | Self::AtLeast(_) => None,
        }
    }

    /// The value, or else its lower bound.
    pub const fn least(self) -> f64 {
        match self {
            Self::Exactly(value) | Self::AtLeast(value) => value,
        }
    }
}

impl Latency {
    /// The value that `percent` of all samples do not exceed, whatever their number; none without
    /// samples. [`Latency::supports`] tells whether it rests on enough of them to be shown.
    pub fn percentile(&self, percent: f64) -> Option<Reading> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = rank(percent, count);
        match self.measured() {
            Some(measured) if rank <= measured.len() => {
                Some(Reading::Exactly(millis(measured.highest_equivalent(at(&measured, rank)))))
            }
            Some(_) | None => Some(Reading::AtLeast(millis(self.age_at(rank)))),
        }
    }

    /// Whether at least 10 samples lie above a percentile: samples · (1 − p) ≥ 10.
    pub fn supports(&self, percent: f64) -> bool {
        supports(self.count(), percent)
    }

    /// The largest; none without samples.
    pub fn largest(&self) -> Option<Reading> {
        let measured = self.measured().map(|measured| measured.max());
        match (measured, self.censored()) {
            (measured, Some(censored)) => {
                let oldest = censored.lowest_equivalent(censored.max());
                Some(Reading::AtLeast(millis(oldest.max(measured.unwrap_or(0)))))
            }
            (Some(measured), None) => Some(Reading::Exactly(millis(measured))),
            (None, None) => None,
        }
    }

    /// The smallest that was measured.
    pub fn smallest(&self) -> Option<f64> {
        self.measured().map(|measured| millis(measured.min()))
    }

    /// The mean; none without samples. With samples that had no answer it is a lower bound in
    /// which each counts with its age, and unknown where any of them never began: those would
    /// pull it below all that was measured.
    pub fn mean(&self) -> Option<Reading> {
        let sum = |histogram: Option<Cow<'_, Histogram<u64>>>| {
            histogram.map_or(0.0, |histogram| histogram.mean() * as_float(histogram.len()))
        };
        let count = self.count();
        if count == 0 {
            return None;
        }
        let micros = sum(self.measured()) + sum(self.censored());
        let mean = micros / as_float(count) / 1000.0;
        Some(match self.censored() {
            None => Reading::Exactly(mean),
            Some(_) if self.has_dropped() => Reading::AtLeast(0.0),
            Some(_) => Reading::AtLeast(mean),
        })
    }

    /// The share of measured samples above a number of milliseconds; none without any.
    pub fn share_above(&self, limit_ms: f64) -> Option<f64> {
        let measured = self.measured()?;
        let above: u64 = measured
            .iter_recorded()
            .filter(|step| millis(step.value_iterated_to()) > limit_ms)
            .map(|step| step.count_at_value())
            .sum();
        ratio(above, measured.len())
    }

    /// The row of the results; none without samples.
    pub fn figures(&self) -> Option<LatencyFigures> {
        if self.count() == 0 {
            return None;
        }
        Some(self.as_histograms().known_figures())
    }

    fn known_figures(&self) -> LatencyFigures {
        let shown = |percent| self.supports(percent).then(|| self.percentile(percent)).flatten();
        let [p50, p90, p95, p99, p999] = [50.0, 90.0, 95.0, 99.0, 99.9].map(shown);
        let known = |reading: Option<Reading>| reading.and_then(Reading::known);
        let bound = |reading: Option<Reading>| reading.and_then(Reading::bound);
        LatencyFigures {
            count: self.count(),
            min: self.smallest(),
            mean: known(self.mean()),
            p50: known(p50),
            p90: known(p90),
            p95: known(p95),
            p99: known(p99),
            p999: known(p999),
            max: known(self.largest()),
            censored: self.unanswered(),
            mean_at_least: bound(self.mean()),
            p50_at_least: bound(p50),
            p90_at_least: bound(p90),
            p95_at_least: bound(p95),
            p99_at_least: bound(p99),
            p999_at_least: bound(p999),
            max_at_least: bound(self.largest()),
        }
    }

    /// The age at a rank when all samples stand in one row, those without an answer with their
    /// ages; a true lower bound of the value there.
    fn age_at(&self, rank: u64) -> u64 {
        let mut all = super::latency::empty();
        for part in [self.measured(), self.censored()].into_iter().flatten() {
            let added = all.add(part);
            debug_assert!(added.is_ok(), "{added:?}");
        }
        all.lowest_equivalent(at(&all, rank))
    }
}

impl LatencyFigures {
    /// Whether at least 10 samples lie above a percentile; one that is null all the same falls
    /// among those without an answer.
    pub fn supports(&self, percent: f64) -> bool {
        supports(self.count, percent)
    }
}

fn supports(count: u64, percent: f64) -> bool {
    as_float(count) * (100.0 - percent) >= 1000.0 - 1e-6
}

/// The 1-based rank of a percentile: the first sample with at least that share up to it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a count is a count"
)]
fn rank(percent: f64, count: u64) -> u64 {
    let exact = as_float(count) * percent / 100.0;
    // What floating point adds to a whole number must not push it to the next rank.
    ((exact - 1e-6).ceil() as u64).clamp(1, count)
}

/// The value at a 1-based rank.
fn at(histogram: &Histogram<u64>, rank: u64) -> u64 {
    let mut seen = 0;
    for step in histogram.iter_recorded() {
        seen += step.count_at_value();
        if seen >= rank {
            return step.value_iterated_to();
        }
    }
    histogram.max()
}

#[expect(clippy::cast_precision_loss, reason = "counts and microseconds stay far below 2^52")]
fn millis(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn latency(measured: impl IntoIterator<Item = u64>, ages: &[u64]) -> Latency {
        let mut latency = Latency::default();
        for millis in measured {
            latency.record(Duration::from_millis(millis));
        }
        for millis in ages {
            latency.record_censored(Duration::from_millis(*millis));
        }
        latency
    }

    /// Three digits of precision.
    fn near(value: Option<f64>, expected: f64) -> bool {
        value.is_some_and(|value| (value - expected).abs() <= expected * 0.001)
    }

    #[test]
    fn nothing_has_no_figures() {
        assert_eq!(Latency::default().figures(), None);
        assert_eq!(Latency::default().percentile(50.0), None);
    }

    #[test]
    fn a_percentile_is_the_first_value_with_that_share_up_to_it() {
        let hundred = latency(1..=100, &[]);

        for percent in [1, 50, 90, 99] {
            let value = hundred.percentile(f64::from(percent)).and_then(Reading::known);
            assert!(near(value, f64::from(percent)), "p{percent}: {value:?}");
        }
    }

    #[test]
    fn a_percentile_is_shown_from_ten_samples_above_it() {
        let table = [(19, 50.0, false), (20, 50.0, true), (99, 90.0, false), (100, 90.0, true)];
        let tail =
            [(999, 99.0, false), (1000, 99.0, true), (9999, 99.9, false), (10_000, 99.9, true)];
        for (count, percent, shown) in table.into_iter().chain(tail) {
            let samples = latency(std::iter::repeat_n(5, count), &[]);
            assert_eq!(samples.supports(percent), shown, "p{percent} of {count}");
        }

        let figures = latency(1..=100, &[]).figures().unwrap();

        assert!(near(figures.p50, 50.0) && near(figures.p90, 90.0), "{figures:?}");
        assert_eq!((figures.p95, figures.p99, figures.p999), (None, None, None));
        assert!(near(figures.min, 1.0) && near(figures.max, 100.0), "{figures:?}");
        assert!(near(figures.mean, 50.5), "{figures:?}");
    }

    #[test]
    fn samples_without_an_answer_stand_behind_all_others() {
        // The ages are below most of the measured values, and yet they make the tail.
        let figures = latency(1..=80, &[10; 20]).figures().unwrap();

        assert!(near(figures.p50, 50.0), "{figures:?}");
        assert_eq!(figures.p90, None);
        // In one row with their ages, rank 90 is the value 70: 1..=9, 10 and the ages, 11...
        assert!(near(figures.p90_at_least, 70.0), "{figures:?}");
        assert_eq!((figures.max, figures.censored, figures.count), (None, 20, 100));
        assert!(near(figures.max_at_least, 80.0), "{figures:?}");
    }

    #[test]
    fn with_ages_in_it_the_mean_is_only_a_bound() {
        let figures = latency([10; 9], &[1010]).figures().unwrap();

        assert_eq!(figures.mean, None);
        assert!(near(figures.mean_at_least, 110.0), "{figures:?}");
    }

    #[test]
    fn dropped_starts_say_nothing_of_a_time_and_hide_none() {
        let mut samples = latency([10; 60], &[30_000; 10]);
        for _ in 0..130 {
            samples.record_dropped();
        }

        let figures = samples.figures().unwrap();

        assert_eq!((figures.count, figures.censored), (200, 140));
        assert_eq!((figures.mean, figures.mean_at_least), (None, None), "not below the smallest");
        // Rank 100 falls among the dropped: no value, and `at least 0` is no bound.
        assert_eq!((figures.p50, figures.p50_at_least), (None, None));
        assert_eq!(samples.percentile(50.0), Some(Reading::AtLeast(0.0)));
        // At rank 180, 50 others are at or below 10 ms at the least.
        assert!(near(figures.p90_at_least, 10.0), "{figures:?}");
        assert!(near(figures.p95_at_least, 10.0), "{figures:?}");
        assert!(near(figures.max_at_least, 30_000.0), "{figures:?}");
        assert!(near(figures.min, 10.0), "{figures:?}");
    }

    #[test]
    fn where_all_were_dropped_nothing_is_known() {
        let mut samples = Latency::default();
        for _ in 0..40 {
            samples.record_dropped();
        }

        let figures = samples.figures().unwrap();

        assert_eq!((figures.count, figures.censored), (40, 40));
        assert_eq!((figures.min, figures.mean, figures.max), (None, None, None));
        assert_eq!((figures.p50_at_least, figures.max_at_least), (None, None));
    }

    #[test]
    fn where_nothing_was_answered_only_bounds_are_known() {
        let figures = latency([], &[30_000; 40]).figures().unwrap();

        assert_eq!((figures.min, figures.p50, figures.max), (None, None, None));
        assert!(near(figures.p50_at_least, 30_000.0), "{figures:?}");
        assert!(figures.p50_at_least <= Some(30_000.0), "a bound is never above the age");
    }

    #[test]
    fn the_share_above_a_limit_counts_measured_samples() {
        assert_eq!(latency([1, 1, 1, 50], &[]).share_above(10.0), Some(0.25));
    }
}
