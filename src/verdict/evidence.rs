//! What was counted → what one metric needs of it, and its value.
//!
//! Evidence adds up, so that the same evidence of one second serves a window, a phase and a whole
//! run. Shares are of what has ended, not of what has started: a message that still waits for its
//! answer belongs to the second in which it ends.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::plan::{Metric, Stat};
use crate::record::{Cell, Latency, Reading, Stint, as_float, ratio};
use crate::smtp::{CaseEnd, Outcome};

/// What came out of one threshold before it is compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Finding {
    pub(super) value: Value,
    pub(super) few_samples: bool,
}

/// The value of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    /// It is known.
    Taken(f64),
    /// Messages without an answer decide it.
    Unanswered,
    /// There was nothing to measure.
    NeverTaken,
}

/// What a metric needs of what was counted.
#[derive(Clone, Debug)]
pub(super) enum Evidence {
    /// Of percentiles, maxima and means.
    Times(Latency),
    /// Of shares and counts.
    Counts {
        /// What is counted.
        part: u64,
        /// Among how many; of a count whether there was anything to count.
        whole: u64,
    },
    /// Of the generator's processor, by worker.
    Processor(BTreeMap<u32, Used>),
}

/// What one worker used.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Used {
    /// How long it is known.
    pub(super) time: Duration,
    /// How long its core worked for it.
    pub(super) core: Duration,
}

impl Evidence {
    /// Nothing yet.
    pub(super) fn none(metric: &Metric) -> Self {
        match metric {
            Metric::Message(_) | Metric::Session(_) | Metric::Step(..) => {
                Self::Times(Latency::default())
            }
            Metric::GeneratorCpu => Self::Processor(BTreeMap::new()),
            Metric::MessageErrors
            | Metric::SessionErrors
            | Metric::MessageCount
            | Metric::RateAchieved
            | Metric::Throughput
            | Metric::CodeShare(_)
            | Metric::CaseFindings => Self::Counts { part: 0, whole: 0 },
        }
    }

    /// Adds the times of a cell.
    pub(super) fn add_times(&mut self, metric: &Metric, cell: &Cell) {
        let Self::Times(sum) = self else { return };
        match metric {
            Metric::Message(_) => sum.merge(&cell.response),
            Metric::Session(_) => sum.merge(&cell.session),
            Metric::Step(step, _) => {
                if let Some(counted) = &cell.steps[step.index()] {
                    sum.merge(&counted.time);
                }
            }
            Metric::MessageErrors
            | Metric::SessionErrors
            | Metric::MessageCount
            | Metric::RateAchieved
            | Metric::Throughput
            | Metric::CodeShare(_)
            | Metric::CaseFindings
            | Metric::GeneratorCpu => {}
        }
    }

    /// Adds the counts of a cell.
    pub(super) fn add_counts(&mut self, metric: &Metric, cell: &Cell) {
        let Self::Counts { part, whole } = self else { return };
        let (more, of) = counts(metric, cell);
        *part += more;
        *whole += of;
    }

    /// Adds what a worker used of its core between two moments of the run's clock.
    pub(super) fn add_stint(&mut self, stint: &Stint, from: Duration, until: Duration) {
        let Self::Processor(workers) = self else { return };
        let within = stint.within(from, until);
        if within.is_zero() {
            return;
        }
        let part = within.as_secs_f64() / stint.length().as_secs_f64();
        let sum = workers.entry(stint.worker).or_default();
        sum.time += within;
        sum.core += stint.used.mul_f64(part);
    }

    /// Adds other evidence of the same metric.
    pub(super) fn add(&mut self, more: &Self) {
        match (self, more) {
            (Self::Times(sum), Self::Times(more)) => sum.merge(more),
            (Self::Counts { part, whole }, Self::Counts { part: more, whole: of }) => {
                *part += more;
                *whole += of;
            }
            (Self::Processor(sum), Self::Processor(more)) => {
                for (worker, used) in more {
                    let sum = sum.entry(*worker).or_default();
                    sum.time += used.time;
                    sum.core += used.core;
                }
            }
            (Self::Times(_) | Self::Counts { .. } | Self::Processor(_), _) => {}
        }
    }

