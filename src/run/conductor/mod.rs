//! The loop of a run: notes of the workers, signals, the monitor's beat and the phases' changes.

mod figures;
mod search;
mod thresholds;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use super::environment::Usage;
use super::phases::{Phases, planned};
use super::scrape::ScrapePort;
use super::searches::Searches;
use super::summary::{Ending, Kept, feed_used_up, journal_stopped};
use super::watched::{Turn, found};
use super::{Update, addresses, since};
use crate::engine::{Change, Engine, FirstError, Note, Order, Shared, UsedUp};
use crate::format;
use crate::monitor::{Monitor, Sample, Stall, Watch};
use crate::plan::{ClientId, Phase, PhaseId};
use crate::record::{
    self, Cell, ErrorKey, Event, Extent, Folder, Frame, Ledger, Merger, Onset, RunEnd,
};
use crate::report::{Counted, Exposed, LastSecond, Progress, throttling_began};
use crate::verdict::{Interruption, LiveThresholds};
use figures::asked;

/// How far ahead an order is sent, so that all workers have it in time.
const AHEAD: Duration = Duration::from_millis(200);

/// The kernel counts processor time in ticks of 10 ms; over less than this a share says nothing.
const SHORTEST_LOOK: Duration = Duration::from_millis(200);

type Observe<'a> = &'a mut dyn FnMut(&Update<'_>);

/// A run in progress.
pub(super) struct Conductor {
    shared: Arc<Shared>,
    engine: Engine,
    zero: Instant,
    folder: Folder,
    signals: UnboundedReceiver<Interruption>,
    merger: Merger,
    ledger: Ledger,
    phases: Phases,
    searches: Searches,
    usage: Usage,
    /// The process that is watched, until the monitor has it.
    watched: Option<Watch>,
    live: LiveThresholds,
    /// When the monitor was last asked.
    looked: Duration,
    /// What it said.
    sample: Option<Sample>,
    /// What the newest frame said.
    last_second: Option<LastSecond>,
    /// Where the figures are to be served, until that begins.
    port: Option<ScrapePort>,
    /// The figures as they were served since the newest frame.
    exposed: Option<Arc<Exposed>>,
    /// The errors that were told.
    told: BTreeSet<(PhaseId, ClientId, ErrorKey)>,
    interrupted: Option<Interruption>,
    /// Whether nothing starts any more, by whatever order.
    draining: bool,
    stopped: bool,
    failures: Vec<String>,
    warnings: Vec<String>,
}

impl Conductor {
    pub(super) fn new(
        shared: &Arc<Shared>,
        engine: Engine,
        zero: Instant,
        folder: Folder,
        signals: UnboundedReceiver<Interruption>,
        watched: Option<Watch>,
    ) -> Self {
        let mut usage = Usage::new(&shared.plan);
        if let Some(watch) = &watched {
            usage.watch(&found(watch));
        }
        Self {
            shared: Arc::clone(shared),
            engine,
            zero,
            folder,
            signals,
            merger: Merger::new(shared.workers),
            ledger: Ledger::new(&shared.plan),
            phases: Phases::new(shared),
            searches: Searches::new(&shared.plan),
            usage,
            watched,
            live: LiveThresholds::new(&shared.plan, &addresses(shared)),
            looked: Duration::ZERO,
            sample: None,
            last_second: None,
            port: None,
            exposed: None,
            told: BTreeSet::new(),
            interrupted: None,
            draining: false,
            stopped: false,
            failures: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Conducts until all workers have ended.
    pub(super) async fn conduct(mut self, observe: Observe<'_>) -> (Ending, Folder) {
        self.replan(observe);
        let mut monitor = self.start_monitor(observe);
        let mut beat = tokio::time::interval(self.shared.plan.monitor.interval);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        beat.reset();
        let mut servers = JoinSet::new();
        let mut scrapes = self.open(&mut servers, observe);
        let Some(mut notes) = self.engine.notes() else { return self.end(None, observe) };
        loop {
            self.announce(observe);
            let change = self.phases.next_change(&self.shared).map(|at| self.zero + at);
            tokio::select! {
                note = notes.recv() => match note {
                    Some(note) => self.take(note, observe),
                    // Every worker has ended and told all it had.
                    None => break,
                },
                Some(signal) = self.signals.recv() => self.interrupt(signal, observe),
                _ = beat.tick() => self.look(monitor.as_mut(), observe),
                Some(scrape) = asked(scrapes.as_mut()) => self.expose(scrape),
                () = until(change) => {}
            }
        }
        if self.now().saturating_sub(self.looked) >= SHORTEST_LOOK {
            self.look(monitor.as_mut(), observe);
        }
        let stalls = monitor.map(|monitor| monitor.stalls());
        self.end(stalls, observe)
    }

    fn start_monitor(&mut self, observe: Observe<'_>) -> Option<Monitor> {
        if !self.shared.plan.monitor.enabled {
            return None;
        }
        match Monitor::new(self.engine.threads(), self.zero.into_std(), self.watched.take()) {
            Ok(monitor) => Some(monitor),
            Err(error) => {
                observe(&Update::Trouble(super::chain(&error)));
                None
            }
        }
    }

    fn now(&self) -> Duration {
        since(self.zero, Instant::now())
    }

    fn announce(&mut self, observe: Observe<'_>) {
        let now = self.now();
        for event in self.phases.changes(&self.shared, now) {
            self.folder.event(&event);
            if matches!(event, Event::PhaseBegan { .. }) {
                let progress = self.progress(now, self.last_second, u64::from(self.shared.open()));
                observe(&Update::PhaseBegan(&progress));
            }
        }
    }

    fn take(&mut self, note: Note, observe: Observe<'_>) {
        match note {
            Note::Handover(handover) => {
                for frame in self.merger.add(handover) {
                    self.fold(&frame, observe);
                    self.show(&frame, observe);
                    self.search(&frame, observe);
                }
            }
            Note::CountReached(phase) => self.end_phase(phase, observe),
            Note::FeedUsedUp(used_up) => self.end_with(used_up, observe),
            Note::FirstError(error) => self.tell_first(error),
            Note::Panicked(text) => {
                let at_s = self.now().as_secs_f64();
                self.folder.event(&Event::Panic { at_s, text: text.clone() });
                observe(&Update::Trouble(format!("a task panicked: {text}")));
                self.failures.push(format!("a task panicked: {text}"));
            }
        }
    }

    fn fold(&mut self, frame: &Frame, observe: Observe<'_>) {
        self.ledger.fold(frame);
        self.exposed = None;
        let spans = self.phases.spans(&self.shared, self.now());
        self.usage.add(&frame.stints, &spans);
        self.tell_throttled(frame.second, observe);
        for crossing in self.live.take(frame, &self.shared.plan, &spans) {
            self.cross(frame.second + 1, crossing, observe);
        }
        self.folder.add(frame, &self.shared.plan, &spans);
        self.tell_trouble(observe);
    }

    /// A journal that can't be written, as on a full disk, is told once; the run goes on.
    fn tell_trouble(&mut self, observe: Observe<'_>) {
        if let Some(trouble) = self.folder.trouble() {
            let warning = journal_stopped(&trouble);
            observe(&Update::Trouble(warning.clone()));
            self.warnings.push(warning);
        }
    }

    /// Each sign of throttling is told once for each phase, and before the row that commits its
    /// second.
    fn tell_throttled(&mut self, second: u64, observe: Observe<'_>) {
        for onset in self.ledger.throttling().begun_in(second) {
            let phase = &self.shared.plan.phases[onset.phase.index()];
            self.folder.event(&throttled(onset, phase));
            let level = planned(phase.load, onset.level);
            observe(&Update::Throttled(throttling_began(&phase.name, level, onset)));
        }
    }

    fn show(&mut self, frame: &Frame, observe: Observe<'_>) {
        let mut sum = Cell::default();
        for (key, cell) in &frame.cells {
            sum.merge_from(self.shared.plan.clients.get(key.client.index()), cell);
        }
        self.last_second = Some(LastSecond::of(&sum));
        let open = frame.gauges.iter().map(|gauge| u64::from(gauge.open_sessions)).sum();
        // What this second is told of began in it, and a phase may have followed since.
        let middle = Duration::from_secs(frame.second) + Duration::from_millis(500);
        let mut progress = self.progress(middle, self.last_second, open);
        progress.elapsed = Duration::from_secs(frame.second + 1);
        observe(&Update::Second(&progress));
    }

    fn progress(
        &self,
        now: Duration,
        last_second: Option<LastSecond>,
        open_sessions: u64,
    ) -> Progress {
        let so_far = self.ledger.so_far(Extent::All);
        Progress {
            elapsed: now,
            total: self.phases.total(&self.shared),
            phase: self.phases.progress(&self.shared, &self.ledger, now),
            open_sessions,
            errors: so_far.messages.errors(),
            last_second,
            so_far: Counted::of(&so_far),
            machine: self.sample.clone(),
        }
    }

    /// A closed phase has started as many as it should: what follows begins for all at once.
    fn end_phase(&mut self, phase: PhaseId, observe: Observe<'_>) {
        let at = Instant::now() + AHEAD;
        self.engine.order(&Order { at, change: Change::EndPhase(phase) });
        let at = since(self.zero, at);
        self.phases.schedule().end_phase(&self.shared.timeline, phase, at);
        self.replan(observe);
    }

    /// The phases have other places than was told.
    fn replan(&self, observe: Observe<'_>) {
        observe(&Update::Planned(self.phases.course(&self.shared)));
    }

    /// A feed has no row left: what has started drains. After a signal it does so already.
    fn end_with(&mut self, used_up: UsedUp, observe: Observe<'_>) {
        let plan = &self.shared.plan;
        let feed = &plan.feeds[used_up.feed];
        let phase = plan.phases[used_up.phase.index()].name.clone();
        let at_s = used_up.at.as_secs_f64();
        let (name, rows) = (feed.name.clone(), feed.rows.len());
        self.folder.event(&Event::FeedUsedUp { at_s, phase, feed: name, rows });
        observe(&Update::FeedUsedUp(feed_used_up(plan, used_up)));
        if self.interrupted.is_none() {
            self.drain(Instant::now() + AHEAD, observe);
        }
    }

    fn drain(&mut self, at: Instant, observe: Observe<'_>) {
        self.draining = true;
        self.engine.order(&Order { at, change: Change::Drain });
        let at = since(self.zero, at);
        self.phases.schedule().drain(at);
        let at_s = at.as_secs_f64();
        self.folder.event(&Event::Order { at_s, change: record::Change::Drain });
        self.replan(observe);
    }

    /// Each worker tells its own first error of a kind; the first of all is an event.
    fn tell_first(&mut self, error: FirstError) {
        if !self.told.insert((error.phase, error.client, error.key)) {
            return;
        }
        let plan = &self.shared.plan;
        let at_s = self.now().as_secs_f64();
        self.folder.event(&Event::FirstError {
            at_s,
            phase: plan.phases[error.phase.index()].name.clone(),
            client: plan.clients[error.client.index()].name.clone(),
            outcome: error.key.outcome.name().to_owned(),
            step: error.key.step.name().to_owned(),
            code: error.key.code.map(crate::smtp::Code::number),
            example: error.example,
            transcript: error.transcript,
        });
    }

    /// The first signal lets everything drain, the second ends it.
    fn interrupt(&mut self, signal: Interruption, observe: Observe<'_>) {
        let now = Instant::now();
        let at_s = since(self.zero, now).as_secs_f64();
        self.folder.event(&Event::Signal { at_s, signal: signal.signal().to_owned() });
        if self.interrupted.is_none() {
            self.interrupted = Some(signal);
            self.drain(now + AHEAD, observe);
            observe(&Update::Draining(signal));
        } else if !self.stopped {
            self.stopped = true;
            self.engine.order(&Order { at: now, change: Change::Stop });
            self.folder.event(&Event::Order { at_s, change: record::Change::Stop });
            observe(&Update::Stopping(signal));
        }
    }

    fn look(&mut self, monitor: Option<&mut Monitor>, observe: Observe<'_>) {
        let Some(monitor) = monitor else { return };
        self.looked = self.now();
        let sample = monitor.sample();
        let spans = self.phases.spans(&self.shared, self.looked);
        for turn in self.usage.look(&sample, &spans) {
            self.tell_watched(turn, observe);
        }
        self.folder.monitor(&sample, &spans);
        self.sample = Some(sample);
    }

    /// A watched process that ends or comes back is what the user should know at once.
    fn tell_watched(&mut self, turn: Turn, observe: Observe<'_>) {
        let Some(process) = &self.shared.plan.monitor.process else { return };
        let at_s = self.looked.as_secs_f64();
        let (event, text) = match turn {
            Turn::Gone(pid) => {
                let text = format!("the watched process {process} (pid {pid}) has ended");
                (Event::WatchedGone { at_s, pid }, text)
            }
            Turn::Back(pid) => {
                let text = format!("the watched process {process} is there again (pid {pid})");
                (Event::WatchedBack { at_s, pid }, text)
            }
        };
        self.folder.event(&event);
        observe(&Update::Trouble(format::escape(&text)));
    }

    /// `stalls` are those for which there is no further look.
    fn end(mut self, stalls: Option<Vec<Stall>>, observe: Observe<'_>) -> (Ending, Folder) {
        let now = self.now();
        self.draining = true;
        self.announce(observe);
        for frame in std::mem::replace(&mut self.merger, Merger::new(1)).finish() {
            self.fold(&frame, observe);
        }
        self.end_searches(observe);
        for text in self.engine.join() {
            self.failures.push(format!("a worker panicked: {text}"));
        }
        let spans = self.phases.spans(&self.shared, now);
        if let Some(stalls) = &stalls {
            self.usage.stall(stalls, &spans);
        }
        let addresses = addresses(&self.shared);
        let used_up = self.shared.used_up();
        let mut ending = Ending {
            plan: Arc::clone(&self.shared.plan),
            ledger: self.ledger,
            usage: self.usage,
            addresses,
            run: RunEnd {
                live: self.live.rows(&self.shared.plan),
                took: now,
                spans,
                interrupted: self.interrupted.map(|signal| signal.signal().to_owned()),
                failures: self.failures,
                note: used_up.map(|used_up| feed_used_up(&self.shared.plan, used_up)),
                stalls,
                warnings: self.warnings,
                sink: None,
                searches: self.searches.into_results(),
            },
            live: self.live,
            extent: Kept::Whole,
        };
        if let Some(used_up) = used_up {
            ending.leave_out_unbegun(used_up.phase);
        }
        (ending, self.folder)
    }
}

fn throttled(onset: &Onset, phase: &Phase) -> Event {
    Event::Throttled {
        at_s: Duration::from_secs(onset.second).as_secs_f64(),
        phase: phase.name.clone(),
        sign: onset.key.sign.to_string(),
        step: onset.key.step.map(|step| step.name().to_owned()),
        level: onset.level,
        open_sessions: onset.open_sessions,
        count: onset.count,
        example: onset.example.clone(),
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
