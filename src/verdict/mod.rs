//! Figures × thresholds → pass, fail, invalid.

mod exit;
mod fitness;
mod judge;
mod load;
mod outcome;

pub use exit::ExitCode;
pub use fitness::{FitnessCheck, Reserves, advised, fitness, fitness_before, measured};
pub use judge::{judge, thresholds_of};
pub use load::{MachineLoad, WorkerLoad};
pub use outcome::{Course, Interruption, Verdict, decide};
