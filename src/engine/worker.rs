//! One worker: its part of the timeline, its sessions, its books.
//!
//! A worker lives on one thread and shares nothing with the others while messages flow but a few
//! relaxed counters. The pacer (`pacer.rs`) decides when, the sessions (`session.rs`) do; this
//! file is where they meet: who carries which start.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::books::{Books, Composed, ErrorText, PhaseState, Seed, Start, panic_text};
use super::closed::{ClosedRun, Slot};
use super::dialer::Dialer;
use super::handle::{Handle, Signal};
use super::order::Note;
use super::pacer::Run;
use super::session;
use super::shared::{Spent, Track};
use crate::draw::{Draw, Purpose};
use crate::message::{Composer, Order as MailOrder};
use crate::plan::{Client, ClientId, Load, MessageId, PhaseId, Plan, Timeouts, Weighted};
use crate::record::{PeakOpen, PhaseGauge};
use crate::smtp::{End, Expectations, Manners, Outcome, Step};

/// How long a session of the open model stays idle before it leaves.
const IDLE: Duration = Duration::from_secs(5);
/// Octets that one read can take.
const READ_BUFFER: usize = 64 * 1024;

/// What an idle session does next.
pub(super) enum Next {
    /// Carries this message.
    Start(Box<Start>),
    /// Waits in the pool.
    Parked,
    /// Leaves.
    Leave,
}

/// A worker's part of a client.
struct Sender {
    manners: Rc<Manners>,
    /// By message.
    expectations: Vec<Option<Rc<Expectations>>>,
    /// Sessions that are open or being opened.
    open: Cell<u32>,
    opened_ever: Cell<u64>,
    /// Idle sessions, the most recently used last.
    idle: RefCell<Vec<Rc<Handle>>>,
    /// Starts that wait for a session.
    waiting: RefCell<VecDeque<Start>>,
    /// Slots that found the client at its limit.
    starved: RefCell<VecDeque<Slot>>,
}

/// Sessions that are open, and the most that were.
#[derive(Default)]
struct Gauge {
    open: u32,
    peak: u32,
}

/// A slot that tries again after a failed connection.
pub(super) struct Retry {
    at: Instant,
    slot: Slot,
}

/// One worker.
pub(super) struct Worker<D: Dialer> {
    pub(super) index: u32,
    pub(super) dialer: D,
    pub(super) books: Rc<Books>,
    pub(super) buffer: RefCell<Box<[u8]>>,
    pub(super) runs: RefCell<Vec<Run>>,
    /// Wakes the pacer when something came up that it did not know of.
    pub(super) wake: Notify,
    pub(super) tasks: RefCell<JoinSet<()>>,
    composer: RefCell<Composer>,
    senders: Vec<Sender>,
    gauges: RefCell<BTreeMap<(PhaseId, ClientId, u16), Gauge>>,
    sessions: RefCell<Vec<Rc<Handle>>>,
    retries: RefCell<BinaryHeap<Reverse<Retry>>>,
    stopping: Cell<bool>,
    stopped: Cell<bool>,
    this: std::rc::Weak<Self>,
}

impl<D: Dialer> Worker<D> {
    pub(super) fn new(index: u32, dialer: D, books: Books, composer: Composer) -> Rc<Self> {
        let plan = Arc::clone(&books.shared.plan);
        Rc::new_cyclic(|this| Self {
            index,
            dialer,
            books: Rc::new(books),
            buffer: RefCell::new(vec![0; READ_BUFFER].into_boxed_slice()),
            runs: RefCell::default(),
            wake: Notify::new(),
            tasks: RefCell::default(),
            composer: RefCell::new(composer),
            senders: plan.clients.iter().map(|client| Sender::new(client, &plan)).collect(),
            gauges: RefCell::default(),
            sessions: RefCell::default(),
            retries: RefCell::default(),
            stopping: Cell::default(),
            stopped: Cell::default(),
            this: std::rc::Weak::clone(this),
        })
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.books.shared.plan
    }

    fn client(&self, client: ClientId) -> &Client {
        &self.plan().clients[client.index()]
    }

