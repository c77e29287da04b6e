//! `[[phases]]` and `[defaults]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Mix, ShortOr, ThresholdEntry};
use crate::plan::{Rate, Share, Span};

/// Keys of a phase that this version does not build.
pub(super) const LATER: &[&str] = &["per"];

/// One line of the timeline.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Phase {
    /// A name of its own.
    #[schemars(required)]
    pub name: Option<String>,
    /// How the level moves.
    #[schemars(required)]
    pub kind: Option<PhaseKind>,
    /// The closed model: so many connections, each sending as fast as it may.
    pub connections: Option<ShortOr<u32, Levels<u32>>>,
    /// The open model: so many messages start, whatever the server does.
    pub rate: Option<ShortOr<Rate, Levels<Rate>>>,
    /// When the phase ends.
    pub duration: Option<Span>,
    /// Ends the phase also when so many messages have started.
    #[schemars(range(min = 1))]
    pub count: Option<u64>,
    /// Of a burst: from one burst's beginning to the next.
    pub every: Option<Span>,
    /// Of a burst: how long one is.
    pub burst: Option<Span>,
    /// Of steps and of a search: how long each level is held.
    pub hold: Option<Span>,
    /// Of a search: what must hold at a level, judged over all messages of its probe once the last
    /// of them has ended. At least one; entries have neither `action` nor a window.
    #[serde(rename = "while")]
    #[schemars(length(min = 1))]
    pub conditions: Option<Vec<ThresholdEntry>>,
    /// Of a search: for how long nothing is sent between the last answer of a probe and the next
    /// probe. Default: 5s.
    pub settle: Option<Span>,
    /// Of a search: how close the highest level that holds and the lowest that doesn't must come,
    /// as a share of the former; 0.1 % to 50 %. Default: 5%.
    pub precision: Option<Share>,
    /// Of a search: how many levels are tried at most. Default: 20.
    #[schemars(range(min = 1, max = 100))]
    pub max_probes: Option<u16>,
    /// The name of an earlier phase; this one begins with it, beside the others, instead of after
    /// the phase before.
    pub with: Option<String>,
    /// With `with`: how long after that phase's beginning.
    pub delay: Option<Span>,
    /// Has its own row only, and is left out of totals, fitness and plan-wide thresholds.
    pub warmup: Option<bool>,
    /// Repeats the phase so often, as `NAME/1`, `NAME/2`, ...
    #[schemars(range(min = 1, max = 1000))]
    pub repeat: Option<u32>,
    /// Takes no session over from the phase before.
    pub fresh: Option<bool>,
    /// Who sends: a mix, one client, or weights such as `{ app = 3, slow = 1 }`.
    pub mix: Option<Mix>,
    /// How the starts of a `rate` are spaced.
    pub arrival: Option<Arrival>,
    /// With `rate`: more messages than this at a time are dropped, not started.
    #[schemars(range(min = 1))]
    pub max_in_flight: Option<u32>,
    /// How many sessions all clients together may have open at a time in this phase.
    #[schemars(range(min = 1))]
    pub max_connections: Option<u32>,
    /// For how long what has started may run on beside the next phase.
    pub drain: Option<Span>,
    /// What must hold in this phase.
    pub thresholds: Option<Vec<ThresholdEntry>>,
}

/// What every phase inherits and may override.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Defaults {
    /// Who sends. Default: the only client.
    pub mix: Option<Mix>,
    /// How the starts of a `rate` are spaced. Default: poisson.
    pub arrival: Option<Arrival>,
    /// With `rate`: more messages than this at a time are dropped. Default: 2000.
    #[schemars(range(min = 1))]
    pub max_in_flight: Option<u32>,
    /// How many sessions all clients together may have open at a time in a phase. Default: no limit.
    #[schemars(range(min = 1))]
    pub max_connections: Option<u32>,
    /// For how long what has started may run on beside the next phase. Default: the longest of
    /// the timeouts of the phase's targets.
    pub drain: Option<Span>,
    /// What must hold in each phase.
    pub thresholds: Option<Vec<ThresholdEntry>>,
}

/// How the level of a phase moves.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PhaseKind {
    /// One level.
    Steady,
    /// Evenly from one level to another.
    Ramp,
    /// A base with regular peaks.
    Burst,
    /// A staircase; each level is a phase `NAME/1`, `NAME/2`, ... of its own.
    Step,
    /// Nothing is sent; connections stay open.
    Pause,
    /// The highest level at which all of `while` hold: doubled from `from` until they don't, then
    /// bisected; each probe is a phase `NAME/1`, `NAME/2`, ... of its own, in no total.
    Search,
}

/// A level that moves: `{ from, to }` of a ramp and of a search, `{ from, to, by }` of steps, `{ base, peak }` of
/// bursts.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Levels<T> {
    /// Where it begins. A ramp's default: the level at which the nearest earlier phase of the
    /// same model ends.
    pub from: Option<T>,
    /// Where it ends.
    pub to: Option<T>,
    /// From one step to the next.
    pub by: Option<T>,
    /// Between the bursts.
    pub base: Option<T>,
    /// In the bursts.
    pub peak: Option<T>,
}

/// How the starts of a `rate` are spaced.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrival {
    /// By chance, as independent senders do it; drawn from the seed.
    Poisson,
    /// At equal distances.
    Even,
}
