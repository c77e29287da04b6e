//! `connections` and `rate` → level curves; a staircase becomes one for each of its levels.

use super::faults::Faults;
use super::phase::length;
use crate::plan::document::{Levels, Phase as PhaseTable, PhaseKind as KindName, ShortOr};
use crate::plan::model::{Curve, Load, Phase};
use crate::plan::{DiagnosticCode, Rate};

/// The most levels of a staircase.
const MOST_LEVELS: f64 = 1000.0;

/// The most connections at a time; a machine has far fewer ports and descriptors.
const MOST_CONNECTIONS: f64 = 1e6;
/// The most messages that one open phase may plan: each Poisson start is counted beforehand.
const MOST_STARTS: f64 = 1e9;

/// What a level counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Model {
    /// Messages per second.
    Open,
    /// Connections.
    Closed,
}

/// The levels at which the phases of each model ended last, as the plan writes them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LastLevels {
    open: Option<f64>,
    closed: Option<f64>,
}

impl LastLevels {
    /// Where a ramp begins that does not say it.
    fn at_end(self, model: Model) -> f64 {
        match model {
            Model::Open => self.open.unwrap_or(0.0),
            Model::Closed => self.closed.unwrap_or(1.0),
        }
    }

    fn ends(&mut self, model: Model, curve: &Curve) {
        let level = match *curve {
            Curve::Linear { to, .. } => to,
            Curve::Burst { base, .. } => base,
        };
        match model {
            Model::Open => self.open = Some(level),
            Model::Closed => self.closed = Some(level),
        }
    }
}

/// The level as it is written, in one type for both models.
struct Level {
    model: Model,
    pointer: String,
    written: ShortOr<f64, Levels<f64>>,
}

/// The curves of a phase, one after another; none for a pause, or where the level is missing.
pub(super) fn lower(
    table: &PhaseTable,
    kind: KindName,
    pointer: &str,
    last: &mut LastLevels,
    faults: &mut Faults,
) -> Option<(Model, Vec<Curve>)> {
    let level = Level::of(table, pointer)?;
    let curves = match kind {
        KindName::Steady => vec![level.steady(table, faults)?],
        KindName::Ramp => vec![level.ramp(*last, faults)?],
        KindName::Burst => vec![level.burst(table, faults)?],
        KindName::Step => level.steps(faults)?,
        // Where a search ends is not written, so a ramp does not begin there.
        KindName::Search => return Some((level.model, level.bounds(faults)?)),
        KindName::Pause => return None,
    };
    for curve in &curves {
        last.ends(level.model, curve);
    }
    Some((level.model, curves))
}

/// Whether a level is one that a machine can be asked for.
pub(super) fn check_size(load: &Load, phase: &Phase, pointer: &str, faults: &mut Faults) {
    match load {
        Load::Pause => {}
        Load::Closed { connections } => {
            if connections.peak() > MOST_CONNECTIONS {
                let message = format!("more than {MOST_CONNECTIONS} connections");
                faults.value(DiagnosticCode::BadValue, &format!("{pointer}/connections"), message);
            }
        }
        Load::Open { rate, .. } => {
            let seconds = phase.duration.map_or(f64::INFINITY, |duration| duration.as_secs_f64());
            #[expect(clippy::cast_precision_loss, reason = "compared with a round number")]
            let count = phase.count.map_or(f64::INFINITY, |count| count as f64);
            let burst = match rate {
                Curve::Linear { .. } => 0.0,
                Curve::Burst { peak, burst, .. } => peak * burst.as_secs_f64().min(seconds),
            };
            let starts = (rate.mean() * seconds + burst).min(count);
            // A phase without an end is told already.
            if starts.is_finite() && starts > MOST_STARTS {
                let message = format!("more than {MOST_STARTS} messages in one phase");
                faults.value(DiagnosticCode::BadValue, &format!("{pointer}/rate"), message);
            }
        }
    }
}

impl Level {
    fn of(table: &PhaseTable, pointer: &str) -> Option<Self> {
        let connections = table.connections.map(|level| written(level, f64::from));
        let rate = table.rate.map(|level| written(level, Rate::per_second));
        let (model, key, written) = match (connections, rate) {
            (Some(connections), _) => (Model::Closed, "connections", connections),
            (None, Some(rate)) => (Model::Open, "rate", rate),
            (None, None) => return None,
        };
        Some(Self { model, pointer: format!("{pointer}/{key}"), written })
    }

    fn steady(&self, table: &PhaseTable, faults: &mut Faults) -> Option<Curve> {
        let ShortOr::Short(level) = self.written else {
            let message = "a steady phase has one level";
            faults.value(DiagnosticCode::Conflict, &self.pointer, message);
            return None;
        };
        self.check_end(level, table, faults);
        Some(Curve::Linear { from: level, to: level })
    }

