//! The sessions of a worker: who carries a start, who waits, who leaves.

use std::rc::Rc;

use tokio::time::Instant;

use super::books::{ErrorText, Start};
use super::closed::Slot;
use super::dialer::Dialer;
use super::handle::{Handle, Signal};
use super::session;
use super::worker::Worker;
use crate::draw::Purpose;
use crate::plan::{ClientId, Load, PhaseId, Weighted};
use crate::record::PhaseGauge;
use crate::smtp::{End, Outcome, Step};

/// What an idle session does next.
pub(super) enum Next {
    /// Carries this message.
    Start(Box<Start>),
    /// Waits in the pool.
    Parked,
    /// Leaves.
    Leave,
}

impl<D: Dialer> Worker<D> {
    /// Gives a start to an idle session, or opens one, or lets it wait. A worker that stops lets
    /// go of it.
    pub(super) fn dispatch(&self, mut start: Start, now: Instant) {
        if self.stopped.get() {
            return;
        }
        let sender = self.sender(start.key.client);
        let idle = sender.idle.borrow_mut().pop();
        if let Some(handle) = idle {
            start.unqueue(now);
            handle.idle_since.set(None);
            handle.busy.set(true);
            handle.phase.set(self.moved(&handle, start.key.phase));
            *handle.job.borrow_mut() = Some(start);
            handle.tell(Signal::Work);
        } else if self.may_open(start.key.client, start.key.phase) {
            start.unqueue(now);
            self.open(start, None);
        } else {
            start.queue(now);
            sender.waiting.borrow_mut().push_back(start);
        }
    }

    /// Whether one more session of a client may be opened for a phase. A limit is divided over
    /// the workers.
    pub(super) fn may_open(&self, client: ClientId, phase: PhaseId) -> bool {
        let limits = [
            self.client(client).max_connections,
            self.plan().phases[phase.index()].max_connections,
        ];
        let limit = limits.into_iter().flatten().min();
        limit.is_none_or(|limit| {
            let workers = self.books.shared.workers;
            let mine = limit / workers + u32::from(self.index < limit % workers);
            self.sender(client).open.get() < mine
        })
    }

    pub(super) fn open(&self, start: Start, slot: Option<Slot>) {
        let client = start.key.client;
        let sender = self.sender(client);
        let workers = u64::from(self.books.shared.workers);
        let number = u64::from(self.index) + workers * sender.opened_ever.get();
        sender.opened_ever.set(sender.opened_ever.get() + 1);
        sender.open.set(sender.open.get() + 1);
        let addresses = self.books.shared.addresses_of(client).len() as u64;
        let address = u16::try_from(number % addresses.max(1)).unwrap_or(0);
        let range = self.client(client).messages_per_connection;
        let draw = self.books.shared.timeline.session_draw(client, number).of(Purpose::Quota);
        let quota = draw.within(range.min.into(), range.max.into());
        let quota = u32::try_from(quota).unwrap_or(range.max);
        let handle = Rc::new(Handle::new(client, number, address, quota, start.key.phase));
        if let Some(slot) = slot {
            slot.run.occupy(slot.number, Rc::clone(&handle));
            handle.serve(slot);
        }
        self.list(&handle);
        if let Some(this) = self.this.upgrade() {
            self.tasks.borrow_mut().spawn_local(session::serve(this, handle, start));
        }
    }

    /// The connection of a session stands.
    pub(super) fn connected(&self, handle: &Handle) {
        handle.connected.set(true);
        self.enter(handle, handle.phase.get());
    }

    /// A session carries a message of a phase.
    pub(super) fn owns(&self, handle: &Handle, phase: PhaseId) {
        handle.phase.set(self.moved(handle, phase));
    }

    pub(super) fn moved(&self, handle: &Handle, phase: PhaseId) -> PhaseId {
        let before = handle.phase.get();
        if before != phase && handle.connected.get() {
            self.exit(handle, before);
            self.enter(handle, phase);
        }
        phase
    }

