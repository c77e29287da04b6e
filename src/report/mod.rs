//! Figures and verdict → text. Pure rendering.
