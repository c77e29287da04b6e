//! Finished steps → tallies → frames → figures, and the results folder.

mod auth;
mod cases;
mod cell;
mod chronicle;
mod environment;
mod events;
mod figures;
mod folder;
mod frame;
mod histograms;
mod hlog;
mod journal;
mod latency;
mod ledger;
mod outline;
mod portion;
mod ratio;
mod results;
mod schema;
mod search;
mod series;
mod so_far;
mod sparse;
#[cfg(test)]
pub(crate) mod specimen;
mod statistic;
mod stint;
mod throttling;
mod tls;

pub use auth::{AuthCounts, AuthFigures};
pub use cases::{CaseCell, CaseCells, CaseFigures};
pub use cell::{
    Cell, CellKey, ErrorCell, ErrorKey, MessageCounts, Octets, RecipientCounts, SessionCounts,
    StepCell, Tally,
};
pub use chronicle::{Chronicle, ChronicleError, Second, Seconds};
pub use environment::{EnvironmentFigures, HostFigures, ProcessFigures, WatchedFigures};
pub use events::{Change, Event};
pub use figures::{
    ClassFigures, ErrorRow, Figures, FitnessRow, FitnessStatus, LatencyFigures, MessageFigures,
    OctetFigures, PhaseResult, PlanIdentity, RecipientFigures, SessionFigures, StepFigures,
    Summary, ThresholdRow, ToolIdentity, VerdictName,
};
pub use folder::{Folder, FolderError, write_junit, write_page};
pub use frame::{Frame, Handover, Merger, OpenPeaks, PeakOpen, PhaseGauge};
pub use journal::{RunEnd, RunRecord};
pub use latency::{Latency, PackedLatency};
pub use ledger::{Extent, Ledger, PhaseSpan, SpanEnd};
pub use outline::Outline;
pub use portion::{Broken, Portion, conserved};
pub(crate) use ratio::{as_float, ratio};
pub use results::Results;
pub use schema::summary_schema;
pub use search::{Condition, Probe, SearchEnd, SearchResult};
pub use series::{PhaseRow, SeriesRow};
pub use so_far::{SoFar, Times};
pub use statistic::Reading;
pub use stint::Stint;
pub use throttling::{
    Allowed, Onset, ThrottleCell, ThrottleCells, ThrottleIncrement, ThrottleKey, ThrottleRow,
    Throttled, Throttling,
};
pub use tls::{Negotiated, TlsCounts, TlsFigures};
