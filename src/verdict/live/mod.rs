//! Frames → the thresholds that are judged while the run goes on: those with a `window`, with `for`
//! or that abort it.
//!
//! Each is judged at the end of each second, on messages that *ended* in its window: what still
//! waits for its answer belongs to the second in which it ends. A window is full when all its
//! seconds lie in the time in which the phases it looks at are in force; a phase that is shorter
//! only by the rounding to whole seconds is one window. Behind the phase the last window stays
//! where it is and takes in what still ends while the phase drains, so that stragglers are judged
//! beside the messages that started with them. What counts starts is judged on full windows alone.
//!
//! It looks at nothing but frames and the times of phases, so that a recorded run gives the same.

mod slide;
mod streak;
mod stretch;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::evidence::{Evidence, Finding, Value};
use super::part::Part;
use super::words::blank_row;
use crate::plan::{Action, Load, Metric, NoData, Phase, PhaseId, Plan, Threshold};
use crate::record::{Frame, PhaseSpan, ThresholdRow};
use slide::{Kind, Slide};
use streak::Streak;
use stretch::Stretch;

pub use streak::Crossed;

/// The thresholds of a plan that are judged while it runs.
#[derive(Debug)]
pub struct LiveThresholds {
    checks: Vec<Check>,
}

/// A threshold that broke or recovered.
#[derive(Clone, Debug)]
pub struct Crossing {
    /// Which of them, for [`LiveThresholds::abort`].
    pub check: usize,
    /// What happened.
    pub crossed: Crossed,
    /// What is to be done about it.
    pub action: Action,
    /// How it stands.
    pub row: ThresholdRow,
}

/// One threshold in one place.
#[derive(Debug)]
struct Check {
    /// None: over all phases that count.
    phase: Option<PhaseId>,
    threshold: Threshold,
    part: Part,
    slide: Slide,
    streak: Streak,
    /// When the stretch began that is looked at.
    stretch: Option<Duration>,
    /// Whether that stretch has ended.
    is_closed: bool,
    /// Where its frames come from.
    source: Source,
    has_aborted: bool,
    /// What a run found of it, where a folder can't tell.
    remembered: Option<ThresholdRow>,
}

/// Where frames come from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Source {
    /// A run.
    Run,
    /// A results folder, which has the times of steps each 10 s.
    Folder,
}

impl LiveThresholds {
    /// Watches the thresholds of a plan; `addresses` are those of the run, by target.
    pub fn new(plan: &Plan, addresses: &[Vec<String>]) -> Self {
        Self::of(plan, addresses, Source::Run)
    }

    /// The same for the frames of a results folder. What it can't judge on them, the times of
    /// steps, is without data unless [`LiveThresholds::remember`] tells what the run found.
    pub fn of_folder(plan: &Plan, addresses: &[Vec<String>]) -> Self {
        Self::of(plan, addresses, Source::Folder)
    }

    fn of(plan: &Plan, addresses: &[Vec<String>], source: Source) -> Self {
        let of_phases = (0..).map(PhaseId).zip(&plan.phases);
        let of_phases = of_phases
            .flat_map(|(id, phase)| phase.thresholds.iter().map(move |check| (Some(id), check)));
        let all = of_phases.chain(plan.thresholds.iter().map(|check| (None, check)));
        let live = all.filter(|(_, threshold)| threshold.is_live());
        let checks = live.map(|(phase, threshold)| Check {
            phase,
            threshold: threshold.clone(),
            part: Part::of(threshold.scope.as_ref(), plan, addresses),
            slide: Slide::new(&threshold.metric, threshold.window),
            streak: Streak::default(),
            stretch: None,
            is_closed: false,
            source,
            has_aborted: false,
            remembered: None,
        });
        Self { checks: checks.collect() }
    }

    /// Takes a second in and tells what broke or recovered at its end. Frames come in their order;
    /// `spans` are the phases that began, as they stand at the end of the second or later.
    pub fn take(&mut self, frame: &Frame, plan: &Plan, spans: &[PhaseSpan]) -> Vec<Crossing> {
        let checks = self.checks.iter_mut().enumerate();
        let crossings = checks.filter_map(|(at, check)| {
            let crossed = check.take(frame, plan, spans)?;
            let row = check.row(plan);
            Some(Crossing { check: at, crossed, action: check.threshold.action, row })
        });
        crossings.collect()
    }

