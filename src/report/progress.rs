//! Where a run stands → one line for a log, and JSON for programs.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::format;
use crate::monitor::Sample;
use crate::record::{Cell, Latency, LatencyFigures, Reading, SoFar};
use crate::smtp::Outcome;

/// Where a run stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Progress {
    /// Time since the run began.
    #[serde(rename = "elapsed_s", serialize_with = "seconds")]
    pub elapsed: Duration,
    /// How long the run takes; none where a count ends a phase.
    #[serde(rename = "total_s", serialize_with = "maybe_seconds")]
    pub total: Option<Duration>,
    /// The phase in force.
    pub phase: PhaseProgress,
    /// Sessions that are open now.
    pub open_sessions: u64,
    /// Errors since the run began, as far as seconds are counted.
    pub errors: u64,
    /// What happened in the newest second that is counted; none before the first.
    pub last_second: Option<LastSecond>,
    /// What the whole run came to up to now.
    pub so_far: Counted,
    /// What this machine and the tester used, as the monitor saw it last; none without it.
    pub machine: Option<Sample>,
}

/// How far a phase is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PhaseProgress {
    /// Its name.
    pub name: String,
    /// The first is 1.
    pub position: usize,
    /// How many phases there are.
    pub of: usize,
    /// Phases that are in force beside it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<String>,
    /// Time since it began.
    #[serde(rename = "elapsed_s", serialize_with = "seconds")]
    pub elapsed: Duration,
    /// How long it takes; none where a count ends it.
    #[serde(rename = "length_s", serialize_with = "maybe_seconds")]
    pub length: Option<Duration>,
    /// The level that is planned for now.
    pub planned: Level,
    /// The response times of its messages up to now; none before the first.
    pub response_ms: Option<LatencyFigures>,
    /// By how much the tester began its messages later than planned; open model only.
    pub lag_ms: Option<LatencyFigures>,
}

/// What was counted since the run began.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Counted {
    /// Messages that came due.
    pub planned: u64,
    /// Messages that started.
    pub started: u64,
    /// Messages that never began.
    pub dropped: u64,
    /// Messages that ended, by outcome; only those that occurred.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// The replies that decided messages.
    pub codes: BTreeMap<String, u64>,
    /// Malformed cases that ended.
    #[serde(skip_serializing_if = "is_none")]
    pub cases: u64,
    /// Sessions that became ready for MAIL.
    pub sessions_opened: u64,
    /// Sessions that never did.
    pub sessions_failed: u64,
}

/// A level that is planned.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// So many connections.
    Connections(f64),
    /// So many messages each second.
    PerSecond(f64),
    /// Nothing is sent.
    Pause,
}

/// What happened in one second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct LastSecond {
    /// Messages that started.
    pub started: u64,
    /// Messages that were accepted.
    pub accepted: u64,
    /// Messages that ended in an error of the target.
    pub errors: u64,
    /// Messages that never began.
    pub dropped: u64,
    /// Malformed cases that ended.
    pub cases: u64,
    /// Octets of SMTP that were sent.
    pub sent: u64,
    /// Octets of SMTP that were received.
    pub received: u64,
    /// The median of the response times.
    pub p50_ms: Option<f64>,
    /// Their 95th percentile.
    pub p95_ms: Option<f64>,
    /// Their 99th percentile.
    pub p99_ms: Option<f64>,
    /// The longest.
    pub max_ms: Option<f64>,
    /// The 99th percentile of the tester's own lag; open model only.
    pub lag_p99_ms: Option<f64>,
}

impl Counted {
    /// The counts of all that was told up to now.
    pub fn of(so_far: &SoFar) -> Self {
        let ended = |outcome: Outcome| (outcome.name(), so_far.messages.of(outcome));
        Self {
            planned: so_far.messages.planned,
            started: so_far.messages.started,
            dropped: so_far.messages.dropped,
            outcomes: Outcome::ALL.into_iter().map(ended).filter(|(_, count)| *count > 0).collect(),
            codes: so_far.codes.iter().map(|(code, count)| (code.to_string(), *count)).collect(),
            cases: so_far.cases,
            sessions_opened: so_far.sessions.opened,
            sessions_failed: so_far.sessions.failed,
        }
    }
}

impl Progress {
    /// One line for a log, with every figure in words.
    pub fn log_line(&self) -> String {
        let PhaseProgress { name, position, of, .. } = &self.phase;
        let mut line = format!("{}  {name} ({position} of {of})", self.clock());
        if let Some(part) = self.phase.part() {
            line = format!("{line} {:.0} %", part * 100.0);
        }
        let open = format::count(self.open_sessions);
        let mut words = vec![format!("{} planned", self.phase.planned.words())];
        words.push(format!("{open} open"));
        if let Some(LastSecond { started, accepted, .. }) = &self.last_second {
            words.push(format!("{}/s started", format::count(*started)));
            words.push(format!("{}/s accepted", format::count(*accepted)));
        }
        words.push(self.error_words());
        words.extend(self.last_second.iter().flat_map(LastSecond::latencies));
        format!("{line}: {}", words.join(", "))
    }

    fn clock(&self) -> String {
        match self.total {
            Some(total) => format!("{}/{}", format::clock(self.elapsed), format::clock(total)),
            None => format::clock(self.elapsed),
        }
    }

    fn error_words(&self) -> String {
        match self.errors {
            1 => "1 error".to_owned(),
            errors => format!("{} errors", format::count(errors)),
        }
    }
}

