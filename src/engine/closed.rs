//! A closed phase in one worker: its slots, and who serves them.
//!
//! A slot is a place for one connection. It opens and retires as the level says; the session that
//! serves it may change, and so may, from phase to phase, the slot that a session serves.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::ahead::Promise;
use super::books::PhaseState;
use super::handle::Handle;
use crate::draw::Purpose;
use crate::message::Turns;
use crate::plan::ClientId;
use crate::timeline::Line;

/// The longest pause after a failed connection.
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);
/// The pause after the first failed connection.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);

/// A closed phase's part in one worker.
pub(super) struct ClosedRun {
    pub(super) phase: Rc<PhaseState>,
    pub(super) line: Arc<Line>,
    workers: u32,
    places: RefCell<Vec<Place>>,
    /// By client and limit: how many of the client's slots up to that limit are this worker's.
    shares: RefCell<BTreeMap<(ClientId, u32), u32>>,
}

/// A place in a closed phase, as a session holds it.
#[derive(Clone)]
pub(super) struct Slot {
    pub(super) run: Rc<ClosedRun>,
    pub(super) number: u32,
}

impl Slot {
    /// Whether it is the same place of the same phase.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.number == other.number && Rc::ptr_eq(&self.run, &other.run)
    }
}

#[derive(Default)]
struct Place {
    active: bool,
    ordinal: u64,
    /// What was done early for the message of this number.
    early: Option<(u64, Early)>,
    failures: u32,
    session: Option<Rc<Handle>>,
}

/// What was done for a slot's next message while it sent the one before.
pub(super) struct Early {
    /// What it has taken.
    pub(super) turns: Turns,
    /// Its mail, if there was room for it.
    pub(super) promise: Option<Promise>,
}

impl ClosedRun {
    pub(super) fn new(phase: Rc<PhaseState>, line: Arc<Line>, workers: u32) -> Self {
        Self { phase, line, workers, places: RefCell::default(), shares: RefCell::default() }
    }

    /// How many of the first `limit` slots of a client are a worker's: its part of a limit on the
    /// client's connections.
    pub(super) fn share_of(&self, client: ClientId, limit: u32, worker: u32) -> u32 {
        let count = || {
            let all = 0..self.line.peak_slots();
            let of_client = all.filter(|slot| self.line.client_of_slot(*slot) == client);
            let first = of_client.take(limit as usize);
            first.filter(|slot| slot % self.workers == worker).map(|_| 1).sum()
        };
        *self.shares.borrow_mut().entry((client, limit)).or_insert_with(count)
    }

    fn place<T>(&self, slot: u32, with: impl FnOnce(&mut Place) -> T) -> T {
        let index = (slot / self.workers) as usize;
        let mut places = self.places.borrow_mut();
        if places.len() <= index {
            places.resize_with(index + 1, Place::default);
        }
        with(&mut places[index])
    }

    /// The level has reached a slot.
    pub(super) fn open(&self, slot: u32) {
        self.place(slot, |place| place.active = true);
    }

    /// The level has left a slot; tells the session that served it.
    pub(super) fn retire(&self, slot: u32) -> Option<Rc<Handle>> {
        self.place(slot, |place| {
            place.active = false;
            place.early = None;
            place.session.take()
        })
    }

    /// The phase is over; tells all sessions that served it, the lowest slot first.
    pub(super) fn end(&self) -> Vec<Rc<Handle>> {
        let mut places = self.places.borrow_mut();
        let served = places.iter_mut().filter_map(|place| {
            place.active = false;
            place.early = None;
            place.session.take()
        });
        served.collect()
    }

    /// Whether a slot is open and nobody serves it.
    pub(super) fn is_vacant(&self, slot: u32) -> bool {
        self.place(slot, |place| place.active && place.session.is_none())
    }

    /// Whether a slot is open.
    pub(super) fn is_active(&self, slot: u32) -> bool {
        self.place(slot, |place| place.active)
    }

    /// Gives a slot to a session.
    pub(super) fn occupy(&self, slot: u32, session: Rc<Handle>) {
        self.place(slot, |place| place.session = Some(session));
    }

    /// The session that served a slot is gone.
    pub(super) fn vacate(&self, slot: u32) {
        self.place(slot, |place| place.session = None);
    }

    /// The number of the slot's next message.
    pub(super) fn next_ordinal(&self, slot: u32) -> u64 {
        self.place(slot, |place| {
            place.ordinal += 1;
            place.ordinal - 1
        })
    }

    /// Keeps what was done early for a slot's message of this number.
    pub(super) fn keep_early(&self, slot: u32, ordinal: u64, early: Early) {
        self.place(slot, |place| place.early = Some((ordinal, early)));
    }

    /// What was done early for a slot's message of this number.
    pub(super) fn take_early(&self, slot: u32, ordinal: u64) -> Option<Early> {
        let early = self.place(slot, |place| place.early.take());
        early.filter(|(of, _)| *of == ordinal).map(|(_, early)| early)
    }

    /// A session of the slot became ready.
    pub(super) fn succeeded(&self, slot: u32) {
        self.place(slot, |place| place.failures = 0);
    }

    /// How long a slot waits after a failed connection: 100 ms doubling to 5 s, with jitter.
    pub(super) fn back_off(&self, slot: u32) -> Duration {
        let (failures, ordinal) = self.place(slot, |place| {
            place.failures = place.failures.saturating_add(1);
            (place.failures, place.ordinal)
        });
        let doubled = FIRST_BACKOFF.saturating_mul(1 << (failures - 1).min(10));
        let jitter = self.line.slot_draw(slot, ordinal).of(Purpose::Jitter).unit();
        doubled.min(LONGEST_BACKOFF).mul_f64(0.75 + jitter / 2.0)
    }
}
