//! What all workers see: the plan, the timeline, addresses, and the few counters that must be one.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::crowd::Crowd;
use super::server_address::ServerAddress;
use super::used_up::UsedUp;
use crate::plan::{Begin, ClientId, Load, PhaseId, Plan, TargetId};
use crate::record::OpenPeaks;
use crate::timeline::{Model, Timeline};

/// What a run is made of; immutable but for the counters.
#[derive(Debug)]
pub struct Shared {
    /// What is to be done.
    pub plan: Arc<Plan>,
    /// When.
    pub timeline: Arc<Timeline>,
    /// By target: the resolved addresses that sessions go to, one or several.
    pub addresses: Vec<Vec<ServerAddress>>,
    /// How many workers there are, at least one.
    pub workers: u32,
    phases: Vec<PhaseCounters>,
    /// Behind a pointer of their own, so that counting disturbs nobody who reads the plan.
    crowds: Box<Crowds>,
    tracks: Vec<Track>,
    /// The feed that ended all starts.
    used_up: OnceLock<UsedUp>,
    /// By target: when it may be asked again if it still serves, in nanoseconds of the run's clock.
    probes: Vec<AtomicU64>,
}

/// Phases that follow one another; those placed beside them by `with` have tracks of their own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Track(PhaseId);

/// The open sessions of the whole run.
#[derive(Debug, Default)]
struct Crowds {
    all: Crowd,
    /// Those of phases that count.
    counting: Crowd,
}

#[derive(Debug, Default)]
struct PhaseCounters {
    in_flight: AtomicU32,
    sessions: Crowd,
    /// How many messages of a closed phase with a count may still start.
    budget: Option<AtomicU64>,
    /// When the count was reached, in nanoseconds of the run's clock; 0 before that.
    reached: AtomicU64,
}

impl Shared {
    /// The shared part of a run; `addresses` by [`TargetId`], each with at least one.
    pub fn new(
        plan: Arc<Plan>,
        timeline: Arc<Timeline>,
        addresses: Vec<Vec<ServerAddress>>,
        workers: u32,
    ) -> Self {
        let counters =
            plan.phases.iter().zip(timeline.lines()).map(|(phase, line)| PhaseCounters {
                budget: phase.count.filter(|_| line.model() == Model::Closed).map(AtomicU64::new),
                ..PhaseCounters::default()
            });
        let phases = counters.collect();
        let tracks = tracks(&plan);
        let probes = plan.targets.iter().map(|_| AtomicU64::new(0)).collect();
        Self {
            plan,
            timeline,
            addresses,
            workers,
            phases,
            crowds: Box::default(),
            tracks,
            used_up: OnceLock::new(),
            probes,
        }
    }

    /// The addresses of a client's target.
    pub(super) fn addresses_of(&self, client: ClientId) -> &[ServerAddress] {
        let TargetId(target) = self.plan.clients[client.index()].target;
        &self.addresses[usize::from(target)]
    }

    /// The track of a phase, named by the first phase on it.
    pub(super) fn track(&self, phase: PhaseId) -> Track {
        self.tracks[phase.index()]
    }

    /// Takes a place for one more message in flight; false where the phase's limit is reached.
    pub(super) fn enter(&self, phase: PhaseId) -> bool {
        let limit = match self.plan.phases[phase.index()].load {
            Load::Open { max_in_flight, .. } => max_in_flight,
            Load::Closed { .. } | Load::Pause => u32::MAX,
        };
        let counter = &self.phases[phase.index()].in_flight;
        let before = counter.fetch_add(1, Ordering::Relaxed);
        if before >= limit {
            counter.fetch_sub(1, Ordering::Relaxed);
        }
        before < limit
    }

    /// Gives the place back.
    pub(super) fn leave(&self, phase: PhaseId) {
        self.phases[phase.index()].in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// Takes one message from a closed phase's count, if it has one.
    pub(super) fn spend(&self, phase: PhaseId) -> Spent {
        let Some(budget) = &self.phases[phase.index()].budget else { return Spent::Granted };
        let take = |left: u64| left.checked_sub(1);
        match budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(1) => Spent::Last,
            Ok(_) => Spent::Granted,
            Err(_) => Spent::Refused,
        }
    }

