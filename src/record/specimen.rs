//! A small plan and cells with known contents, for the tests of figures and verdicts.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Cell, CellKey, Frame, Ledger, PhaseSpan};
use crate::message::CountRange;
use crate::plan::{
    Address, Arrival, Begin, Client, ClientId, Curve, Endpoint, FitnessLimits, Load, MessageId,
    Monitor, Phase, PhaseId, PhaseKind, Plan, SinkPlan, SinkRole, Target, TargetId, Timeouts,
    Weighted,
};
use crate::smtp::{Chunking, Ending, Expectations, Outcome, Pipelining, Protocol};

pub(crate) const WARM_UP: PhaseId = PhaseId(0);
pub(crate) const OPEN: PhaseId = PhaseId(1);
pub(crate) const CLOSED: PhaseId = PhaseId(2);

/// Phases `warm-up` (closed), `open` and `closed`; clients `app` and `bulk`, which talk to the
/// targets `default` and `other`.
pub(crate) fn plan() -> Plan {
    Plan {
        name: "specimen".to_owned(),
        seed: 1,
        labels: BTreeMap::new(),
        targets: vec![target("default"), target("other")],
        clients: vec![client("app", TargetId(0)), client("bulk", TargetId(1))],
        messages: Vec::new(),
        feeds: Vec::new(),
        phases: vec![
            Phase { warmup: true, ..phase("warm-up", closed()) },
            phase("open", open()),
            phase("closed", closed()),
        ],
        thresholds: Vec::new(),
        sink: SinkPlan {
            listen: None,
            role: SinkRole::Off,
            latency: Vec::new(),
            replies: Vec::new(),
            servers: None,
            service: None,
            stall: None,
        },
        monitor: Monitor { enabled: true, interval: Duration::from_secs(1) },
        limits: FitnessLimits { cpu: 0.95, lag_p99: Duration::from_millis(10) },
    }
}

/// Ten seconds for each phase, one after another.
pub(crate) fn spans() -> Vec<PhaseSpan> {
    [WARM_UP, OPEN, CLOSED]
        .map(|phase| PhaseSpan {
            phase,
            start: Duration::from_secs(10 * u64::from(phase.0)),
            length: Duration::from_secs(10),
        })
        .to_vec()
}

pub(crate) fn addresses() -> Vec<Vec<String>> {
    vec![vec!["127.0.0.1:25".to_owned(), "127.0.0.2:25".to_owned()], vec!["[::1]:25".to_owned()]]
}

pub(crate) fn key(phase: PhaseId, client: u16, address: u16) -> CellKey {
    CellKey { phase, client: ClientId(client), address }
}

/// A ledger of one frame that holds these cells.
pub(crate) fn ledger(plan: &Plan, cells: Vec<(CellKey, Cell)>) -> Ledger {
    let mut ledger = Ledger::new(plan);
    ledger.fold(&frame(0, cells));
    ledger
}

pub(crate) fn frame(second: u64, cells: Vec<(CellKey, Cell)>) -> Frame {
    let cells = cells.into_iter().map(|(key, cell)| (key, Box::new(cell))).collect();
    Frame { second, cells, gauges: Vec::new() }
}

/// So many messages that ended alike, each after so many milliseconds.
pub(crate) fn messages(count: u64, outcome: Outcome, millis: u64) -> Cell {
    let mut cell = Cell::default();
    cell.messages.planned = count;
    cell.messages.started = count;
    cell.messages.ended[outcome.index()] = count;
    if outcome == Outcome::Accepted {
        cell.messages.accepted_in_time = count;
    }
    for _ in 0..count {
        let took = Duration::from_millis(millis);
        if outcome.is_censored() {
            cell.response.record_censored(took);
        } else {
            cell.response.record(took);
        }
    }
    cell
}

pub(crate) fn both(mut cell: Cell, other: &Cell) -> Cell {
    cell.merge(other);
    cell
}

fn target(name: &str) -> Target {
    Target {
        name: name.to_owned(),
        endpoint: Endpoint::One(Address { host: "localhost".to_owned(), port: 25 }),
        protocol: Protocol::default(),
        timeouts: Timeouts {
            connect: Duration::from_secs(5),
            reply: Duration::from_secs(30),
            end_of_data: Duration::from_mins(2),
        },
        allow: Vec::new(),
    }
}

fn client(name: &str, target: TargetId) -> Client {
    Client {
        name: name.to_owned(),
        target,
        messages: Weighted { choices: vec![(MessageId(0), 1.0)] },
        messages_per_connection: CountRange::exactly(10),
        max_connections: None,
        recipients: None,
        pipelining: Pipelining::default(),
        chunking: Chunking::default(),
        dsn: None,
        xclient: None,
        ehlo: "tester.example".parse().unwrap(),
        think: Duration::ZERO,
        end: Ending::default(),
        expect: Expectations::default(),
    }
}

fn phase(name: &str, load: Load) -> Phase {
    Phase {
        name: name.to_owned(),
        kind: PhaseKind::Steady,
        begin: Begin::Start,
        load,
        duration: Some(Duration::from_secs(10)),
        count: None,
        mix: Weighted { choices: vec![(ClientId(0), 1.0)] },
        max_connections: None,
        drain: Duration::from_mins(2),
        warmup: false,
        fresh: false,
        thresholds: Vec::new(),
    }
}

fn open() -> Load {
    let rate = Curve::Linear { from: 100.0, to: 100.0 };
    Load::Open { rate, arrival: Arrival::Even, max_in_flight: 1000 }
}

fn closed() -> Load {
    Load::Closed { connections: Curve::Linear { from: 10.0, to: 10.0 } }
}
