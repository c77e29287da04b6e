//! The scope of a threshold → which of the counted cells belong to it.

use crate::message::ClassId;
use crate::plan::{Client, ClientId, Metric, Phase, Plan, Scope, TargetId};
use crate::record::{Cell, CellKey};

/// A part of what is counted, by ids.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Part {
    /// All of it.
    All,
    /// One client's, with its times, paced or not.
    Client(ClientId),
    /// That of all addresses of one target.
    Target(TargetId),
    /// That of these addresses, each of a target.
    Addresses(Vec<(TargetId, u16)>),
    /// That of one class of messages.
    Class(ClassId),
    /// None of it: nothing has that name.
    Nothing,
}

impl Part {
    /// The part that a scope names; `addresses` are those of the run by target.
    pub(super) fn of(scope: Option<&Scope>, plan: &Plan, addresses: &[Vec<String>]) -> Self {
        let found = match scope {
            None => Some(Self::All),
            Some(Scope::Client(name)) => {
                let mut clients = (0..).map(ClientId).zip(&plan.clients);
                clients.find(|(_, client)| client.name == *name).map(|(id, _)| Self::Client(id))
            }
            Some(Scope::Target(name)) => {
                let mut targets = (0..).map(TargetId).zip(&plan.targets);
                targets.find(|(_, target)| target.name == *name).map(|(id, _)| Self::Target(id))
            }
            Some(Scope::Class(name)) => {
                let class = plan.classes().find(|(_, known)| known == name);
                class.map(|(id, _)| Self::Class(id))
            }
            Some(Scope::Address(name)) => Some(Self::Addresses(places(name, addresses))),
        };
        found.unwrap_or(Self::Nothing)
    }

    /// What a cell holds of this part.
    pub(super) fn within<'c>(&self, key: CellKey, cell: &'c Cell, plan: &Plan) -> Option<&'c Cell> {
        let target = || plan.clients.get(key.client.index()).map(|client| client.target);
        let is_inside = match self {
            Self::All => true,
            Self::Client(client) => key.client == *client,
            Self::Target(wanted) => target() == Some(*wanted),
            Self::Addresses(wanted) => {
                target().is_some_and(|target| wanted.contains(&(target, key.address)))
            }
            Self::Class(class) => return cell.classes.get(class).map(|cell| &**cell),
            Self::Nothing => false,
        };
        is_inside.then_some(cell)
    }

    /// Whether a client's times belong to it: those of a paced one tell nothing of the target, and
    /// count only where it is asked for by name.
    pub(super) fn takes_times_of(&self, client: Option<&Client>) -> bool {
        matches!(self, Self::Client(_)) || !client.is_some_and(Client::is_paced)
    }

    /// Whether a phase has senders that belong to it and do what the metric speaks of.
    pub(super) fn is_sent_in(&self, phase: &Phase, metric: &Metric, plan: &Plan) -> bool {
        phase.mix.choices.iter().any(|(id, _)| {
            let Some(client) = plan.clients.get(id.index()) else { return false };
            let is_inside = match self {
                Self::Client(wanted) => id == wanted,
                Self::Target(wanted) => client.target == *wanted,
                Self::All | Self::Addresses(_) | Self::Class(_) => true,
                Self::Nothing => false,
            };
            is_inside && is_done_by(client, metric)
        })
    }
}

/// Whether a client does what a metric speaks of: cases are played by malformed ones, and mail is
/// sent by all others.
const fn is_done_by(client: &Client, metric: &Metric) -> bool {
    match metric {
        Metric::CaseFindings => client.is_malformed(),
        Metric::RateAchieved | Metric::GeneratorCpu => true,
        Metric::Message(_)
        | Metric::Session(_)
        | Metric::Step(..)
        | Metric::MessageErrors
        | Metric::SessionErrors
        | Metric::MessageCount
        | Metric::Throughput
        | Metric::CodeShare(_) => !client.is_malformed(),
    }
}

/// Where an address stands among those of each target.
fn places(name: &str, addresses: &[Vec<String>]) -> Vec<(TargetId, u16)> {
    let of_targets = (0..).map(TargetId).zip(addresses);
    let places = of_targets.flat_map(|(target, all)| {
        let found = (0..).zip(all).filter(|(_, known)| *known == name);
        found.map(move |(address, _)| (target, address))
    });
    places.collect()
}
