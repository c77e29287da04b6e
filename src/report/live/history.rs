//! Seconds → a bounded row of points over the whole run.
//!
//! When the row is full, neighbours become one point of twice the length: a run of a day takes no
//! more room than one of an hour, and a chart has no more columns than that anyway.

use std::time::Duration;

use crate::record::as_float;
use crate::report::Progress;

/// The most points that are kept.
const MOST: usize = 2048;

/// What was achieved since the run began.
#[derive(Clone, Debug)]
pub(super) struct History {
    /// How many seconds a point covers.
    each: u32,
    points: Vec<Point>,
}

/// The sums and highest values of some seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Point {
    /// How many seconds were told.
    told: u32,
    started: f64,
    accepted: f64,
    errors: f64,
    open: f64,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
}

/// What a chart shows of a point.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Measure {
    /// Messages started per second.
    Started,
    /// Messages accepted per second.
    Accepted,
    /// Errors per second.
    Errors,
    /// Open sessions, the most of all seconds.
    Open,
    /// The median response, the highest of all seconds.
    P50,
    /// The 99th percentile, likewise.
    P99,
}

impl Default for History {
    fn default() -> Self {
        Self { each: 1, points: Vec::new() }
    }
}

impl History {
    /// Adds the newest second.
    pub(super) fn add(&mut self, progress: &Progress) {
        let Some(second) = progress.last_second else { return };
        let point = Point {
            told: 1,
            started: as_float(second.started),
            accepted: as_float(second.accepted),
            errors: as_float(second.errors),
            open: as_float(progress.open_sessions),
            p50_ms: second.p50_ms,
            p99_ms: second.p99_ms,
        };
        // The second that is over began a second ago.
        let second = progress.elapsed.as_secs().saturating_sub(1);
        while self.index(second) >= MOST {
            self.halve();
        }
        let index = self.index(second);
        if self.points.len() <= index {
            self.points.resize(index + 1, Point::default());
        }
        self.points[index].merge(point);
    }

    fn index(&self, second: u64) -> usize {
        usize::try_from(second / u64::from(self.each)).unwrap_or(usize::MAX)
    }

    fn halve(&mut self) {
        self.each *= 2;
        self.points = self
            .points
            .chunks(2)
            .map(|pair| {
                let mut sum = Point::default();
                for point in pair {
                    sum.merge(*point);
                }
                sum
            })
            .collect();
    }

    /// A measure over the time between two moments; none where no second of it was told.
    pub(super) fn over(&self, measure: Measure, from: Duration, to: Duration) -> Option<f64> {
        let last = self.points.len().checked_sub(1)?;
        let first = self.index(from.as_secs());
        // The end does not belong to it, and a part of a second shows the whole of it.
        let behind =
            self.index(to.as_nanos().div_ceil(1_000_000_000).try_into().unwrap_or(u64::MAX));
        let behind = behind.max(first + 1).min(last + 1);
        let mut sum = Point::default();
        for point in self.points.get(first..behind)? {
            sum.merge(*point);
        }
        sum.of(measure)
    }
}

impl Point {
    fn merge(&mut self, other: Self) {
        self.told += other.told;
        self.started += other.started;
        self.accepted += other.accepted;
        self.errors += other.errors;
        self.open = self.open.max(other.open);
        self.p50_ms = highest(self.p50_ms, other.p50_ms);
        self.p99_ms = highest(self.p99_ms, other.p99_ms);
    }

    fn of(&self, measure: Measure) -> Option<f64> {
        if self.told == 0 {
            return None;
        }
        let mean = |sum: f64| Some(sum / f64::from(self.told));
        match measure {
            Measure::Started => mean(self.started),
            Measure::Accepted => mean(self.accepted),
            Measure::Errors => mean(self.errors),
            Measure::Open => Some(self.open),
            Measure::P50 => self.p50_ms,
            Measure::P99 => self.p99_ms,
        }
    }
}

fn highest(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    [one, other].into_iter().flatten().reduce(f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::progress::tests::progress;

    fn second(elapsed: u64, started: u64) -> Progress {
        let mut progress = progress();
        progress.elapsed = Duration::from_secs(elapsed);
        progress.last_second = progress.last_second.map(|mut last| {
            last.started = started;
            last
        });
        progress
    }

    fn close(found: Option<f64>, expected: f64) -> bool {
        found.is_some_and(|found| (found - expected).abs() < 1e-9)
    }

    #[test]
    fn a_rate_is_the_mean_over_its_time() {
        let mut history = History::default();
        history.add(&second(1, 10));
        history.add(&second(2, 30));

        let over = |from, to| {
            let [from, to] = [from, to].map(Duration::from_millis);
            history.over(Measure::Started, from, to)
        };

        assert!(close(over(0, 2000), 20.0));
        assert!(close(over(1000, 1500), 30.0));
        assert_eq!(over(2000, 3000), None);
    }

    #[test]
    fn a_long_run_takes_no_more_room() {
        let mut history = History::default();
        for elapsed in 1..=100_000 {
            history.add(&second(elapsed, 5));
        }

        assert!(history.points.len() <= MOST);
        let all = history.over(Measure::Started, Duration::ZERO, Duration::from_secs(100_000));
        assert!(close(all, 5.0), "{all:?}");
    }
}
