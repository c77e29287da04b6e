//! The timeline in force → starts, slots, ends and cuts, at their moments.
//!
//! The pacer is the root future of a worker. It sleeps until the next thing is due, does all that
//! is due, and never skips a start to catch up: late is late, and is recorded as lag.

use std::collections::VecDeque;
use std::iter::Peekable;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use super::alarm::Alarm;
use super::books::PhaseState;
use super::closed::{ClosedRun, Slot};
use super::dialer::Dialer;
use super::open::Turn;
use super::order::{Change, Note, Order};
use super::run::{Cut, OpenRun, Run};
use super::stints::Stints;
use super::worker::Worker;
use crate::plan::{PhaseId, SearchId};
use crate::record::Handover;
use crate::timeline::{Change as SlotTurn, Line, Model, Schedule, Share, SlotChanges};

/// How often deadlines are looked at.
const SWEEP: Duration = Duration::from_millis(50);
/// How long sessions have for their good-byes at the end of a run.
const GOOD_BYE: Duration = Duration::from_secs(5);
/// Between the hand-overs of what was counted.
const SECOND: Duration = Duration::from_secs(1);

/// One worker's walk through the timeline.
pub(super) struct Pacer<D: Dialer> {
    worker: Rc<Worker<D>>,
    alarm: Alarm,
    orders: UnboundedReceiver<Order>,
    pending: Vec<Order>,
    /// Phases that have not begun, and when they do, where that is known.
    upcoming: Vec<PhaseId>,
    next_begin: Option<Instant>,
    schedule: Schedule,
    stints: Stints,
    second: u64,
    next_sweep: Instant,
    good_bye: Option<Instant>,
}

impl<D: Dialer> Pacer<D> {
    pub(super) fn new(
        worker: Rc<Worker<D>>,
        alarm: Alarm,
        orders: UnboundedReceiver<Order>,
    ) -> Self {
        let timeline = Arc::clone(&worker.books.shared.timeline);
        let zero = worker.books.zero;
        let upcoming = timeline.lines().iter().map(|line| line.id()).collect();
        let stints = Stints::new(worker.index, zero);
        let mut pacer = Self {
            worker,
            alarm,
            orders,
            pending: Vec::new(),
            upcoming,
            next_begin: None,
            schedule: Schedule::new(&timeline),
            stints,
            second: 0,
            next_sweep: zero,
            good_bye: None,
        };
        pacer.look_ahead();
        pacer
    }

    /// Runs to the end of the timeline, or to an order to stop.
    pub(super) async fn run(mut self) {
        loop {
            let now = Instant::now();
            let stopped = self.obey(now);
            self.hand_over(now);
            if stopped {
                break;
            }
            match self.advance(now) {
                Turn::Unfinished => tokio::task::yield_now().await,
                Turn::Done if self.is_over(now) => break,
                Turn::Done => self.pause().await,
            }
        }
        self.worker.stop().await;
        self.note_handover(Instant::now());
    }

    async fn pause(&mut self) {
        let at = self.next_event();
        let order = tokio::select! {
            () = self.alarm.until(at) => None,
            () = self.worker.wake.notified() => None,
            () = self.worker.builder.built() => None,
            order = self.orders.recv() => order,
        };
        self.pending.extend(order);
    }

    /// Takes the orders whose time has come; true if everything ends.
    fn obey(&mut self, now: Instant) -> bool {
        while let Ok(order) = self.orders.try_recv() {
            self.pending.push(order);
        }
        let due: Vec<Order> = self.pending.extract_if(.., |order| order.at <= now).collect();
        for order in due {
            match order.change {
                Change::Stop => return true,
                Change::Drain => self.drain(order.at),
                Change::EndPhase(phase) => self.end_at(phase, order.at),
                Change::Append(line) => self.append(&line, order.at),
                Change::EndSearch(search) => self.end_search(search, order.at),
            }
        }
        false
    }

    /// Nothing starts any more: all phases end, and those to come never begin.
    fn drain(&mut self, at: Instant) {
        self.schedule.drain(at.saturating_duration_since(self.worker.books.zero));
        let schedule = &self.schedule;
        self.upcoming.retain(|id| schedule.begin(*id).is_some());
        self.set_ends();
        self.look_ahead();
    }

    fn end_at(&mut self, phase: PhaseId, at: Instant) {
        let shared = &self.worker.books.shared;
        let at = at.saturating_duration_since(self.worker.books.zero);
        self.schedule.end_phase(&shared.timeline, phase, at);
        self.set_ends();
        self.look_ahead();
    }

    /// A probe has its level and its beginning. After an order to drain none begins.
    fn append(&mut self, line: &Arc<Line>, at: Instant) {
        self.schedule.append(line, at.saturating_duration_since(self.worker.books.zero));
        self.worker.probes.borrow_mut().insert(line.id(), Arc::clone(line));
        self.look_ahead();
    }

