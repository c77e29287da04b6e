//! `check`: a plan's clients, one transaction each → what became of them.
//!
//! Names, permits and the embedded server are those of a run. Nothing is connected to before the
//! check itself, which says more than a trial connection could.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::mpsc::UnboundedReceiver;

use super::{Permits, RunError, identity, start_sink, targets};
use crate::engine::{Checked, Checker, Observe, ServerAddress, SocketDialer, TlsSetups};
use crate::message::RunIdentity;
use crate::plan::{ClientId, Endpoint, Plan};
use crate::sink::Sink;
use crate::verdict::{ExitCode, Interruption};

/// What is checked.
#[derive(Clone, Debug)]
pub struct Check {
    /// The plan.
    pub plan: Plan,
    /// The clients.
    pub clients: Vec<ClientId>,
    /// What may be sent to beyond loopback.
    pub permits: Permits,
}

/// What came out.
#[derive(Clone, Debug)]
pub struct Checks {
    /// What was checked to its end.
    pub all: Vec<Checked>,
    /// The signal that ended it before.
    pub interrupted: Option<Interruption>,
}

impl Checks {
    /// The exit code.
    pub fn exit(&self) -> ExitCode {
        match self.interrupted {
            Some(Interruption::Interrupt) => ExitCode::INTERRUPTED,
            Some(Interruption::Terminate) => ExitCode::TERMINATED,
            None if self.all.iter().any(Checked::could_not_start) => ExitCode::NOT_STARTED,
            None if self.all.iter().all(Checked::is_well) => ExitCode::OK,
            None => ExitCode::REFUSED,
        }
    }
}

/// A client and the addresses that are open to it.
struct Trip {
    client: ClientId,
    addresses: Vec<ServerAddress>,
    /// Whether each of them is checked, or the first that accepts.
    spread: bool,
}

/// Checks the clients one after the other; the first signal ends it at once.
pub fn check(
    check: Check,
    mut signals: UnboundedReceiver<Interruption>,
    observe: Observe<'_>,
) -> Result<Checks, RunError> {
    let Check { mut plan, clients, permits } = check;
    leave_alone(&mut plan, &clients);
    let sink = start_sink(&plan)?;
    let trips = trips(&plan, &clients, sink.as_ref(), &permits)?;
    let run = RunIdentity { id: identity(SystemTime::now()), seed: plan.seed };
    let tls = TlsSetups::new(&plan, sink.as_ref().map_or(&[], Sink::certificates))?;
    let checker = Checker::new(Arc::new(plan), tls, run, SocketDialer);
    let mut checker = checker.map_err(RunError::Message)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut all = Vec::new();
    let interrupted = runtime.block_on(async {
        tokio::select! {
            () = travel(&mut checker, &trips, &mut all, observe) => None,
            Some(signal) = signals.recv() => Some(signal),
        }
    });
    // What the embedded server counted is of no use here.
    drop(sink.map(Sink::stop));
    Ok(Checks { all, interrupted })
}

/// Clients that are not checked need neither roots nor keys.
fn leave_alone(plan: &mut Plan, checked: &[ClientId]) {
    for (id, client) in (0..).map(ClientId).zip(&mut plan.clients) {
        if !checked.contains(&id) {
            client.tls = None;
        }
    }
}

fn trips(
    plan: &Plan,
    clients: &[ClientId],
    sink: Option<&Sink>,
    permits: &Permits,
) -> Result<Vec<Trip>, RunError> {
    let trips = clients.iter().map(|id| {
        let client = &plan.clients[id.index()];
        let target = &plan.targets[client.target.index()];
        let addresses = targets::candidates(target, sink.map(Sink::address), permits)?;
        if addresses.is_empty() {
            return Err(RunError::NoAddress { target: target.name.clone() });
        }
        targets::check_source(client, &addresses)?;
        let spread = matches!(target.endpoint, Endpoint::Spread(_));
        Ok(Trip { client: *id, addresses, spread })
    });
    trips.collect()
}

async fn travel(
    checker: &mut Checker<SocketDialer>,
    trips: &[Trip],
    all: &mut Vec<Checked>,
    observe: Observe<'_>,
) {
    for Trip { client, addresses, spread } in trips {
        for (n, address) in (1..).zip(addresses) {
            let came_out = checker.check(*client, address, &mut *observe).await;
            // As in a run, a further address of a name is for where the one before does not accept.
            let passed_over = !spread && n < addresses.len() && came_out.is_unconnected();
            if !passed_over {
                all.push(came_out);
                if !spread {
                    break;
                }
            }
        }
    }
}
