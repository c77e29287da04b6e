//! Plan → timeline: pure, no clock, no I/O.
