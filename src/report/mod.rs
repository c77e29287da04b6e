//! Figures and verdict → text. Pure rendering.

pub mod format;
pub mod preview;