    /// Notes that the run ends because of a threshold.
    pub fn abort(&mut self, check: usize) {
        if let Some(check) = self.checks.get_mut(check) {
            check.has_aborted = true;
        }
    }

    /// Notes what the run of a folder found itself: which threshold ended it, and what became of
    /// those that can't be judged on the folder. Of several folders the worst counts.
    pub fn remember(&mut self, rows: &[ThresholdRow], plan: &Plan) {
        for check in &mut self.checks {
            let blank = check.blank(plan);
            for row in rows.iter().filter(|row| is_of(row, &blank)) {
                check.remember(row);
            }
        }
    }

    /// How all of them stand.
    pub fn rows(&self, plan: &Plan) -> Vec<ThresholdRow> {
        self.checks.iter().map(|check| check.row(plan)).collect()
    }

    /// Puts what was seen into the rows that [`super::judge`] gave for these thresholds.
    pub fn amend(&self, thresholds: &[(Option<PhaseId>, &Threshold)], rows: &mut [ThresholdRow]) {
        // Of equal ones each has its own: only one of them ends a run.
        let mut left: Vec<&Check> = self.checks.iter().collect();
        for ((phase, threshold), row) in thresholds.iter().zip(rows) {
            let is_it = |check: &&Check| check.phase == *phase && check.threshold == **threshold;
            if let Some(at) = left.iter().position(is_it) {
                left.remove(at).amend(row);
            }
        }
    }
}

/// Whether two rows are of the same threshold.
fn is_of(row: &ThresholdRow, other: &ThresholdRow) -> bool {
    (&row.check, &row.phase, row.window_s, row.for_s, &row.action)
        == (&other.check, &other.phase, other.window_s, other.for_s, &other.action)
}

impl Check {
    fn take(&mut self, frame: &Frame, plan: &Plan, spans: &[PhaseSpan]) -> Option<Crossed> {
        if self.threshold.window.is_some() && self.is_not_in_folders() {
            return None;
        }
        let [from, until] = [frame.second, frame.second + 1].map(Duration::from_secs);
        let looked_at = spans.iter().filter(|span| self.looks_at(span.phase, plan)).copied();
        let stretch = Stretch::last(looked_at, until)?;
        if self.stretch != Some(stretch.start) {
            self.stretch = Some(stretch.start);
            self.is_closed = false;
            self.slide.begin();
            self.streak.pause();
        }
        let kind = kind(stretch, from, until);
        let (evidence, is_new) = self.evidence(frame, plan, stretch);
        self.slide.add(&evidence, stretch.covered(from, until), kind);
        let was_closed = std::mem::replace(&mut self.is_closed, kind == Kind::Closing);
        if was_closed && self.is_closed && !is_new || !self.is_due(stretch, kind) {
            return None;
        }
        let now = (until, until.min(stretch.end));
        self.streak.judge(&self.threshold, self.slide.finding(), now)
    }

    /// Whether it is judged at the end of this second.
    fn is_due(&self, stretch: Stretch, kind: Kind) -> bool {
        let Some(window) = self.threshold.window else { return true };
        let is_full = self.slide.is_full();
        match kind {
            Kind::Whole | Kind::First => is_full,
            Kind::Closing if is_full => !counts_starts(&self.threshold.metric),
            // As long as the window, when both are rounded up to whole seconds.
            Kind::Closing => stretch.end.saturating_sub(stretch.start) + SECOND > window,
        }
    }

    /// Whether a phase can bring anything that is looked at.
    fn looks_at(&self, id: PhaseId, plan: &Plan) -> bool {
        let Some(phase) = plan.phases.get(id.index()) else { return false };
        let metric = &self.threshold.metric;
        self.includes(id, phase)
            && phase.load != Load::Pause
            && self.part.is_sent_in(phase, metric, plan)
    }

    /// Whether what is counted in a phase belongs to it.
    fn includes(&self, id: PhaseId, phase: &Phase) -> bool {
        let is_inside = self.phase.map_or(phase.counts(), |only| only == id);
        let has_rate = matches!(phase.load, Load::Open { .. });
        is_inside && (has_rate || self.threshold.metric != Metric::RateAchieved)
    }