    fn end_search(&mut self, search: SearchId, at: Instant) {
        let timeline = &self.worker.books.shared.timeline;
        let at = at.saturating_duration_since(self.worker.books.zero);
        self.schedule.end_search(timeline, search, at);
        let schedule = &self.schedule;
        self.upcoming.retain(|id| !schedule.is_needless(timeline, *id));
        self.look_ahead();
    }

    fn set_ends(&self) {
        for run in self.worker.runs.borrow().iter() {
            let phase = run.phase();
            phase.end.set(self.end(phase.id));
        }
    }

    fn begin_at(&self, id: PhaseId) -> Option<Instant> {
        self.schedule.begin(id).map(|at| self.worker.books.zero + at)
    }

    fn end(&self, id: PhaseId) -> Option<Instant> {
        self.schedule.end(id).map(|at| self.worker.books.zero + at)
    }

    fn look_ahead(&mut self) {
        self.next_begin = self.upcoming.iter().filter_map(|id| self.begin_at(*id)).min();
    }

    /// Does what is due.
    fn advance(&mut self, now: Instant) -> Turn {
        self.worker.builder.collect();
        // A phase ends only when all that came due in it has started.
        let late = self.fire(now);
        let ended = self.end_phases(now);
        let begun = self.begin_phases(now);
        if ended || begun {
            self.stints.turn(now);
            self.settle_sessions();
        }
        let turn = if begun { late.and(self.fire(now)) } else { late };
        self.worker.retry(now);
        if now >= self.next_sweep {
            self.next_sweep = now + SWEEP;
            self.worker.sweep(now);
            self.cut_phases(now);
        }
        self.worker.let_settled_go(self.second_began(), now);
        turn
    }

    fn end_phases(&self, now: Instant) -> bool {
        let plan = Arc::clone(&self.worker.books.shared.plan);
        let mut sessions = Vec::new();
        let mut ended = false;
        let mut runs = self.worker.runs.borrow_mut();
        for run in runs.iter_mut().filter_map(|run| run.is_in_force().then_some(run)) {
            if !run.has_ended(now) {
                continue;
            }
            ended = true;
            let phase = run.phase();
            let drain = plan.phases[phase.id.index()].drain;
            if let Run::Open(open) = run {
                open.clear();
            }
            if let Run::Closed { run, .. } = run {
                sessions.extend(run.end());
            }
            if let Some(cut) = run.cut_mut() {
                // Where the tester was late with the last start, that one has its time too.
                *cut = Cut::DrainsUntil(now + drain);
            }
        }
        runs.retain(|run| !matches!(run, Run::Pause { phase } if phase.is_over(now)));
        drop(runs);
        for session in sessions {
            session.leave_slot();
        }
        ended
    }

    fn begin_phases(&mut self, now: Instant) -> bool {
        if self.next_begin.is_none_or(|at| at > now) {
            return false;
        }
        let due = |id: &PhaseId| self.begin_at(*id).is_some_and(|at| at <= now);
        let (due, upcoming) = self.upcoming.iter().partition(|id| due(id));
        self.upcoming = upcoming;
        let due: Vec<PhaseId> = due;
        for id in due {
            self.begin(id, now);
            self.worker.greet(id, now);
        }
        self.look_ahead();
        true
    }

    fn begin(&self, id: PhaseId, now: Instant) {
        let shared = &self.worker.books.shared;
        let line = &self.worker.line(id);
        let begin = self.begin_at(id).unwrap_or(now);
        let phase = Rc::new(PhaseState::new(id, begin, self.end(id)));
        let share = Share { worker: self.worker.index, of: shared.workers };
        if shared.plan.phases[id.index()].fresh {
            self.worker.trim(Some(id));
        }
        let run = match line.model() {
            Model::Open => Run::Open(Box::new(OpenRun {
                looks_further: self.worker.builds_for(id),
                ..OpenRun::new(phase, line, share)
            })),
            Model::Closed => {
                let run = Rc::new(ClosedRun::new(phase, Arc::clone(line), shared.workers));
                let mut changes = line.slots(share).peekable();
                self.take_over(&run, &mut changes, now);
                Run::Closed { run, changes, cut: Cut::InForce }
            }
            Model::Pause => Run::Pause { phase },
        };
        self.worker.runs.borrow_mut().push(run);
    }