impl PhaseProgress {
    /// How much of it is over; none where its length is not known.
    pub fn part(&self) -> Option<f64> {
        let length = self.length.filter(|length| !length.is_zero())?;
        Some((self.elapsed.as_secs_f64() / length.as_secs_f64()).min(1.0))
    }
}

impl Level {
    pub(super) fn words(self) -> String {
        match self {
            Self::Connections(level) => format!("{level:.0} connections"),
            Self::PerSecond(level) => format!("{}/s", format::rate(level)),
            Self::Pause => "nothing".to_owned(),
        }
    }
}

impl LastSecond {
    /// What was counted in one second; the percentiles are of all its samples, however few.
    pub fn of(cell: &Cell) -> Self {
        let percentile =
            |latency: &Latency, percent| latency.percentile(percent).and_then(Reading::known);
        Self {
            started: cell.messages.started,
            accepted: cell.messages.of(Outcome::Accepted),
            errors: cell.messages.errors(),
            dropped: cell.messages.dropped,
            cases: cell.cases.values().flat_map(|case| case.ended).sum(),
            sent: cell.octets.sent,
            received: cell.octets.received,
            p50_ms: percentile(&cell.response, 50.0),
            p95_ms: percentile(&cell.response, 95.0),
            p99_ms: percentile(&cell.response, 99.0),
            max_ms: cell.response.largest().and_then(Reading::known),
            lag_p99_ms: percentile(&cell.lag, 99.0),
        }
    }

    /// Those that were taken.
    fn latencies(&self) -> impl Iterator<Item = String> + use<> {
        [("p50", self.p50_ms), ("p99", self.p99_ms), ("lag p99", self.lag_p99_ms)]
            .into_iter()
            .filter_map(|(name, millis)| Some(format!("{name} {}", format::latency(millis?))))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

fn seconds<S: Serializer>(length: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(length.as_secs_f64())
}

#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
fn maybe_seconds<S: Serializer>(
    length: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    length.map(|length| length.as_secs_f64()).serialize(serializer)
}

#[cfg(test)]
pub(super) mod tests {
    use expect_test::expect;

    use super::*;

    pub(in crate::report) fn latency(scale: f64) -> LatencyFigures {
        let [p50, p95, p99, max] = [1.23, 12.3, 45.6, 203.0].map(|value| Some(value * scale));
        LatencyFigures { count: 28_311, p50, p95, p99, max, ..LatencyFigures::default() }
    }

    /// Second 67 of a run of 630.
    pub(in crate::report) fn progress() -> Progress {
        Progress {
            elapsed: Duration::from_secs(67),
            total: Some(Duration::from_secs(630)),
            phase: PhaseProgress {
                name: "soak".to_owned(),
                position: 2,
                of: 3,
                beside: Vec::new(),
                elapsed: Duration::from_secs(37),
                length: Some(Duration::from_mins(1)),
                planned: Level::PerSecond(800.0),
                response_ms: Some(latency(1.0)),
                lag_ms: None,
            },
            open_sessions: 1_204,
            errors: 12_345,
            last_second: Some(LastSecond {
                started: 801,
                accepted: 795,
                errors: 6,
                sent: 1_520_000,
                received: 98_000,
                p95_ms: Some(12.3),
                max_ms: Some(203.0),
                p50_ms: Some(1.23),
                p99_ms: Some(45.6),
                lag_p99_ms: Some(0.31),
                ..LastSecond::default()
            }),
            so_far: Counted {
                planned: 41_000,
                started: 41_000,
                outcomes: [("accepted", 28_000), ("temporary", 12_345)].into(),
                codes: [("250".to_owned(), 28_000), ("450".to_owned(), 12_345)].into(),
                sessions_opened: 4_120,
                ..Counted::default()
            },
            machine: None,
        }
    }

    #[test]
    fn a_log_line_says_everything() {
        let mut paused = progress();
        paused.total = None;
        paused.errors = 1;
        paused.phase.planned = Level::Pause;
        paused.phase.length = None;
        paused.last_second = None;

        expect![[r"
            1:07/10:30  soak (2 of 3) 62 %: 800/s planned, 1,204 open, 801/s started, 795/s accepted, 12,345 errors, p50 1.23 ms, p99 45.6 ms, lag p99 0.310 ms
            1:07  soak (2 of 3): nothing planned, 1,204 open, 1 error"]]
        .assert_eq(&format!("{}\n{}", progress().log_line(), paused.log_line()));
    }

    #[test]
    fn programs_get_seconds_and_milliseconds() {
        let json = serde_json::to_string(&progress()).unwrap();

        expect![[r#"{"elapsed_s":67.0,"total_s":630.0,"phase":{"name":"soak","position":2,"of":3,"elapsed_s":37.0,"length_s":60.0,"planned":{"per_second":800.0},"response_ms":{"count":28311,"min":null,"mean":null,"p50":1.23,"p90":null,"p95":12.3,"p99":45.6,"p999":null,"max":203.0,"censored":0},"lag_ms":null},"open_sessions":1204,"errors":12345,"last_second":{"started":801,"accepted":795,"errors":6,"dropped":0,"cases":0,"sent":1520000,"received":98000,"p50_ms":1.23,"p95_ms":12.3,"p99_ms":45.6,"max_ms":203.0,"lag_p99_ms":0.31},"so_far":{"planned":41000,"started":41000,"dropped":0,"outcomes":{"accepted":28000,"temporary":12345},"codes":{"250":28000,"450":12345},"sessions_opened":4120,"sessions_failed":0},"machine":null}"#]]
        .assert_eq(&json);
    }
}
