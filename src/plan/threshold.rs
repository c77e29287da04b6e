//! What must hold: `METRIC OP VALUE`.

use std::time::Duration;

use crate::smtp::{CodeSet, Step};
use serde::{Deserialize, Serialize};

/// One check on the results.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Threshold {
    /// The check as the plan writes it, such as `message.p99 < 500ms`.
    pub text: String,
    /// What is measured.
    pub metric: Metric,
    /// Which part of the results is looked at; none: all of the phase or of the totals.
    pub scope: Option<Scope>,
    /// How the value is compared.
    pub op: Op,
    /// The limit, in the metric's [`Unit`].
    pub limit: f64,
    /// What it is judged over; none: all that came so far.
    pub window: Option<Duration>,
    /// For how long it must be broken without a pause before it counts as broken, in whole
    /// seconds; zero: at once.
    pub lasting: Duration,
    /// What happens when it does not hold.
    pub action: Action,
    /// What a value that was never taken means.
    pub no_data: NoData,
}

/// A number of the results.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// The response time of messages.
    Message(Stat),
    /// Connect until ready for MAIL.
    Session(Stat),
    /// One step's time.
    Step(Step, Stat),
    /// The share of messages that ended as errors.
    MessageErrors,
    /// The share of sessions that failed to open.
    SessionErrors,
    /// The number of messages that started.
    MessageCount,
    /// Started by planned; an error in a closed phase.
    RateAchieved,
    /// Accepted messages per second.
    Throughput,
    /// The share of ended messages that these codes decided.
    CodeShare(CodeSet),
    /// The number of malformed cases in which the server did what it must not do.
    CaseFindings,
    /// The busiest worker's share of its core.
    GeneratorCpu,
}

/// Which number of a distribution.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stat {
    /// A percentile, above 0 and below 100.
    Percentile(f64),
    /// The largest.
    Max,
    /// The mean.
    Mean,
}

/// A part of the results, by name.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Of one client.
    Client(String),
    /// Of all addresses of one target.
    Target(String),
    /// Of one address of any target.
    Address(String),
    /// Of the messages of one class.
    Class(String),
}

/// A comparison.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// `==`
    Equal,
}

/// The unit that a metric is compared in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unit {
    /// Milliseconds.
    Milliseconds,
    /// A fraction of one.
    Share,
    /// Messages per second.
    PerSecond,
    /// A plain number.
    Count,
}

/// What happens when a threshold does not hold.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The run fails.
    #[default]
    Fail,
    /// It is said.
    Warn,
    /// The run fails, and ends as soon as it is broken.
    Abort,
}

/// What a value that was never taken means.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoData {
    /// The threshold does not hold.
    #[default]
    Fail,
    /// It holds.
    Pass,
}

impl Metric {
    /// The unit that its limit is in.
    pub const fn unit(&self) -> Unit {
        match self {
            Self::Message(_) | Self::Session(_) | Self::Step(..) => Unit::Milliseconds,
            Self::MessageErrors
            | Self::SessionErrors
            | Self::RateAchieved
            | Self::CodeShare(_)
            | Self::GeneratorCpu => Unit::Share,
            Self::MessageCount | Self::CaseFindings => Unit::Count,
            Self::Throughput => Unit::PerSecond,
        }
    }
}

impl Threshold {
    /// Whether it is judged while the run goes on, and not at its end alone.
    pub fn is_live(&self) -> bool {
        self.window.is_some() || !self.lasting.is_zero() || self.action == Action::Abort
    }
}

impl Op {
    /// Whether `value OP limit` is true.
    pub fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Less => value < limit,
            Self::AtMost => value <= limit,
            Self::Greater => value > limit,
            Self::AtLeast => value >= limit,
            Self::Equal => (value - limit).abs() <= f64::EPSILON * limit.abs().max(1.0),
        }
    }
}
