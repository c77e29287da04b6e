//! The result → what stands on the page, in its order, as words.

use std::time::Duration;

use serde::Serialize;

use super::buckets::Buckets;
use super::chart::{Chart, Ground};
use super::charts::charts;
use super::distribution::{Distributions, MOST_PHASES, distributions};
use super::facts::{Fact, facts};
use super::tables::{self, Check, CodeRow, ErrorLine, NamedTable, PhaseLine};
use crate::format;
use crate::record::{Results, SearchResult, Summary, VerdictName};
use crate::report::text::{fitness_sentence, footnotes, misgivings, percentiles, verdict_word};
use crate::report::throttling;
use crate::verdict::search_level;

/// So much of a plan is shown.
const LONGEST_PLAN: usize = 200_000;

/// All that the template shows.
#[derive(Debug, Serialize)]
pub(super) struct View {
    name: String,
    verdict: &'static str,
    /// `pass`, `fail`, `invalid` or `none`: the class of its colour.
    verdict_class: &'static str,
    verdict_mark: &'static str,
    reason: String,
    exit_code: u8,
    partial: bool,
    subline: Vec<String>,
    labels: Vec<(String, String)>,
    tiles: Vec<Tile>,
    phases: Vec<PhaseLine>,
    total: PhaseLine,
    throttled: Vec<String>,
    searches: Vec<NamedTable>,
    charts: Vec<Chart>,
    ground: Ground,
    distributions: Vec<Distributions>,
    notes: Notes,
    steps: Vec<NamedTable>,
    codes: Vec<CodeRow>,
    errors: Vec<ErrorLine>,
    more_tables: Vec<NamedTable>,
    thresholds: Vec<Check>,
    /// One sentence where the tester was fit, else one for each check that says otherwise.
    fit: Vec<String>,
    fitness: Vec<Check>,
    environment: Vec<Fact>,
    identity: Vec<Fact>,
    plan: String,
}

/// What is said only where it applies.
#[derive(Debug, Serialize)]
struct Notes {
    /// What the marks behind names of phases say.
    marks: Vec<&'static str>,
    calm: Option<&'static str>,
    left_out: Option<&'static str>,
}

/// A key figure.
#[derive(Debug, Serialize)]
struct Tile {
    value: String,
    words: String,
}

impl Notes {
    fn of(summary: &Summary) -> Self {
        let messages = &summary.all.messages;
        let calm = summary.all.errors.is_empty() && messages.dropped + messages.interrupted == 0;
        Self {
            marks: footnotes(summary),
            calm: calm.then_some(
                "No message came to a bad end, and none was dropped: there is no chart of errors.",
            ),
            left_out: (summary.phases.len() > MOST_PHASES)
                .then_some("The distributions of further phases stand in latency.hlog alone."),
        }
    }
}

impl View {
    pub(super) fn of(
        summary: &Summary,
        results: &Results<'_>,
        buckets: &Buckets,
        plan: &str,
    ) -> Self {
        let ground = Ground::of(summary, buckets);
        let (verdict_class, verdict_mark) = verdict(summary.verdict);
        let throttled = summary.phases.iter().filter_map(|phase| {
            let throttled = phase.throttled.as_ref()?;
            Some(throttling::sentence(&phase.name, &phase.model, throttled))
        });
        let errors = tables::errors(&summary.totals);
        Self {
            name: format::escape(&summary.plan.name),
            verdict: verdict_word(summary),
            verdict_class,
            verdict_mark,
            reason: format::escape(&summary.reason),
            exit_code: summary.exit_code,
            partial: summary.partial,
            subline: subline(summary),
            labels: escaped_pairs(summary),
            tiles: tiles(summary),
            phases: summary.phases.iter().map(PhaseLine::of).collect(),
            total: PhaseLine::total(summary),
            throttled: throttled.collect(),
            searches: tables::searches(summary),
            charts: charts(buckets, &ground),
            ground,
            distributions: distributions(results),
            notes: Notes::of(summary),
            steps: tables::steps(summary),
            codes: tables::codes(&summary.totals),
            errors,
            more_tables: tables::classes(summary)
                .into_iter()
                .chain(tables::cases(summary))
                .collect(),
            thresholds: summary.thresholds.iter().map(Check::of_threshold).collect(),
            fit: fit(summary),
            fitness: summary.fitness.iter().map(Check::of_fitness).collect(),
            environment: facts(&summary.environment),
            identity: identity(summary),
            plan: plan_text(plan),
        }
    }
}

