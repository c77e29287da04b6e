//! A timeline and a client → what the client's first message draws from.

use std::sync::Arc;

use crate::draw::Draw;
use crate::plan::{ClientId, PhaseId, Plan};
use crate::timeline::{Line, Model, Share, Timeline};

/// Among so many starts a client is looked for: weights are exact in each thousand.
const LOOKED_AT: usize = 1000;

/// The first message of a client in a run of the plan.
pub(super) struct First<'a> {
    /// The name of its phase.
    pub(super) phase: &'a str,
    pub(super) draw: Draw,
    /// Its number among all messages of the run.
    pub(super) seq: u64,
}

impl<'a> First<'a> {
    /// In the first phase that has one; a client that is in no mix sends one all the same.
    pub(super) fn of(timeline: &Timeline, plan: &'a Plan, client: ClientId) -> Self {
        let name = |id: PhaseId| plan.phases.get(id.index()).map_or("", |phase| &phase.name);
        let mut found = timeline.lines().iter().filter_map(|line| {
            let (draw, seq) = first_in(line, client)?;
            Some(Self { phase: name(line.id()), draw, seq })
        });
        found.next().unwrap_or_else(|| Self {
            phase: name(PhaseId(0)),
            draw: timeline.session_draw(client, 0),
            seq: 1,
        })
    }
}

fn first_in(line: &Arc<Line>, client: ClientId) -> Option<(Draw, u64)> {
    match line.model() {
        Model::Open | Model::Closed if line.waits_to_be_asked() => None,
        Model::Open => {
            let mut starts = line.starts(Share::ALL).take(LOOKED_AT);
            let start = starts.find(|start| start.client == client)?;
            Some((line.start_draw(start.n), line.start_seq(start.n)))
        }
        Model::Closed => {
            let mut slots = (0..line.peak_slots()).take(LOOKED_AT);
            let slot = slots.find(|slot| line.client_of_slot(*slot) == client)?;
            Some((line.slot_draw(slot, 0), line.slot_seq(slot, 0)))
        }
        Model::Pause => None,
    }
}
