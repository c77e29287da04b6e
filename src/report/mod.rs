//! Figures and verdict → text. Pure rendering.

pub mod cases;
pub mod check;
pub mod compare;
pub mod mailbox;
pub mod preview;
mod progress;
mod search;
mod text;
mod throttling;

pub use progress::{LastSecond, Level, PhaseProgress, Progress};
pub use search::{probe_ended, search_ended};
pub use text::{Detail, Page, Style, render};
pub use throttling::throttling_began;
