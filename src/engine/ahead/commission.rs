//! A start → the message that is to be composed for it, and the time that this bears.

use std::time::SystemTime;

use tokio::time::Instant;

use crate::draw::Draw;
use crate::engine::start::Seed;
use crate::message::{Numbering, Order, Turns};
use crate::plan::{ClientId, MessageId, PhaseId, Plan};
use crate::smtp::BodyType;

/// One message to compose, as it may be sent to another thread.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Commission {
    client: ClientId,
    phase: PhaseId,
    pub(super) message: MessageId,
    draw: Draw,
    seq: u64,
    numbering: Numbering,
    turns: Turns,
    body: BodyType,
    at: SystemTime,
}

impl Commission {
    /// The message of a start, for a server that takes this. It bears the time at which it is due,
    /// if that is still to come.
    pub(in crate::engine) fn new(seed: &Seed, phase: PhaseId, body: BodyType) -> Self {
        let now = SystemTime::now();
        let early = seed.planned.map(|due| due.saturating_duration_since(Instant::now()));
        let Seed { client, message, draw, seq, .. } = *seed;
        let turns = seed.turns.clone();
        // Only starts of the open model are planned.
        let numbering = seed.planned.map_or(Numbering::Sparse, |_| Numbering::Dense);
        let at = now + early.unwrap_or_default();
        Self { client, phase, message, draw, seq, numbering, turns, body, at }
    }

    /// The order for the composer; `session` is the number of the session, where it is known.
    pub(in crate::engine) fn order<'a>(
        &'a self,
        plan: &'a Plan,
        session: Option<u64>,
    ) -> Order<'a> {
        let client = &plan.clients[self.client.index()];
        Order {
            message: self.message.index(),
            draw: self.draw,
            seq: self.seq,
            numbering: self.numbering,
            turns: Some(&self.turns),
            client: &client.name,
            phase: &plan.phases[self.phase.index()].name,
            session,
            user: session.and_then(|number| Some(&*client.auth.as_ref()?.login(number)?.user)),
            recipients: client.recipients,
            body: self.body,
            now: self.at,
        }
    }
}