    /// The slots that are open from a phase's beginning get the sessions that are there.
    fn take_over(&self, run: &Rc<ClosedRun>, changes: &mut Peekable<SlotChanges>, now: Instant) {
        let track = self.worker.books.shared.track(run.phase.id);
        let mut free = self.worker.free_sessions(track);
        while let Some(change) = changes.next_if(|change| change.at.is_zero()) {
            run.open(change.slot);
            let slot = Slot { run: Rc::clone(run), number: change.slot };
            let client = run.line.client_of_slot(change.slot);
            let session = free.get_mut(client.index()).and_then(VecDeque::pop_front);
            self.worker.take_over_or_fill(slot, session, now);
        }
    }

    fn settle_sessions(&self) {
        if self.is_behind_the_last() { self.worker.wind_up() } else { self.worker.trim(None) }
    }

    /// Starts, and opens and retires slots, that are due.
    fn fire(&self, now: Instant) -> Turn {
        let mut turn = Turn::Done;
        let mut closed = Vec::new();
        let mut runs = self.worker.runs.borrow_mut();
        for run in runs.iter_mut().filter(|run| run.is_in_force()) {
            match run {
                Run::Open(open) => turn = turn.and(self.worker.fire_open(open, now)),
                Run::Closed { run, changes, .. } => {
                    let due =
                        |change: &crate::timeline::SlotChange| run.phase.begin + change.at <= now;
                    while let Some(change) = changes.next_if(|change| due(change)) {
                        closed.push((Rc::clone(run), change));
                    }
                }
                Run::Pause { .. } => {}
            }
        }
        // Retiring a session asks which phases are in force, so the runs must be free again.
        drop(runs);
        for (run, change) in closed {
            match change.change {
                SlotTurn::Opens => {
                    run.open(change.slot);
                    self.worker.fill(Slot { run, number: change.slot }, now);
                }
                SlotTurn::Retires => self.worker.retire_slot(&run, change.slot),
            }
        }
        turn
    }

    fn cut_phases(&self, now: Instant) {
        let mut due = Vec::new();
        for run in self.worker.runs.borrow_mut().iter_mut() {
            let id = run.phase().id;
            if let Some(cut @ Cut::DrainsUntil(_)) = run.cut_mut()
                && matches!(cut, Cut::DrainsUntil(at) if *at <= now)
            {
                *cut = Cut::Done;
                due.push(id);
            }
        }
        for id in due {
            self.worker.cut(id, now);
        }
    }

    fn is_behind_the_last(&self) -> bool {
        self.upcoming.is_empty() && !self.worker.runs.borrow().iter().any(Run::is_in_force)
    }

    fn is_over(&mut self, now: Instant) -> bool {
        if !self.is_behind_the_last() || !self.worker.runs.borrow().is_empty() {
            return false;
        }
        if self.good_bye.is_none() {
            self.worker.wind_up();
        }
        let until = *self.good_bye.get_or_insert(now + GOOD_BYE);
        !self.worker.has_sessions() || now >= until
    }

    fn next_event(&self) -> Instant {
        let worker = &self.worker;
        let mut at = self.next_sweep.min(self.second_ends());
        let mut sooner = |other: Option<Instant>| at = other.map_or(at, |other| other.min(at));
        sooner(self.next_begin);
        sooner(worker.next_retry());
        sooner(self.pending.iter().map(|order| order.at).min());
        for run in worker.runs.borrow_mut().iter_mut().filter(|run| run.is_in_force()) {
            match run {
                // It can't end before what is due is built, which wakes the pacer.
                Run::Open(open) if !open.unbuilt.is_empty() => {}
                Run::Open(_) | Run::Closed { .. } | Run::Pause { .. } => {
                    sooner(run.phase().end.get());
                }
            }
            match run {
                Run::Open(open) => sooner(open.next_wake()),
                Run::Closed { run, changes, .. } => {
                    sooner(changes.peek().map(|change| run.phase.begin + change.at));
                }
                Run::Pause { .. } => {}
            }
        }
        at
    }

    fn second_ends(&self) -> Instant {
        self.worker.books.zero + SECOND * u32::try_from(self.second + 1).unwrap_or(u32::MAX)
    }

    fn second_began(&self) -> Instant {
        self.worker.books.zero + SECOND * u32::try_from(self.second).unwrap_or(u32::MAX)
    }

    /// Hands over what was counted in the seconds that are over.
    fn hand_over(&mut self, now: Instant) {
        while now >= self.second_ends() {
            self.note_handover(now);
            self.second += 1;
        }
    }

    fn note_handover(&mut self, now: Instant) {
        let cells = self.worker.books.take();
        let gauges = self.worker.take_gauges(self.second_began(), now);
        let worker = self.worker.index;
        self.worker.books.note(Note::Handover(Handover {
            worker,
            second: self.second,
            cells,
            gauges,
            stints: self.stints.take(now),
            peaks: self.worker.books.shared.peaks(),
        }));
    }
}