    fn ramp(&self, last: LastLevels, faults: &mut Faults) -> Option<Curve> {
        let levels = self.levels(&["from", "to"], "a ramp has `{ from, to }`", faults)?;
        let from = levels.from.unwrap_or_else(|| last.at_end(self.model));
        Some(Curve::Linear { from, to: self.needed("to", levels.to, faults)? })
    }

    fn burst(&self, table: &PhaseTable, faults: &mut Faults) -> Option<Curve> {
        let levels = self.levels(&["base", "peak"], "a burst has `{ base, peak }`", faults)?;
        let base = self.needed("base", levels.base, faults);
        let peak = self.needed("peak", levels.peak, faults);
        let (base, peak) = (base?, peak?);
        self.check_end(base.max(peak), table, faults);
        Some(Curve::Burst { base, peak, every: length(table.every), burst: length(table.burst) })
    }

    fn steps(&self, faults: &mut Faults) -> Option<Vec<Curve>> {
        let keys = ["from", "to", "by"];
        let levels = self.levels(&keys, "steps have `{ from, to, by }`", faults)?;
        let from = self.needed("from", levels.from, faults);
        let to = self.needed("to", levels.to, faults);
        let by = self.needed("by", levels.by, faults);
        let (from, to, by) = (from?, to?, by?);
        if by <= 0.0 {
            faults.bad(&format!("{}/by", self.pointer), "`by` is above zero");
            return None;
        }
        // The sum of many tenths falls short of the whole by a hair.
        let count = ((to - from).abs() / by + 1e-9).floor();
        if count >= MOST_LEVELS {
            let message = format!("more than {MOST_LEVELS} levels");
            faults.value(DiagnosticCode::TooLarge, &self.pointer, message);
            return None;
        }
        let by = if to < from { -by } else { by };
        let rises = (0_u32..).map(f64::from).take_while(|rise| *rise <= count);
        Some(
            rises
                .map(|rise| (from + by * rise).max(0.0))
                .map(|level| Curve::Linear { from: level, to: level })
                .collect(),
        )
    }

    /// The lowest and the highest level of a search, each as the curve of a probe.
    fn bounds(&self, faults: &mut Faults) -> Option<Vec<Curve>> {
        let levels = self.levels(&["from", "to"], "a search has `{ from, to }`", faults)?;
        let from = self.needed("from", levels.from, faults);
        let to = self.needed("to", levels.to, faults);
        let (from, to) = (from?, to?);
        if from <= 0.0 {
            faults.bad(&format!("{}/from", self.pointer), "a search begins above zero");
            return None;
        }
        if to <= from {
            faults.bad(&format!("{}/to", self.pointer), "`to` is above `from`");
            return None;
        }
        Some([from, to].map(|level| Curve::Linear { from: level, to: level }).to_vec())
    }

    /// The long form, if it has no other keys than these.
    fn levels(&self, keys: &[&str], form: &str, faults: &mut Faults) -> Option<Levels<f64>> {
        let ShortOr::Long(levels) = self.written else {
            faults.value(DiagnosticCode::Conflict, &self.pointer, form);
            return None;
        };
        let written = [
            ("from", levels.from),
            ("to", levels.to),
            ("by", levels.by),
            ("base", levels.base),
            ("peak", levels.peak),
        ];
        let mut is_right = true;
        for (key, _) in written.iter().filter(|(key, level)| level.is_some() && !keys.contains(key))
        {
            faults.conflict(&self.pointer, key, form);
            is_right = false;
        }
        is_right.then_some(levels)
    }

    fn needed(&self, key: &str, level: Option<f64>, faults: &mut Faults) -> Option<f64> {
        if level.is_none() {
            faults.missing(&self.pointer, key);
        }
        level
    }

    /// A phase that only a count ends would never end at a level of zero.
    fn check_end(&self, highest: f64, table: &PhaseTable, faults: &mut Faults) {
        if highest <= 0.0 && table.duration.is_none() {
            faults.bad(&self.pointer, "at a level of zero the phase never ends");
        }
    }
}

fn written<T: Copy>(
    level: ShortOr<T, Levels<T>>,
    number: impl Fn(T) -> f64 + Copy,
) -> ShortOr<f64, Levels<f64>> {
    match level {
        ShortOr::Short(level) => ShortOr::Short(number(level)),
        ShortOr::Long(Levels { from, to, by, base, peak }) => ShortOr::Long(Levels {
            from: from.map(number),
            to: to.map(number),
            by: by.map(number),
            base: base.map(number),
            peak: peak.map(number),
        }),
    }
}
