//! What all workers see: the plan, the timeline, addresses, and the few counters that must be one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::plan::{Begin, ClientId, Load, PhaseId, Plan, TargetId};
use crate::timeline::{Model, Timeline};

/// What a run is made of; immutable but for the counters.
#[derive(Debug)]
pub struct Shared {
    /// What is to be done.
    pub plan: Arc<Plan>,
    /// When.
    pub timeline: Arc<Timeline>,
    /// By target: the resolved addresses that sessions go to, one or several.
    pub addresses: Vec<Vec<SocketAddr>>,
    /// How many workers there are, at least one.
    pub workers: u32,
    phases: Vec<PhaseCounters>,
    tracks: Vec<Track>,
}

/// Phases that follow one another; those placed beside them by `with` have tracks of their own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Track(PhaseId);

#[derive(Debug, Default)]
struct PhaseCounters {
    in_flight: AtomicU32,
    open: AtomicU32,
    peak: AtomicU32,
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
        addresses: Vec<Vec<SocketAddr>>,
        workers: u32,
    ) -> Self {
        let counters =
            plan.phases.iter().zip(timeline.lines()).map(|(phase, line)| PhaseCounters {
                budget: phase.count.filter(|_| line.model() == Model::Closed).map(AtomicU64::new),
                ..PhaseCounters::default()
            });
        let phases = counters.collect();
        let tracks = tracks(&plan);
        Self { plan, timeline, addresses, workers, phases, tracks }
    }

    /// The addresses of a client's target.
    pub(super) fn addresses_of(&self, client: ClientId) -> &[SocketAddr] {
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

    /// When a closed phase's count was reached.
    pub fn reached(&self, phase: PhaseId) -> Option<Duration> {
        let nanos = self.phases[phase.index()].reached.load(Ordering::Relaxed);
        (nanos > 0).then(|| Duration::from_nanos(nanos))
    }

    /// A session of a phase opened, or was taken over from another.
    pub(super) fn opened(&self, phase: PhaseId) {
        let counters = &self.phases[phase.index()];
        let open = counters.open.fetch_add(1, Ordering::Relaxed) + 1;
        counters.peak.fetch_max(open, Ordering::Relaxed);
    }

    /// A session of a phase closed, or went over to another.
    pub(super) fn closed(&self, phase: PhaseId) {
        self.phases[phase.index()].open.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many sessions are open now, in all phases.
    pub fn open(&self) -> u64 {
        let open = self.phases.iter().map(|counters| counters.open.load(Ordering::Relaxed));
        open.map(u64::from).sum()
    }

    /// How many sessions of a phase are open, and the most since the last call.
    pub fn take_open(&self, phase: PhaseId) -> (u32, u32) {
        let counters = &self.phases[phase.index()];
        let open = counters.open.load(Ordering::Relaxed);
        let peak = counters.peak.swap(open, Ordering::Relaxed);
        (open, peak.max(open))
    }
}

/// By phase; a phase stands behind those that it follows.
fn tracks(plan: &Plan) -> Vec<Track> {
    let mut tracks: Vec<Track> = Vec::with_capacity(plan.phases.len());
    for (id, phase) in (0..).map(PhaseId).zip(&plan.phases) {
        tracks.push(match phase.begin {
            Begin::After(before) => tracks.get(before.index()).copied().unwrap_or(Track(id)),
            Begin::Start | Begin::With(..) => Track(id),
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
