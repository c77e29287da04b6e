//! What was counted → the summary, with thresholds, fitness and verdict.
//!
//! A run that has just ended and a folder that is read back come to the same value, [`Ending`], so
//! that both give the same summary.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::environment::Usage;
use super::error::chain;
use crate::engine::UsedUp;
use crate::format;
use crate::plan::{Endpoint, Load, Phase, PhaseId, Plan};
use crate::record::{
    EnvironmentFigures, Event, Extent, FitnessRow, FolderError, Ledger, Results, RunEnd, RunRecord,
    Summary, conserved,
};
use crate::verdict::{self, Course, ExitCode, Interruption, LiveThresholds};

/// The version of the format of `summary.json`.
const SCHEMA_VERSION: u32 = 1;

/// What is said where a feed ended the run, as part of a sentence.
pub(super) fn feed_used_up(plan: &Plan, used_up: UsedUp) -> String {
    let feed = &plan.feeds[used_up.feed];
    let rows = match feed.rows.len() {
        1 => "its only row".to_owned(),
        rows => format!("its {} rows", format::count(rows as u64)),
    };
    let phase = &plan.phases[used_up.phase.index()].name;
    let at = format::clock(used_up.at);
    format!("feed `{}` was used up after {rows}, in phase `{phase}` at {at}", feed.name)
}

/// What is said where the journal could not be written, as on a full disk.
pub(super) fn journal_stopped(trouble: &FolderError) -> String {
    format!(
        "the journal stopped ({}): the run goes on and its summary is whole, but what the folder \
         tells second by second ends there",
        chain(trouble)
    )
}

/// The thresholds that do not hold, as events of when that was known.
pub(super) fn broken(summary: &Summary) -> impl Iterator<Item = Event> {
    let broken = summary.thresholds.iter().filter(|row| !row.holds);
    broken.map(|row| Event::ThresholdBroken {
        at_s: row.broken_at_s.unwrap_or(summary.duration_s),
        row: row.clone(),
    })
}

/// A run at its end.
pub(super) struct Ending {
    pub(super) plan: Arc<Plan>,
    pub(super) ledger: Ledger,
    pub(super) usage: Usage,
    pub(super) live: LiveThresholds,
    pub(super) addresses: Vec<Vec<String>>,
    pub(super) run: RunEnd,
    pub(super) extent: Kept,
}

/// How much of a run is known.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Kept {
    /// All of it.
    Whole,
    /// Its beginning; what is known and what is lost, as a sentence.
    Beginning(String),
}

impl Ending {
    /// The summary and the exit code.
    pub(super) fn summary(&self, record: &RunRecord) -> (Summary, ExitCode) {
        let (plan, results) = (&self.plan, self.results());
        let loads = self.usage.loads();
        let listed = verdict::thresholds_of(&results);
        let mut thresholds = verdict::judge(&listed, &results, &loads);
        self.live.amend(&listed, &mut thresholds);
        let mut fitness = record.before.clone();
        fitness.extend(self.checked(verdict::fitness(&results, &loads, &self.usage.machine())));
        let (totals, all) = (results.totals(), results.all());
        let mut failures = self.run.failures.clone();
        if let (Err(broken), Kept::Whole) = (conserved(&all), &self.extent) {
            failures.push(format!("the sums do not hold: {broken}"));
        }
        let on_threshold = ExitCode::chosen(record.threshold_exit_code);
        let course = self.course(failures);
        let searches = &self.run.searches;
        // A plan of nothing but searches has measured what its probes have.
        let has_probed =
            searches.iter().flat_map(|search| &search.probes).any(|probe| probe.held.is_some());
        let counts = |phase: &Phase| phase.counts() && phase.load != Load::Pause;
        let measured = if plan.phases.iter().any(counts) || !has_probed { &totals } else { &all };
        let verdict = verdict::decide(&course, measured, &thresholds, &fitness, on_threshold);
        let verdict = verdict::with_searches(verdict, searches, &thresholds, on_threshold);
        let mut phases = results.phases();
        for search in searches {
            search.add_to(&mut phases);
        }
        let summary = Summary {
            schema_version: SCHEMA_VERSION,
            tool: record.tool.clone(),
            partial: self.extent != Kept::Whole,
            labels: plan.labels.clone(),
            segment: None,
            plan: record.plan.clone(),
            started_at: record.started_at.clone(),
            duration_s: self.run.took.as_secs_f64(),
            verdict: verdict.name,
            exit_code: verdict.exit.number(),
            reason: self.told_with(verdict.reason),
            warnings: self.run.warnings.clone(),
            classes: results.classes(Extent::Counting),
            phases,
            environment: self.environment(&record.environment),
            thresholds,
            fitness,
            totals,
            all,
        };
        (summary, verdict.exit)
    }

    /// What the figures are taken from.
    pub(super) fn results(&self) -> Results<'_> {
        Results {
            plan: &self.plan,
            ledger: &self.ledger,
            spans: &self.run.spans,
            addresses: &self.addresses,
        }
    }

    /// A phase whose very first message found its feed used up did not begin.
    pub(super) fn leave_out_unbegun(&mut self, phase: PhaseId) {
        let starts = self.ledger.cells(Extent::Phase(phase)).map(|(_, cell)| cell.starts().1);
        if starts.sum::<u64>() == 0 {
            self.run.spans.retain(|span| span.phase != phase);
        }
    }

    /// What was under way when a folder was cut off has no end: that its sums are open is no
    /// news.
    fn checked(&self, mut rows: Vec<FitnessRow>) -> Vec<FitnessRow> {
        if self.extent != Kept::Whole {
            rows.retain(|row| row.check != "conservation");
        }
        rows
    }

    /// The verdict's sentence, and one more where the run ended before its plan.
    fn told_with(&self, reason: String) -> String {
        match &self.run.note {
            Some(sentence) => format!("{reason} The {sentence}."),
            None => reason,
        }
    }

    fn course(&self, failures: Vec<String>) -> Course {
        let signal = self.run.interrupted.as_deref().and_then(Interruption::by);
        match (&self.extent, failures.into_iter().next(), signal) {
            (Kept::Beginning(sentence), _, _) => Course::CutOff(sentence.clone()),
            (Kept::Whole, Some(failure), _) => Course::ToolFailed(failure),
            (Kept::Whole, None, Some(signal)) => Course::Interrupted(signal),
            (Kept::Whole, None, None) => Course::Complete,
        }
    }

    fn environment(&self, machine: &EnvironmentFigures) -> Map<String, Value> {
        let mut environment = match serde_json::to_value(self.usage.environment(machine)) {
            Ok(Value::Object(figures)) => figures,
            // These are structs of numbers and texts: there is nothing else they could become.
            Ok(_) | Err(_) => Map::new(),
        };
        let is_target = self.plan.targets.iter().any(|it| it.endpoint == Endpoint::Sink);
        if let Some(counters) = &self.run.sink {
            let mut told = counters.clone();
            told["role"] = json!(if is_target { "target" } else { "next_hop" });
            environment.insert("sink".to_owned(), told);
        }
        environment
    }
}
