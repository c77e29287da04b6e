//! Phases in their places → the highest levels, and what the machine must have for them.
//!
//! These are estimates for a person who is about to run the plan. Limits are stated from above
//! where falling short would break the run (descriptors), and from below where the server's
//! speed decides (local ports, `ports.rs`).

use serde::Serialize;

use super::Model;
use super::ports::{self, Reach};
use super::preview::{Placed, approximate, shares, whole};
use crate::plan::{Endpoint, Load, Plan, SinkRole};

/// The local ports of a Linux host as it comes (32768 to 60999), from one address to another.
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
    /// Local ports at least, of one source address towards one address of a target, where that
    /// pair needs the most: those that are open, and those kept behind sessions that their
    /// client closed.
    pub local_ports_at_least: u64,
    /// How many of them a host usually has.
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
    pub(super) fn of(
        plan: &Plan,
        placed: &[Placed<'_>],
        sizes: &[Option<f64>],
        reach: Reach<'_>,
    ) -> Self {
        let connections = connections_at_most(plan, placed);
        let largest = sizes.iter().flatten().copied().fold(0.0, f64::max);
        let session = SESSION_OCTETS.saturating_add(whole(largest));
        Self {
            descriptors: connections
                .saturating_mul(ends_of_a_connection(plan))
                .saturating_add(OTHER_DESCRIPTORS),
            local_ports_at_least: ports::of_the_busiest_pair(plan, placed, reach),
            local_ports_usual: USUAL_PORTS,
            memory_octets: connections.saturating_mul(session).saturating_add(BASE_OCTETS),
        }
    }
}

/// The largest sum over phases that are in force together. Their peaks may not fall together,
/// so this is a bound. One of which it is not known when it begins is taken by itself.
pub(super) fn busiest(placed: &[Placed<'_>], value: &dyn Fn(&Placed<'_>) -> f64) -> f64 {
    let (mut known, unknown): (Vec<&Placed<'_>>, Vec<_>) =
        placed.iter().partition(|placed| placed.begin.is_some());
    known.sort_by_key(|placed| placed.begin);
    // Only those that are still in force are looked at again: a plan may have thousands.
    let mut in_force: Vec<&Placed<'_>> = Vec::new();
    let sums = known.chunk_by(|one, other| one.begin == other.begin).map(|together| {
        let now = together.first().and_then(|placed| placed.begin);
        in_force.extend(together);
        in_force.retain(|placed| placed.end.is_none_or(|end| now < Some(end)));
        in_force.iter().map(|placed| value(placed)).sum()
    });
    sums.chain(unknown.iter().map(|placed| value(placed))).fold(0.0, f64::max)
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

/// The embedded server runs in the same process.
fn ends_of_a_connection(plan: &Plan) -> u64 {
    let to_sink = plan.targets.iter().any(|target| target.endpoint == Endpoint::Sink);
    match plan.sink.role {
        SinkRole::Target => 2,
        SinkRole::NextHop | SinkRole::Off if to_sink => 2,
        SinkRole::NextHop | SinkRole::Off => 1,
    }
}
