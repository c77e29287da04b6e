//! Thresholds that are judged while the run goes on: what is told of them, and the end of a run.

use std::time::Duration;

use tokio::time::Instant;

use super::{AHEAD, Conductor, Observe};
use crate::format;
use crate::plan::Action;
use crate::record::{Event, ThresholdRow};
use crate::run::Update;
use crate::verdict::{Crossed, Crossing, broken, named};

impl Conductor {
    /// A threshold broke or recovered at the end of a second.
    pub(super) fn cross(&mut self, second: u64, crossing: Crossing, observe: Observe<'_>) {
        let at_s = Duration::from_secs(second).as_secs_f64();
        let mut row = crossing.row;
        match crossing.crossed {
            Crossed::Broke => {
                row.aborted = crossing.action == Action::Abort && self.may_be_aborted();
                observe(&Update::Threshold(crossed(&row)));
                self.folder.event(&Event::ThresholdBroken { at_s, row: row.clone() });
                if row.aborted {
                    self.live.abort(crossing.check);
                    self.drain(Instant::now() + AHEAD, observe);
                }
            }
            Crossed::Recovered => {
                let place = row.phase.as_ref().map(|phase| format!(" in `{phase}`"));
                let place = place.unwrap_or_default();
                let at = format::clock(Duration::from_secs(second));
                let text = format!("{} holds again{place} at {at}", named(&row));
                observe(&Update::Threshold(text));
                let ThresholdRow { check, phase, window_s, value, .. } = row;
                self.folder.event(&Event::ThresholdRecovered {
                    at_s,
                    check,
                    phase,
                    window_s,
                    value,
                });
            }
        }
    }

    /// Whether there is anything left that a threshold could end.
    fn may_be_aborted(&self) -> bool {
        let is_over = self.phases.total(&self.shared).is_some_and(|total| total <= self.now());
        !self.draining && !is_over
    }
}

fn crossed(row: &ThresholdRow) -> String {
    let text = broken(row);
    match (row.aborted, row.decides()) {
        (true, _) => format!("{text}: nothing starts any more, what has started runs to its end"),
        (false, true) => text,
        (false, false) => format!("warning: {text}"),
    }
}