    /// What an idle session does next.
    pub(super) fn next(&self, handle: &Rc<Handle>, now: Instant) -> Next {
        let job = handle.job.borrow_mut().take();
        if let Some(start) = job {
            return Next::Start(Box::new(start));
        }
        if handle.retiring.get() {
            return Next::Leave;
        }
        if let Some(start) = self.slot_rider(handle, now) {
            return Next::Start(Box::new(start));
        }
        if let Some(start) = self.waiting(handle.client, now) {
            return Next::Start(Box::new(start));
        }
        if self.stopping.get() || !self.wants(handle.client) {
            return Next::Leave;
        }
        handle.idle_since.set(Some(now));
        self.sender(handle.client).idle.borrow_mut().push(Rc::clone(handle));
        Next::Parked
    }

    /// A start whose commands ride behind the text of the one before, if one is due.
    pub(super) fn rider(&self, handle: &Handle, now: Instant) -> Option<Start> {
        if handle.retiring.get() {
            return None;
        }
        self.slot_rider(handle, now).or_else(|| self.waiting(handle.client, now))
    }

    pub(super) fn waiting(&self, client: ClientId, now: Instant) -> Option<Start> {
        let mut start = self.sender(client).waiting.borrow_mut().pop_front()?;
        start.unqueue(now);
        Some(start)
    }

    /// Whether a phase in force has a use for a client's idle sessions.
    pub(super) fn wants(&self, client: ClientId) -> bool {
        self.runs.borrow().iter().any(|run| run.is_in_force() && self.mixes(run.phase().id, client))
    }

    pub(super) fn mixes(&self, phase: PhaseId, client: ClientId) -> bool {
        has(&self.plan().phases[phase.index()].mix, client)
    }

    /// A session is gone; what it held goes to others.
    pub(super) fn session_gone(&self, handle: &Rc<Handle>) {
        let now = Instant::now();
        let sender = self.sender(handle.client);
        self.unlist(handle);
        sender.open.set(sender.open.get().saturating_sub(1));
        if handle.connected.get() {
            self.exit(handle, handle.phase.get());
        }
        if !handle.ready.get() {
            let key = handle.key();
            self.books.count(key, |cell| cell.sessions.failed += 1);
        }
        if let Some(start) = handle.job.borrow_mut().take() {
            // It was found closed before MAIL's first octet: the start goes to another.
            self.dispatch(start, now);
        }
        if let Some(slot) = handle.leave_slot() {
            slot.run.vacate(slot.number);
            // A session that ends is replaced at once; a failed connection backs off.
            if handle.ready.get() {
                self.fill(slot, now);
            } else {
                self.try_again(slot, now);
            }
        }
        self.room_for_others(handle.client, now);
        self.wake.notify_one();
    }

    pub(super) fn list(&self, handle: &Rc<Handle>) {
        let mut sessions = self.sessions.borrow_mut();
        handle.position.set(sessions.len());
        sessions.push(Rc::clone(handle));
    }

    pub(super) fn unlist(&self, handle: &Rc<Handle>) {
        let mut sessions = self.sessions.borrow_mut();
        let position = handle.position.get();
        if sessions.get(position).is_some_and(|listed| Rc::ptr_eq(listed, handle)) {
            sessions.swap_remove(position);
            if let Some(moved) = sessions.get(position) {
                moved.position.set(position);
            }
        }
        if handle.idle_since.get().is_some() {
            let mut idle = self.sender(handle.client).idle.borrow_mut();
            idle.retain(|other| !Rc::ptr_eq(other, handle));
        }
    }

    /// A client may open one more session: who waits for that comes first.
    pub(super) fn room_for_others(&self, client: ClientId, now: Instant) {
        let sender = self.sender(client);
        let waits = sender.waiting.borrow().front().map(|start| start.key.phase);
        if waits.is_some_and(|phase| self.may_open(client, phase))
            && let Some(start) = self.waiting(client, now)
        {
            self.open(start, None);
        }
        let starved = sender.starved.borrow_mut().pop_front();
        if let Some(slot) = starved {
            self.fill(slot, now);
        }
    }

    /// A session ends with its message, or at once if it has none.
    pub(super) fn retire(&self, handle: &Rc<Handle>) {
        handle.retiring.set(true);
        if !handle.busy.get() {
            if handle.idle_since.take().is_some() {
                let mut idle = self.sender(handle.client).idle.borrow_mut();
                idle.retain(|other| !Rc::ptr_eq(other, handle));
            }
            handle.tell(Signal::Leave);
        }
    }

