//! The sessions of a worker: who carries a start, who waits, who leaves.

use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use super::books::ErrorText;
use super::closed::Slot;
use super::dialer::Dialer;
use super::handle::{Handle, Signal};
use super::run::Run;
use super::sender::Sender;
use super::start::Start;
use super::worker::Worker;
use super::{rude, session};
use crate::draw::Purpose;
use crate::plan::{ClientId, Load, PhaseId, Weighted};
use crate::record::PhaseGauge;
use crate::smtp::{End, Outcome, Step};

/// What an idle session does next.
pub(super) enum Next {
    /// Carries this message.
    Start(Start),
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
            self.owns(&handle, start.key.phase);
            *handle.job.borrow_mut() = Some(start);
            handle.tell(Signal::Work);
        } else if self.may_open(start.key.client, start.key.phase) {
            start.unqueue(now);
            self.open(start, None);
        } else {
            start.queue(now);
            let phase = start.key.phase;
            sender.waiting.borrow_mut().push_back(start);
            self.make_room(phase);
        }
    }

    /// Whether one more session of a client may be opened for a phase.
    pub(super) fn may_open(&self, client: ClientId, phase: PhaseId) -> bool {
        let limit = self.client(client).max_connections;
        self.phase_has_room(phase)
            && limit.is_none_or(|limit| self.sender(client).open.get() < self.part_of(limit))
    }

    pub(super) fn phase_has_room(&self, phase: PhaseId) -> bool {
        let limit = self.plan().phases[phase.index()].max_connections;
        limit.is_none_or(|limit| self.gauges.borrow().held(phase) < self.part_of(limit))
    }

    /// This worker's part of a limit, which is divided over the workers.
    fn part_of(&self, limit: u32) -> u32 {
        let workers = self.books.shared.workers;
        limit / workers + u32::from(self.index < limit % workers)
    }

    /// A phase is at its limit: an idle session of another client makes room for one that has
    /// something to do.
    fn make_room(&self, phase: PhaseId) {
        if self.phase_has_room(phase) {
            return;
        }
        let sessions = self.sessions.borrow();
        let idle = sessions
            .iter()
            .find(|handle| handle.idle_since.get().is_some() && handle.phase.get() == phase)
            .cloned();
        drop(sessions);
        if let Some(handle) = idle {
            self.retire(&handle);
        }
    }

    pub(super) fn open(&self, start: Start, slot: Option<Slot>) {
        let client = start.key.client;
        let sender = self.sender(client);
        let workers = u64::from(self.books.shared.workers);
        let opened = sender.opened_ever.get();
        let number = u64::from(self.index) + workers * opened;
        sender.opened_ever.set(opened + 1);
        sender.open.set(sender.open.get() + 1);
        let addresses = self.books.shared.addresses_of(client).len() as u64;
        // Each worker goes round all addresses, whatever its share of the numbers is.
        let turn = (opened + u64::from(self.index)) % addresses.max(1);
        let address = u16::try_from(turn).unwrap_or(0);
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
        self.gauges.borrow_mut().hold(handle.phase.get());
        if let Some(this) = self.this.upgrade() {
            let mut tasks = self.tasks.borrow_mut();
            match start.case {
                None => tasks.spawn_local(session::serve(this, handle, start)),
                Some(case) => tasks.spawn_local(rude::serve(this, handle, start, case)),
            };
        }
    }

    /// The connection of a session stands.
    pub(super) fn connected(&self, handle: &Handle) {
        handle.connected.set(true);
        let phase = handle.phase.get();
        self.books.shared.opened(phase);
        self.gauges.borrow_mut().enter(handle, phase);
    }

    /// A session carries a message of a phase.
    pub(super) fn owns(&self, handle: &Handle, phase: PhaseId) {
        let before = handle.phase.replace(phase);
        if before == phase {
            return;
        }
        self.gauges.borrow_mut().release(before);
        self.gauges.borrow_mut().hold(phase);
        if handle.connected.get() {
            self.books.shared.went_over(before, phase);
            let mut gauges = self.gauges.borrow_mut();
            gauges.exit(handle, before);
            gauges.enter(handle, phase);
        }
    }

    /// What an idle session does next.
    pub(super) fn next(&self, handle: &Rc<Handle>, now: Instant) -> Next {
        let job = handle.job.borrow_mut().take();
        if let Some(start) = job {
            return self.next_start(handle, start);
        }
        if handle.retiring.get() {
            return Next::Leave;
        }
        if let Some(start) = self.slot_rider(handle, now) {
            return self.next_start(handle, start);
        }
        if let Some(start) = self.waiting(handle.client, now) {
            return self.next_start(handle, start);
        }
        if self.stopping.get() || !self.wants(handle.client) {
            return Next::Leave;
        }
        handle.idle_since.set(Some(now));
        self.sender(handle.client).idle.borrow_mut().push(Rc::clone(handle));
        Next::Parked
    }

    fn next_start(&self, handle: &Rc<Handle>, start: Start) -> Next {
        let start = self.when_built(handle, start);
        start.map_or(Next::Parked, Next::Start)
    }

    /// A start whose commands ride behind the text of the one before, if one is due.
    pub(super) fn rider(&self, handle: &Rc<Handle>, now: Instant) -> Option<Start> {
        // One whose mail is still being built goes first.
        let built = |start: &mut Start| start.is_built();
        let mut job = handle.job.borrow_mut();
        if job.is_some() {
            return job.take_if(built);
        }
        drop(job);
        if handle.retiring.get() {
            return None;
        }
        let start = self.slot_rider(handle, now).or_else(|| self.waiting(handle.client, now));
        self.when_built(handle, start?)
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

    /// Whether a phase has begun and not ended.
    pub(super) fn is_in_force(&self, phase: PhaseId) -> bool {
        self.runs.borrow().iter().any(|run| run.phase().id == phase && run.is_in_force())
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
            let phase = handle.phase.get();
            self.books.shared.closed(phase);
            self.gauges.borrow_mut().exit(handle, phase);
        }
        if !handle.has_served() && !self.client(handle.client).is_malformed() {
            let key = handle.key();
            self.books.count(key, |cell| cell.sessions.failed += 1);
        }
        self.gauges.borrow_mut().release(handle.phase.get());
        let job = handle.job.borrow_mut().take();
        match (job, handle.leave_slot()) {
            (Some(start), Some(slot)) => self.pass_on(start, slot, now),
            (Some(start), None) => self.dispatch(start, now),
            (None, Some(slot)) => self.replace(slot, handle, now),
            (None, None) => {}
        }
        self.room_for_others(now);
        if self.stopping.get() {
            self.wake.notify_one();
        }
    }

    /// The session of a slot was found closed before MAIL's first octet: its start goes to
    /// another session of the slot, or of none if the slot has retired since.
    fn pass_on(&self, start: Start, slot: Slot, now: Instant) {
        slot.run.vacate(slot.number);
        if slot.run.is_vacant(slot.number) && !self.stopped.get() {
            self.open(start, Some(slot));
        } else {
            self.dispatch(start, now);
        }
    }

    /// A session that ends is replaced at once; after a failed connection its slot backs off.
    fn replace(&self, slot: Slot, gone: &Handle, now: Instant) {
        slot.run.vacate(slot.number);
        if gone.has_served() {
            self.fill(slot, now);
        } else {
            self.try_again(slot, now);
        }
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

    /// A session is gone, so another may be opened: for a start that waits, or a slot.
    fn room_for_others(&self, now: Instant) {
        if self.stopped.get() {
            return;
        }
        for (client, sender) in (0..).map(ClientId).zip(&self.senders) {
            let waits = sender.waiting.borrow().front().map(|start| start.key.phase);
            if waits.is_some_and(|phase| self.may_open(client, phase))
                && let Some(start) = self.waiting(client, now)
            {
                self.open(start, None);
            }
            self.feed_starved(sender, now);
        }
    }

    /// The first slot that still wants a session gets one if its limits allow it now.
    fn feed_starved(&self, sender: &Sender, now: Instant) {
        loop {
            let slot = sender.starved.borrow_mut().pop_front();
            let Some(slot) = slot else { return };
            if !slot.run.is_vacant(slot.number) {
                continue;
            }
            if self.may_fill(&slot) {
                self.fill(slot, now);
            } else {
                sender.starved.borrow_mut().push_front(slot);
            }
            return;
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
            .filter(|handle| handle.is_free() && !useful(handle.client))
            // Whoever still waits for a session gets one that ends its message.
            .filter(|handle| self.sender(handle.client).waiting.borrow().is_empty())
            .cloned()
            .collect();
        for handle in free {
            self.retire(&handle);
        }
    }

    /// A phase has begun: the idle sessions that it mixes have been taken over, and their idle time
    /// begins anew.
    pub(super) fn greet(&self, phase: PhaseId, now: Instant) {
        for (client, _) in &self.plan().phases[phase.index()].mix.choices {
            for handle in self.sender(*client).idle.borrow().iter() {
                handle.idle_since.set(Some(now));
            }
        }
    }

    /// Wakes the sessions whose time is over, lets idle ones go, and reaps ended tasks.
    pub(super) fn sweep(&self, now: Instant) {
        for handle in self.sessions.borrow().iter() {
            if handle.is_overdue(now) {
                handle.tell(Signal::Deadline);
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
                handle.tell(Signal::Cut(phase));
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

    /// Forgets the phases that have ended and whose starts are all settled. What they had open is
    /// still to be told; the second began at `since`.
    pub(super) fn let_settled_go(&self, since: Instant, now: Instant) {
        let lasts = |run: &Run| run.is_in_force() || run.phase().outstanding.get() > 0;
        if self.runs.borrow().iter().all(lasts) {
            return;
        }
        let settled: Vec<Run> = self.runs.borrow_mut().extract_if(.., |run| !lasts(run)).collect();
        let gauges: Vec<PhaseGauge> =
            settled.iter().map(|run| self.gauge(run, since, now)).collect();
        self.departed.borrow_mut().extend(gauges);
    }

    /// The sessions of the phases in force, draining or settled since the last call, with their
    /// peaks since then, at the end of a second that began at `since`.
    pub(super) fn take_gauges(&self, since: Instant, now: Instant) -> Vec<PhaseGauge> {
        let mut gauges = std::mem::take(&mut *self.departed.borrow_mut());
        gauges.extend(self.runs.borrow().iter().map(|run| self.gauge(run, since, now)));
        gauges
    }

    /// What is true of all workers together is told by the first of them.
    fn gauge(&self, run: &Run, since: Instant, now: Instant) -> PhaseGauge {
        let phase = run.phase().id;
        let (open_sessions, peak_open, level) = if self.index == 0 {
            let (open, peak) = self.books.shared.take_open(phase);
            (open, peak, self.level(run, since, now))
        } else {
            (0, 0, 0.0)
        };
        let peaks = self.gauges.borrow_mut().take_peaks(phase);
        PhaseGauge { phase, level, open_sessions, peak_open, peaks }
    }

    /// The level of a phase in force, or the last one of a phase that ended in this second.
    fn level(&self, run: &Run, since: Instant, now: Instant) -> f64 {
        let phase = run.phase();
        let ended = phase.end.get().filter(|end| *end <= now);
        let at = match ended {
            Some(end) if end > since => end.checked_sub(Duration::from_millis(1)).unwrap_or(end),
            None if run.is_in_force() => now,
            Some(_) | None => return 0.0,
        };
        let line = self.line(phase.id);
        line.level(at.saturating_duration_since(phase.begin))
    }
}

fn has(mix: &Weighted<ClientId>, client: ClientId) -> bool {
    mix.choices.iter().any(|(choice, _)| *choice == client)
}
