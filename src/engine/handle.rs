//! The worker's hold on one session: what it does, until when it waits, and what it is told.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Waker;

use tokio::time::Instant;

use super::closed::Slot;
use super::start::Start;
use crate::plan::{ClientId, PhaseId};
use crate::record::CellKey;

/// What a session is told from outside.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Signal {
    /// The awaited reply may be overdue: its deadline tells.
    Deadline,
    /// The drain of a phase is over: its message is given up.
    Cut(PhaseId),
    /// An idle session leaves.
    Leave,
    /// An idle session has a start to carry, or a slot to serve.
    Work,
}

/// One session.
pub(super) struct Handle {
    pub(super) client: ClientId,
    /// Its number within its client.
    pub(super) number: u64,
    /// The position of its address among those of its target.
    pub(super) address: u16,
    /// How many messages it carries at most.
    pub(super) quota: u32,
    /// The phase that it counts for: that of its last start.
    pub(super) phase: Cell<PhaseId>,
    /// The slot of a closed phase that it serves.
    pub(super) slot: RefCell<Option<Slot>>,
    /// It ends after the message that it carries.
    pub(super) retiring: Cell<bool>,
    /// Whether it carries a message now, or is being opened for one.
    pub(super) busy: Cell<bool>,
    /// Whether its connection stands.
    pub(super) connected: Cell<bool>,
    /// Whether it has been ready for MAIL.
    pub(super) ready: Cell<bool>,
    /// Whether its wrong password was refused, as the plan wanted.
    pub(super) turned_away: Cell<bool>,
    /// Whether it is saying good-bye.
    pub(super) leaving: Cell<bool>,
    /// Where it stands in the worker's list of sessions.
    pub(super) position: Cell<usize>,
    /// Since when it has been idle in the pool.
    pub(super) idle_since: Cell<Option<Instant>>,
    /// When the awaited reply is given up.
    pub(super) deadline: Cell<Option<Instant>>,
    /// A start given to it while idle.
    pub(super) job: RefCell<Option<Start>>,
    /// What it was told and has not taken notice of; each thing once.
    signals: RefCell<VecDeque<Signal>>,
    waker: RefCell<Option<Waker>>,
}

impl Handle {
    pub(super) fn new(
        client: ClientId,
        number: u64,
        address: u16,
        quota: u32,
        phase: PhaseId,
    ) -> Self {
        Self {
            client,
            number,
            address,
            quota,
            phase: Cell::new(phase),
            slot: RefCell::default(),
            retiring: Cell::default(),
            busy: Cell::new(true),
            connected: Cell::default(),
            ready: Cell::default(),
            turned_away: Cell::default(),
            leaving: Cell::default(),
            position: Cell::default(),
            idle_since: Cell::default(),
            deadline: Cell::default(),
            job: RefCell::default(),
            signals: RefCell::default(),
            waker: RefCell::default(),
        }
    }

    /// Tells the session, which takes notice when it next waits.
    pub(super) fn tell(&self, signal: Signal) {
        let mut signals = self.signals.borrow_mut();
        if !signals.contains(&signal) {
            signals.push_back(signal);
        }
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }

    /// The oldest thing that the session was told and has not taken notice of.
    pub(super) fn told(&self) -> Option<Signal> {
        self.signals.borrow_mut().pop_front()
    }

    /// Whether the awaited reply is overdue.
    pub(super) fn is_overdue(&self, now: Instant) -> bool {
        self.deadline.get().is_some_and(|deadline| now >= deadline)
    }

    /// Whom to wake when the session is told something.
    pub(super) fn listen(&self, waker: &Waker) {
        let mut known = self.waker.borrow_mut();
        if !known.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *known = Some(waker.clone());
        }
    }

    /// Whether it serves no slot and may be taken over by one.
    pub(super) fn is_free(&self) -> bool {
        self.slot.borrow().is_none() && !self.retiring.get() && !self.leaving.get()
    }

    /// Where its own events are booked.
    pub(super) fn key(&self) -> CellKey {
        CellKey { phase: self.phase.get(), client: self.client, address: self.address }
    }

    /// It is ready for MAIL: its slot's connections no longer fail.
    pub(super) fn become_ready(&self) {
        self.ready.set(true);
        if let Some(slot) = self.slot.borrow().as_ref() {
            slot.run.succeeded(slot.number);
        }
    }

    /// Whether it did what the plan wanted of it: it was ready for MAIL, or turned away on purpose.
    pub(super) fn has_served(&self) -> bool {
        self.ready.get() || self.turned_away.get()
    }

    /// Gives up its slot, if it has one.
    pub(super) fn leave_slot(&self) -> Option<Slot> {
        self.slot.borrow_mut().take()
    }

    /// Lets a slot have it.
    pub(super) fn serve(self: &Rc<Self>, slot: Slot) {
        *self.slot.borrow_mut() = Some(slot);
    }
}