    /// What a second brings, and whether it brings anything.
    fn evidence(&self, frame: &Frame, plan: &Plan, stretch: Stretch) -> (Evidence, bool) {
        let metric = &self.threshold.metric;
        let mut evidence = Evidence::none(metric);
        let mut is_new = false;
        for (key, cell) in &frame.cells {
            let phase = plan.phases.get(key.phase.index());
            if !phase.is_some_and(|phase| self.includes(key.phase, phase)) {
                continue;
            }
            let Some(cell) = self.part.within(*key, cell, plan) else { continue };
            is_new = true;
            evidence.add_counts(metric, cell);
            if self.part.takes_times_of(plan.clients.get(key.client.index())) {
                evidence.add_times(metric, cell);
            }
        }
        for stint in &frame.stints {
            evidence.add_stint(stint, stretch.start, stretch.end);
        }
        (evidence, is_new)
    }

    /// Whether its frames lack what it is judged on.
    fn is_not_in_folders(&self) -> bool {
        self.source == Source::Folder && matches!(self.threshold.metric, Metric::Step(..))
    }

    fn remember(&mut self, row: &ThresholdRow) {
        self.has_aborted |= row.aborted;
        let is_worse = self.remembered.as_ref().is_none_or(|known| self.is_worse(row, known));
        if self.is_not_in_folders() && is_worse {
            self.remembered = Some(row.clone());
        }
    }

    /// Whether a run found worse than another one.
    fn is_worse(&self, row: &ThresholdRow, other: &ThresholdRow) -> bool {
        let badness = |row: &ThresholdRow| {
            let value = row.value.map_or(Value::NeverTaken, Value::Taken);
            streak::badness(&self.threshold, value)
        };
        (!row.holds, badness(row)) > (!other.holds, badness(other))
    }

    fn blank(&self, plan: &Plan) -> ThresholdRow {
        let phase = self.phase.and_then(|id| plan.phases.get(id.index()));
        blank_row(&self.threshold, phase)
    }

    /// Its row as it stands.
    fn row(&self, plan: &Plan) -> ThresholdRow {
        let mut row = self.blank(plan);
        self.amend(&mut row);
        row
    }

    fn amend(&self, row: &mut ThresholdRow) {
        let seconds = |length: Option<Duration>| length.map(|length| length.as_secs_f64());
        let streak = &self.streak;
        let (broken_at, longest) = match &self.remembered {
            Some(known) if self.threshold.window.is_some() || known.broken_at_s.is_some() => {
                row.clone_from(known);
                return;
            }
            Some(known) => (None, known.longest_broken_s),
            None => (seconds(streak.broken_at), seconds(streak.longest)),
        };
        row.broken_at_s = broken_at;
        row.longest_broken_s = longest;
        row.aborted = self.has_aborted && broken_at.is_some();
        let shown = if broken_at.is_some() {
            row.holds = false;
            streak.worst_broken
        } else if self.threshold.window.is_some() {
            // One that was broken whenever it was judged does not hold, however short that was.
            let is_not_taken = streak.last.is_none() && self.threshold.no_data == NoData::Pass;
            row.holds = streak.has_held || is_not_taken;
            streak.worst_seen
        } else {
            // What is broken at the end was not so for long enough.
            row.holds |= streak.has_held && !self.threshold.lasting.is_zero();
            return;
        };
        row.value = shown.and_then(known);
        row.few_samples = shown.is_some_and(|finding| finding.few_samples);
    }
}

const SECOND: Duration = Duration::from_secs(1);

fn known(finding: Finding) -> Option<f64> {
    match finding.value {
        Value::Taken(value) => Some(value),
        Value::Unanswered | Value::NeverTaken => None,
    }
}

fn kind(stretch: Stretch, from: Duration, until: Duration) -> Kind {
    if stretch.end < until {
        Kind::Closing
    } else if stretch.start > from {
        Kind::First
    } else {
        Kind::Whole
    }
}

/// Whether a metric counts what starts, which ends with the phase.
const fn counts_starts(metric: &Metric) -> bool {
    match metric {
        Metric::MessageCount | Metric::RateAchieved | Metric::Throughput | Metric::GeneratorCpu => {
            true
        }
        Metric::Message(_)
        | Metric::Session(_)
        | Metric::Step(..)
        | Metric::MessageErrors
        | Metric::SessionErrors
        | Metric::CodeShare(_)
        | Metric::CaseFindings => false,
    }
}
