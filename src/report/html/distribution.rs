//! Histograms → curves of the latency by percentile, on an axis that gives each further nine the
//! same room.
//!
//! A curve is full as far as percentiles are shown elsewhere, to the one with 10 samples above it,
//! and dotted from there to the largest. It ends before the messages that had no answer.

use std::collections::BTreeMap;

use super::chart::{Chart, Size};
use super::svg::{Curve, Look, Scale, Tick};
use crate::format;
use crate::record::{Extent, Latency, PhaseSpan, Results, as_float};
use crate::smtp::Step;

/// Places on the axis for each decade of 1/(1 − p).
const PER_DECADE: u32 = 10;

/// The longest axis: 99.99999 %.
const MOST_DECADES: u32 = 7;

/// More phases than these have no distributions on the page, so that its size stays bounded.
pub(super) const MOST_PHASES: usize = 40;

/// The distributions of a phase.
#[derive(Debug, serde::Serialize)]
pub(super) struct Distributions {
    phase: String,
    charts: Vec<Chart>,
}

/// By phase, in the order of the plan; only those in which anything was timed.
pub(super) fn distributions(results: &Results<'_>) -> Vec<Distributions> {
    let mut spans = results.spans.to_vec();
    spans.sort_by_key(|span| span.phase);
    let phases = spans.into_iter().filter_map(|span| of_phase(results, span));
    phases.filter(|phase| !phase.charts.is_empty()).take(MOST_PHASES).collect()
}

fn of_phase(results: &Results<'_>, span: PhaseSpan) -> Option<Distributions> {
    let phase = results.plan.phases.get(span.phase.index())?;
    let cell = results.portion(Extent::Phase(span.phase), None).cell;
    let messages = [("response", &cell.response), ("service", &cell.service)];
    let steps: Vec<(&str, &Latency)> = Step::ALL
        .into_iter()
        .filter_map(|step| Some((step.name(), &cell.steps[step.index()].as_deref()?.time)))
        .collect();
    let at = span.phase.index();
    let charts = [
        chart(
            &format!("messages-{at}"),
            "Messages",
            "Response: from the planned start; service: from the first octet.",
            &messages,
        ),
        chart(&format!("steps-{at}"), "Steps", "From each command to its reply.", &steps),
    ];
    Some(Distributions {
        phase: format::escape(&phase.name),
        charts: charts.into_iter().flatten().collect(),
    })
}

fn chart(id: &str, title: &str, note: &str, parts: &[(&str, &Latency)]) -> Option<Chart> {
    let known: Vec<(&str, Known)> =
        parts.iter().filter_map(|(name, latency)| Some((*name, Known::of(latency)?))).collect();
    let most = known.iter().map(|(_, known)| known.count).max()?;
    let grid = Grid::up_to(most);
    let mut curves = Vec::new();
    for (at, (name, known)) in known.iter().enumerate() {
        curves.extend(known.curves(name, at, &grid));
    }
    let values = curves.iter().flat_map(|curve| curve.values.iter().copied().flatten());
    let scale = Scale::spanning(values);
    let unanswered: u64 = known.iter().map(|(_, known)| known.unanswered).max().unwrap_or(0);
    let mut note = format!("{note} Milliseconds, by the share of samples that took no longer.");
    if unanswered > 0 {
        note.push_str(" Curves end where messages had no answer.");
    }
    let chart = Chart::over_time(id, title, &note, "ms", Size::Small);
    let (places, labels) = (grid.places(), grid.labels());
    Some(chart.by_percentile(scale, &curves, places, labels, grid.ticks()))
}

/// The places of the axis: 1/(1 − p) in equal factors.
struct Grid {
    decades: u32,
}

impl Grid {
    fn up_to(count: u64) -> Self {
        let decades = count.max(10).ilog10() + u32::from(!is_power_of_ten(count.max(10)));
        Self { decades: decades.clamp(1, MOST_DECADES) }
    }

    fn len(&self) -> u32 {
        self.decades * PER_DECADE
    }

    /// 1/(1 − p) of each place.
    fn inverses(&self) -> impl Iterator<Item = f64> {
        (0..=self.len()).map(|n| 10_f64.powf(f64::from(n) / f64::from(PER_DECADE)))
    }

    fn places(&self) -> Vec<f64> {
        (0..=self.len()).map(|n| f64::from(n) / f64::from(self.len())).collect()
    }

    fn labels(&self) -> Vec<String> {
        self.inverses().map(|inverse| percent(1.0 - 1.0 / inverse)).collect()
    }

    fn ticks(&self) -> Vec<Tick> {
        let nines = (1..=self.decades).map(|decade| {
            let inverse = 10_f64.powi(i32::try_from(decade).unwrap_or(1));
            (f64::from(decade), percent(1.0 - 1.0 / inverse))
        });
        let median = (2_f64.log10(), "50 %".to_owned());
        // The axis begins at 0, whose label would stand in the median's way.
        std::iter::once(median)
            .chain(nines)
            .map(|(decade, label)| Tick { at: decade / f64::from(self.decades), label })
            .collect()
    }

    /// The first place that is not below a count.
    fn place_of(&self, count: u64) -> usize {
        let before = self.inverses().take_while(|inverse| *inverse < as_float(count) * 0.999);
        before.count().min(self.places().len() - 1)
    }
}

fn is_power_of_ten(count: u64) -> bool {
    10_u64.checked_pow(count.ilog10()) == Some(count)
}

/// A share in percent with as many digits as its nines need.
fn percent(share: f64) -> String {
    let digits = match 1.0 - share {
        rest if rest > 0.0099 => 0,
        rest if rest > 0.000_99 => 1,
        rest if rest > 0.000_099 => 2,
        rest if rest > 0.000_009_9 => 3,
        rest if rest > 0.000_000_99 => 4,
        _ => 5,
    };
    format!("{:.digits$} %", share * 100.0)
}

