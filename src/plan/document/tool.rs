//! `[monitor]` and `[generator]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ProcessText;
use crate::plan::{Share, Span};

/// What is watched while the plan runs.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Monitor {
    /// Whether the host and this program are watched. Default: true.
    pub enabled: Option<bool>,
    /// How often, at least 200ms. Default: 1s.
    pub interval: Option<Span>,
    /// A process of this machine that is watched too, with all its descendants: its number, or the
    /// name of its program. Of several with one name it is the one that started the others. Named
    /// by its name it is followed over a restart. Default: none.
    pub process: Option<ProcessText>,
}

/// When the tester itself is not fit.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Generator {
    /// Beyond these the run is INVALID: its figures describe the tester.
    pub limits: Option<Limits>,
}

/// The limits of the tester.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Limits {
    /// The share of its core that a worker thread may use. Default: 95%.
    pub cpu: Option<Share>,
    /// The 99th percentile of the lag. Default: 10ms.
    pub lag_p99: Option<Span>,
}
