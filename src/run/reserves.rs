//! What the plan needs × what this machine has → what a person should know before the start.

use super::Update;
use crate::engine::{ServerAddress, Shared};
use crate::monitor::{self, LocalPorts, Way};
use crate::plan::{Client, TargetId};
use crate::record::{FitnessRow, FitnessStatus};
use crate::timeline::{Reach, TIME_WAIT};
use crate::verdict::{Reserves, advised, fitness_before};

/// The checks that can speak before the first connection.
pub(super) fn checked(shared: &Shared) -> Vec<FitnessRow> {
    let ports = LocalPorts::of_this_machine();
    let kept = |client: &Client| match &ports {
        Some(ports) => ports.kept(way(client, shared)),
        None => TIME_WAIT,
    };
    let addresses = |target: TargetId| {
        let all = &shared.addresses[target.index()];
        all.iter().filter(|address| address.ip().is_some()).count()
    };
    let reach = Reach { kept: &kept, addresses: &addresses };
    let needs = shared.timeline.needs(&shared.plan, reach);
    let reserves = Reserves {
        descriptors: monitor::environment().nofile,
        local_ports: ports.map(|ports| ports.count),
    };
    fitness_before(&needs, reserves)
}

/// Says what there is too little of.
pub(super) fn tell(rows: &[FitnessRow], observe: &mut dyn FnMut(&Update<'_>)) {
    for row in rows.iter().filter(|row| row.status != FitnessStatus::Ok) {
        observe(&Update::Trouble(advised(row)));
    }
}

fn way(client: &Client, shared: &Shared) -> Way {
    let all = &shared.addresses[client.target.index()];
    let is_loopback = |ip: std::net::IpAddr| ip.to_canonical().is_loopback();
    if client.source.is_some() {
        Way::Bound
    } else if all.iter().filter_map(ServerAddress::ip).all(is_loopback) {
        Way::Loopback
    } else {
        Way::Network
    }
}
