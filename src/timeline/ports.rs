//! Clients and phases → the local ports that they need, before a connection is opened.
//!
//! A connection is told from others by its two addresses and ports, so what may run out are the
//! ports of one source address towards one address of a target. The side that closes first keeps
//! its port for a while (`TIME_WAIT`, RFC 9293, 3.3.2): a client that ends by `close`. One that
//! ends by `quit` leaves that to the server, which closes behind its 221, and a reset leaves
//! nothing.

use std::time::Duration;

use super::Model;
use super::needs::busiest;
use super::preview::{Placed, mean, shares, whole};
use crate::plan::{Address, Client, ClientId, Endpoint, Family, Plan, TargetId};
use crate::smtp::Ending;

/// How long a closed connection keeps its local port (`TIME_WAIT` on Linux).
pub const TIME_WAIT: Duration = Duration::from_mins(1);

/// What is known of the way to the servers.
#[derive(Clone, Copy)]
pub struct Reach<'a> {
    /// How long a connection that this client closed first keeps its local port.
    pub kept: &'a dyn Fn(&Client) -> Duration,
    /// How many addresses a target has; 0: none of the network's.
    pub addresses: &'a dyn Fn(TargetId) -> usize,
}

impl std::fmt::Debug for Reach<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reach")
    }
}

/// How many addresses a target has as far as its plan says so.
pub(super) fn addresses_named(plan: &Plan, target: TargetId) -> usize {
    let of_network = |address: &&Address| matches!(address, Address::Host { .. });
    match &plan.targets[target.index()].endpoint {
        Endpoint::Sink => 1,
        Endpoint::One(address) => usize::from(of_network(&address)),
        Endpoint::Spread(addresses) => addresses.iter().filter(of_network).count(),
    }
}

/// The ports that the busiest pair of a source address and a target's address needs at least; the
/// speed of a closed phase is up to the server, so only its open connections count.
pub(super) fn of_the_busiest_pair(plan: &Plan, placed: &[Placed<'_>], reach: Reach<'_>) -> u64 {
    let targets = (0..).map(TargetId).take(plan.targets.len());
    let needs = targets.map(|target| {
        let addresses = u32::try_from((reach.addresses)(target)).unwrap_or(u32::MAX);
        if addresses == 0 {
            return 0.0;
        }
        busiest(placed, &|placed| of_target(plan, placed, target, reach)) / f64::from(addresses)
    });
    whole(needs.fold(0.0, f64::max))
}

fn of_target(plan: &Plan, placed: &Placed<'_>, target: TargetId, reach: Reach<'_>) -> f64 {
    let sends = |id: ClientId| plan.clients[id.index()].target == target;
    let ports = |(id, share): (ClientId, f64)| {
        let client = &plan.clients[id.index()];
        let needed = open_slots(placed, id) + closed_within(placed, client, share, reach);
        needed / sources(client)
    };
    shares(placed.phase).filter(|(id, _)| sends(*id)).map(ports).sum()
}

/// The connections of a closed phase that one client holds at its highest.
fn open_slots(placed: &Placed<'_>, client: ClientId) -> f64 {
    let slots = (0..placed.line.peak_slots())
        .filter(|slot| placed.line.client_of_slot(*slot) == client)
        .count();
    f64::from(u32::try_from(slots).unwrap_or(u32::MAX))
}

/// The sessions of an open phase that this client closes while the first of them still keeps its
/// port.
fn closed_within(placed: &Placed<'_>, client: &Client, share: f64, reach: Reach<'_>) -> f64 {
    match (placed.line.model(), client.end) {
        (Model::Open, Ending::Close) => {
            let starts = starts_within(placed, (reach.kept)(client));
            starts * share / mean(client.messages_per_connection)
        }
        (Model::Open, Ending::Quit | Ending::Reset) | (Model::Closed | Model::Pause, _) => 0.0,
    }
}

/// A curve is at its highest at its beginning or at its end.
fn starts_within(placed: &Placed<'_>, time: Duration) -> f64 {
    let curve = placed.line.curve();
    let length = placed.line.length().unwrap_or_default();
    let first = curve.integral(time.min(length));
    let last = curve.integral(length) - curve.integral(length.saturating_sub(time));
    first.max(last)
}

/// Each source address has ports of its own.
fn sources(client: &Client) -> f64 {
    let pool = client.source.as_ref();
    let count = pool.map_or(1, |pool| pool.count(Family::V4).max(pool.count(Family::V6)));
    f64::from(u32::try_from(count).unwrap_or(u32::MAX).max(1))
}

#[cfg(test)]
mod tests {
    use super::super::Timeline;
    use super::super::fixture::{closed, only, open, phase, plan, seconds, steady};
    use super::*;
    use crate::message::CountRange;
    use crate::plan::{AddressPool, Arrival, Phase};

    /// 1,000 messages each second, each over a connection of its own that the client closes.
    fn hasty() -> Plan {
        let load = open(steady(1000.0), Arrival::Even);
        let phase = Phase { mix: only(ClientId(0)), ..phase(load, seconds(100)) };
        let mut plan = plan(vec![phase]);
        plan.clients[0].end = Ending::Close;
        plan.clients[0].messages_per_connection = CountRange::exactly(1);
        plan
    }

    fn needed(plan: &Plan, kept: u64, addresses: usize) -> u64 {
        let reach = Reach { kept: &|_| Duration::from_secs(kept), addresses: &|_| addresses };
        Timeline::new(plan).needs(plan, reach).local_ports_at_least
    }

    #[test]
    fn a_client_that_closes_first_keeps_its_ports_for_their_time() {
        assert_eq!(needed(&hasty(), 60, 1), 60_000);
        assert_eq!(needed(&hasty(), 1, 1), 1_000);
    }

    #[test]
    fn a_server_that_answers_quit_keeps_the_port_itself() {
        for end in [Ending::Quit, Ending::Reset] {
            let mut plan = hasty();
            plan.clients[0].end = end;

            assert_eq!(needed(&plan, 60, 1), 0, "{end:?}");
        }
    }

    #[test]
    fn addresses_on_either_side_multiply_the_ports() {
        let mut plan = hasty();
        assert_eq!(needed(&plan, 60, 3), 20_000);

        plan.clients[0].source = Some(AddressPool::new(vec!["127.0.0.0/30".parse().unwrap()]));
        let of_pool = plan.clients[0].source.as_ref().map_or(0, |pool| pool.count(Family::V4));
        assert_eq!(u128::from(needed(&plan, 60, 1)), 60_000 / of_pool);
    }

    #[test]
    fn a_socket_of_the_file_system_needs_none() {
        assert_eq!(needed(&hasty(), 60, 0), 0);
    }

    #[test]
    fn open_connections_have_a_port_each() {
        let load = closed(steady(50.0));
        let plan = plan(vec![Phase { mix: only(ClientId(0)), ..phase(load, seconds(10)) }]);

        assert_eq!(needed(&plan, 60, 1), 50);
    }
}
