//! An open phase and a worker's share → its planned starts, in order of time.
//!
//! Even starts are computed one by one, whichever worker asks. Poisson starts are a running sum
//! of gaps, so each worker walks over all of them and keeps its own; the sum is the same in each
//! of them to the last bit.

use std::sync::Arc;
use std::time::Duration;

use super::line::{Line, OpenWork};
use super::mix::{self, BLOCK};
use super::{LevelCurve, Share};
use crate::draw::{Draw, Purpose};
use crate::plan::{Arrival, ClientId};

/// The planned beginning of one message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PlannedStart {
    /// Its number within the phase, from 0.
    pub n: u64,
    /// When it is due, since the phase's beginning.
    pub at: Duration,
    /// Who sends it.
    pub client: ClientId,
}

/// The planned starts of one worker in one phase.
#[derive(Clone, Debug)]
pub struct Starts {
    line: Arc<Line>,
    share: Share,
    /// The next start of the phase, not yet looked at.
    next: u64,
    /// Poisson: the integral of the level at the start before.
    reached: f64,
    block: Block,
}

/// The clients of the block of starts that is being walked over.
#[derive(Clone, Debug, Default)]
struct Block {
    number: Option<u64>,
    clients: Vec<ClientId>,
}

impl Starts {
    pub(super) fn new(line: Arc<Line>, share: Share) -> Self {
        Self { line, share, next: 0, reached: 0.0, block: Block::default() }
    }
}

impl Iterator for Starts {
    type Item = PlannedStart;

    fn next(&mut self) -> Option<PlannedStart> {
        let line = Arc::clone(&self.line);
        let work = line.open_work()?;
        while self.next < work.planned {
            let n = self.next;
            self.next += 1;
            match work.arrival {
                Arrival::Even => self.reached = even(n),
                Arrival::Poisson => self.reached += gap(line.draw(), n),
            }
            if self.share.has(n) {
                let at = line.curve().inverse(self.reached)?;
                let client = self.block.client(n, work, line.draw())?;
                return Some(PlannedStart { n, at, client });
            }
        }
        None
    }
}

impl Block {
    fn client(&mut self, n: u64, work: &OpenWork, phase: Draw) -> Option<ClientId> {
        let number = n / BLOCK;
        if self.number != Some(number) {
            self.clients.clone_from(&work.block);
            mix::shuffle(&mut self.clients, phase, number);
            self.number = Some(number);
        }
        self.clients.get(usize::try_from(n % BLOCK).ok()?).copied()
    }
}

/// The integral of the level at an even start: the i-th, counted from 1, is where it reaches i.
#[expect(clippy::cast_precision_loss, reason = "no run has 2^53 starts")]
fn even(n: u64) -> f64 {
    n as f64 + 1.0
}

/// The gap before a Poisson start, in units of the mean gap.
fn gap(phase: Draw, n: u64) -> f64 {
    phase.at(n).of(Purpose::Gap).exponential()
}

/// How many starts a curve gives, and when the last of them is due.
///
/// Even starts: the integral over the duration, rounded down. A sum that misses a whole number
/// by the rounding of floats counts as that number, so 2000/s for 30 s is 60,000 starts, the
/// last of them at the very end.
pub(super) fn count(
    curve: &LevelCurve,
    arrival: Arrival,
    limit: Option<u64>,
    phase: Draw,
) -> (u64, Duration) {
    let total = curve.total();
    let limit = match limit {
        Some(limit) => limit,
        None if total.is_finite() => u64::MAX,
        None => 0,
    };
    let (planned, reached) = match arrival {
        Arrival::Even => {
            let planned = floor(total).min(limit);
            (planned, if planned == 0 { 0.0 } else { even(planned - 1) })
        }
        Arrival::Poisson => poisson(total, limit, phase),
    };
    (planned, curve.inverse(reached).unwrap_or_default())
}

fn poisson(total: f64, limit: u64, phase: Draw) -> (u64, f64) {
    let mut reached = 0.0;
    for n in 0..limit {
        let next = reached + gap(phase, n);
        if next > total {
            return (n, reached);
        }
        reached = next;
    }
    (limit, reached)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an integral is not negative, and `as` saturates at infinity"
)]
fn floor(total: f64) -> u64 {
    (total * (1.0 + 1e-12) + 1e-9).floor() as u64
}
