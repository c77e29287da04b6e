//! A small plan and cells with known contents, for the tests of figures and verdicts.

use std::time::Duration;

use super::{Cell, CellKey, Frame, Ledger, Outline, PhaseSpan, PlanIdentity, RunRecord, SpanEnd};
use crate::plan::{
    Address, Arrival, Client, ClientId, Endpoint, Load, Phase, PhaseId, Plan, Target, TargetId,
};
use crate::smtp::Outcome;
use crate::timeline::fixture;

pub(crate) const WARM_UP: PhaseId = PhaseId(0);
pub(crate) const OPEN: PhaseId = PhaseId(1);
pub(crate) const CLOSED: PhaseId = PhaseId(2);

/// Phases `warm-up` (closed), `open` and `closed`; clients `app` and `bulk`, which talk to the
/// targets `default` and `other`.
pub(crate) fn plan() -> Plan {
    let phases = vec![
        Phase { warmup: true, ..phase("warm-up", closed()) },
        phase("open", open()),
        phase("closed", closed()),
    ];
    Plan {
        name: "specimen".to_owned(),
        targets: vec![target("default"), target("other")],
        clients: vec![client("app", TargetId(0)), client("bulk", TargetId(1))],
        ..fixture::plan(phases)
    }
}

/// Ten seconds for each phase, one after another.
pub(crate) fn spans() -> Vec<PhaseSpan> {
    [WARM_UP, OPEN, CLOSED]
        .map(|phase| PhaseSpan {
            phase,
            start: Duration::from_secs(10 * u64::from(phase.0)),
            length: Duration::from_secs(10),
            end: SpanEnd::Time,
        })
        .to_vec()
}

pub(crate) fn addresses() -> Vec<Vec<String>> {
    vec![vec!["127.0.0.1:25".to_owned(), "127.0.0.2:25".to_owned()], vec!["[::1]:25".to_owned()]]
}

/// What a run of this plan writes at its start.
pub(crate) fn run_record(plan: &Plan) -> RunRecord {
    let identity = PlanIdentity {
        name: plan.name.clone(),
        hash: "sha256:00".to_owned(),
        seed: plan.seed,
        file: None,
    };
    let outline = Outline::from(plan);
    let addresses = addresses();
    RunRecord {
        addresses,
        ..RunRecord::new(identity, "1970-01-01T00:00:00.000Z".to_owned(), outline)
    }
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
    Frame { second, cells, ..Frame::default() }
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
    let address = Address::Host { host: "localhost".to_owned(), port: 25 };
    Target { name: name.to_owned(), endpoint: Endpoint::One(address), ..fixture::target() }
}

fn client(name: &str, target: TargetId) -> Client {
    Client { target, ..fixture::client(name) }
}

fn phase(name: &str, load: Load) -> Phase {
    let length = fixture::seconds(10);
    Phase { name: name.to_owned(), mix: fixture::only(ClientId(0)), ..fixture::phase(load, length) }
}

fn open() -> Load {
    fixture::open(fixture::steady(100.0), Arrival::Even)
}

fn closed() -> Load {
    fixture::closed(fixture::steady(10.0))
}