    fn sender(&self, client: ClientId) -> &Sender {
        &self.senders[client.index()]
    }

    pub(super) fn timeouts(&self, client: ClientId) -> Timeouts {
        let plan = self.plan();
        plan.targets[self.client(client).target.index()].timeouts
    }

    pub(super) fn manners(&self, client: ClientId) -> Rc<Manners> {
        Rc::clone(&self.sender(client).manners)
    }

    pub(super) fn think(&self, client: ClientId) -> Duration {
        self.client(client).think
    }

    pub(super) fn expectations(
        &self,
        client: ClientId,
        message: MessageId,
    ) -> Option<Rc<Expectations>> {
        self.sender(client).expectations.get(message.index()).cloned().flatten()
    }

    pub(super) fn address(&self, handle: &Handle) -> SocketAddr {
        self.books.shared.addresses_of(handle.client)[usize::from(handle.address)]
    }

    // Starts.

    /// A start with its message composed ahead, unless that must wait for a session.
    pub(super) fn prepare(&self, seed: Seed, phase: &Rc<PhaseState>) -> Start {
        let mut start = Start::new(seed, Rc::clone(phase), Rc::clone(&self.books));
        let late = self.composer.borrow().needs_session(start.message.index());
        // A message that can't be composed stays so, and its session settles it as `local`.
        if !late && self.compose(&mut start, None).is_ok() {
            start.composed = Composed::Ready;
        }
        start
    }

    fn compose(&self, start: &mut Start, session: Option<u64>) -> Result<(), String> {
        let client = self.client(start.key.client);
        let order = MailOrder {
            message: start.message.index(),
            draw: start.draw,
            seq: start.seq,
            client: &client.name,
            phase: &self.plan().phases[start.key.phase.index()].name,
            session,
            user: None,
            recipients: client.recipients,
            now: SystemTime::now(),
        };
        let composed = self.composer.borrow_mut().compose(&order, &mut start.mail);
        composed.map_err(|error| error.to_string())
    }

