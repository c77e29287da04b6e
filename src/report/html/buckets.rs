//! The rows of a series, of any length → at most 600 buckets of equal length.
//!
//! Counters are summed and shown per second. Of percentiles a bucket keeps the largest of its
//! seconds, since an average of percentiles is the percentile of nothing; where one second's is
//! not known because messages had no answer, the bucket's is not known either.

use std::collections::BTreeMap;

use crate::monitor::Sample;
use crate::record::{PhaseResult, PhaseRow, SeriesRow, Summary, as_float};
use crate::smtp::Outcome;

/// The most buckets of a chart.
const MOST: u32 = 600;

/// Lengths of buckets that divide minutes and hours, in seconds.
const LENGTHS: [u32; 16] = [1, 2, 3, 5, 10, 15, 20, 30, 60, 90, 120, 150, 180, 300, 600, 900];

/// A last bucket that is shorter than this share of the others goes with the one before: a rate
/// over a few milliseconds says nothing.
const SHORTEST_LAST: f64 = 0.25;

/// The whole run in buckets.
#[derive(Debug)]
pub(super) struct Buckets {
    /// The length of each but the last, in seconds.
    pub(super) step: f64,
    /// The length of the run, in seconds.
    pub(super) length: f64,
    /// In the order of time.
    pub(super) all: Vec<Bucket>,
    phases: BTreeMap<String, Span>,
    second: Second,
}

/// What happened in one bucket.
#[derive(Clone, Debug, Default)]
pub(super) struct Bucket {
    /// How long it is, in seconds.
    pub(super) length: f64,
    /// Whether any second of it was written.
    pub(super) seen: bool,
    /// Messages that began.
    pub(super) started: u64,
    /// Messages that never began.
    pub(super) dropped: u64,
    /// Messages that ended, by [`Outcome::index`].
    pub(super) ended: [u64; Outcome::ALL.len()],
    /// Malformed cases that ended.
    pub(super) cases: u64,
    /// Octets of SMTP given to the kernel.
    pub(super) sent: u64,
    /// Octets of SMTP taken from it.
    pub(super) received: u64,
    /// The planned messages per second of phases with a rate.
    pub(super) rate: Mean,
    /// The planned connections of closed phases.
    pub(super) connections: Mean,
    /// The most sessions that were open.
    pub(super) open: u32,
    /// p50, p95, p99 and largest.
    pub(super) times: [Worst; 4],
    /// What the monitor saw.
    pub(super) watched: Watched,
}

/// A mean over the seconds in which there was a value.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mean {
    sum: f64,
    weight: f64,
}

/// The largest of several values, not known as soon as one of them is not.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Worst {
    largest: Option<f64>,
    /// Whether a second had messages, but not this value.
    pub(super) unknown: bool,
}

/// What host and tool used.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Watched {
    /// The share of all cores of the host.
    pub(super) host: Mean,
    /// The tool's processor time by time passed.
    pub(super) tool: Mean,
    /// That of the busiest worker.
    pub(super) worker: Mean,
    /// The most memory in use on the host, in octets.
    pub(super) host_memory: Option<u64>,
    /// The most memory of the tool, in octets.
    pub(super) memory: Option<u64>,
    /// The most descriptors of the tool.
    pub(super) descriptors: Option<u64>,
    /// The processor time of the watched process and its descendants by time passed.
    pub(super) other: Mean,
    /// Their memory, in octets.
    pub(super) other_memory: Option<u64>,
    /// Their descriptors.
    pub(super) other_descriptors: Option<u64>,
    /// Octets per second sent on all interfaces.
    pub(super) sent: Mean,
    /// Octets per second received.
    pub(super) received: Mean,
}

/// The phase's time and what its level counts.
#[derive(Clone, Copy, Debug)]
struct Span {
    until: f64,
    counts: Counts,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Counts {
    Messages,
    Connections,
    Nothing,
}

/// The second whose rows are being read: its phases are summed up.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    number: u64,
    open: u32,
    peak: u32,
    rate: Option<f64>,
    connections: Option<f64>,
}

impl Buckets {
    /// Reads all rows; none is kept.
    pub(super) fn of(summary: &Summary, rows: impl Iterator<Item = SeriesRow>) -> Self {
        let mut buckets = Self::empty(summary);
        for row in rows {
            match row {
                SeriesRow::Phase(row) => buckets.add(&row),
                SeriesRow::Monitor(seen) => {
                    // A row that another version wrote otherwise is no sample: a gap.
                    let sample = serde_json::from_value(serde_json::Value::Object(seen));
                    if let Ok(sample) = sample {
                        buckets.watch(&sample);
                    }
                }
            }
        }
        buckets.close_second();
        buckets
    }

    fn empty(summary: &Summary) -> Self {
        let length = summary.duration_s.max(1e-3);
        let step = bucket_length(length);
        let whole = (length / step).floor();
        let rest = length - whole * step;
        // The last one takes what would be too short for a bucket of its own.
        let own = rest >= SHORTEST_LAST * step || whole < 1.0;
        let count = if own { whole + 1.0 } else { whole };
        let mut all = vec![Bucket { length: step, ..Bucket::default() }; as_index(count).max(1)];
        if let Some(last) = all.last_mut() {
            last.length = if own { rest } else { step + rest };
        }
        let phases = summary.phases.iter().map(|phase| (phase.name.clone(), Span::of(phase)));
        Self { step, length, all, phases: phases.collect(), second: Second::default() }
    }

    /// From where until where a bucket lies, in shares of the run.
    pub(super) fn extent(&self, at: usize) -> (f64, f64) {
        let from = from_index(at) * self.step;
        let until = from + self.all.get(at).map_or(0.0, |bucket| bucket.length);
        (from / self.length, until / self.length)
    }

