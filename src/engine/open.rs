//! The planned starts of an open phase → sessions, each at its moment.

use std::time::Duration;

use tokio::time::Instant;

use super::dialer::Dialer;
use super::run::{AHEAD, OpenRun, Upcoming};
use super::start::{Seed, Start};
use super::worker::Worker;
use crate::message::Turns;
use crate::record::{Cell, CellKey};
use crate::timeline::PlannedStart;

/// How long before their start messages that are built apart are asked for at the earliest.
const FURTHER: Duration = Duration::from_secs(1);
/// So many starts of a phase are looked at ahead of their time at most.
const MOST_UPCOMING: usize = 1024;
/// So many starts at a time, then sessions get their turn.
const AT_A_TIME: usize = 128;

/// Whether all that is due was done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Turn {
    Done,
    /// More is due than fits in one turn: the sessions come first.
    Unfinished,
}

impl Turn {
    /// Whether both were done.
    pub(super) fn and(self, other: Self) -> Self {
        if self == Self::Done { other } else { self }
    }
}

impl<D: Dialer> Worker<D> {
    /// Starts what is due of an open phase.
    pub(super) fn fire_open(&self, open: &mut OpenRun, now: Instant) -> Turn {
        while let Some(start) = open.unbuilt.pop_front_if(|start| start.is_built()) {
            self.launch(start, now);
        }
        if open.looks_further {
            self.look_further(open, now);
        }
        for _ in 0..AT_A_TIME {
            let Some(due) = open.next_due() else { return Turn::Done };
            if due > now + AHEAD {
                return Turn::Done;
            }
            let ready = open.ready.take().or_else(|| self.next_start_of(open));
            if due > now {
                open.ready = ready;
                return Turn::Done;
            }
            match ready.filter(|start| self.may_begin(start, now)) {
                Some(start) if start.is_built() => self.launch(start, now),
                // The others don't wait for it.
                Some(start) => open.unbuilt.push_back(start),
                None => {}
            }
        }
        Turn::Unfinished
    }

    /// A start that is due, with its mail.
    fn launch(&self, mut start: Start, now: Instant) {
        start.take_built();
        if self.books.shared.enter(start.key.phase) {
            self.dispatch(start.come_due(now), now);
        } else {
            self.drop_start(start);
        }
    }

    /// The next start with its message.
    fn next_start_of(&self, open: &mut OpenRun) -> Option<Start> {
        if let Some(Upcoming { seed, promise }) = open.upcoming.pop_front() {
            return Some(self.prepare(seed, promise, &open.phase));
        }
        let planned = open.starts.next()?;
        Some(self.prepare(self.planned_seed(open, &planned), None, &open.phase))
    }

    /// Has the messages built that are built apart, as far ahead as that is allowed.
    fn look_further(&self, open: &mut OpenRun, now: Instant) {
        let builder = &self.builder;
        while open.upcoming.len() < MOST_UPCOMING
            && open.next_unseen().is_some_and(|due| due <= now + FURTHER)
            && let Some(planned) = open.starts.peek().copied()
        {
            let seed = self.planned_seed(open, &planned);
            let promise = if seed.case.is_none() && builder.builds(seed.message) {
                let promise = builder.build_early(self.commission(&seed, open.phase.id));
                if promise.is_none() {
                    return;
                }
                promise
            } else {
                None
            };
            open.starts.next();
            open.upcoming.push_back(Upcoming { seed, promise });
        }
    }

    /// What a planned start is made from.
    fn planned_seed(&self, open: &OpenRun, planned: &PlannedStart) -> Seed {
        let PlannedStart { n, at, client, turn } = *planned;
        let draw = open.line.start_draw(n);
        let (message, case) = self.choose(client, draw, turn);
        let planned = Some(open.phase.begin + at);
        let seq = open.line.start_seq(n);
        let turns = Turns::default();
        Seed { client, message, case, draw, seq, turns, planned }
    }

    /// Too many are in flight: the message never begins. It stands behind all that was measured,
    /// so it counts among the latencies as one of which nothing is known.
    fn drop_start(&self, start: Start) {
        let key = CellKey { address: 0, ..start.key };
        let (case, class) = (start.case, start.class_id());
        drop(start);
        self.books.count(key, |cell| match case {
            None => {
                drop_message(cell);
                if let Some(class) = class {
                    drop_message(cell.class(class));
                }
            }
            Some(case) => {
                let cell = cell.cases.entry(case).or_default();
                cell.planned += 1;
                cell.dropped += 1;
            }
        });
    }
}

/// Counts a message that never began.
fn drop_message(cell: &mut Cell) {
    cell.messages.planned += 1;
    cell.messages.dropped += 1;
    cell.response.record_dropped();
}
