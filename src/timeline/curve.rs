//! A level over the time of one phase → its value, its integral and the integral's inverse.
//!
//! Everything is closed-form: a phase of a second and one of a month cost the same, and nothing
//! is summed up step by step. A curve that is in truth flat (no burst, no base, equal levels) is
//! made flat here, so that what walks its stretches always meets a change.

use std::time::Duration;

use crate::plan::Curve;

/// A curve with the time for which it is in force.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LevelCurve {
    shape: Shape,
    /// None: for ever.
    duration: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    /// `slope` is per second.
    Linear {
        from: f64,
        slope: f64,
    },
    Burst(Cycle),
}

/// A burst at the peak and the rest at the base, over and over.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cycle {
    base: f64,
    peak: f64,
    /// From one burst's beginning to the next; above zero.
    every: Duration,
    /// Above zero and below `every`.
    burst: Duration,
}

/// A piece of a curve on which the level changes evenly, or not at all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stretch {
    /// When it begins.
    pub(super) begin: Duration,
    /// The level at its beginning.
    pub(super) from: f64,
    /// The level at its end.
    pub(super) to: f64,
    /// By how much the level changes in a second.
    pub(super) slope: f64,
}

impl LevelCurve {
    /// The curve of a phase of this duration.
    pub(crate) fn new(curve: Curve, duration: Option<Duration>) -> Self {
        let flat = |level| Shape::Linear { from: level, slope: 0.0 };
        let shape = match curve {
            Curve::Linear { from, to } => match duration {
                Some(duration) if !duration.is_zero() => {
                    Shape::Linear { from, slope: (to - from) / duration.as_secs_f64() }
                }
                Some(_) | None => flat(from),
            },
            Curve::Burst { peak, every, burst, .. } if burst >= every => flat(peak),
            Curve::Burst { base, peak, burst, .. } if burst.is_zero() || is_same(base, peak) => {
                flat(base)
            }
            Curve::Burst { base, peak, every, burst } => {
                Shape::Burst(Cycle { base, peak, every, burst })
            }
        };
        Self { shape, duration }
    }

    /// The level in force; behind the end that of the end.
    pub(crate) fn at(&self, at: Duration) -> f64 {
        let at = self.duration.map_or(at, |duration| at.min(duration));
        match self.shape {
            Shape::Linear { from, slope } => slope.mul_add(at.as_secs_f64(), from).max(0.0),
            Shape::Burst(cycle) => cycle.at(at),
        }
    }

    /// The integral of the level from the beginning.
    pub(crate) fn integral(&self, at: Duration) -> f64 {
        let at = self.duration.map_or(at, |duration| at.min(duration));
        match self.shape {
            Shape::Linear { from, slope } => {
                let seconds = at.as_secs_f64();
                seconds * (0.5 * slope).mul_add(seconds, from)
            }
            Shape::Burst(cycle) => cycle.integral(at),
        }
    }

    /// The integral over the whole duration; infinite without one, unless the level is zero.
    pub(crate) fn total(&self) -> f64 {
        match self.duration {
            Some(duration) => self.integral(duration),
            None if self.peak() > 0.0 => f64::INFINITY,
            None => 0.0,
        }
    }

    /// Where the integral reaches `x` first, never behind the end; none where it never does
    /// because the level is zero.
    pub(crate) fn inverse(&self, x: f64) -> Option<Duration> {
        if x <= 0.0 {
            return Some(Duration::ZERO);
        }
        let reached = match self.shape {
            Shape::Linear { from, slope } => linear_inverse(from, slope, x),
            Shape::Burst(cycle) => cycle.inverse(x),
        };
        match (reached, self.duration) {
            (Some(at), Some(duration)) => Some(at.min(duration)),
            (at, _) => at,
        }
    }

    /// The highest level.
    pub(crate) fn peak(&self) -> f64 {
        match self.shape {
            Shape::Linear { from, .. } => from.max(self.last()),
            Shape::Burst(cycle) => cycle.base.max(cycle.peak),
        }
    }

    /// The highest level from one moment until just before another.
    pub(super) fn highest(&self, from: Duration, to: Duration) -> f64 {
        match self.shape {
            Shape::Linear { .. } => self.at(from).max(self.at(to)),
            Shape::Burst(cycle) => cycle.highest(from, to),
        }
    }

    /// The level at the end of the whole curve.
    fn last(&self) -> f64 {
        match self.duration {
            Some(duration) => self.at(duration),
            None => self.at(Duration::ZERO),
        }
    }

