//! A size as the plan says it → the size of one message.

use super::SizeSpec;
use crate::draw::{Draw, Purpose};

/// The 99th percentile of the standard normal distribution.
const Z99: f64 = 2.326_347_874_040_841;

/// A log-normal size is at most so many times its 99th percentile: about one draw in 100,000
/// would else become a mail that no server takes.
const CAP: f64 = 4.0;

impl SizeSpec {
    /// The size of the message that has these draws.
    pub(crate) fn drawn(&self, draw: Draw) -> u64 {
        let draw = draw.of(Purpose::Size);
        match self {
            Self::Fixed(size) => *size,
            Self::Uniform { min, max } => draw.within(*min, *max),
            Self::LogNormal { p50, p99 } => log_normal(*p50, *p99, normal(draw)),
            Self::Histogram(steps) => histogram(steps, draw),
        }
    }

    /// The mean over many messages.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate; the cast saturates"
    )]
    pub(crate) fn mean(&self) -> u64 {
        match self {
            Self::Fixed(size) => *size,
            Self::Uniform { min, max } => min.midpoint(*max),
            Self::LogNormal { p50, p99 } => {
                (*p50 as f64 * (sigma(*p50, *p99).powi(2) / 2.0).exp()) as u64
            }
            Self::Histogram(steps) => {
                let total: f64 = steps.iter().map(|(_, count)| count).sum();
                let sum: f64 =
                    ranges(steps).map(|(low, high, count)| low.midpoint(high) as f64 * count).sum();
                (sum / total) as u64
            }
        }
    }

    /// The largest size that the plan names.
    pub fn largest(&self) -> u64 {
        match self {
            Self::Fixed(size) => *size,
            Self::Uniform { max, .. } => *max,
            Self::LogNormal { p99, .. } => *p99,
            Self::Histogram(steps) => steps.last().map_or(0, |(size, _)| *size),
        }
    }
}

/// The steps of a histogram: from, to, count.
fn ranges(steps: &[(u64, f64)]) -> impl Iterator<Item = (u64, u64, f64)> {
    let before = std::iter::once(0).chain(steps.iter().map(|(size, _)| size + 1));
    before.zip(steps).map(|(low, (high, count))| (low, *high, *count))
}

fn histogram(steps: &[(u64, f64)], draw: Draw) -> u64 {
    let total: f64 = steps.iter().map(|(_, count)| count).sum();
    let mut left = draw.at(0).unit() * total;
    for (low, high, count) in ranges(steps) {
        left -= count;
        if left < 0.0 {
            return draw.at(1).within(low, high);
        }
    }
    steps.last().map_or(0, |(size, _)| *size)
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a drawn size; the cast saturates"
)]
fn log_normal(p50: u64, p99: u64, z: f64) -> u64 {
    let size = p50 as f64 * (sigma(p50, p99) * z).exp();
    size.min(CAP * p99 as f64).round() as u64
}

#[expect(clippy::cast_precision_loss, reason = "a ratio")]
fn sigma(p50: u64, p99: u64) -> f64 {
    (p99.max(p50).max(1) as f64 / p50.max(1) as f64).ln() / Z99
}

/// A standard normal number (Box-Muller).
fn normal(draw: Draw) -> f64 {
    let radius = (2.0 * draw.at(0).exponential()).sqrt();
    radius * (std::f64::consts::TAU * draw.at(1).unit()).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(spec: &SizeSpec) -> Vec<u64> {
        let mut sizes: Vec<u64> = (0..20_000).map(|n| spec.drawn(Draw::new(3).at(n))).collect();
        sizes.sort_unstable();
        sizes
    }

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn a_log_normal_size_has_the_percentiles_of_the_plan() {
        let spec = SizeSpec::LogNormal { p50: 8_192, p99: 262_144 };
        let sizes = sorted(&spec);

        let (p50, p99) = (sizes[10_000] as f64, sizes[19_800] as f64);
        assert!((p50 / 8_192.0 - 1.0).abs() < 0.05, "{p50}");
        assert!((p99 / 262_144.0 - 1.0).abs() < 0.15, "{p99}");
        assert!(*sizes.last().unwrap() <= 4 * 262_144);
        let mean = sizes.iter().sum::<u64>() as f64 / 20_000.0;
        assert!((spec.mean() as f64 / mean - 1.0).abs() < 0.1, "{mean} {}", spec.mean());
    }

    #[test]
    fn an_even_size_reaches_both_ends() {
        let sizes = sorted(&SizeSpec::Uniform { min: 1000, max: 1099 });

        assert_eq!((sizes[0], sizes[19_999]), (1000, 1099));
    }

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn a_histogram_is_drawn_as_it_was_measured() {
        let spec = SizeSpec::Histogram([(1000, 3.0), (2000, 0.0), (4000, 1.0)].into());
        let sizes = sorted(&spec);

        let small = sizes.iter().filter(|size| **size <= 1000).count() as f64 / 20_000.0;
        assert!((small - 0.75).abs() < 0.02, "{small}");
        assert!(!sizes.iter().any(|size| (1001..=2000).contains(size)));
        assert_eq!(sizes.last().map(|size| size.div_ceil(10)), Some(400));
        let mean = sizes.iter().sum::<u64>() as f64 / 20_000.0;
        assert!((spec.mean() as f64 / mean - 1.0).abs() < 0.05, "{mean} {}", spec.mean());
    }

    #[test]
    fn equal_percentiles_are_a_fixed_size() {
        let sizes = sorted(&SizeSpec::LogNormal { p50: 5000, p99: 5000 });

        assert_eq!((sizes[0], sizes[19_999]), (5000, 5000));
    }
}