fn verdict(name: VerdictName) -> (&'static str, &'static str) {
    match name {
        VerdictName::Pass => ("pass", "✓"),
        VerdictName::Fail => ("fail", "✗"),
        VerdictName::Invalid => ("invalid", "!"),
        VerdictName::None => ("none", "–"),
    }
}

fn subline(summary: &Summary) -> Vec<String> {
    let took = Duration::try_from_secs_f64(summary.duration_s).unwrap_or_default();
    vec![
        summary.started_at.replace('T', " ").replace('Z', " UTC"),
        format::duration(took),
        format!("{} {}", summary.tool.name, summary.tool.version),
    ]
    .into_iter()
    .map(|text| format::escape(&text))
    .collect()
}

fn escaped_pairs(summary: &Summary) -> Vec<(String, String)> {
    let pairs = summary.labels.iter();
    pairs.map(|(key, value)| (format::escape(key), format::escape(value))).collect()
}

fn fit(summary: &Summary) -> Vec<String> {
    let misgivings = misgivings(&summary.fitness);
    if misgivings.is_empty() { vec![fitness_sentence(&summary.fitness)] } else { misgivings }
}

/// Of a run that only searches, what it found, and the figures of its probes.
fn tiles(summary: &Summary) -> Vec<Tile> {
    let counts = summary.totals.messages.planned > 0;
    let totals = if counts { &summary.totals } else { &summary.all };
    let found = summary.phases.iter().find_map(|phase| phase.search.as_ref());
    let [p50, _, p99, max] = percentiles(&totals.response_ms.unwrap_or_default());
    let errors = if totals.messages.errors() == 0 {
        "0".to_owned()
    } else {
        format::share(totals.errors_share)
    };
    let rate = |rate: Option<f64>| rate.map_or_else(|| format::UNKNOWN.to_owned(), format::rate);
    let level = |search: &SearchResult| {
        let level = search.capacity.map(|level| search_level(level, &search.unit));
        level.unwrap_or_else(|| format::UNKNOWN.to_owned())
    };
    let pace = match found {
        Some(search) => (level(search), "capacity found"),
        None => (rate(totals.accepted_per_s), "accepted per second"),
    };
    let messages = format::count(totals.messages.started);
    [
        (messages, if counts { "messages" } else { "messages of probes and warm-ups" }),
        pace,
        (errors, "errors"),
        (p50, "median response"),
        (p99, "99th percentile"),
        (max, "slowest"),
    ]
    .into_iter()
    .map(|(value, words)| Tile { value, words: words.to_owned() })
    .collect()
}

fn identity(summary: &Summary) -> Vec<Fact> {
    let plan = &summary.plan;
    let mut all = vec![
        ("plan", format::escape(&plan.name)),
        ("hash", format::escape(&plan.hash)),
        ("seed", plan.seed.to_string()),
    ];
    if let Some(file) = &plan.file {
        all.insert(1, ("file", format::escape(file)));
    }
    if let Some(segment) = &summary.segment {
        all.push(("segment", format::escape(segment)));
    }
    all.into_iter().map(|(name, value)| Fact { name: name.to_owned(), value }).collect()
}

/// The plan with its lines as they are, each of them safe to show.
fn plan_text(plan: &str) -> String {
    let mut text = String::new();
    for line in plan.lines() {
        if text.len() > LONGEST_PLAN {
            text.push_str("… the rest stands in plan.toml\n");
            break;
        }
        text.push_str(&format::escape(&format::cut(line, 2_000)));
        text.push('\n');
    }
    text
}
