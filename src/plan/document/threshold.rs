//! `[[thresholds]]` and the thresholds of a phase.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ShortOr;

/// Keys of a threshold that this version does not build.
pub(super) const LATER: &[&str] = &["window", "for"];

/// What must hold: a text such as `message.p99 < 500ms`, or a table.
pub type ThresholdEntry = ShortOr<String, ThresholdTable>;

/// What must hold, and what happens when it does not.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ThresholdTable {
    /// METRIC OP VALUE, such as `message.errors < 5%`.
    #[schemars(required)]
    pub check: Option<String>,
    /// What happens when it does not hold. Default: fail.
    pub action: Option<Action>,
    /// What it means when there is nothing to measure. Default: fail.
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
