//! `[[thresholds]]` and the thresholds of a phase.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ShortOr;
use crate::plan::Span;

/// What must hold: a text such as `message.p99 < 500ms`, or a table.
pub type ThresholdEntry = ShortOr<String, ThresholdTable>;

/// What must hold, and what happens when it does not.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ThresholdTable {
    /// METRIC OP VALUE, such as `message.errors < 5%`.
    #[schemars(required)]
    pub check: Option<String>,
    /// Judges it over the messages that ended in the last seconds, moving on by one second, as
    /// soon as so many seconds of the phase have passed. Rounded up to whole seconds. What is
    /// still without an answer counts only when it ends. Default: all messages so far.
    pub window: Option<Span>,
    /// For how long it must be broken without a pause before it counts as broken, rounded up to
    /// whole seconds. Default: at once.
    #[serde(rename = "for")]
    pub lasting: Option<Span>,
    /// What happens when it does not hold. Default: fail.
    pub action: Option<Action>,
    /// What it means when there is nothing to measure, in a `window` too. Default: fail.
    pub no_data: Option<NoData>,
}

/// What happens when a threshold does not hold.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The run fails.
    Fail,
    /// It is said.
    Warn,
    /// The run fails and ends: nothing starts any more, and what has started drains. It is judged
    /// each second, without a `window` over all that ended so far.
    Abort,
}

/// What it means when there is nothing to measure.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoData {
    /// The threshold does not hold.
    Fail,
    /// It holds.
    Pass,
}
