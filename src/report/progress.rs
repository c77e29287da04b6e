//! Where a run stands → one line for a terminal, one for a log, and JSON for programs.
//!
//! A terminal that is too narrow loses whole figures, the least telling first; a number is never
//! cut in its middle.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::format;

/// The longest phase name that is shown in full on a terminal.
const NAME_WIDTH: usize = 24;
/// How many characters the bar of a phase has.
const BAR_WIDTH: u32 = 10;

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
    /// Time since it began.
    #[serde(rename = "elapsed_s", serialize_with = "seconds")]
    pub elapsed: Duration,
    /// How long it takes; none where a count ends it.
    #[serde(rename = "length_s", serialize_with = "maybe_seconds")]
    pub length: Option<Duration>,
    /// The level that is planned for now.
    pub planned: Level,
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
    /// The median of the response times.
    pub p50_ms: Option<f64>,
    /// Their 99th percentile.
    pub p99_ms: Option<f64>,
    /// The 99th percentile of the tester's own lag; open model only.
    pub lag_p99_ms: Option<f64>,
}

/// A piece of the terminal's line; pieces of a higher rank are left out first.
struct Piece {
    rank: u8,
    text: String,
}

impl Progress {
    /// One line of at most `width` characters.
    pub fn terminal_line(&self, width: usize) -> String {
        let mut pieces = self.pieces();
        while length(&pieces) > width && pieces.len() > 1 {
            let least = pieces.iter().map(|piece| piece.rank).max();
            pieces.retain(|piece| Some(piece.rank) != least);
        }
        let texts: Vec<String> = pieces.into_iter().map(|piece| piece.text).collect();
        format::cut(&texts.join("  "), width)
    }

    /// One line for a log, with every figure in words.
    pub fn log_line(&self) -> String {
        let PhaseProgress { name, position, of, .. } = &self.phase;
        let mut line = format!("{}  {name} ({position} of {of})", self.clock());
        if let Some(part) = self.part() {
            line = format!("{line} {:.0} %", part * 100.0);
        }
        let open = format::count(self.open_sessions);
        let mut words = vec![format!("{} planned", self.phase.planned.words())];
        words.push(format!("{open} open"));
        if let Some(LastSecond { started, accepted, .. }) = &self.last_second {
            words.push(format!("{}/s started", format::count(*started)));
            words.push(format!("{}/s accepted", format::count(*accepted)));
        }
        words.push(self.error_words(format::count));
        words.extend(self.latencies().map(|(_, text)| text));
        format!("{line}: {}", words.join(", "))
    }

    fn pieces(&self) -> Vec<Piece> {
        let piece = |rank, text| Piece { rank, text };
        let PhaseProgress { name, position, of, planned, .. } = &self.phase;
        let mut pieces = vec![piece(2, self.clock())];
        pieces.extend(self.part().map(|part| piece(6, bar(part))));
        pieces.extend([
            piece(1, format!("{} {position}/{of}", format::cut(name, NAME_WIDTH))),
            piece(5, planned.words()),
            piece(7, format!("{} open", format::short_count(self.open_sessions))),
        ]);
        if let Some(LastSecond { started, accepted, .. }) = &self.last_second {
            pieces.push(piece(8, format!("{}/s started", format::short_count(*started))));
            pieces.push(piece(3, format!("{}/s accepted", format::short_count(*accepted))));
        }
        pieces.push(piece(2, self.error_words(format::short_count)));
        pieces.extend(self.latencies().map(|(rank, text)| piece(rank, text)));
        pieces
    }

    fn clock(&self) -> String {
        match self.total {
            Some(total) => format!("{}/{}", format::clock(self.elapsed), format::clock(total)),
            None => format::clock(self.elapsed),
        }
    }

    fn part(&self) -> Option<f64> {
        let length = self.phase.length.filter(|length| !length.is_zero())?;
        Some((self.phase.elapsed.as_secs_f64() / length.as_secs_f64()).min(1.0))
    }

    fn error_words(&self, number: fn(u64) -> String) -> String {
        match self.errors {
            1 => "1 error".to_owned(),
            errors => format!("{} errors", number(errors)),
        }
    }

    fn latencies(&self) -> impl Iterator<Item = (u8, String)> + use<> {
        self.last_second.into_iter().flat_map(|second| second.latencies())
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
    /// Those that were taken, with the rank of their pieces.
    fn latencies(&self) -> impl Iterator<Item = (u8, String)> + use<> {
        [(4, "p50", self.p50_ms), (4, "p99", self.p99_ms), (9, "lag p99", self.lag_p99_ms)]
            .into_iter()
            .filter_map(|(rank, name, millis)| {
                Some((rank, format!("{name} {}", format::latency(millis?))))
            })
    }
}

fn length(pieces: &[Piece]) -> usize {
    let texts: usize = pieces.iter().map(|piece| piece.text.chars().count()).sum();
    texts + 2 * pieces.len().saturating_sub(1)
}

fn bar(part: f64) -> String {
    let full = (0..BAR_WIDTH).filter(|at| f64::from(*at) + 0.5 <= part * f64::from(BAR_WIDTH));
    let full = full.count();
    let rest = BAR_WIDTH as usize - full;
    format!("{}{}", "━".repeat(full), "─".repeat(rest))
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
mod tests {
    use expect_test::expect;

    use super::*;

    fn progress() -> Progress {
        Progress {
            elapsed: Duration::from_secs(67),
            total: Some(Duration::from_secs(630)),
            phase: PhaseProgress {
                name: "soak".to_owned(),
                position: 2,
                of: 3,
                elapsed: Duration::from_secs(37),
                length: Some(Duration::from_mins(1)),
                planned: Level::PerSecond(800.0),
            },
            open_sessions: 1_204,
            errors: 12_345,
            last_second: Some(LastSecond {
                started: 801,
                accepted: 795,
                p50_ms: Some(1.23),
                p99_ms: Some(45.6),
                lag_p99_ms: Some(0.31),
            }),
        }
    }

    #[test]
    fn a_narrow_terminal_loses_the_least_telling_figures_first() {
        let lines: Vec<String> =
            [140, 110, 90, 70, 40, 20, 5].map(|width| progress().terminal_line(width)).into();

        expect![[r"
            1:07/10:30  ━━━━━━────  soak 2/3  800/s  1,204 open  801/s started  795/s accepted  12.3k errors  p50 1.23 ms  p99 45.6 ms  lag p99 0.310 ms
            1:07/10:30  ━━━━━━────  soak 2/3  800/s  1,204 open  795/s accepted  12.3k errors  p50 1.23 ms  p99 45.6 ms
            1:07/10:30  soak 2/3  800/s  795/s accepted  12.3k errors  p50 1.23 ms  p99 45.6 ms
            1:07/10:30  soak 2/3  795/s accepted  12.3k errors
            1:07/10:30  soak 2/3  12.3k errors
            soak 2/3
            soak…"]]
        .assert_eq(&lines.join("\n"));
    }

    #[test]
    fn a_line_never_exceeds_its_width() {
        for width in 1..200 {
            let line = progress().terminal_line(width);
            assert!(line.chars().count() <= width, "{width}: {line}");
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

        expect![[r#"{"elapsed_s":67.0,"total_s":630.0,"phase":{"name":"soak","position":2,"of":3,"elapsed_s":37.0,"length_s":60.0,"planned":{"per_second":800.0}},"open_sessions":1204,"errors":12345,"last_second":{"started":801,"accepted":795,"p50_ms":1.23,"p99_ms":45.6,"lag_p99_ms":0.31}}"#]]
        .assert_eq(&json);
    }
}
