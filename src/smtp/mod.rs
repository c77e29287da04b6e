//! One session's wire: commands, replies, capabilities, the dialog. Knows no plan and does no I/O
//! but for the dialer.

mod expectation;
mod outcome;
mod policy;
mod reply_code;
mod step;

pub use expectation::{CodeSet, CodeSetError, Expectations};
pub use outcome::{Outcome, Party};
pub use policy::{EhloName, EhloNameError, Ending, Pipelining};
pub use reply_code::{Class, Code, Enhanced};
pub use step::Step;
