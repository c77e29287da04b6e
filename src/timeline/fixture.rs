//! Plans for the tests of this folder and of what renders them.

use std::time::Duration;

use crate::message::{CountRange, Form, Recipe, Recipients, Trace};
use crate::plan::{
    Arrival, Begin, Client, ClientId, Curve, Endpoint, FitnessLimits, Load, MessageId, Monitor,
    Phase, PhaseId, PhaseKind, Plan, SinkPlan, Target, TargetId, Timeouts, Weighted,
};
use crate::smtp::{Chunking, EhloName, Ending, Expectations, Pipelining, Protocol};

/// A plan with seed 42, four clients of 10 messages for each connection, and these phases.
pub(crate) fn plan(phases: Vec<Phase>) -> Plan {
    Plan {
        name: "fixture".to_owned(),
        seed: 42,
        labels: std::collections::BTreeMap::new(),
        targets: vec![target()],
        clients: ["app", "staff", "slow", "rude"].map(client).into(),
        messages: vec![recipe()],
        classes: Vec::new(),
        feeds: Vec::new(),
        phases,
        searches: Vec::new(),
        thresholds: Vec::new(),
        sink: SinkPlan::default(),
        monitor: Monitor { enabled: false, interval: Duration::from_secs(1), process: None },
        limits: FitnessLimits { cpu: 0.95, lag_p99: Duration::from_millis(10) },
    }
}

/// The embedded server.
pub(crate) fn target() -> Target {
    let second = Duration::from_secs(1);
    Target {
        name: "default".to_owned(),
        endpoint: Endpoint::Sink,
        protocol: Protocol::default(),
        timeouts: Timeouts { connect: second, reply: second, end_of_data: second },
        allow: Vec::new(),
    }
}

/// A client of the first target.
pub(crate) fn client(name: &str) -> Client {
    Client {
        name: name.to_owned(),
        target: TargetId(0),
        source: None,
        proxy: None,
        cases: None,
        messages: Weighted { choices: vec![(MessageId(0), 1.0)] },
        messages_per_connection: CountRange::exactly(10),
        max_connections: None,
        recipients: None,
        pipelining: Pipelining::default(),
        tls: None,
        chunking: Chunking::default(),
        dsn: None,
        xclient: None,
        pace: None,
        auth: None,
        ehlo: "app.load.test".parse::<EhloName>().unwrap(),
        think: Duration::ZERO,
        end: Ending::default(),
        expect: Expectations::default(),
    }
}

fn recipe() -> Recipe {
    Recipe {
        name: "receipt".to_owned(),
        from: "a@load.test".to_owned(),
        to: Recipients::Each(vec!["b@example.test".to_owned()]),
        cc: None,
        bcc: None,
        form: Form::Raw { text: "Subject: x\n\nx\n".into() },
        size: None,
        classes: Vec::new(),
        trace: Trace::Left,
        dkim: None,
        expect: Expectations::default(),
        library: std::sync::Arc::default(),
    }
}

/// A phase of this load at the start of the run, the clients weighted 80, 15, 4 and 1.
pub(crate) fn phase(load: Load, duration: Option<Duration>) -> Phase {
    Phase {
        name: "phase".to_owned(),
        kind: PhaseKind::Steady,
        begin: Begin::Start,
        load,
        duration,
        count: None,
        mix: Weighted { choices: (0..).map(ClientId).zip([80.0, 15.0, 4.0, 1.0]).collect() },
        max_connections: None,
        drain: Duration::from_secs(1),
        warmup: false,
        fresh: false,
        thresholds: Vec::new(),
    }
}

/// The same behind another phase.
pub(crate) fn after(phase: Phase, id: u16) -> Phase {
    Phase { begin: Begin::After(PhaseId(id)), ..phase }
}

pub(crate) fn open(rate: Curve, arrival: Arrival) -> Load {
    Load::Open { rate, arrival, max_in_flight: 2000 }
}

pub(crate) fn closed(connections: Curve) -> Load {
    Load::Closed { connections }
}

pub(crate) fn steady(level: f64) -> Curve {
    Curve::Linear { from: level, to: level }
}

#[expect(clippy::unnecessary_wraps, reason = "a phase's duration is optional")]
pub(crate) fn seconds(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

/// A mix of one client.
pub(crate) fn only(client: ClientId) -> Weighted<ClientId> {
    Weighted { choices: vec![(client, 1.0)] }
}
