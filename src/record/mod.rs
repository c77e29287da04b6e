//! Finished steps → tallies → frames → figures, and the results folder.

mod cell;
mod figures;
mod frame;
mod latency;
pub use frame::Handover;

pub use cell::{
    Cell, CellKey, ErrorCell, ErrorKey, MessageCounts, Octets, RecipientCounts, RecipientEnd,
    SessionCounts, StepCell, Tally,
};
pub use figures::{
    ErrorRow, Figures, FitnessRow, FitnessStatus, LatencyFigures, MessageFigures, OctetFigures,
    PhaseResult, PlanIdentity, RecipientFigures, SessionFigures, StepFigures, Summary,
    ThresholdRow, ToolIdentity, VerdictName,
};
pub use latency::Latency;