    /// The piece with this index, from 0; none behind the end.
    pub(super) fn stretch(&self, index: u64) -> Option<Stretch> {
        let stretch = match self.shape {
            Shape::Linear { from, slope } => (index == 0).then(|| Stretch {
                begin: Duration::ZERO,
                from,
                to: self.last(),
                slope,
            })?,
            Shape::Burst(cycle) => cycle.stretch(index),
        };
        self.duration.is_none_or(|duration| stretch.begin < duration).then_some(stretch)
    }
}

impl Cycle {
    fn at(&self, at: Duration) -> f64 {
        if modulo(at, self.every) < self.burst { self.peak } else { self.base }
    }

    fn highest(&self, from: Duration, to: Duration) -> f64 {
        let begin = modulo(from, self.every);
        let end = begin.saturating_add(to.saturating_sub(from));
        let has_burst = begin < self.burst || end > self.every;
        let has_base = begin >= self.burst || end > self.burst;
        match (has_burst, has_base) {
            (true, false) => self.peak,
            (false, _) => self.base,
            (true, true) => self.peak.max(self.base),
        }
    }

    /// The integral over one whole cycle.
    fn whole(&self) -> f64 {
        self.in_burst() + self.base * self.behind_burst().as_secs_f64()
    }

    fn in_burst(&self) -> f64 {
        self.peak * self.burst.as_secs_f64()
    }

    fn behind_burst(&self) -> Duration {
        self.every.saturating_sub(self.burst)
    }

    fn integral(&self, at: Duration) -> f64 {
        let rest = modulo(at, self.every);
        let cycles = at.saturating_sub(rest).div_duration_f64(self.every).round();
        cycles * self.whole()
            + self.peak * rest.min(self.burst).as_secs_f64()
            + self.base * rest.saturating_sub(self.burst).as_secs_f64()
    }

    fn inverse(&self, x: f64) -> Option<Duration> {
        let whole = self.whole();
        if whole <= 0.0 {
            return None;
        }
        // The integral reaches a whole number of cycles at the end of a cycle, or before it
        // where the base is zero, and never at the beginning of the next; the small number takes
        // up the rounding of the division.
        let cycle = ((x / whole - 1e-9).ceil() - 1.0).max(0.0);
        let within = self.inverse_within((x - cycle * whole).clamp(0.0, whole))?;
        index(cycle).map(|cycle| times(self.every, cycle).saturating_add(within))
    }

    /// The inverse inside the first cycle.
    fn inverse_within(&self, x: f64) -> Option<Duration> {
        if self.peak > 0.0 && (x <= self.in_burst() || self.base <= 0.0) {
            return Some(seconds(x / self.peak)?.min(self.burst));
        }
        let behind = seconds(((x - self.in_burst()) / self.base).max(0.0))?;
        Some(self.burst + behind.min(self.behind_burst()))
    }

    fn stretch(&self, index: u64) -> Stretch {
        let cycle = times(self.every, index / 2);
        let (begin, level) = if index.is_multiple_of(2) {
            (cycle, self.peak)
        } else {
            (cycle.saturating_add(self.burst), self.base)
        };
        Stretch { begin, from: level, to: level, slope: 0.0 }
    }
}

fn linear_inverse(from: f64, slope: f64, x: f64) -> Option<Duration> {
    // The root of slope/2 t² + from t = x in the form that does not cancel. A falling curve that
    // never reaches x has its highest integral where the level is zero.
    let root = from.mul_add(from, 2.0 * slope * x).max(0.0).sqrt();
    seconds(2.0 * x / (from + root))
}

fn is_same(a: f64, b: f64) -> bool {
    (a - b).abs() <= f64::EPSILON * a.abs().max(b.abs())
}

