//! Figures × thresholds → pass, fail, invalid.

mod bracket;
pub mod compare;
mod evidence;
mod exit;
mod fitness;
mod judge;
mod live;
mod load;
mod outcome;
mod part;
mod probe;
mod searched;
mod words;

pub use bracket::{Bracket, Grain, Next, ProbeEnd};
pub use exit::ExitCode;
pub use fitness::{FitnessCheck, Reserves, advised, fitness, fitness_before, measured};
pub use judge::{judge, thresholds_of};
pub use live::{Crossed, Crossing, LiveThresholds};
pub use load::{MachineLoad, WorkerLoad};
pub use outcome::{Course, Interruption, Verdict, decide};
pub use probe::{judge_probe, probe_end};
pub use searched::{search_level, search_sentence, with_searches};
pub use words::{broken, named, times};
