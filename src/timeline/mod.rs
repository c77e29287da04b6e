//! Plan → timeline: pure, no clock, no I/O.
//!
//! A timeline is compiled once and shared by all workers. Each of them asks for its own share of
//! the starts and slots; what comes back depends on the plan and its seed alone.

mod curve;
mod line;
mod mix;
mod slots;
mod starts;

use std::sync::Arc;
use std::time::Duration;

pub(crate) use curve::LevelCurve;
pub use line::{Line, Model};
pub use slots::{Change, SlotChange, SlotChanges};
pub use starts::{PlannedStart, Starts};

use crate::draw::Draw;
use crate::plan::{Begin, ClientId, PhaseId, Plan};
use line::SlotNumbering;

/// Keeps what sessions draw from apart from what phases draw from: no phase has this id.
const SESSIONS: u64 = 1 << 32;

/// All phases of a plan, compiled.
#[derive(Clone, Debug)]
pub struct Timeline {
    draw: Draw,
    lines: Vec<Arc<Line>>,
}

/// Which part of the starts and slots one worker has: number `n` where `n % of == worker`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Share {
    /// The worker, from 0.
    pub worker: u32,
    /// The number of workers.
    pub of: u32,
}

impl Share {
    /// All of it.
    pub const ALL: Self = Self { worker: 0, of: 1 };

    /// Whether number `n` is in it.
    pub fn has(self, n: u64) -> bool {
        n % u64::from(self.of.max(1)) == u64::from(self.worker)
    }
}

impl Timeline {
    /// Compiles a plan; counts the Poisson starts once, which takes some 20 ns for each.
    pub fn new(plan: &Plan) -> Self {
        let draw = Draw::new(plan.seed);
        let mut lines: Vec<Line> = (0..)
            .map(PhaseId)
            .zip(&plan.phases)
            .map(|(id, phase)| Line::new(id, phase, draw))
            .collect();
        number(&mut lines);
        Self { draw, lines: lines.into_iter().map(Arc::new).collect() }
    }

    /// By [`PhaseId`].
    pub fn lines(&self) -> &[Arc<Line>] {
        &self.lines
    }

    /// One phase of the plan that the timeline was compiled from.
    ///
    /// # Panics
    ///
    /// With an id of another plan.
    pub fn line(&self, id: PhaseId) -> &Arc<Line> {
        &self.lines[id.index()]
    }

    /// The planned beginning of each phase since the run's start; none behind a closed phase
    /// that only a count ends. Behind one with a duration too it is the latest.
    pub fn begins(&self) -> Vec<Option<Duration>> {
        let mut begins = vec![None; self.lines.len()];
        // A phase may stand beside one that comes later in the file, so one pass may not do.
        loop {
            let mut found = false;
            for (index, line) in self.lines.iter().enumerate() {
                if begins[index].is_none() {
                    begins[index] = self.begin_of(line, &begins);
                    found |= begins[index].is_some();
                }
            }
            if !found {
                return begins;
            }
        }
    }

    fn begin_of(&self, line: &Line, begins: &[Option<Duration>]) -> Option<Duration> {
        match line.begin() {
            Begin::Start => Some(Duration::ZERO),
            Begin::After(id) => {
                let before = self.lines.get(id.index())?;
                begins[id.index()]?.checked_add(before.length()?)
            }
            Begin::With(id, delay) => begins.get(id.index()).copied()??.checked_add(delay),
        }
    }

    /// What session `number` of a client draws from.
    pub fn session_draw(&self, client: ClientId, number: u64) -> Draw {
        self.draw.at(SESSIONS).at(u64::from(client.0)).at(number)
    }
}

/// Gives each phase its place in the numbers of messages.
fn number(lines: &mut [Line]) {
    let mut open_starts = 0_u64;
    for line in lines.iter_mut() {
        line.number_starts(open_starts);
        open_starts = open_starts.saturating_add(line.starts_planned().unwrap_or_default());
    }
    let slots = lines.iter().map(|line| u64::from(line.peak_slots())).max().unwrap_or_default();
    let phases = lines.iter().filter(|line| line.is_closed()).count() as u64;
    for (position, line) in (0..).zip(lines.iter_mut().filter(|line| line.is_closed())) {
        line.number_slots(SlotNumbering { open_starts, slots, phases, position });
    }
}