    /// Notes when a closed phase's count was reached.
    pub(super) fn mark_reached(&self, phase: PhaseId, at: Duration) {
        let nanos = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX).max(1);
        self.phases[phase.index()].reached.store(nanos, Ordering::Relaxed);
    }

    /// A feed has no row left: nothing starts any more. False where that was known.
    pub(super) fn use_up(&self, used_up: UsedUp) -> bool {
        self.used_up.set(used_up).is_ok()
    }

    /// The feed that ended all starts, if one did.
    pub fn used_up(&self) -> Option<UsedUp> {
        self.used_up.get().copied()
    }

    /// Whether a target may be asked now if it still serves; then not again before a pause is over.
    pub(super) fn may_probe(&self, target: TargetId, at: Duration, pause: Duration) -> bool {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let again = nanos(at.saturating_add(pause));
        let due = |next: u64| (nanos(at) >= next).then_some(again);
        self.probes.get(target.index()).is_some_and(|next| {
            next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, due).is_ok()
        })
    }

    /// When a closed phase's count was reached.
    pub fn reached(&self, phase: PhaseId) -> Option<Duration> {
        let nanos = self.phases[phase.index()].reached.load(Ordering::Relaxed);
        (nanos > 0).then(|| Duration::from_nanos(nanos))
    }

    /// A session opened for a phase. The larger crowd is entered first and left last, so that at
    /// no moment a part has more than the whole.
    pub(super) fn opened(&self, phase: PhaseId) {
        self.crowds.all.enter();
        if self.counts(phase) {
            self.crowds.counting.enter();
        }
        self.phases[phase.index()].sessions.enter();
    }

    /// A session of a phase closed.
    pub(super) fn closed(&self, phase: PhaseId) {
        self.phases[phase.index()].sessions.leave();
        if self.counts(phase) {
            self.crowds.counting.leave();
        }
        self.crowds.all.leave();
    }

    /// An open session went over from one phase to another.
    pub(super) fn went_over(&self, from: PhaseId, to: PhaseId) {
        self.phases[from.index()].sessions.leave();
        match (self.counts(from), self.counts(to)) {
            (true, false) => self.crowds.counting.leave(),
            (false, true) => self.crowds.counting.enter(),
            (true, true) | (false, false) => {}
        }
        self.phases[to.index()].sessions.enter();
    }

    fn counts(&self, phase: PhaseId) -> bool {
        self.plan.phases[phase.index()].counts()
    }

    /// The most sessions of the run that were open at one time up to now.
    pub(super) fn peaks(&self) -> OpenPeaks {
        let Crowds { all, counting } = &*self.crowds;
        OpenPeaks { all: all.peak(), counting: counting.peak() }
    }

    /// How many sessions are open now, in all phases.
    pub fn open(&self) -> u32 {
        self.crowds.all.open()
    }

    /// How many sessions of a phase are open, and the most since the last call.
    pub fn take_open(&self, phase: PhaseId) -> (u32, u32) {
        self.phases[phase.index()].sessions.take()
    }
}

/// By phase; a phase stands behind those that it follows.
fn tracks(plan: &Plan) -> Vec<Track> {
    let mut tracks: Vec<Track> = Vec::with_capacity(plan.phases.len());
    for (id, phase) in (0..).map(PhaseId).zip(&plan.phases) {
        tracks.push(match phase.begin {
            Begin::After(before) => tracks.get(before.index()).copied().unwrap_or(Track(id)),
            Begin::Start | Begin::With(..) => Track(id),
            Begin::Asked(search) | Begin::Behind(search) => {
                let first = plan.searches.get(search.index()).map(|search| search.first);
                first.and_then(|first| tracks.get(first.index()).copied()).unwrap_or(Track(id))
            }
        });
    }
    tracks
}

/// What became of asking for one more message of a count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Spent {
    /// It may start.
    Granted,
    /// It may start, and it is the last.
    Last,
    /// The count was reached before.
    Refused,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::fixture;

    #[test]
    fn a_target_is_asked_once_in_a_pause_whoever_asks() {
        let plan = fixture::plan(Vec::new());
        let timeline = Arc::new(Timeline::new(&plan));
        let shared = Shared::new(Arc::new(plan), timeline, vec![Vec::new()], 2);
        let asked = |millis| {
            shared.may_probe(TargetId(0), Duration::from_millis(millis), Duration::from_secs(1))
        };

        assert_eq!(
            [0, 0, 999, 1000, 1500, 2000].map(asked),
            [true, false, false, true, false, true]
        );
    }
}