    /// Retires the sessions that no phase in force has a use for: a closed phase has taken over
    /// what its level needs.
    pub(super) fn trim(&self, fresh: Option<PhaseId>) {
        let useful = |client: ClientId| {
            !self.stopping.get()
                && self.runs.borrow().iter().any(|run| {
                    let id = run.phase().id;
                    run.is_in_force()
                        && !run.is_closed()
                        && fresh != Some(id)
                        && self.mixes(id, client)
                })
        };
        let free: Vec<Rc<Handle>> = self
            .sessions
            .borrow()
            .iter()
            .filter(|handle| handle.is_free() && !handle.leaving.get() && !useful(handle.client))
            .cloned()
            .collect();
        for handle in free {
            self.retire(&handle);
        }
    }

    /// Wakes the sessions whose time is over, lets idle ones go, and reaps ended tasks.
    pub(super) fn sweep(&self, now: Instant) {
        for handle in self.sessions.borrow().iter() {
            if handle.deadline.get().is_some_and(|deadline| now >= deadline) {
                handle.tell(Signal::GiveUp);
            }
        }
        for (client, sender) in (0..).map(ClientId).zip(&self.senders) {
            if !self.keeps_idle(client) {
                sender.let_idle_go(now);
            }
        }
        self.reap();
    }

    /// In a pause, and in a closed phase, connections stay open however long they idle.
    pub(super) fn keeps_idle(&self, client: ClientId) -> bool {
        self.runs.borrow().iter().any(|run| {
            let phase = run.phase().id;
            let open = matches!(self.plan().phases[phase.index()].load, Load::Open { .. });
            run.is_in_force() && !open && self.mixes(phase, client)
        })
    }

    /// The drain of a phase is over: what it has started is given up.
    pub(super) fn cut(&self, phase: PhaseId, now: Instant) {
        for handle in self.sessions.borrow().iter() {
            if handle.busy.get() && handle.phase.get() == phase && !handle.leaving.get() {
                handle.tell(Signal::GiveUp);
            }
        }
        for sender in &self.senders {
            let queue = std::mem::take(&mut *sender.waiting.borrow_mut());
            let (cut, kept): (Vec<_>, Vec<_>) =
                queue.into_iter().partition(|start| start.key.phase == phase);
            sender.waiting.borrow_mut().extend(kept);
            let text = ErrorText::of("no session became free in time");
            let end = End::without_reply(Outcome::TimedOut, Step::Connect);
            for start in cut {
                start.settle(&end, now, &text);
            }
        }
    }

    /// A session counts for a phase from now on.
    fn enter(&self, handle: &Handle, phase: PhaseId) {
        self.books.shared.opened(phase);
        self.gauges.borrow_mut().enter(handle, phase);
    }

    fn exit(&self, handle: &Handle, phase: PhaseId) {
        self.books.shared.closed(phase);
        self.gauges.borrow_mut().exit(handle, phase);
    }

    /// The sessions of the phases that are in force or draining, or were since the last call,
    /// with their peaks since then. What is true of all workers together is told by the first.
    pub(super) fn take_gauges(&self, now: Instant) -> Vec<PhaseGauge> {
        let shared = &self.books.shared;
        let runs = self.runs.borrow();
        let gauges = shared.timeline.lines().iter().filter_map(|line| {
            let phase = line.id();
            let run = runs.iter().find(|run| run.phase().id == phase);
            // A phase may have come to its end in the middle of the second.
            let had = self.gauges.borrow().had(phase) || self.is_first() && shared.had_open(phase);
            if run.is_none() && !had {
                return None;
            }
            let (open_sessions, peak_open) =
                if self.is_first() { shared.take_open(phase) } else { (0, 0) };
            let run = run.filter(|run| run.is_in_force() && self.is_first());
            let level =
                run.map_or(0.0, |run| line.level(now.saturating_duration_since(run.phase().begin)));
            let peaks = self.gauges.borrow_mut().take_peaks(phase);
            Some(PhaseGauge { phase, level, open_sessions, peak_open, peaks })
        });
        gauges.collect()
    }

    fn is_first(&self) -> bool {
        self.index == 0
    }
}

fn has(mix: &Weighted<ClientId>, client: ClientId) -> bool {
    mix.choices.iter().any(|(choice, _)| *choice == client)
}
