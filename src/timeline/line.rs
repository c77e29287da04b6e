//! One phase, compiled: what begins when in it, and what each beginning draws from.
//!
//! Its state has the same size whatever the phase's length; starts and slot changes are computed
//! as they are asked for.

use std::sync::Arc;
use std::time::Duration;

use super::mix::{BLOCK, Shares, connections_of};
use super::slots::slots;
use super::starts::count;
use super::{LevelCurve, Share, SlotChanges, Starts};
use crate::draw::Draw;
use crate::plan::{Arrival, Begin, ClientId, Curve, Load, Phase, PhaseId};

/// What is given: starts, connections, or nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Model {
    /// Messages start on schedule.
    Open,
    /// Connections send as fast as they may.
    Closed,
    /// Nothing is sent.
    Pause,
}

impl Model {
    /// The name in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Pause => "pause",
        }
    }
}

/// One phase of the timeline; constant state.
#[derive(Clone, Debug)]
pub struct Line {
    id: PhaseId,
    begin: Begin,
    curve: LevelCurve,
    length: Option<Duration>,
    draw: Draw,
    work: Work,
    level: KnownLevel,
}

/// Whether it is known what a phase does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum KnownLevel {
    Known,
    /// A probe that its search may ask for: its level is at most that of the line, and nothing
    /// starts in it.
    AtMost,
}

#[derive(Clone, Debug)]
enum Work {
    Open(OpenWork),
    Closed(ClosedWork),
    Pause,
}

/// What an open phase does.
#[derive(Clone, Debug)]
pub(super) struct OpenWork {
    /// How the starts are spaced.
    pub(super) arrival: Arrival,
    /// How many there are.
    pub(super) planned: u64,
    /// Who sends them.
    pub(super) shares: Shares,
    numbering: StartNumbering,
}

/// Where the starts of an open phase stand among all messages of the run.
#[derive(Clone, Copy, Debug)]
enum StartNumbering {
    /// Behind so many of the open phases before.
    Behind(u64),
    /// Among the messages of the closed phases: nobody knows before the run how many starts a probe
    /// has.
    Sparse(SlotNumbering),
}

/// What a closed phase does.
#[derive(Clone, Debug)]
struct ClosedWork {
    /// By slot.
    clients: Vec<ClientId>,
    numbering: SlotNumbering,
}

/// Where the messages of a closed phase, or of a probe, stand among all messages of the run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SlotNumbering {
    /// The starts of all open phases.
    pub(super) open_starts: u64,
    /// The most slots of any closed phase, at least one.
    pub(super) slots: u64,
    /// The number of closed phases and of open probes.
    pub(super) phases: u64,
    /// The position of this phase among them.
    pub(super) position: u64,
}

impl SlotNumbering {
    /// Mixed radix: message, slot, phase.
    fn seq(self, slot: u32, ordinal: u64) -> u64 {
        ordinal
            .saturating_mul(self.slots)
            .saturating_add(u64::from(slot))
            .saturating_mul(self.phases)
            .saturating_add(self.position)
            .saturating_add(self.open_starts)
            .saturating_add(1)
    }

    /// The slot and the ordinal behind a number; none if it is one of another phase.
    fn place(self, seq: u64) -> Option<(u32, u64)> {
        let number = seq.checked_sub(self.open_starts)?.checked_sub(1)?;
        let (turn, position) = (number.checked_div(self.phases)?, number % self.phases);
        let (ordinal, slot) = (turn.checked_div(self.slots)?, turn % self.slots);
        (position == self.position).then_some((u32::try_from(slot).ok()?, ordinal))
    }

    /// The number of start `n` of an open probe, which takes all slots in turns.
    fn start_seq(self, n: u64) -> u64 {
        let slots = self.slots.max(1);
        self.seq(u32::try_from(n % slots).unwrap_or(u32::MAX), n / slots)
    }

    /// The start of an open probe behind a number.
    fn start(self, seq: u64) -> Option<u64> {
        let (slot, ordinal) = self.place(seq)?;
        ordinal.checked_mul(self.slots.max(1))?.checked_add(u64::from(slot))
    }
}

impl Line {
    /// Compiles a phase; the draws are those of the run. A probe that waits to be asked for has no
    /// starts.
    pub(super) fn new(id: PhaseId, phase: &Phase, run: Draw) -> Self {
        match phase.begin {
            Begin::Asked(_) => Self {
                level: KnownLevel::AtMost,
                length: None,
                ..Self::compiled(id, &Phase { count: Some(0), ..phase.clone() }, run)
            },
            Begin::Start | Begin::After(_) | Begin::With(..) | Begin::Behind(_) => {
                Self::compiled(id, phase, run)
            }
        }
    }

