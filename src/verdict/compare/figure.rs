//! The figures that are compared: which way is worse, and how a change of each is told.

use serde::{Deserialize, Serialize};

use super::Tolerance;

/// A figure of a phase that is compared.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Acceptances per second inside the phase.
    AcceptedPerS,
    /// The share of messages that ended as errors.
    ErrorsShare,
    /// The median of the response times, in milliseconds.
    P50,
    /// Their 95th percentile.
    P95,
    /// Their 99th percentile.
    P99,
}

impl Figure {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 5] =
        [Self::AcceptedPerS, Self::ErrorsShare, Self::P50, Self::P95, Self::P99];

    /// The name that a person reads.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AcceptedPerS => "accepted/s",
            Self::ErrorsShare => "errors",
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
        }
    }

    /// The percentile that it is, if it is one.
    pub const fn percent(self) -> Option<f64> {
        match self {
            Self::P50 => Some(50.0),
            Self::P95 => Some(95.0),
            Self::P99 => Some(99.0),
            Self::AcceptedPerS | Self::ErrorsShare => None,
        }
    }

    /// A share, which may well be zero, changes by a difference; all others by a factor.
    pub const fn is_share(self) -> bool {
        matches!(self, Self::ErrorsShare)
    }

    /// The value on the scale on which noise is looked at; none where it has no place there.
    pub(super) fn scaled(self, value: f64) -> Option<f64> {
        if self.is_share() { Some(value) } else { (value > 0.0).then(|| value.ln()) }
    }

    /// By how much it changed; none from nothing.
    pub(super) fn change(self, before: f64, after: f64) -> Option<f64> {
        if self.is_share() {
            return Some(after - before);
        }
        (before > 0.0 && after > 0.0).then(|| after / before - 1.0)
    }

    /// The change, give or take `reach` on the scale of the noise.
    pub(super) fn interval(self, before: f64, after: f64, reach: f64) -> Option<(f64, f64)> {
        let change = self.scaled(after)? - self.scaled(before)?;
        let (low, high) = (change - reach, change + reach);
        Some(if self.is_share() { (low, high) } else { (low.exp_m1(), high.exp_m1()) })
    }

    /// Whether a change is for the worse.
    pub(super) fn is_worse(self, change: f64) -> bool {
        match self {
            Self::AcceptedPerS => change < 0.0,
            Self::ErrorsShare | Self::P50 | Self::P95 | Self::P99 => change > 0.0,
        }
    }

    /// Whether a change is large enough to matter.
    pub(super) fn matters(self, before: f64, after: f64, tolerance: Tolerance) -> bool {
        let difference = (after - before).abs();
        let large = difference > tolerance.share * before;
        match self {
            Self::AcceptedPerS => large,
            Self::ErrorsShare => difference > tolerance.errors,
            Self::P50 | Self::P95 | Self::P99 => large && difference > tolerance.latency_ms,
        }
    }
}
