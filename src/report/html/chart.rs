//! Curves with their axes, legend and shading → what the page's template puts together.

use serde::Serialize;

use super::buckets::Buckets;
use super::svg::{Curve, Look, Plot, Scale, Tick, clock_ticks};
use crate::format;
use crate::record::Summary;

/// A band narrower than this share of the run has no room for its name.
const NARROWEST_LABEL: f64 = 0.035;

/// A chart, ready for the template.
#[derive(Debug, Serialize)]
pub(super) struct Chart {
    id: String,
    title: String,
    note: String,
    unit: &'static str,
    size: Size,
    kind: &'static str,
    legend: Vec<Key>,
    ticks: Vec<Tick>,
    below: Vec<Tick>,
    bands: Vec<Band>,
    svg: String,
    /// What the page's script shows of each place; JSON.
    data: Exact,
}

/// How much room a chart takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Size {
    /// A row of its own.
    Large,
    /// Half a row, where there is room.
    Small,
}

/// An entry of the legend.
#[derive(Debug, Serialize)]
struct Key {
    name: String,
    classes: String,
}

/// A phase below all curves.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Band {
    name: String,
    at: f64,
    width: f64,
    labelled: bool,
}

/// The values as they are, not as they are drawn.
#[derive(Debug, Serialize)]
struct Exact {
    /// Where the places are, from 0 to 1; absent over time, where all charts share them.
    #[serde(skip_serializing_if = "Option::is_none")]
    places: Option<Vec<f64>>,
    /// What each is called; absent likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<Vec<String>>,
    curves: Vec<Track>,
}

/// The values of a curve, with what they are called.
#[derive(Debug, Serialize)]
struct Track {
    name: String,
    classes: String,
    values: Vec<Option<f64>>,
}

/// What all charts over time share: the places of the buckets, the phases and the clock.
#[derive(Debug, Serialize)]
pub(super) struct Ground {
    /// The middle of each bucket, from 0 to 1.
    places: Vec<f64>,
    /// The name of each bucket: its time.
    labels: Vec<String>,
    bands: Vec<Band>,
    #[serde(skip)]
    below: Vec<Tick>,
}

impl Track {
    fn of(curve: &Curve) -> Self {
        let exact = |value: &Option<f64>| value.map(significant);
        let mut values: Vec<Option<f64>> = curve.values.iter().map(exact).collect();
        let mut name = curve.name.clone();
        if let Look::Tail(_) = curve.look {
            name.push_str(", fewer than 10 above");
            // It begins on the last value of its curve, which is told there.
            let first = values.iter_mut().find(|value| value.is_some());
            if let Some(first) = first {
                *first = None;
            }
        }
        Self { name, classes: curve.look.classes(), values }
    }
}

impl Ground {
    /// The ground of a run.
    pub(super) fn of(summary: &Summary, buckets: &Buckets) -> Self {
        let extents: Vec<(f64, f64)> =
            (0..buckets.all.len()).map(|at| buckets.extent(at)).collect();
        let clock = |share: f64| {
            let at = std::time::Duration::try_from_secs_f64((share * buckets.length).round());
            format::clock(at.unwrap_or_default())
        };
        Self {
            places: extents
                .iter()
                .map(|(from, until)| rounded(f64::midpoint(*from, *until)))
                .collect(),
            labels: extents
                .iter()
                .map(|(from, until)| format!("{} – {}", clock(*from), clock(*until)))
                .collect(),
            bands: summary
                .phases
                .iter()
                .map(|phase| {
                    let at = (phase.start_s / buckets.length).clamp(0.0, 1.0);
                    let width = (phase.duration_s / buckets.length).clamp(0.0, 1.0 - at);
                    Band {
                        name: format::escape(&phase.name),
                        at: rounded(at),
                        width: rounded(width),
                        labelled: width >= NARROWEST_LABEL,
                    }
                })
                .collect(),
            below: clock_ticks(buckets.length),
        }
    }
}

impl Chart {
    /// A chart over time, before anything is drawn.
    pub(super) fn over_time(
        id: &str,
        title: &str,
        note: &str,
        unit: &'static str,
        size: Size,
    ) -> Self {
        Self {
            id: id.to_owned(),
            title: title.to_owned(),
            note: note.to_owned(),
            unit,
            size,
            kind: "time",
            legend: Vec::new(),
            ticks: Vec::new(),
            below: Vec::new(),
            bands: Vec::new(),
            svg: String::new(),
            data: Exact { places: None, labels: None, curves: Vec::new() },
        }
    }

    /// The chart with its curves; what is drawn first in the order of `curves` lies below.
    pub(super) fn drawn(
        self,
        ground: &Ground,
        scale: Scale,
        curves: &[Curve],
        marks: &[(f64, f64)],
    ) -> Self {
        let bands: Vec<(f64, f64)> =
            ground.bands.iter().map(|band| (band.at, band.at + band.width)).collect();
        let plot =
            Plot { places: &ground.places, scale, curves, bands: &bands, uprights: &[], marks };
        let svg = plot.svg();
        Self { bands: ground.bands.clone(), below: ground.below.clone(), svg, ..self }
            .with(scale, curves)
    }

    /// A chart over the share of messages, with places of its own.
    pub(super) fn by_percentile(
        self,
        scale: Scale,
        curves: &[Curve],
        places: Vec<f64>,
        labels: Vec<String>,
        below: Vec<Tick>,
    ) -> Self {
        let uprights: Vec<f64> = below.iter().map(|tick| tick.at).collect();
        let plot =
            Plot { places: &places, scale, curves, bands: &[], uprights: &uprights, marks: &[] };
        let svg = plot.svg();
        let mut chart = Self { kind: "percentile", below, svg, ..self }.with(scale, curves);
        chart.data.places = Some(places.into_iter().map(rounded).collect());
        chart.data.labels = Some(labels);
        chart
    }

    fn with(mut self, scale: Scale, curves: &[Curve]) -> Self {
        self.ticks = scale.ticks();
        self.legend = curves
            .iter()
            .filter(|curve| !matches!(curve.look, Look::Tail(_)))
            .map(|curve| Key { name: curve.name.clone(), classes: curve.look.classes() })
            .collect();
        self.data.curves = curves.iter().map(Track::of).collect();
        self
    }
}

/// A share of a width, as exact as a pixel needs.
fn rounded(share: f64) -> f64 {
    (share * 1e5).round() / 1e5
}

/// Five significant digits: what a reader may want to copy, and no more octets than that.
fn significant(value: f64) -> f64 {
    format!("{value:.4e}").parse().unwrap_or(value)
}
