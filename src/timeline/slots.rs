//! A closed phase and a worker's share → when which connection slot opens and retires.
//!
//! The number of open slots is the level rounded to the nearest whole number (a half rounds up),
//! so a rise from 1 to 100 opens the second slot where the level passes 1.5 and the last one
//! shortly before the end. A falling level retires the newest. What is open at the end of the
//! phase stays open: the next phase takes it over or retires it.

use std::sync::Arc;
use std::time::Duration;

use super::Share;
use super::curve::Stretch;
use super::line::Line;

/// A connection slot begins or ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SlotChange {
    /// When, since the phase's beginning.
    pub at: Duration,
    /// Which, from 0.
    pub slot: u32,
    /// What happens to it.
    pub change: Change,
}

/// What happens to a slot.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Change {
    /// It opens a connection and sends until it is retired.
    Opens,
    /// It ends its message and quits.
    Retires,
}

/// The slot changes of one worker in one phase, in order of time.
#[derive(Clone, Debug)]
pub struct SlotChanges {
    line: Arc<Line>,
    share: Share,
    /// How many slots are open in all workers.
    open: u32,
    /// The index of the stretch that is walked over.
    index: u64,
    part: Part,
}

/// A level can jump where a stretch begins, and changes evenly behind that.
#[derive(Clone, Copy, Debug)]
enum Part {
    Jump,
    Slope,
}

impl SlotChanges {
    pub(super) fn new(line: Arc<Line>, share: Share) -> Self {
        Self { line, share, open: 0, index: 0, part: Part::Jump }
    }

    /// The next change in any worker.
    fn step(&mut self) -> Option<SlotChange> {
        loop {
            let stretch = self.line.curve().stretch(self.index)?;
            let aim = match self.part {
                Part::Jump => slots(stretch.from),
                Part::Slope => slots(stretch.to),
            };
            if self.open != aim {
                return Some(self.towards(aim, &stretch));
            }
            match self.part {
                Part::Jump => self.part = Part::Slope,
                Part::Slope => {
                    self.part = Part::Jump;
                    self.index += 1;
                }
            }
        }
    }

    fn towards(&mut self, aim: u32, stretch: &Stretch) -> SlotChange {
        let (slot, change) = if self.open < aim {
            self.open += 1;
            (self.open - 1, Change::Opens)
        } else {
            self.open -= 1;
            (self.open, Change::Retires)
        };
        let at = match self.part {
            Part::Jump => stretch.begin,
            Part::Slope => {
                let seconds = (f64::from(slot) + 0.5 - stretch.from) / stretch.slope;
                stretch.begin + Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default()
            }
        };
        SlotChange { at, slot, change }
    }
}

impl Iterator for SlotChanges {
    type Item = SlotChange;

    fn next(&mut self) -> Option<SlotChange> {
        self.line.is_closed().then_some(())?;
        loop {
            let change = self.step()?;
            if self.share.has(u64::from(change.slot)) {
                return Some(change);
            }
        }
    }
}

/// How many slots a level is.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rounded, and `as` saturates at both ends"
)]
pub(super) fn slots(level: f64) -> u32 {
    level.round() as u32
}
