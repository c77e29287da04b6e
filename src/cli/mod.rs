//! The command line.

pub mod args;
pub mod quick;
pub mod variables;
