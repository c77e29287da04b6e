//! Text → document → [`Plan`]: what a run does, with every name resolved and every value typed.

#[cfg(test)]
pub(crate) mod certificates;
mod check;
mod complete;
mod corpora;
mod de;
mod diagnostic;
pub mod document;
mod errors;
mod files;
mod follow;
mod gather;
mod load;
mod lower;
mod merge;
mod model;
mod name;
mod route;
mod schema;
mod secrets;
mod settle;
mod source;
mod threshold;
mod value;
mod watched;

pub use check::ThresholdError;
pub use diagnostic::{Diagnostic, DiagnosticCode, Part, Place, escape, suggest};
pub use document::Document;
pub use errors::{Look, PlanErrors};
pub use load::{Loaded, Surroundings, load};
pub use model::{
    Arrival, Begin, Client, ClientId, Curve, Delay, Endpoint, FitnessLimits, Identity, Load,
    MessageId, Monitor, Phase, PhaseId, PhaseKind, Plan, Search, SearchId, Service, SinkLimits,
    SinkPlan, SinkReject, SinkReply, SinkRole, SinkStep, SinkTls, Stall, Target, TargetId,
    Timeouts, Tls, TlsVersion, Verify, Weighted,
};
pub use route::{Address, AddressPool, Family, Proxy};
pub use schema::plan_schema;
pub use secrets::Environment;
pub use settle::{
    Destination, Origins, Overrides, PlannedThresholds, Settled, TargetAddress, VarsFile,
    escape_dollars, settle,
};
pub use source::{Format, Source};
pub use threshold::{Action, Metric, NoData, Op, Scope, Stat, Threshold, Unit};
pub use value::{
    ByteSize, ByteSizeError, OctetRate, OctetRateError, Rate, RateError, Share, ShareError, Span,
    SpanError,
};
pub use watched::{WatchedProcess, WatchedProcessError};
