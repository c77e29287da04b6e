//! A [`Latency`] → its percentiles, mean and largest, in milliseconds, with what is not known.
//!
//! A sample without an answer (censored) stands behind all that were measured: nobody knows how
//! long it would have taken. A percentile that falls among them is only known to be at least the
//! age at its rank, and so is the largest as soon as there is one of them. The mean counts each
//! with its age, so that time-outs cannot make it look better; it is then a lower bound.

use hdrhistogram::Histogram;

use super::{Latency, LatencyFigures};

/// What is known of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reading {
    /// The value, in milliseconds.
    Exactly(f64),
    /// It falls among the samples without an answer, and is at least so many milliseconds.
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

    /// The lower bound, where only that is known.
    pub const fn bound(self) -> Option<f64> {
        match self {
            Self::Exactly(_) => None,
            Self::AtLeast(bound) => Some(bound),
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
                Some(Reading::Exactly(millis(measured.highest_equivalent(at(measured, rank)))))
            }
            Some(_) | None => Some(Reading::AtLeast(millis(self.age_at(rank)))),
        }
    }

    /// Whether at least 10 samples lie above a percentile: samples · (1 − p) ≥ 10.
    pub fn supports(&self, percent: f64) -> bool {
        as_float(self.count()) * (100.0 - percent) >= 1000.0 - 1e-6
    }

    /// The largest; none without samples.
    pub fn largest(&self) -> Option<Reading> {
        let measured = self.measured().map(Histogram::max);
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

    /// The mean, each sample without an answer counting with its age; none without samples.
    pub fn mean(&self) -> Option<f64> {
        let sum = |histogram: Option<&Histogram<u64>>| {
            histogram.map_or(0.0, |histogram| histogram.mean() * as_float(histogram.len()))
        };
        let count = self.count();
        let micros = sum(self.measured()) + sum(self.censored());
        (count > 0).then(|| micros / as_float(count) / 1000.0)
    }

    /// The share of measured samples above a number of milliseconds; none without any.
    pub fn share_above(&self, limit_ms: f64) -> Option<f64> {
        let measured = self.measured()?;
        let above: u64 = measured
            .iter_recorded()
            .filter(|step| millis(step.value_iterated_to()) > limit_ms)
            .map(|step| step.count_at_value())
            .sum();
        Some(as_float(above) / as_float(measured.len()))
    }

    /// The row of the results; none without samples.
    pub fn figures(&self) -> Option<LatencyFigures> {
        if self.count() == 0 {
            return None;
        }
        let shown = |percent| self.supports(percent).then(|| self.percentile(percent)).flatten();
        let [p50, p90, p95, p99, p999] = [50.0, 90.0, 95.0, 99.0, 99.9].map(shown);
        let known = |reading: Option<Reading>| reading.and_then(Reading::known);
        let bound = |reading: Option<Reading>| reading.and_then(Reading::bound);
        Some(LatencyFigures {
            count: self.count(),
            min: self.smallest(),
            mean: self.mean(),
            p50: known(p50),
            p90: known(p90),
            p95: known(p95),
            p99: known(p99),
            p999: known(p999),
            max: known(self.largest()),
            censored: self.censored().map_or(0, Histogram::len),
            p50_at_least: bound(p50),
            p90_at_least: bound(p90),
            p95_at_least: bound(p95),
            p99_at_least: bound(p99),
            p999_at_least: bound(p999),
            max_at_least: bound(self.largest()),
        })
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

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn as_float(count: u64) -> f64 {
    count as f64
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
    fn the_mean_counts_what_had_no_answer_with_its_age() {
        let figures = latency([10; 9], &[1010]).figures().unwrap();

        assert!(near(figures.mean, 110.0), "{figures:?}");
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
