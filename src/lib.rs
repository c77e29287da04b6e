//! Load and stress tests for SMTP servers, from plans that a team keeps in version control.
//!
//! Data flows one way: plan text → document → [`plan::Plan`] → timeline → starts → sessions →
//! frames → figures and verdict → report. The modules below stand in this order, and a module
//! uses only those above it (`tests/layers.rs` checks it).

pub mod draw;

pub mod format;

pub mod smtp;

pub mod message;

pub mod plan;

pub mod timeline;

pub mod monitor;

pub mod record;

pub mod verdict;

pub mod sink;

pub mod engine;

pub mod report;

pub mod run;

pub mod cli;