    /// The same probe at the level that its search asks for.
    #[must_use]
    pub fn at_level(&self, phase: &Phase, level: f64) -> Self {
        let level = Curve::Linear { from: level, to: level };
        let load = match phase.load {
            Load::Open { arrival, max_in_flight, .. } => {
                Load::Open { rate: level, arrival, max_in_flight }
            }
            Load::Closed { .. } => Load::Closed { connections: level },
            Load::Pause => Load::Pause,
        };
        let mut line = Self::of_draw(self.id, &Phase { load, ..phase.clone() }, self.draw);
        match (&mut line.work, &self.work) {
            (Work::Open(new), Work::Open(old)) => new.numbering = old.numbering,
            (Work::Closed(new), Work::Closed(old)) => new.numbering = old.numbering,
            (Work::Open(_) | Work::Closed(_) | Work::Pause, _) => {}
        }
        line
    }

    fn compiled(id: PhaseId, phase: &Phase, run: Draw) -> Self {
        Self::of_draw(id, phase, run.at(u64::from(id.0)))
    }

    /// Compiles a phase with draws of its own.
    fn of_draw(id: PhaseId, phase: &Phase, draw: Draw) -> Self {
        let (curve, length, work) = match &phase.load {
            Load::Open { rate, arrival, .. } => {
                let curve = LevelCurve::new(*rate, phase.duration);
                let (planned, last) = count(&curve, *arrival, phase.count, draw);
                let ended_by_count = phase.duration.is_none() || phase.count == Some(planned);
                let length = if ended_by_count { Some(last) } else { phase.duration };
                let shares = Shares::new(&phase.mix);
                (
                    curve,
                    length,
                    Work::Open(OpenWork {
                        arrival: *arrival,
                        planned,
                        shares,
                        numbering: StartNumbering::Behind(0),
                    }),
                )
            }
            Load::Closed { connections } => {
                let curve = LevelCurve::new(whole(*connections), phase.duration);
                let clients = connections_of(&phase.mix, slots(curve.peak()));
                let numbering = SlotNumbering::default();
                (curve, phase.duration, Work::Closed(ClosedWork { clients, numbering }))
            }
            Load::Pause => {
                let curve = LevelCurve::new(Curve::Linear { from: 0.0, to: 0.0 }, phase.duration);
                (curve, phase.duration, Work::Pause)
            }
        };
        let level = KnownLevel::Known;
        Self { id, begin: phase.begin, curve, length, draw, work, level }
    }

    /// Puts the starts behind those of the open phases before.
    pub(super) fn number_starts(&mut self, before: u64) {
        match &mut self.work {
            Work::Open(work) => work.numbering = StartNumbering::Behind(before),
            Work::Closed(_) | Work::Pause => {}
        }
    }

    /// Puts the messages of the slots, or those of an open probe, among those of the other phases.
    pub(super) fn number_sparsely(&mut self, numbering: SlotNumbering) {
        match &mut self.work {
            Work::Closed(work) => work.numbering = numbering,
            Work::Open(work) => work.numbering = StartNumbering::Sparse(numbering),
            Work::Pause => {}
        }
    }

    /// Whether it is a probe that its search may ask for, or may not.
    pub fn waits_to_be_asked(&self) -> bool {
        self.level == KnownLevel::AtMost
    }

    /// The phase that it is compiled from.
    pub fn id(&self) -> PhaseId {
        self.id
    }

    /// When it begins.
    pub fn begin(&self) -> Begin {
        self.begin
    }

    /// What is given in it.
    pub fn model(&self) -> Model {
        match self.work {
            Work::Open(_) => Model::Open,
            Work::Closed(_) => Model::Closed,
            Work::Pause => Model::Pause,
        }
    }

    /// How long it is in force: its duration or, in an open phase that its count ends, until the
    /// last start. A closed phase with both may end before. None: a closed phase that only its
    /// count ends, and a probe that waits to be asked for.
    pub fn length(&self) -> Option<Duration> {
        self.length
    }

    /// How many messages start: exact in an open phase, none in a closed one, 0 in a pause; none in
    /// a probe that waits to be asked for.
    pub fn starts_planned(&self) -> Option<u64> {
        match &self.work {
            _ if self.waits_to_be_asked() => None,
            Work::Open(work) => Some(work.planned),
            Work::Closed(_) => None,
            Work::Pause => Some(0),
        }
    }

    /// The level in force: messages per second, or connections (not rounded); behind the end
    /// that of the end.
    pub fn level(&self, at: Duration) -> f64 {
        self.curve.at(at)
    }