/// To the nearest nanosecond; none for what is no time that can be waited for.
fn seconds(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

fn modulo(at: Duration, every: Duration) -> Duration {
    Duration::from_nanos_u128(at.as_nanos() % every.as_nanos())
}

fn times(every: Duration, count: u64) -> Duration {
    let nanos = every.as_nanos().saturating_mul(u128::from(count));
    Duration::from_nanos_u128(nanos.min(Duration::MAX.as_nanos()))
}

/// A number of cycles; none where it is beyond all times.
fn index(cycles: f64) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range is checked, and the number is whole"
    )]
    (0.0..1e18).contains(&cycles).then_some(cycles as u64)
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Curves with their durations, as far as plans have them.
    pub(in crate::timeline) fn curves() -> impl Strategy<Value = (Curve, Duration)> {
        let linear = (0.0..500.0, 0.0..500.0).prop_map(|(from, to)| Curve::Linear { from, to });
        let flat = (0.0..500.0).prop_map(|level| Curve::Linear { from: level, to: level });
        let burst = (prop_oneof![Just(0.0), 0.0..50.0], 0.0..500.0, 100..5000_u64, 0.0..=1.0)
            .prop_map(|(base, peak, every, part)| {
                let every = Duration::from_millis(every);
                Curve::Burst { base, peak, every, burst: every.mul_f64(part) }
            });
        (prop_oneof![linear, flat, burst], (1..20_000_u64).prop_map(Duration::from_millis))
    }

    /// The integral step by step, as a check on the closed form.
    fn summed(curve: &LevelCurve, until: Duration) -> f64 {
        let steps = 20_000;
        // Of a short time a step is some nanoseconds, and whole ones would not add up to it.
        let step = until.as_secs_f64() / f64::from(steps);
        let middle = |n| Duration::from_secs_f64(step * (f64::from(n) + 0.5));
        (0..steps).map(|n| curve.at(middle(n)) * step).sum()
    }

    proptest! {
        #[test]
        fn the_integral_is_the_sum_of_the_levels((curve, duration) in curves(), part in 0.0..=1.0) {
            let curve = LevelCurve::new(curve, Some(duration));
            let until = duration.mul_f64(part);

            let (closed_form, sum) = (curve.integral(until), summed(&curve, until));

            // A step of the sum that holds an edge of a burst is off by at most its own size.
            let tolerance = curve.peak() * until.as_secs_f64() * 0.01 + 1e-3;
            prop_assert!((closed_form - sum).abs() <= tolerance, "{closed_form} {sum}");
        }

        #[test]
        fn the_highest_level_of_a_part_is_the_highest_in_it(
            (curve, duration) in curves(), a in 0.0..=1.0, b in 0.0..=1.0
        ) {
            let curve = LevelCurve::new(curve, Some(duration));
            let (from, to) = (f64::min(a, b), f64::max(a, b));
            let (from, to) = (duration.mul_f64(from), duration.mul_f64(to));
            prop_assume!(to > from);

            let highest = curve.highest(from, to);

            let step = to.saturating_sub(from) / 1000;
            let seen = (0..1000).map(|n| curve.at(from + step * n)).fold(0.0, f64::max);
            prop_assert!(seen <= highest + 1e-9 && highest <= curve.peak() + 1e-9);
        }

        #[test]
        fn the_inverse_leads_back((curve, duration) in curves(), part in 0.0..=1.0) {
            let curve = LevelCurve::new(curve, Some(duration));
            let x = curve.total() * part;
            prop_assume!(x > 0.0);

            let at = curve.inverse(x).unwrap();

            prop_assert!(at <= duration);
            // A nanosecond of rounding weighs as much as the level.
            let tolerance = curve.peak() * 2e-9 + x * 1e-8;
            prop_assert!((curve.integral(at) - x).abs() <= tolerance, "{x} at {at:?}");
        }

        #[test]
        fn the_inverse_never_runs_backwards(
            (curve, duration) in curves(), a in 0.0..=1.0, b in 0.0..=1.0
        ) {
            let curve = LevelCurve::new(curve, Some(duration));
            let total = curve.total();

            let (early, late) = (f64::min(a, b) * total, f64::max(a, b) * total);

            prop_assert!(curve.inverse(early) <= curve.inverse(late));
        }
    }

    #[test]
    fn a_base_of_zero_is_reached_at_the_end_of_a_burst_and_not_before_the_next() {
        let second = Duration::from_secs(1);
        let curve = Curve::Burst { base: 0.0, peak: 10.0, every: 10 * second, burst: second };
        let curve = LevelCurve::new(curve, Some(60 * second));

        assert_eq!(curve.inverse(10.0), Some(second));
        assert_eq!(curve.inverse(11.0), Some(Duration::from_millis(10_100)));
        assert_eq!(curve.inverse(60.0), Some(51 * second));
    }

    #[test]
    fn a_last_partial_burst_is_cut() {
        let second = Duration::from_secs(1);
        let curve = Curve::Burst { base: 1.0, peak: 10.0, every: 10 * second, burst: 4 * second };

        let total = LevelCurve::new(curve, Some(12 * second)).total();

        assert!((total - (40.0 + 6.0 + 20.0)).abs() < 1e-9, "{total}");
    }

    #[test]
    fn a_zero_level_reaches_nothing() {
        for duration in [None, Some(Duration::from_secs(1))] {
            let curve = LevelCurve::new(Curve::Linear { from: 0.0, to: 0.0 }, duration);

            assert!(curve.total().abs() < f64::EPSILON);
            assert_eq!(curve.inverse(1.0), None);
        }
    }
}