/// What is known of a distribution.
struct Known {
    count: u64,
    unanswered: u64,
    /// Rank and milliseconds of each value that was measured.
    ranks: BTreeMap<u64, f64>,
}

impl Known {
    /// None where nothing was measured.
    fn of(latency: &Latency) -> Option<Self> {
        let measured = latency.measured().filter(|measured| !measured.is_empty())?;
        let mut rank = 0;
        let ranks = measured.iter_recorded().map(|step| {
            rank += step.count_at_value();
            let value = measured.highest_equivalent(step.value_iterated_to());
            (rank, as_float(value.min(measured.max())) / 1e3)
        });
        let ranks = ranks.collect();
        let unanswered = latency.unanswered();
        Some(Self { count: latency.count(), unanswered, ranks })
    }

    fn at(&self, share: f64) -> Option<f64> {
        let rank = (share * as_float(self.count) - 1e-6).ceil().max(1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a count is a count"
        )]
        self.ranks.range(rank as u64..).next().map(|(_, millis)| *millis)
    }

    /// What is supported by samples as a full line, and from there on to the largest as a dotted
    /// one.
    fn curves(&self, name: &str, at: usize, grid: &Grid) -> [Curve; 2] {
        let end = grid.place_of(self.count);
        let inverses: Vec<f64> = grid.inverses().collect();
        let supported = |inverse: f64| as_float(self.count) / inverse >= 10.0 - 1e-6;
        let first_unsupported = inverses.iter().take_while(|it| supported(**it)).count();
        let values = |places: std::ops::RangeInclusive<usize>| {
            let inverses = inverses.iter().enumerate();
            inverses
                .map(|(place, inverse)| {
                    let share = if place == end { 1.0 } else { 1.0 - 1.0 / inverse };
                    places.contains(&place).then(|| self.at(share)).flatten()
                })
                .collect()
        };
        let Some(last) = first_unsupported.checked_sub(1) else {
            return [(Look::of_equal(at), Vec::new()), (Look::tail_of(at), values(0..=end))]
                .map(|(look, values)| Curve { name: name.to_owned(), look, values });
        };
        [(Look::of_equal(at), values(0..=last.min(end))), (Look::tail_of(at), values(last..=end))]
            .map(|(look, values)| Curve { name: name.to_owned(), look, values })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::record::specimen::{
        CLOSED, OPEN, addresses, both, key, ledger, messages, plan, spans,
    };
    use crate::smtp::Outcome;

    fn latency(millis: impl Iterator<Item = u64>) -> Latency {
        let mut latency = Latency::default();
        millis.for_each(|millis| latency.record(Duration::from_millis(millis)));
        latency
    }

    #[test]
    fn each_nine_has_the_same_room() {
        let grid = Grid::up_to(1_000);

        let ticks: Vec<String> = grid.ticks().into_iter().map(|tick| tick.label).collect();

        assert_eq!(ticks, ["50 %", "90 %", "99 %", "99.9 %"]);
        assert_eq!(Grid::up_to(1_001).decades, 4);
        assert_eq!(Grid::up_to(u64::MAX).decades, MOST_DECADES);
        assert_eq!(Grid::up_to(0).decades, 1);
        assert_eq!(grid.labels().len(), grid.places().len());
    }

    #[test]
    fn a_curve_is_full_up_to_ten_samples_above_and_dotted_to_the_largest() {
        let known = Known::of(&latency(1..=1_000)).unwrap();
        let grid = Grid::up_to(1_000);

        let [full, tail] = known.curves("response", 0, &grid);

        let at = |decades: usize| decades * PER_DECADE as usize;
        assert_eq!(full.values[at(1)].map(f64::round), Some(900.0));
        assert_eq!(full.values[at(2)].map(f64::round), Some(990.0));
        assert_eq!(full.values[at(2) + 1], None);
        assert_eq!(tail.values[at(2)], full.values[at(2)], "the dotted line begins there");
        assert_eq!(tail.values[at(3)].map(f64::round), Some(1_000.0));
    }

    #[test]
    fn a_curve_ends_before_the_messages_without_an_answer() {
        let mut times = latency(std::iter::repeat_n(20, 900));
        (0..100).for_each(|_| times.record_censored(Duration::from_secs(30)));
        let known = Known::of(&times).unwrap();

        let [full, tail] = known.curves("response", 0, &Grid::up_to(1_000));

        let at = PER_DECADE as usize;
        assert!(full.values[at].is_some_and(|p90| (p90 - 20.0).abs() < 0.1), "{full:?}");
        assert!(full.values[at + 1..].iter().all(Option::is_none), "{full:?}");
        assert!(tail.values.iter().all(Option::is_none), "{tail:?}");
    }

    #[test]
    fn only_phases_in_which_something_was_timed_have_a_distribution() {
        let (plan, spans, addresses) = (plan(), spans(), addresses());
        let cells = vec![
            (
                key(OPEN, 0, 0),
                both(messages(40, Outcome::Accepted, 20), &messages(1, Outcome::Accepted, 90)),
            ),
            (key(CLOSED, 0, 0), messages(3, Outcome::TimedOut, 30_000)),
        ];
        let ledger = ledger(&plan, cells);
        let results =
            Results { plan: &plan, ledger: &ledger, spans: &spans, addresses: &addresses };

        let all = distributions(&results);

        let names: Vec<&str> = all.iter().map(|phase| phase.phase.as_str()).collect();
        assert_eq!(names, ["open"]);
    }
}
