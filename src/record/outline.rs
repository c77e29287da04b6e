//! A plan → what its results need of it, which stands in `run.json`, and back.
//!
//! A results folder is read on machines that have neither the plan's secrets nor its files. What
//! an outline turns back into is a [`Plan`] that can be judged and shown, but not run.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::message::CountRange;
use crate::plan::{
    Client, Endpoint, FitnessLimits, Monitor, Phase, Plan, SinkPlan, Target, TargetId, Threshold,
    Timeouts, Weighted,
};
use crate::smtp::{Chunking, EhloName, Ending, Expectations, Pace, Pipelining, Protocol};

/// What results need of a plan. Phases, clients, targets and classes stand in the plan's order;
/// elsewhere in the folder they go by their position here, from 0.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Outline {
    name: String,
    seed: u64,
    labels: BTreeMap<String, String>,
    targets: Vec<TargetOutline>,
    clients: Vec<ClientOutline>,
    classes: Vec<String>,
    phases: Vec<Phase>,
    thresholds: Vec<Threshold>,
    limits: FitnessLimits,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct TargetOutline {
    name: String,
    embedded: bool,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct ClientOutline {
    name: String,
    target: TargetId,
    paced: bool,
    malformed: bool,
}

impl Outline {
    /// Whether the positions in both stand for the same.
    pub fn fits(&self, other: &Self) -> bool {
        let names = |outline: &Self| -> Vec<String> {
            outline.targets.iter().map(|target| target.name.clone()).collect()
        };
        names(self) == names(other)
            && (&self.clients, &self.classes, &self.phases)
                == (&other.clients, &other.classes, &other.phases)
    }
}

impl From<&Plan> for Outline {
    fn from(plan: &Plan) -> Self {
        Self {
            name: plan.name.clone(),
            seed: plan.seed,
            labels: plan.labels.clone(),
            targets: plan.targets.iter().map(TargetOutline::of).collect(),
            clients: plan.clients.iter().map(ClientOutline::of).collect(),
            classes: plan.classes.clone(),
            phases: plan.phases.clone(),
            thresholds: plan.thresholds.clone(),
            limits: plan.limits,
        }
    }
}

impl From<Outline> for Plan {
    fn from(outline: Outline) -> Self {
        Self {
            name: outline.name,
            seed: outline.seed,
            labels: outline.labels,
            targets: outline.targets.into_iter().map(TargetOutline::target).collect(),
            clients: outline.clients.into_iter().map(ClientOutline::client).collect(),
            messages: Vec::new(),
            classes: outline.classes,
            feeds: Vec::new(),
            phases: outline.phases,
            searches: Vec::new(),
            thresholds: outline.thresholds,
            sink: SinkPlan::default(),
            monitor: Monitor { enabled: false, interval: Duration::from_secs(1), process: None },
            limits: outline.limits,
        }
    }
}

impl TargetOutline {
    fn of(target: &Target) -> Self {
        Self { name: target.name.clone(), embedded: target.endpoint == Endpoint::Sink }
    }

    fn target(self) -> Target {
        let endpoint = if self.embedded { Endpoint::Sink } else { Endpoint::Spread(Vec::new()) };
        Target {
            name: self.name,
            endpoint,
            protocol: Protocol::default(),
            timeouts: Timeouts {
                connect: Duration::ZERO,
                reply: Duration::ZERO,
                end_of_data: Duration::ZERO,
            },
            allow: Vec::new(),
        }
    }
}

impl ClientOutline {
    fn of(client: &Client) -> Self {
        Self {
            name: client.name.clone(),
            target: client.target,
            paced: client.is_paced(),
            malformed: client.is_malformed(),
        }
    }

    fn client(self) -> Client {
        Client {
            name: self.name,
            target: self.target,
            source: None,
            proxy: None,
            cases: self.malformed.then(Vec::new),
            messages: Weighted { choices: Vec::new() },
            messages_per_connection: CountRange::exactly(1),
            max_connections: None,
            recipients: None,
            pipelining: Pipelining::default(),
            tls: None,
            chunking: Chunking::default(),
            dsn: None,
            xclient: None,
            auth: None,
            ehlo: EhloName::default(),
            think: Duration::ZERO,
            pace: self.paced.then(Pace::default),
            end: Ending::default(),
            expect: Expectations::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::specimen::plan;

    #[test]
    fn what_results_need_comes_back_from_json() {
        let mut plan = plan();
        plan.clients[1].pace = Some(Pace::default());
        plan.clients[0].cases = Some(Vec::new());
        let outline = Outline::from(&plan);

        let text = serde_json::to_string(&outline).unwrap();
        let read: Outline = serde_json::from_str(&text).unwrap();

        assert_eq!(read, outline);
        let back = Plan::from(read);
        assert_eq!((&back.phases, &back.limits), (&plan.phases, &plan.limits));
        assert!(back.clients[1].is_paced() && back.clients[0].is_malformed());
        assert_eq!(Outline::from(&back), outline);
    }
}