    /// Takes away evidence that was added.
    pub(super) fn subtract(&mut self, part_of_it: &Self) {
        match (self, part_of_it) {
            (Self::Times(sum), Self::Times(less)) => sum.subtract(less),
            (Self::Counts { part, whole }, Self::Counts { part: less, whole: of }) => {
                *part = part.saturating_sub(*less);
                *whole = whole.saturating_sub(*of);
            }
            (Self::Processor(sum), Self::Processor(less)) => {
                for (worker, used) in less {
                    let sum = sum.entry(*worker).or_default();
                    sum.time = sum.time.saturating_sub(used.time);
                    sum.core = sum.core.saturating_sub(used.core);
                }
            }
            (Self::Times(_) | Self::Counts { .. } | Self::Processor(_), _) => {}
        }
    }

    /// The value, where `length` is the time in which messages started.
    pub(super) fn finding(&self, metric: &Metric, length: Duration) -> Finding {
        match (self, metric) {
            (
                Self::Times(times),
                Metric::Message(stat) | Metric::Session(stat) | Metric::Step(_, stat),
            ) => statistic(times, *stat),
            (Self::Counts { part, .. }, Metric::Throughput) => {
                let seconds = length.as_secs_f64();
                Finding::of((seconds > 0.0).then(|| as_float(*part) / seconds))
            }
            (Self::Counts { part, .. }, Metric::MessageCount) => Finding::of(Some(as_float(*part))),
            (Self::Counts { part, whole }, Metric::CaseFindings) => {
                Finding::of((*whole > 0).then(|| as_float(*part)))
            }
            (Self::Counts { part, whole }, _) => Finding::of(ratio(*part, *whole)),
            (Self::Processor(workers), _) => Finding::of(busiest(workers)),
            (Self::Times(_), _) => Finding::of(None),
        }
    }
}

impl Finding {
    pub(super) fn of(value: Option<f64>) -> Self {
        let value = value.map_or(Value::NeverTaken, Value::Taken);
        Self { value, few_samples: false }
    }
}

/// What is counted, and among how many.
fn counts(metric: &Metric, cell: &Cell) -> (u64, u64) {
    let messages = &cell.messages;
    match metric {
        Metric::MessageErrors => {
            let errors = Outcome::ALL.into_iter().filter(|outcome| outcome.is_error());
            let ours = messages.of(Outcome::Local) + messages.of(Outcome::Interrupted);
            let answered = messages.ended().saturating_sub(ours);
            (errors.map(|outcome| messages.of(outcome)).sum(), answered)
        }
        Metric::SessionErrors => {
            (cell.sessions.failed, cell.sessions.failed + cell.sessions.opened)
        }
        Metric::MessageCount => (messages.started, 0),
        Metric::RateAchieved => cell.starts(),
        Metric::Throughput => (messages.accepted_in_time, 0),
        Metric::CodeShare(codes) => {
            let decided = cell.codes.iter().filter(|(code, _)| codes.holds(**code));
            (decided.map(|(_, count)| count).sum(), messages.ended())
        }
        Metric::CaseFindings => {
            let sum = |count: fn(&crate::record::CaseCell) -> u64| -> u64 {
                cell.cases.values().map(count).sum()
            };
            let played = sum(|case| case.ended.iter().sum()) - sum(|case| case.of(CaseEnd::Local));
            (sum(|case| case.of(CaseEnd::Finding)), played)
        }
        Metric::Message(_) | Metric::Session(_) | Metric::Step(..) | Metric::GeneratorCpu => (0, 0),
    }
}

/// The clock of the run is read a moment before the thread's, which must not make more than all
/// of a core.
fn busiest(workers: &BTreeMap<u32, Used>) -> Option<f64> {
    let known = workers.values().filter(|used| !used.time.is_zero());
    known.map(|used| (used.core.as_secs_f64() / used.time.as_secs_f64()).min(1.0)).reduce(f64::max)
}

/// A percentile, maximum or mean of what was measured.
pub(super) fn statistic(latency: &Latency, stat: Stat) -> Finding {
    let (reading, few_samples) = match stat {
        Stat::Percentile(percent) => (latency.percentile(percent), !latency.supports(percent)),
        Stat::Max => (latency.largest(), false),
        Stat::Mean => (latency.mean(), false),
    };
    match reading {
        Some(Reading::Exactly(value)) => Finding { value: Value::Taken(value), few_samples },
        Some(Reading::AtLeast(_)) => Finding { value: Value::Unanswered, few_samples },
        None => Finding::of(None),
    }
}
