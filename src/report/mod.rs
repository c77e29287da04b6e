//! Figures and verdict → text. Pure rendering.

pub mod format;
mod progress;

pub use progress::{LastSecond, Level, PhaseProgress, Progress};
mod text;

pub use text::{Page, Style, render};
