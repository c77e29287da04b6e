//! The real binary × its embedded server, or a scripted one → what a user sees and keeps.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at what it cannot do")]

mod auth;
mod check;
mod compare;
mod corpus;
mod draws;
mod endings;
mod faults;
mod feeds;
mod fitness;
mod folder;
mod forms;
mod journal;
mod pages;
mod program;
mod prometheus;
mod quick;
mod render;
mod report;
mod route;
mod scenarios;
mod search;
mod server;
mod sink;
mod sums;
mod thresholds;
mod throttling;
mod tls;
mod words;
