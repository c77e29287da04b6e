//! Figures × thresholds → pass, fail, invalid.

mod exit;
mod fitness;
mod judge;
mod load;
mod outcome;

pub use exit::ExitCode;
pub use fitness::fitness;
pub use judge::{judge, thresholds_of};
pub use load::WorkerLoad;
pub use outcome::{Course, Interruption, Verdict, decide};
