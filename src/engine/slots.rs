//! The slots of a worker's closed phases: who serves them, and what they send next.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::rc::Rc;

use tokio::time::Instant;

use super::closed::{ClosedRun, Early, Slot};
use super::dialer::Dialer;
use super::handle::{Handle, Signal};
use super::order::Note;
use super::shared::{Spent, Track};
use super::start::{Seed, Start};
use super::worker::Worker;
use crate::message::Turns;

/// A slot that tries again after a failed connection.
pub(super) struct Retry {
    at: Instant,
    slot: Slot,
}

impl<D: Dialer> Worker<D> {
    pub(super) fn slot_rider(&self, handle: &Handle, now: Instant) -> Option<Start> {
        let slot = handle.slot.borrow().clone()?;
        let start = self.slot_start(&slot, now);
        if start.is_none() {
            slot.run.vacate(slot.number);
            handle.leave_slot();
        }
        start
    }

    /// Opens a slot again after a pause.
    pub(super) fn try_again(&self, slot: Slot, now: Instant) {
        if slot.run.is_active(slot.number) {
            let at = now + slot.run.back_off(slot.number);
            self.retries.borrow_mut().push(Reverse(Retry { at, slot }));
            self.wake.notify_one();
        }
    }

    /// The next message of a slot, if the level, the phase and its count allow one.
    pub(super) fn slot_start(&self, slot: &Slot, now: Instant) -> Option<Start> {
        let Slot { run, number } = slot;
        if self.stopping.get() || !run.is_active(*number) || run.phase.is_over(now) {
            return None;
        }
        let ordinal = run.next_ordinal(*number);
        let mut seed = self.seed(slot, ordinal);
        if !self.finds_rows(&seed, run.phase.id, now) {
            return None;
        }
        let spent = self.books.shared.spend(run.phase.id);
        if spent == Spent::Refused {
            return None;
        }
        let builds = !self.builder.is_idle();
        let early = if builds { run.take_early(*number, ordinal) } else { None };
        let taken = early.map_or_else(|| self.take_turns(&seed), Ok);
        let Early { turns, promise } = match taken {
            Ok(early) => early,
            Err(feed) => {
                self.use_up(feed, run.phase.id, now);
                return None;
            }
        };
        seed.turns = turns;
        if spent == Spent::Last {
            let at = now.saturating_duration_since(self.books.zero);
            self.books.shared.mark_reached(run.phase.id, at);
            self.books.note(Note::CountReached(run.phase.id));
        }
        let start = self.prepare(seed, promise, &run.phase).come_due(now);
        if builds {
            self.promise_next(slot, ordinal + 1);
        }
        Some(start)
    }

    /// What a message is the next to have; the position of a feed that has no row left for it.
    fn take_turns(&self, seed: &Seed) -> Result<Early, usize> {
        let turns = match seed.case {
            Some(_) => Turns::default(),
            None => self.composer.borrow().take_turns(seed.message.index())?,
        };
        Ok(Early { turns, promise: None })
    }

    /// What a slot sends as its message of this number.
    fn seed(&self, slot: &Slot, ordinal: u64) -> Seed {
        let Slot { run, number } = slot;
        let client = run.line.client_of_slot(*number);
        let draw = run.line.slot_draw(*number, ordinal);
        let seq = run.line.slot_seq(*number, ordinal);
        // Each slot begins with another case, and goes round all of them.
        let turn = ordinal.saturating_add(u64::from(*number));
        let (message, case) = self.choose(client, draw, turn);
        Seed { client, message, case, draw, seq, turns: Turns::default(), planned: None }
    }

    /// Has a slot's next message built while it sends this one, if it is built apart. One that
    /// reads a feed which ends takes its rows only when it starts, so that none is lost with a
    /// slot that retires.
    fn promise_next(&self, slot: &Slot, ordinal: u64) {
        let mut seed = self.seed(slot, ordinal);
        let waits = || self.composer.borrow().reads_what_ends(seed.message.index());
        if seed.case.is_some() || !self.builder.builds(seed.message) || waits() {
            return;
        }
        let Ok(mut early) = self.take_turns(&seed) else { return };
        seed.turns = early.turns.clone();
        early.promise = self.builder.build_early(self.commission(&seed, slot.run.phase.id));
        slot.run.keep_early(slot.number, ordinal, early);
    }

    /// The sessions that serve no slot and belong to a track, by client: idle ones first. A phase
    /// takes them over from the one before it.
    pub(super) fn free_sessions(&self, track: Track) -> Vec<VecDeque<Rc<Handle>>> {
        let mut free: Vec<VecDeque<Rc<Handle>>> = vec![VecDeque::new(); self.senders.len()];
        for handle in self.sessions.borrow().iter() {
            if handle.is_free() && self.books.shared.track(handle.phase.get()) == track {
                let of_client = &mut free[handle.client.index()];
                if handle.busy.get() {
                    of_client.push_back(Rc::clone(handle));
                } else {
                    of_client.push_front(Rc::clone(handle));
                }
            }
        }
        free
    }

    /// Gives a vacant slot a session that is free, or opens one.
    pub(super) fn take_over_or_fill(&self, slot: Slot, free: Option<Rc<Handle>>, now: Instant) {
        let Some(handle) = free else { return self.fill(slot, now) };
        if handle.idle_since.take().is_some() {
            let mut idle = self.sender(handle.client).idle.borrow_mut();
            idle.retain(|other| !Rc::ptr_eq(other, &handle));
        }
        slot.run.occupy(slot.number, Rc::clone(&handle));
        handle.serve(slot);
        handle.tell(Signal::Work);
    }

    /// Whether the limits allow a slot one more session. A client's limit is divided over the
    /// workers as its slots are.
    pub(super) fn may_fill(&self, slot: &Slot) -> bool {
        let client = slot.run.line.client_of_slot(slot.number);
        let limit = self.client(client).max_connections;
        self.phase_has_room(slot.run.phase.id)
            && limit.is_none_or(|limit| {
                let mine = slot.run.share_of(client, limit, self.index);
                self.sender(client).open.get() < mine
            })
    }

    /// Opens a session for a vacant slot.
    pub(super) fn fill(&self, slot: Slot, now: Instant) {
        if !slot.run.is_vacant(slot.number) || self.stopping.get() {
            return;
        }
        let client = slot.run.line.client_of_slot(slot.number);
        if !self.may_fill(&slot) {
            let mut starved = self.sender(client).starved.borrow_mut();
            starved.retain(|other| other.run.is_vacant(other.number) && !other.is(&slot));
            starved.push_back(slot);
        } else if let Some(start) = self.slot_start(&slot, now) {
            self.open(start, Some(slot));
        }
    }

    /// The level has left a slot: its session ends with its message.
    pub(super) fn retire_slot(&self, run: &ClosedRun, slot: u32) {
        if let Some(handle) = run.retire(slot) {
            handle.leave_slot();
            self.retire(&handle);
        }
    }

    /// Slots whose pause after a failed connection is over.
    pub(super) fn retry(&self, now: Instant) {
        loop {
            let due = self.retries.borrow().peek().is_some_and(|Reverse(retry)| retry.at <= now);
            let retry = if due { self.retries.borrow_mut().pop() } else { None };
            let Some(Reverse(Retry { slot, .. })) = retry else { return };
            self.fill(slot, now);
        }
    }

    /// When the next slot tries again.
    pub(super) fn next_retry(&self) -> Option<Instant> {
        self.retries.borrow().peek().map(|Reverse(retry)| retry.at)
    }
}

impl PartialEq for Retry {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}
impl Eq for Retry {}
impl PartialOrd for Retry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Retry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}
