//! Phases in their places → the highest levels, and what the machine must have for them.
//!
//! These are estimates for a person who is about to run the plan. Limits are stated from above
//! where falling short would break the run (descriptors), and from below where the server's
//! speed decides (local ports).

use std::time::Duration;

use serde::Serialize;

use super::Model;
use super::preview::{Placed, approximate, mean, shares, whole};
use crate::plan::{Endpoint, Family, Load, Plan, SinkRole};
use crate::smtp::Ending;

/// How long a closed connection keeps its local port (`TIME_WAIT` on Linux).
const TIME_WAIT: Duration = Duration::from_mins(1);
/// The local ports of a Linux host as it comes (32768 to 60999), for each target address.
const USUAL_PORTS: u64 = 28_232;
/// Descriptors beside those of connections: standard streams, results, timers, the monitor.
const OTHER_DESCRIPTORS: u64 = 64;
/// The program with its histograms.
const BASE_OCTETS: u64 = 24 << 20;
/// A session with its buffers, without its message.
const SESSION_OCTETS: u64 = 16 << 10;

/// The highest levels, those of phases beside each other added up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Peaks {
    /// Connections of closed phases.
    pub connections: u64,
    /// Connections of closed and open phases at most; how many an open phase needs is up to the
    /// server.
    pub connections_at_most: u64,
    /// Messages per second of open phases.
    pub rate_per_s: f64,
}

/// What the machine must have.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Needs {
    /// Open files at most; both ends of a connection to the embedded server count.
    pub descriptors: u64,
    /// Local ports that are open, or kept for a minute after their session, at least.
    pub local_ports_at_least: u64,
    /// How many of them a host usually has for each target address, for the client with the
    /// fewest `source` addresses.
    pub local_ports_usual: u64,
    /// Memory, an estimate.
    pub memory_octets: u64,
}

impl Peaks {
    pub(super) fn of(plan: &Plan, placed: &[Placed<'_>]) -> Self {
        Self {
            connections: whole(busiest(placed, &|placed| f64::from(placed.line.peak_slots()))),
            connections_at_most: connections_at_most(plan, placed),
            rate_per_s: busiest(placed, &|placed| match placed.line.model() {
                Model::Open => placed.line.peak(),
                Model::Closed | Model::Pause => 0.0,
            }),
        }
    }
}

impl Needs {
    pub(super) fn of(plan: &Plan, placed: &[Placed<'_>], sizes: &[Option<f64>]) -> Self {
        let connections = connections_at_most(plan, placed);
        let ports = busiest(placed, &|placed| {
            f64::from(placed.line.peak_slots()) + sessions_of_a_minute(plan, placed)
        });
        let largest = sizes.iter().flatten().copied().fold(0.0, f64::max);
        let session = SESSION_OCTETS.saturating_add(whole(largest));
        Self {
            descriptors: connections
                .saturating_mul(ends_of_a_connection(plan))
                .saturating_add(OTHER_DESCRIPTORS),
            local_ports_at_least: whole(ports),
            local_ports_usual: usual_ports(plan),
            memory_octets: connections.saturating_mul(session).saturating_add(BASE_OCTETS),
        }
    }
}

/// Each local address has a set of ports of its own.
fn usual_ports(plan: &Plan) -> u64 {
    let addresses = plan.clients.iter().map(|client| match &client.source {
        Some(source) => source.count(Family::V4).max(source.count(Family::V6)),
        None => 1,
    });
    let fewest = u64::try_from(addresses.min().unwrap_or(1)).unwrap_or(u64::MAX);
    USUAL_PORTS.saturating_mul(fewest)
}

/// The largest sum over phases that are in force together. Their peaks may not fall together,
/// so this is a bound.
fn busiest(placed: &[Placed<'_>], value: &dyn Fn(&Placed<'_>) -> f64) -> f64 {
    let sum_at = |at: &Placed<'_>| match at.begin {
        Some(begin) => placed.iter().filter(|other| is_in_force(other, begin)).map(value).sum(),
        None => value(at),
    };
    placed.iter().map(sum_at).fold(0.0, f64::max)
}

fn is_in_force(placed: &Placed<'_>, at: Duration) -> bool {
    placed.begin.is_some_and(|begin| begin <= at) && placed.end.is_none_or(|end| at < end)
}

fn connections_at_most(plan: &Plan, placed: &[Placed<'_>]) -> u64 {
    whole(busiest(placed, &|placed| match placed.phase.load {
        Load::Open { max_in_flight, .. } => {
            approximate(open_connections(plan, placed, max_in_flight))
        }
        Load::Closed { .. } => f64::from(placed.line.peak_slots()),
        Load::Pause => 0.0,
    }))
}

/// Each message in flight may have a session of its own, unless a limit says otherwise.
fn open_connections(plan: &Plan, placed: &Placed<'_>, max_in_flight: u32) -> u64 {
    let of_clients: Option<u64> = shares(placed.phase)
        .map(|(id, _)| plan.clients[id.index()].max_connections.map(u64::from))
        .sum();
    [placed.line.starts_planned(), placed.phase.max_connections.map(u64::from), of_clients]
        .into_iter()
        .flatten()
        .fold(u64::from(max_in_flight), u64::min)
}

/// The sessions that end in the busiest minute of an open phase and leave a local port behind:
/// all but those that are reset.
fn sessions_of_a_minute(plan: &Plan, placed: &Placed<'_>) -> f64 {
    let starts = starts_of_a_minute(placed);
    shares(placed.phase)
        .map(|(id, share)| {
            let client = &plan.clients[id.index()];
            match client.end {
                Ending::Quit | Ending::Close => {
                    starts * share / mean(client.messages_per_connection)
                }
                Ending::Reset => 0.0,
            }
        })
        .sum()
}

/// A curve is at its highest in its first or in its last minute.
fn starts_of_a_minute(placed: &Placed<'_>) -> f64 {
    if placed.line.model() != Model::Open {
        return 0.0;
    }
    let curve = placed.line.curve();
    let length = placed.line.length().unwrap_or_default();
    let first = curve.integral(TIME_WAIT.min(length));
    let last = curve.integral(length) - curve.integral(length.saturating_sub(TIME_WAIT));
    first.max(last)
}

/// The embedded server runs in the same process.
fn ends_of_a_connection(plan: &Plan) -> u64 {
    let to_sink = plan.targets.iter().any(|target| target.endpoint == Endpoint::Sink);
    match plan.sink.role {
        SinkRole::Target => 2,
        SinkRole::NextHop | SinkRole::Off if to_sink => 2,
        SinkRole::NextHop | SinkRole::Off => 1,
    }
}
