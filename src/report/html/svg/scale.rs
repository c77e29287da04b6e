//! A range of values → positions from 0 to 1, and the ticks between.

use std::time::Duration;

use crate::format;

/// How many spaces between ticks are wanted on the upright axis.
const SPACES: f64 = 5.0;

/// How many ticks of time fit below a chart.
const MOST_CLOCK_TICKS: f64 = 9.0;

/// The steps in which people read time, in seconds.
const CLOCK_STEPS: [u32; 18] =
    [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400];

/// A place on an axis with its label.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub(in super::super) struct Tick {
    /// From 0, where the axis begins, to 1.
    pub(in super::super) at: f64,
    /// What stands there.
    pub(in super::super) label: String,
}

/// A range of values on an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) enum Scale {
    /// From zero up, in equal steps.
    Linear {
        /// The largest value on the axis.
        high: f64,
        /// From tick to tick.
        step: f64,
    },
    /// In equal factors.
    Log {
        /// The smallest value on the axis, above zero.
        low: f64,
        /// The largest.
        high: f64,
    },
}

impl Scale {
    /// From zero to a round number that is not below `most`.
    pub(in super::super) fn from_zero(most: f64) -> Self {
        let most = if most.is_finite() && most > 0.0 { most } else { 1.0 };
        let step = round_up(most / SPACES, &[1.0, 2.0, 2.5, 5.0, 10.0]);
        Self::Linear { high: (most / step - 1e-9).ceil() * step, step }
    }

    /// From a round number that is not above `least` to one that is not below `most`; both are to
    /// be above zero.
    pub(in super::super) fn log(least: f64, most: f64) -> Self {
        let least = if least.is_finite() && least > 0.0 { least } else { 1e-3 };
        let most = if most.is_finite() { most.max(least) } else { least };
        let low = 1.0 / round_up(1.0 / least, &[1.0, 2.0, 5.0, 10.0]);
        let high = round_up(most, &[1.0, 2.0, 5.0, 10.0]);
        Self::Log { low, high: if high > low * 1.001 { high } else { low * 10.0 } }
    }

    /// By factors where the values span more than a factor of ten, else from zero.
    pub(in super::super) fn spanning(values: impl Iterator<Item = f64> + Clone) -> Self {
        let most = values.clone().fold(0.0, f64::max);
        let least = values.filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
        if least.is_finite() && most > 10.0 * least {
            Self::log(least, most)
        } else {
            Self::from_zero(most)
        }
    }

    /// The place of a value, from 0 to 1.
    pub(in super::super) fn place(self, value: f64) -> f64 {
        let place = match self {
            Self::Linear { high, .. } => value / high,
            Self::Log { low, high } => (value.max(low) / low).ln() / (high / low).ln(),
        };
        place.clamp(0.0, 1.0)
    }

    /// The ticks, from the bottom up.
    pub(in super::super) fn ticks(self) -> Vec<Tick> {
        let tick = |value: f64| Tick { at: self.place(value), label: number(value) };
        match self {
            Self::Linear { high, step } => {
                let counted = (0..=10_u32).map(|n| f64::from(n) * step);
                counted.take_while(|value| *value <= high * (1.0 + 1e-9)).map(tick).collect()
            }
            Self::Log { low, high } => {
                // From three decades on, only the decades have room.
                let digits: &[f64] = if high / low > 900.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
                let first = low.log10().floor();
                let decades = (0..20_u32).map(|n| 10_f64.powf(first + f64::from(n)));
                decades
                    .flat_map(|decade| digits.iter().map(move |digit| digit * decade))
                    .skip_while(|value| *value < low * (1.0 - 1e-9))
                    .take_while(|value| *value <= high * (1.0 + 1e-9))
                    .map(tick)
                    .collect()
            }
        }
    }
}

