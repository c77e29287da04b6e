//! A phase that has begun, as one worker sees it, until all that it started is settled.

use std::collections::VecDeque;
use std::iter::Peekable;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::ahead::Promise;
use super::books::PhaseState;
use super::closed::ClosedRun;
use super::start::{Seed, Start};
use crate::timeline::{Line, Share, SlotChanges, Starts};

/// How long before its start a message is composed at the earliest.
pub(super) const AHEAD: Duration = Duration::from_millis(5);

/// A phase that has begun and is not yet settled.
pub(super) enum Run {
    Open(Box<OpenRun>),
    Closed { run: Rc<ClosedRun>, changes: Peekable<SlotChanges>, cut: Cut },
    Pause { phase: Rc<PhaseState> },
}

/// An open phase's part in one worker.
pub(super) struct OpenRun {
    pub(super) phase: Rc<PhaseState>,
    pub(super) line: Arc<Line>,
    pub(super) starts: Peekable<Starts>,
    /// Whether it sends messages that are built apart, for which it looks further ahead.
    pub(super) looks_further: bool,
    /// Starts that are due and whose mail is still being built, the oldest first.
    pub(super) unbuilt: VecDeque<Start>,
    /// The next start with its message, composed ahead.
    pub(super) ready: Option<Start>,
    /// Those behind it that were looked at, in the order of time.
    pub(super) upcoming: VecDeque<Upcoming>,
    pub(super) cut: Cut,
}

impl OpenRun {
    /// A worker's part in a phase that begins.
    pub(super) fn new(phase: Rc<PhaseState>, line: &Arc<Line>, share: Share) -> Self {
        Self {
            phase,
            line: Arc::clone(line),
            starts: line.starts(share).peekable(),
            looks_further: false,
            unbuilt: VecDeque::new(),
            ready: None,
            upcoming: VecDeque::new(),
            cut: Cut::InForce,
        }
    }
}

/// A start that comes due within the second.
pub(super) struct Upcoming {
    pub(super) seed: Seed,
    /// Its mail, if that is built apart.
    pub(super) promise: Option<Promise>,
}

/// How far the end of a phase has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Cut {
    /// It is in force.
    InForce,
    /// It drains until then.
    DrainsUntil(Instant),
    /// What it had started was given up.
    Done,
}

impl Run {
    pub(super) fn phase(&self) -> &Rc<PhaseState> {
        match self {
            Self::Open(open) => &open.phase,
            Self::Closed { run, .. } => &run.phase,
            Self::Pause { phase } => phase,
        }
    }

    pub(super) const fn is_closed(&self) -> bool {
        matches!(self, Self::Closed { .. })
    }

    /// Whether it has not ended.
    pub(super) fn is_in_force(&self) -> bool {
        match self {
            Self::Open(open) => open.cut == Cut::InForce,
            Self::Closed { cut, .. } => *cut == Cut::InForce,
            Self::Pause { .. } => true,
        }
    }

    /// Whether its time is over and all that came due in it has started.
    pub(super) fn has_ended(&mut self, now: Instant) -> bool {
        let over = self.phase().is_over(now);
        match self {
            Self::Open(open) => over && open.next_due().is_none() && open.unbuilt.is_empty(),
            Self::Closed { .. } | Self::Pause { .. } => over,
        }
    }

    pub(super) fn cut_mut(&mut self) -> Option<&mut Cut> {
        match self {
            Self::Open(open) => Some(&mut open.cut),
            Self::Closed { cut, .. } => Some(cut),
            Self::Pause { .. } => None,
        }
    }
}

impl OpenRun {
    /// When the next start is due, unless the phase ends before that.
    pub(super) fn next_due(&mut self) -> Option<Instant> {
        let ahead = match (&self.ready, self.upcoming.front()) {
            (Some(start), _) => start.planned,
            (None, Some(upcoming)) => upcoming.seed.planned,
            (None, None) => None,
        };
        let due = ahead.or_else(|| self.next_unseen())?;
        self.phase.end.get().is_none_or(|end| due <= end).then_some(due)
    }

    /// When the first start is due that was not looked at.
    pub(super) fn next_unseen(&mut self) -> Option<Instant> {
        Some(self.phase.begin + self.starts.peek()?.at)
    }

    /// It has ended: what it has ready never comes due.
    pub(super) fn clear(&mut self) {
        self.ready = None;
        self.upcoming.clear();
    }

    /// When the pacer has something to do: to compose the next message, or to start it.
    pub(super) fn next_wake(&mut self) -> Option<Instant> {
        let due = self.next_due()?;
        Some(if self.ready.is_some() { due } else { due.checked_sub(AHEAD).unwrap_or(due) })
    }
}