    fn add(&mut self, row: &PhaseRow) {
        if row.second != self.second.number {
            self.close_second();
            self.second.number = row.second;
        }
        self.second.open += row.open_sessions;
        self.second.peak = self.second.peak.max(row.peak_open);
        self.plan_level(row);
        let bucket = self.bucket(row.second);
        bucket.seen = true;
        bucket.started += row.started;
        bucket.dropped += row.dropped;
        bucket.cases += row.cases;
        bucket.sent += row.sent;
        bucket.received += row.received;
        for outcome in Outcome::ALL {
            bucket.ended[outcome.index()] += row.ended.get(outcome.name()).copied().unwrap_or(0);
        }
        if row.responses > 0 {
            for (worst, value) in bucket.times.iter_mut().zip([row.p50, row.p95, row.p99, row.max])
            {
                worst.add(value);
            }
        }
    }

    /// While a phase only drains, it has no level.
    fn plan_level(&mut self, row: &PhaseRow) {
        let Some(span) = self.phases.get(&row.phase) else { return };
        if as_float(row.second) >= span.until {
            return;
        }
        // A row's level is that of the second's end, while what came due is that of all of it.
        let (level, more) = match span.counts {
            Counts::Messages => (&mut self.second.rate, as_float(row.planned)),
            Counts::Connections => (&mut self.second.connections, row.level),
            Counts::Nothing => return,
        };
        *level = Some(level.unwrap_or(0.0) + more);
    }

    fn close_second(&mut self) {
        let second = std::mem::take(&mut self.second);
        let bucket = self.bucket(second.number);
        bucket.open = bucket.open.max(second.open).max(second.peak);
        if let Some(rate) = second.rate {
            bucket.rate.add(rate, 1.0);
        }
        if let Some(connections) = second.connections {
            bucket.connections.add(connections, 1.0);
        }
    }

    fn bucket(&mut self, second: u64) -> &mut Bucket {
        let at = as_index((as_float(second) + 1e-6) / self.step).min(self.all.len() - 1);
        &mut self.all[at]
    }

    /// A sample covers the time since the one before, and each bucket takes its part of it.
    fn watch(&mut self, sample: &Sample) {
        let (from, until) = ((sample.at_s - sample.covers_s).max(0.0), sample.at_s);
        let (step, last) = (self.step, self.all.len() - 1);
        let first = as_index(from / step).min(last);
        for (at, bucket) in self.all.iter_mut().enumerate().skip(first) {
            let begin = from_index(at) * step;
            let end = begin + bucket.length;
            if begin >= until {
                break;
            }
            bucket.watched.add(sample, until.min(end) - from.max(begin));
        }
    }
}

impl Bucket {
    /// A count of this bucket per second; not known where nothing of it was written.
    pub(super) fn per_second(&self, count: u64) -> Option<f64> {
        (self.seen && self.length > 0.0).then(|| as_float(count) / self.length)
    }
}

impl Mean {
    fn add(&mut self, value: f64, weight: f64) {
        if weight > 0.0 {
            self.sum += value * weight;
            self.weight += weight;
        }
    }

    /// The mean, where there was any value.
    pub(super) fn known(self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }
}

impl Worst {
    fn add(&mut self, value: Option<f64>) {
        match (value, self.largest) {
            (None, _) => self.unknown = true,
            (Some(value), Some(largest)) => self.largest = Some(largest.max(value)),
            (Some(value), None) => self.largest = Some(value),
        }
    }

    /// The largest, where every second's value is known.
    pub(super) fn known(self) -> Option<f64> {
        self.largest.filter(|_| !self.unknown)
    }
}

impl Watched {
    fn add(&mut self, sample: &Sample, seconds: f64) {
        if seconds <= 0.0 || sample.covers_s <= 0.0 {
            return;
        }
        let per_second = |octets: u64| as_float(octets) / sample.covers_s;
        let busiest = sample.workers.iter().map(|worker| worker.cpu).fold(0.0, f64::max);
        self.host.add(sample.host.cpu, seconds);
        self.tool.add(sample.process.cpu, seconds);
        self.worker.add(busiest, seconds);
        self.sent.add(per_second(sample.host.network_sent), seconds);
        self.received.add(per_second(sample.host.network_received), seconds);
        self.host_memory = self.host_memory.max(Some(sample.host.memory_used));
        self.memory = self.memory.max(Some(sample.process.memory));
        self.descriptors = self.descriptors.max(Some(sample.process.descriptors));
        if let Some(other) = &sample.watched {
            self.other.add(other.cpu, seconds);
            self.other_memory = self.other_memory.max(Some(other.memory));
            self.other_descriptors = self.other_descriptors.max(other.descriptors);
        }
    }
}

impl Span {
    fn of(phase: &PhaseResult) -> Self {
        let counts = match phase.model.as_str() {
            "open" => Counts::Messages,
            "closed" => Counts::Connections,
            _ => Counts::Nothing,
        };
        Self { until: phase.start_s + phase.duration_s, counts }
    }
}

/// The shortest usual length of which no more than [`MOST`] make up the run.
fn bucket_length(seconds: f64) -> f64 {
    let needed = seconds / f64::from(MOST);
    let usual = LENGTHS.into_iter().map(f64::from).find(|length| *length >= needed);
    usual.unwrap_or_else(|| (needed / 600.0).ceil() * 600.0)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and the results are clamped to what there is"
)]
fn as_index(value: f64) -> usize {
    value as usize
}

#[expect(clippy::cast_precision_loss, reason = "there are at most a few hundred buckets")]
fn from_index(at: usize) -> f64 {
    at as f64
}