/// Ticks in a run of so many seconds, at times that people read off a clock.
pub(in super::super) fn clock_ticks(seconds: f64) -> Vec<Tick> {
    let fitting = CLOCK_STEPS.iter().find(|step| seconds / f64::from(**step) <= MOST_CLOCK_TICKS);
    let days = (seconds / 86_400.0 / MOST_CLOCK_TICKS).ceil() * 86_400.0;
    let step = fitting.map_or(days, |step| f64::from(*step));
    (0..=10_u32)
        .map(|n| f64::from(n) * step)
        .take_while(|at| *at <= seconds)
        .map(|at| Tick {
            at: at / seconds,
            label: format::clock(Duration::try_from_secs_f64(at).unwrap_or_default()),
        })
        .collect()
}

/// The smallest of `digits` times a power of ten that is not below a value above zero.
fn round_up(value: f64, digits: &[f64]) -> f64 {
    let decade = 10_f64.powf(value.log10().floor());
    let fitting = digits.iter().map(|digit| digit * decade).find(|it| *it >= value * (1.0 - 1e-9));
    fitting.unwrap_or(10.0 * decade)
}

/// A round number in few characters.
fn number(value: f64) -> String {
    if value >= 1e6 {
        format!("{}M", plain(value / 1e6))
    } else if value >= 1e4 {
        format!("{}k", plain(value / 1e3))
    } else {
        plain(value)
    }
}

fn plain(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: Scale) -> Vec<String> {
        scale.ticks().into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn an_axis_from_zero_ends_at_a_round_number() {
        let table = [
            (447.0, vec!["0", "100", "200", "300", "400", "500"]),
            (1.0, vec!["0", "0.2", "0.4", "0.6", "0.8", "1"]),
            (0.0, vec!["0", "0.2", "0.4", "0.6", "0.8", "1"]),
            (f64::NAN, vec!["0", "0.2", "0.4", "0.6", "0.8", "1"]),
            (48_000.0, vec!["0", "10k", "20k", "30k", "40k", "50k"]),
            (0.003, vec!["0", "0.001", "0.002", "0.003"]),
        ];
        for (most, expected) in table {
            assert_eq!(labels(Scale::from_zero(most)), expected, "{most}");
        }
    }

    #[test]
    fn an_axis_by_factors_has_its_ticks_where_room_is() {
        assert_eq!(labels(Scale::log(3.0, 70.0)), ["2", "5", "10", "20", "50", "100"]);
        assert_eq!(labels(Scale::log(0.5, 9_000.0)), ["1", "10", "100", "1000", "10k"]);
        assert_eq!(labels(Scale::log(0.0, 0.0)).len(), 4);
    }

    #[test]
    fn a_value_on_a_tick_stands_where_the_tick_is() {
        for scale in [Scale::from_zero(480.0), Scale::log(0.2, 480.0)] {
            let places: Vec<f64> = scale.ticks().iter().map(|tick| tick.at).collect();
            assert!(places.is_sorted(), "{places:?}");
            assert!(places.iter().all(|at| (0.0..=1.0).contains(at)), "{places:?}");
        }
        assert!((Scale::log(1.0, 100.0).place(10.0) - 0.5).abs() < 1e-9);
        assert!(Scale::from_zero(8.0).place(99.0) <= 1.0);
    }

    #[test]
    fn values_within_a_factor_of_ten_stand_on_an_axis_from_zero() {
        assert!(matches!(Scale::spanning([20.0, 60.0].into_iter()), Scale::Linear { .. }));
        assert!(matches!(Scale::spanning([2.0, 60.0].into_iter()), Scale::Log { .. }));
        assert!(matches!(Scale::spanning([].into_iter()), Scale::Linear { .. }));
    }

    #[test]
    fn a_run_of_any_length_has_a_few_ticks_of_time() {
        for seconds in [0.8, 2.0, 20.1, 61.0, 3_600.0, 86_400.0, 9e6] {
            let ticks = clock_ticks(seconds);
            assert!((1..=10).contains(&ticks.len()), "{seconds}: {ticks:?}");
            assert_eq!(ticks[0].label, "0:00");
        }
        let day: Vec<String> = clock_ticks(86_400.0).into_iter().map(|tick| tick.label).collect();
        assert_eq!(day[1], "3:00:00");
    }
}
