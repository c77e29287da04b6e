//! Figures and verdict → text. Pure rendering.

pub mod format;