    /// Composes what could not be composed ahead.
    pub(super) fn compose_late(&self, start: &mut Start, session: u64) -> Result<(), String> {
        match start.composed {
            Composed::Ready => Ok(()),
            Composed::Not => self.compose(start, Some(session)),
        }
    }

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
    fn may_open(&self, client: ClientId, phase: PhaseId) -> bool {
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

    fn open(&self, start: Start, slot: Option<Slot>) {
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

    // Sessions.

    /// The connection of a session stands.
    pub(super) fn connected(&self, handle: &Handle) {
        handle.connected.set(true);
        self.enter(handle, handle.phase.get());
    }

    /// A session carries a message of a phase.
    pub(super) fn owns(&self, handle: &Handle, phase: PhaseId) {
        handle.phase.set(self.moved(handle, phase));
    }

    fn moved(&self, handle: &Handle, phase: PhaseId) -> PhaseId {
        let before = handle.phase.get();
        if before != phase && handle.connected.get() {
            self.exit(handle, before);
            self.enter(handle, phase);
        }
        phase
    }

    /// A session counts for a phase from now on.
    fn enter(&self, handle: &Handle, phase: PhaseId) {
        self.books.shared.opened(phase);
        let mut gauges = self.gauges.borrow_mut();
        let gauge = gauges.entry((phase, handle.client, handle.address)).or_default();
        gauge.open += 1;
        gauge.peak = gauge.peak.max(gauge.open);
    }

    fn exit(&self, handle: &Handle, phase: PhaseId) {
        self.books.shared.closed(phase);
        let mut gauges = self.gauges.borrow_mut();
        let gauge = gauges.entry((phase, handle.client, handle.address)).or_default();
        gauge.open = gauge.open.saturating_sub(1);
    }

    /// The sessions of the phases that are in force or draining, with their peaks since the last
    /// call. What is true of all workers together is told by the first of them.
    pub(super) fn take_gauges(&self, now: Instant) -> Vec<PhaseGauge> {
        let runs = self.runs.borrow();
        let gauges = runs.iter().map(|run| {
            let phase = run.phase().id;
            let line = self.books.shared.timeline.line(phase);
            let (open_sessions, peak_open, level) = if self.index == 0 {
                let (open, peak) = self.books.shared.take_open(phase);
                let since = now.saturating_duration_since(run.phase().begin);
                (open, peak, if run.is_in_force() { line.level(since) } else { 0.0 })
            } else {
                (0, 0, 0.0)
            };
            PhaseGauge { phase, level, open_sessions, peak_open, peaks: self.take_peaks(phase) }
        });
        gauges.collect()
    }

    fn take_peaks(&self, phase: PhaseId) -> Vec<PeakOpen> {
        let mut gauges = self.gauges.borrow_mut();
        let of_phase = gauges.iter_mut().filter(|((of, ..), _)| *of == phase);
        let peaks = of_phase.map(|((_, client, address), gauge)| {
            let open = std::mem::replace(&mut gauge.peak, gauge.open);
            PeakOpen { client: *client, address: *address, open }
        });
        peaks.collect()
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

    fn slot_rider(&self, handle: &Handle, now: Instant) -> Option<Start> {
        let slot = handle.slot.borrow().clone()?;
        let start = self.slot_start(&slot, now);
        if start.is_none() {
            slot.run.vacate(slot.number);
            handle.leave_slot();
        }
        start
    }

    fn waiting(&self, client: ClientId, now: Instant) -> Option<Start> {
        let mut start = self.sender(client).waiting.borrow_mut().pop_front()?;
        start.unqueue(now);
        Some(start)
    }

    /// Whether a phase in force has a use for a client's idle sessions.
    fn wants(&self, client: ClientId) -> bool {
        self.runs.borrow().iter().any(|run| run.is_in_force() && self.mixes(run.phase().id, client))
    }

    fn mixes(&self, phase: PhaseId, client: ClientId) -> bool {
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

    fn list(&self, handle: &Rc<Handle>) {
        let mut sessions = self.sessions.borrow_mut();
        handle.position.set(sessions.len());
        sessions.push(Rc::clone(handle));
    }

    fn unlist(&self, handle: &Rc<Handle>) {
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

    /// Opens a slot again after a pause.
    fn try_again(&self, slot: Slot, now: Instant) {
        if slot.run.is_active(slot.number) {
            let at = now + slot.run.back_off(slot.number);
            self.retries.borrow_mut().push(Reverse(Retry { at, slot }));
        }
    }

    /// A client may open one more session: who waits for that comes first.
    fn room_for_others(&self, client: ClientId, now: Instant) {
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

    // Slots.

    /// The next message of a slot, if the level, the phase and its count allow one.
    fn slot_start(&self, slot: &Slot, now: Instant) -> Option<Start> {
        let Slot { run, number } = slot;
        if self.stopping.get() || !run.is_active(*number) || run.phase.is_over(now) {
            return None;
        }
        match self.books.shared.spend(run.phase.id) {
            Spent::Granted => {}
            Spent::Last => {
                self.books
                    .shared
                    .mark_reached(run.phase.id, now.saturating_duration_since(self.books.zero));
                self.books.note(Note::CountReached(run.phase.id));
            }
            Spent::Refused => return None,
        }
        let ordinal = run.next_ordinal(*number);
        let client = run.line.client_of_slot(*number);
        let draw = run.line.slot_draw(*number, ordinal);
        let seq = run.line.slot_seq(*number, ordinal);
        let message = self.choose(client, draw);
        let seed = Seed { client, message, draw, seq, planned: None };
        Some(self.prepare(seed, &run.phase).come_due(now))
    }

    /// Which of its messages a client sends for a start.
    pub(super) fn choose(&self, client: ClientId, draw: Draw) -> MessageId {
        pick(&self.client(client).messages, draw.of(Purpose::Message).unit())
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

    /// Opens a session for a vacant slot.
    pub(super) fn fill(&self, slot: Slot, now: Instant) {
        if !slot.run.is_vacant(slot.number) || self.stopping.get() {
            return;
        }
        let client = slot.run.line.client_of_slot(slot.number);
        if !self.may_open(client, slot.run.phase.id) {
            self.sender(client).starved.borrow_mut().push_back(slot);
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

    /// A session ends with its message, or at once if it has none.
    fn retire(&self, handle: &Rc<Handle>) {
        handle.retiring.set(true);
        if !handle.busy.get() {
            if handle.idle_since.take().is_some() {
                let mut idle = self.sender(handle.client).idle.borrow_mut();
                idle.retain(|other| !Rc::ptr_eq(other, handle));
            }
            handle.tell(Signal::Leave);
        }
    }

    // What the pacer asks for.

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
    fn keeps_idle(&self, client: ClientId) -> bool {
        self.runs.borrow().iter().any(|run| {
            let phase = run.phase().id;
            let open = matches!(self.plan().phases[phase.index()].load, Load::Open { .. });
            run.is_in_force() && !open && self.mixes(phase, client)
        })
    }

    /// Takes ended tasks from the books; a panic is told.
    pub(super) fn reap(&self) {
        let mut tasks = self.tasks.borrow_mut();
        while let Some(ended) = tasks.try_join_next() {
            if let Err(error) = ended.map_err(tokio::task::JoinError::try_into_panic) {
                self.books.note(Note::Panicked(error.map_or_else(
                    |_| "a task was cancelled".to_owned(),
                    |panic| panic_text(&*panic),
                )));
            }
        }
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

    /// Nothing starts any more; idle sessions leave.
    pub(super) fn wind_up(&self) {
        self.stopping.set(true);
        self.retries.borrow_mut().clear();
        for sender in &self.senders {
            sender.starved.borrow_mut().clear();
        }
        self.trim(None);
    }

    /// Ends all sessions that are left; what they carried is booked as interrupted.
    pub(super) async fn stop(&self) {
        self.stopping.set(true);
        self.stopped.set(true);
        self.reap();
        let mut tasks = std::mem::take(&mut *self.tasks.borrow_mut());
        tasks.shutdown().await;
        for sender in &self.senders {
            let waiting = std::mem::take(&mut *sender.waiting.borrow_mut());
            drop(waiting);
        }
    }

    pub(super) fn has_sessions(&self) -> bool {
        !self.sessions.borrow().is_empty()
    }
}

impl Sender {
    /// Sessions that have been idle for too long leave.
    fn let_idle_go(&self, now: Instant) {
        let long =
            |handle: &Rc<Handle>| handle.idle_since.get().is_some_and(|since| now >= since + IDLE);
        let gone: Vec<Rc<Handle>> =
            self.idle.borrow_mut().extract_if(.., |handle| long(handle)).collect();
        for handle in gone {
            handle.idle_since.set(None);
            handle.retiring.set(true);
            handle.tell(Signal::Leave);
        }
    }

    fn new(client: &Client, plan: &Plan) -> Self {
        let manners = Manners {
            ehlo: client.ehlo.clone(),
            pipelining: client.pipelining,
            ending: client.end,
        };
        let expectations = plan.messages.iter().map(|message| {
            let both = client.expect.overridden_by(&message.expect);
            (!both.is_empty()).then(|| Rc::new(both))
        });
        Self {
            manners: Rc::new(manners),
            expectations: expectations.collect(),
            open: Cell::default(),
            opened_ever: Cell::default(),
            idle: RefCell::default(),
            waiting: RefCell::default(),
            starved: RefCell::default(),
        }
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

fn has(mix: &Weighted<ClientId>, client: ClientId) -> bool {
    mix.choices.iter().any(|(choice, _)| *choice == client)
}

/// The choice that a number in `[0, 1)` falls on.
fn pick(choices: &Weighted<MessageId>, unit: f64) -> MessageId {
    let total: f64 = choices.choices.iter().map(|(_, weight)| weight).sum();
    let mut left = unit * total;
    for (choice, weight) in &choices.choices {
        left -= weight;
        if left < 0.0 {
            return *choice;
        }
    }
    choices.choices.last().map_or(MessageId(0), |(choice, _)| *choice)
}