    /// The highest level between two moments of the phase.
    pub fn highest(&self, from: Duration, to: Duration) -> f64 {
        self.curve.highest(from, to)
    }

    /// The highest level.
    pub fn peak(&self) -> f64 {
        self.curve.peak()
    }

    /// The planned starts of one worker; none at all unless the phase is open.
    pub fn starts(self: &Arc<Self>, share: Share) -> Starts {
        Starts::new(Arc::clone(self), share)
    }

    /// The slot changes of one worker; none at all unless the phase is closed. Slots that are
    /// open at the end of the phase are not retired here.
    pub fn slots(self: &Arc<Self>, share: Share) -> SlotChanges {
        SlotChanges::new(Arc::clone(self), share)
    }

    /// The most slots that are open at a time; 0 unless the phase is closed.
    pub fn peak_slots(&self) -> u32 {
        match &self.work {
            Work::Closed(_) => slots(self.curve.peak()),
            Work::Open(_) | Work::Pause => 0,
        }
    }

    /// Who sends over a slot; the plan's first client where the phase has no such slot.
    pub fn client_of_slot(&self, slot: u32) -> ClientId {
        let clients: &[ClientId] = match &self.work {
            Work::Closed(work) => &work.clients,
            Work::Open(_) | Work::Pause => &[],
        };
        let index = usize::try_from(slot).unwrap_or(usize::MAX);
        clients.get(index).copied().unwrap_or(ClientId(0))
    }

    /// What start `n` of an open phase draws from.
    pub fn start_draw(&self, n: u64) -> Draw {
        self.draw.at(n)
    }

    /// What message `ordinal` of a slot of a closed phase draws from.
    pub fn slot_draw(&self, slot: u32, ordinal: u64) -> Draw {
        self.draw.at(u64::from(slot)).at(ordinal)
    }

    /// The number of start `n` among all messages of the run: dense, from 1, in file order. Those of
    /// probes are beyond these, unique and with gaps.
    pub fn start_seq(&self, n: u64) -> u64 {
        match &self.work {
            Work::Open(work) => match work.numbering {
                StartNumbering::Behind(before) => before + n + 1,
                StartNumbering::Sparse(numbering) => numbering.start_seq(n),
            },
            Work::Closed(_) | Work::Pause => n + 1,
        }
    }

    /// The start with this number; beyond the last one where the phase has none such.
    pub(super) fn start_of(&self, seq: u64) -> Option<u64> {
        match self.open_work()?.numbering {
            StartNumbering::Behind(before) => seq.checked_sub(before)?.checked_sub(1),
            StartNumbering::Sparse(numbering) => numbering.start(seq),
        }
    }

    /// The number of message `ordinal` (from 0) of a slot among all messages of the run: unique,
    /// beyond those of all open phases.
    pub fn slot_seq(&self, slot: u32, ordinal: u64) -> u64 {
        match &self.work {
            Work::Closed(work) => work.numbering.seq(slot, ordinal),
            Work::Open(_) | Work::Pause => ordinal + 1,
        }
    }

    /// Who sends start `n` of an open phase; none behind its last.
    pub(super) fn client_of_start(&self, n: u64) -> Option<ClientId> {
        let work = self.open_work().filter(|work| n < work.planned)?;
        let size = u64::from(BLOCK);
        let block = work.shares.block(self.draw, n / size);
        block.get(usize::try_from(n % size).ok()?).copied()
    }

    /// The slot of a closed phase, and the ordinal, of the message with this number.
    pub(super) fn place_of(&self, seq: u64) -> Option<(u32, u64)> {
        match &self.work {
            Work::Closed(work) => {
                let place = work.numbering.place(seq);
                place.filter(|(slot, _)| *slot < self.peak_slots())
            }
            Work::Open(_) | Work::Pause => None,
        }
    }

    pub(super) fn open_work(&self) -> Option<&OpenWork> {
        match &self.work {
            Work::Open(work) => Some(work),
            Work::Closed(_) | Work::Pause => None,
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.model() == Model::Closed
    }

    pub(super) fn curve(&self) -> &LevelCurve {
        &self.curve
    }

    pub(super) fn draw(&self) -> Draw {
        self.draw
    }
}

/// The curve with whole levels, as only whole connections can be opened.
fn whole(curve: Curve) -> Curve {
    match curve {
        Curve::Linear { from, to } => Curve::Linear { from: from.round(), to: to.round() },
        Curve::Burst { base, peak, every, burst } => {
            Curve::Burst { base: base.round(), peak: peak.round(), every, burst }
        }
    }
}
