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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Timeline;
    use super::super::curve::tests::curves;
    use super::super::fixture::{closed, phase, plan, seconds, steady};
    use super::*;
    use crate::plan::Curve;

    fn line(curve: Curve, duration: Option<Duration>) -> Arc<Line> {
        Arc::clone(&Timeline::new(&plan(vec![phase(closed(curve), duration)])).lines()[0])
    }

    fn changes(curve: Curve, duration: Option<Duration>) -> Vec<(u64, u32, Change)> {
        line(curve, duration)
            .slots(Share::ALL)
            .map(|change| (change.at.as_millis().try_into().unwrap(), change.slot, change.change))
            .collect()
    }

    proptest! {
        #[test]
        fn the_open_slots_are_always_as_many_as_the_level_rounded((curve, duration) in curves()) {
            let line = line(curve, Some(duration));
            let mut open = 0;
            let mut before = Duration::ZERO;

            for change in line.slots(Share::ALL) {
                prop_assert!(before <= change.at && change.at <= duration);
                // Between two changes; next to one the level is a half but for rounding.
                if change.at > before + Duration::from_micros(10) {
                    let between = (before + change.at) / 2;
                    prop_assert_eq!(open, slots(line.level(between)), "at {:?}", between);
                }
                match change.change {
                    Change::Opens => {
                        prop_assert_eq!(change.slot, open);
                        open += 1;
                    }
                    Change::Retires => {
                        open -= 1;
                        prop_assert_eq!(change.slot, open);
                    }
                }
                prop_assert!(open <= line.peak_slots());
                before = change.at;
            }
        }

        #[test]
        fn any_number_of_workers_has_the_same_changes((curve, duration) in curves()) {
            let line = line(curve, Some(duration));
            let alone: Vec<SlotChange> = line.slots(Share::ALL).collect();

            for of in [1, 2, 3, 7] {
                for worker in 0..of {
                    let share = Share { worker, of };
                    let own: Vec<SlotChange> = line.slots(share).collect();
                    let expected: Vec<SlotChange> =
                        alone.iter().copied().filter(|c| c.slot % of == worker).collect();
                    prop_assert_eq!(own, expected);
                }
            }
        }
    }

    #[test]
    fn a_steady_level_opens_all_at_once() {
        let expected: Vec<_> = (0..3).map(|slot| (0, slot, Change::Opens)).collect();

        assert_eq!(changes(steady(3.0), seconds(10)), expected);
        assert_eq!(changes(steady(3.0), None), expected);
    }

    #[test]
    fn a_ramp_opens_a_slot_where_the_level_is_half_way_to_it() {
        let ramp = Curve::Linear { from: 1.0, to: 4.0 };

        assert_eq!(
            changes(ramp, seconds(3)),
            [
                (0, 0, Change::Opens),
                (500, 1, Change::Opens),
                (1500, 2, Change::Opens),
                (2500, 3, Change::Opens),
            ]
        );
    }

    #[test]
    fn a_falling_ramp_retires_the_newest() {
        let ramp = Curve::Linear { from: 2.0, to: 0.0 };

        assert_eq!(
            changes(ramp, seconds(2)),
            [
                (0, 0, Change::Opens),
                (0, 1, Change::Opens),
                (500, 1, Change::Retires),
                (1500, 0, Change::Retires),
            ]
        );
    }

    #[test]
    fn bursts_open_and_retire_at_once_and_the_last_is_cut() {
        let burst = Curve::Burst {
            base: 1.0,
            peak: 3.0,
            every: Duration::from_secs(10),
            burst: Duration::from_secs(2),
        };

        assert_eq!(
            changes(burst, seconds(11)),
            [
                (0, 0, Change::Opens),
                (0, 1, Change::Opens),
                (0, 2, Change::Opens),
                (2000, 2, Change::Retires),
                (2000, 1, Change::Retires),
                (10_000, 1, Change::Opens),
                (10_000, 2, Change::Opens),
            ]
        );
    }

    #[test]
    fn a_burst_phase_without_end_is_walked_over_lazily() {
        let burst = Curve::Burst {
            base: 0.0,
            peak: 1.0,
            every: Duration::from_secs(1),
            burst: Duration::from_millis(100),
        };

        let last = line(burst, None).slots(Share::ALL).nth(100_001);

        assert_eq!(last.map(|change| change.at), Some(Duration::from_millis(50_000_100)));
    }
}
