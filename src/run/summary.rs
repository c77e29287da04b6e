//! What was counted → the summary, with thresholds, fitness and verdict.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::Job;
use super::environment::Usage;
use crate::engine::{Shared, UsedUp};
use crate::format;
use crate::plan::{Endpoint, Plan};
use crate::record::{
    Event, Extent, FitnessRow, Folder, Ledger, PhaseSpan, PlanIdentity, Results, Summary,
    ToolIdentity, conserved,
};
use crate::sink::SinkCounters;
use crate::verdict::{self, Course, ExitCode, Interruption};

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

/// A run at its end.
pub(super) struct Ending {
    pub(super) shared: Arc<Shared>,
    pub(super) ledger: Ledger,
    pub(super) folder: Folder,
    pub(super) usage: Usage,
    pub(super) spans: Vec<PhaseSpan>,
    pub(super) addresses: Vec<Vec<String>>,
    pub(super) took: Duration,
    pub(super) interrupted: Option<Interruption>,
    /// What was checked before the start.
    pub(super) before: Vec<FitnessRow>,
    /// What the tester itself did wrong.
    pub(super) failures: Vec<String>,
}

impl Ending {
    /// The summary and the exit code; broken thresholds are told to the folder.
    pub(super) fn summary(
        &mut self,
        job: &Job,
        started: SystemTime,
        sink: Option<&SinkCounters>,
        on_threshold: ExitCode,
    ) -> (Summary, ExitCode) {
        let shared = Arc::clone(&self.shared);
        let plan = &shared.plan;
        self.leave_out_unbegun();
        let results =
            Results { plan, ledger: &self.ledger, spans: &self.spans, addresses: &self.addresses };
        let loads = self.usage.loads();
        let thresholds = verdict::judge(&verdict::thresholds_of(&results), &results, &loads);
        let mut fitness = self.before.clone();
        fitness.extend(verdict::fitness(&results, &loads, &self.usage.machine()));
        let (totals, all) = (results.totals(), results.all());
        if let Err(broken) = conserved(&all) {
            self.failures.push(format!("the sums do not hold: {broken}"));
        }
        let course = self.course();
        let verdict = verdict::decide(&course, &totals, &thresholds, &fitness, on_threshold);
        let summary = Summary {
            schema_version: SCHEMA_VERSION,
            tool: ToolIdentity {
                name: env!("CARGO_PKG_NAME").to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            partial: false,
            labels: plan.labels.clone(),
            segment: None,
            plan: PlanIdentity {
                name: plan.name.clone(),
                hash: job.hash.clone(),
                seed: plan.seed,
                file: job.file.clone(),
            },
            started_at: humantime::format_rfc3339_millis(started).to_string(),
            duration_s: self.took.as_secs_f64(),
            verdict: verdict.name,
            exit_code: verdict.exit.number(),
            reason: self.told_with(verdict.reason),
            classes: results.classes(Extent::Counting),
            phases: results.phases(),
            environment: self.environment(sink),
            thresholds,
            fitness,
            totals,
            all,
        };
        self.tell_broken(&summary);
        (summary, verdict.exit)
    }

    /// A phase whose very first message found its feed used up did not begin.
    fn leave_out_unbegun(&mut self) {
        let Some(used_up) = self.shared.used_up() else { return };
        let extent = Extent::Phase(used_up.phase);
        let starts = self.ledger.cells(extent).map(|(_, cell)| cell.starts().1);
        if starts.sum::<u64>() == 0 {
            self.spans.retain(|span| span.phase != used_up.phase);
        }
    }

    /// The verdict's sentence, and one more where the run ended before its plan.
    fn told_with(&self, reason: String) -> String {
        match self.shared.used_up() {
            Some(used_up) => {
                let sentence = feed_used_up(&self.shared.plan, used_up);
                format!("{reason} The {sentence}.")
            }
            None => reason,
        }
    }

    fn course(&self) -> Course {
        match (self.failures.first(), self.interrupted) {
            (Some(failure), _) => Course::ToolFailed(failure.clone()),
            (None, Some(signal)) => Course::Interrupted(signal),
            (None, None) => Course::Complete,
        }
    }

    fn environment(
        &self,
        sink: Option<&SinkCounters>,
    ) -> serde_json::Map<String, serde_json::Value> {
        let figures = self.usage.environment(self.shared.workers);
        let mut environment = match serde_json::to_value(figures) {
            Ok(serde_json::Value::Object(figures)) => figures,
            // These are structs of numbers and texts: there is nothing else they could become.
            Ok(_) | Err(_) => serde_json::Map::new(),
        };
        let is_target = self.shared.plan.targets.iter().any(|it| it.endpoint == Endpoint::Sink);
        if let Some(counters) = sink {
            let mut told = serde_json::json!(counters);
            told["role"] = serde_json::json!(if is_target { "target" } else { "next_hop" });
            environment.insert("sink".to_owned(), told);
        }
        environment
    }

    fn tell_broken(&mut self, summary: &Summary) {
        let at_s = self.took.as_secs_f64();
        for row in summary.thresholds.iter().filter(|row| !row.holds) {
            self.folder.event(&Event::ThresholdBroken {
                at_s,
                check: row.check.clone(),
                phase: row.phase.clone(),
                value: row.value,
            });
        }
    }
}
