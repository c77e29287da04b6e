//! Frames → when each sign of throttling was seen first, and at what level.
//!
//! The begin is the first second of the phase that holds a sign, and nothing finer: frames are all
//! that leaves a worker, so that the same comes out of a results folder.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Cell, Frame, SessionCounts, ratio};
use crate::plan::PhaseId;
use crate::smtp::{Step, Throttle};

/// What signs of throttling are told apart by.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct ThrottleKey {
    /// What the server did.
    pub sign: Throttle,
    /// At which step; none: between messages.
    pub step: Option<Step>,
}

/// How often a sign came, and how it looked the first time.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct ThrottleCell {
    /// How often.
    pub count: u64,
    /// How many messages the sessions that ended with it had carried, where they had been ready
    /// for MAIL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<Allowed>,
    /// The first reply, or the system's words; not yet escaped.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub example: String,
}

/// The signs of one cell.
pub type ThrottleCells = BTreeMap<ThrottleKey, ThrottleCell>;

/// How many messages sessions had ended when the server held back.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Allowed {
    /// The fewest of a session.
    pub min: u32,
    /// The most of a session.
    pub max: u32,
}

/// The first second of a phase that holds a sign.
#[derive(Clone, Debug, PartialEq)]
pub struct Onset {
    /// The phase.
    pub phase: PhaseId,
    /// The sign.
    pub key: ThrottleKey,
    /// The second of the run's clock, from 0.
    pub second: u64,
    /// The planned connections, or messages per second, at the end of that second.
    pub level: f64,
    /// The most sessions that were open at a time in that second.
    pub open_sessions: u32,
    /// How often it came in that second.
    pub count: u64,
    /// The first reply, or the system's words; not yet escaped.
    pub example: String,
}

/// When throttling began, by phase and sign.
#[derive(Clone, Debug, Default)]
pub struct Throttling {
    onsets: BTreeMap<(PhaseId, ThrottleKey), Onset>,
}

/// How a server throttled a phase. Whether so many signs are many is for the reader to say: each
/// stands with its count and share.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Throttled {
    /// The first second of the phase that holds a sign, in seconds of the run.
    pub begin_s: f64,
    /// The same in seconds of the phase; 0 where the phase began within that second.
    pub into_s: f64,
    /// The planned connections, or messages per second, at the end of that second.
    pub level: f64,
    /// The most sessions that were open at a time in that second.
    pub open_sessions: u32,
    /// All signs together.
    pub count: u64,
    /// By sign and step, the most frequent first.
    pub signs: Vec<ThrottleRow>,
}

/// One sign of throttling.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ThrottleRow {
    /// A reply code that no `expect` names (421 anywhere; 450, 451, 452 to MAIL, RCPT, DATA, the
    /// end of data or BDAT; any 4xx as the greeting); `refused`: a connection that was refused,
    /// reset, or closed before its greeting; `closed`: a session that the server closed between
    /// messages, before the client had sent all it meant to.
    pub sign: String,
    /// Where; null: between messages.
    pub step: Option<String>,
    /// How often.
    pub count: u64,
    /// What the share is of: replies at that step, attempts to connect for `refused`, sessions
    /// that became ready where it came between messages.
    pub of: u64,
    /// The count as a share of that; null where sessions that an earlier phase had opened make the
    /// count the larger one.
    pub share: Option<f64>,
    /// The first second of the phase that holds it, in seconds of the run.
    pub begin_s: f64,
    /// The same in seconds of the phase.
    pub into_s: f64,
    /// The planned level at the end of that second.
    pub level: f64,
    /// The most sessions that were open at a time in that second.
    pub open_sessions: u32,
    /// How many messages the sessions that ended with it had carried; absent where it ended none
    /// that was ready for MAIL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<Allowed>,
    /// The first reply, or the system's words; empty where there were none.
    pub example: String,
}

/// A sign's increment in a row of `series.ndjson`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ThrottleIncrement {
    /// How often.
    pub count: u64,
    /// How many messages the sessions had ended by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<Allowed>,
}

impl fmt::Display for ThrottleKey {
    /// As in `series.ndjson`: `421/mail`, `closed`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.step {
            Some(step) => write!(f, "{}/{step}", self.sign),
            None => self.sign.fmt(f),
        }
    }
}

impl Allowed {
    /// Both together.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max) }
    }
}

impl ThrottleCell {
    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.allowed = either(self.allowed, other.allowed);
    }
}

fn either(one: Option<Allowed>, other: Option<Allowed>) -> Option<Allowed> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.or(other)),
        (one, other) => one.or(other),
    }
}

impl Cell {
    /// Counts a sign of throttling; `example` is asked for only the first time.
    pub fn throttled(
        &mut self,
        key: ThrottleKey,
        messages_before: Option<u32>,
        example: impl FnOnce() -> String,
    ) {
        let cell = self
            .throttles
            .entry(key)
            .or_insert_with(|| ThrottleCell { example: example(), ..ThrottleCell::default() });
        let allowed = messages_before.map(|count| Allowed { min: count, max: count });
        cell.merge(&ThrottleCell { count: 1, allowed, example: String::new() });
    }
}

/// Adds all that other cells counted.
pub(super) fn merge(mine: &mut ThrottleCells, theirs: &ThrottleCells) {
    for (key, cell) in theirs {
        match mine.entry(*key) {
            Entry::Vacant(place) => {
                place.insert(cell.clone());
            }
            Entry::Occupied(mut sum) => sum.get_mut().merge(cell),
        }
    }
}

/// What a row of `series.ndjson` says.
pub(super) fn increments(cells: &ThrottleCells) -> BTreeMap<String, ThrottleIncrement> {
    let increment = |cell: &ThrottleCell| {
        let ThrottleCell { count, allowed, .. } = *cell;
        ThrottleIncrement { count, allowed }
    };
    cells.iter().map(|(key, cell)| (key.to_string(), increment(cell))).collect()
}

impl Throttling {
    /// Adds what happened in one second; seconds come in order.
    pub fn fold(&mut self, frame: &Frame) {
        for (at, cell) in &frame.cells {
            for (key, counted) in &cell.throttles {
                match self.onsets.entry((at.phase, *key)) {
                    Entry::Vacant(place) => {
                        place.insert(onset(frame, at.phase, *key, counted));
                    }
                    // Another client or address saw it in the same second.
                    Entry::Occupied(mut known) if known.get().second == frame.second => {
                        known.get_mut().count += counted.count;
                    }
                    Entry::Occupied(_) => {}
                }
            }
        }
    }

    /// The signs that a second was the first to hold.
    pub fn begun_in(&self, second: u64) -> impl Iterator<Item = &Onset> {
        self.onsets.values().filter(move |onset| onset.second == second)
    }

    /// The row of a phase that began at `start`, with the sum of its cells; none where there was
    /// no sign.
    pub fn figures(&self, phase: PhaseId, start: Duration, sum: &Cell) -> Option<Throttled> {
        let first = self.of(phase).min_by_key(|onset| onset.second)?;
        let mut signs: Vec<ThrottleRow> = self
            .of(phase)
            .filter_map(|onset| Some(row(onset, sum.throttles.get(&onset.key)?, start, sum)))
            .collect();
        signs.sort_by_key(|row| std::cmp::Reverse(row.count));
        Some(Throttled {
            begin_s: begin(first),
            into_s: into(first, start),
            level: first.level,
            open_sessions: first.open_sessions,
            count: signs.iter().map(|row| row.count).sum(),
            signs,
        })
    }

    fn of(&self, phase: PhaseId) -> impl Iterator<Item = &Onset> {
        self.onsets.values().filter(move |onset| onset.phase == phase)
    }
}

fn onset(frame: &Frame, phase: PhaseId, key: ThrottleKey, cell: &ThrottleCell) -> Onset {
    let gauge = frame.gauge(phase);
    Onset {
        phase,
        key,
        second: frame.second,
        level: gauge.map_or(0.0, |gauge| gauge.level),
        open_sessions: gauge.map_or(0, |gauge| gauge.peak_open),
        count: cell.count,
        example: cell.example.clone(),
    }
}

fn begin(onset: &Onset) -> f64 {
    Duration::from_secs(onset.second).as_secs_f64()
}

fn into(onset: &Onset, start: Duration) -> f64 {
    Duration::from_secs(onset.second).saturating_sub(start).as_secs_f64()
}

fn row(onset: &Onset, cell: &ThrottleCell, start: Duration, sum: &Cell) -> ThrottleRow {
    let of = base(onset.key, sum);
    ThrottleRow {
        sign: onset.key.sign.to_string(),
        step: onset.key.step.map(|step| step.name().to_owned()),
        count: cell.count,
        of,
        share: ratio(cell.count, of).filter(|share| *share <= 1.0),
        begin_s: begin(onset),
        into_s: into(onset, start),
        level: onset.level,
        open_sessions: onset.open_sessions,
        allowed: cell.allowed,
        example: cell.example.clone(),
    }
}

/// What a sign's share is of.
fn base(key: ThrottleKey, sum: &Cell) -> u64 {
    let SessionCounts { started, opened, .. } = sum.sessions;
    match (key.sign, key.step) {
        (Throttle::Refused, _) => started,
        (Throttle::Closed, _) | (Throttle::Reply(_), None) => opened,
        (Throttle::Reply(_), Some(step)) => {
            sum.steps[step.index()].as_ref().map_or(0, |step| step.codes.values().sum())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::PhaseGauge;
    use crate::record::specimen::{CLOSED, OPEN, frame, key, plan};
    use crate::smtp::Code;

    fn at(number: u16, step: Step) -> ThrottleKey {
        ThrottleKey { sign: Throttle::Reply(Code::new(number).unwrap()), step: Some(step) }
    }

    const REFUSED: ThrottleKey = ThrottleKey { sign: Throttle::Refused, step: Some(Step::Connect) };
    const BETWEEN: ThrottleKey = ThrottleKey { sign: Throttle::Closed, step: None };

    fn cell(key: ThrottleKey, count: u64, example: &str) -> Cell {
        let mut cell = Cell::default();
        for _ in 0..count {
            cell.throttled(key, None, || example.to_owned());
        }
        cell
    }

    /// A second of the open phase at a level, with so many sessions open at most.
    fn second(number: u64, level: f64, peak_open: u32, cells: Vec<(u16, Cell)>) -> Frame {
        let cells = cells.into_iter().map(|(client, cell)| (key(OPEN, client, 0), cell)).collect();
        let gauge = PhaseGauge { phase: OPEN, level, open_sessions: 0, peak_open, peaks: vec![] };
        Frame { gauges: vec![gauge], ..frame(number, cells) }
    }

    #[test]
    fn the_begin_is_the_first_second_that_holds_the_sign_with_the_level_of_then() {
        let later = at(421, Step::Mail);
        let frames = [
            second(10, 50.0, 5, vec![(0, Cell::default())]),
            second(11, 60.0, 6, vec![(0, cell(REFUSED, 1, "no")), (1, cell(REFUSED, 2, "never"))]),
            second(12, 70.0, 7, vec![(0, cell(REFUSED, 9, "")), (0, cell(later, 1, "421 slow"))]),
        ];
        let mut throttling = Throttling::default();
        let mut sum = Cell::default();
        let mut begun = Vec::new();
        for frame in &frames {
            throttling.fold(frame);
            sum.merge(&frame.sum(OPEN, &plan()));
            let of_second = throttling.begun_in(frame.second);
            begun.extend(of_second.map(|onset| (onset.second, onset.key, onset.count)));
        }

        let figures = throttling.figures(OPEN, Duration::from_millis(9_500), &sum).unwrap();

        assert_eq!(begun, [(11, REFUSED, 3), (12, later, 1)]);
        assert_eq!((figures.begin_s, figures.into_s, figures.level), (11.0, 1.5, 60.0));
        assert_eq!((figures.open_sessions, figures.count), (6, 13));
        let [refused, slow] = &figures.signs[..] else { panic!("{figures:?}") };
        assert_eq!((refused.count, refused.begin_s, refused.example.as_str()), (12, 11.0, "no"));
        assert_eq!((slow.sign.as_str(), slow.step.as_deref()), ("421", Some("mail")));
        assert_eq!((slow.level, slow.example.as_str()), (70.0, "421 slow"));
        assert!(throttling.figures(CLOSED, Duration::ZERO, &sum).is_none());
    }

    #[test]
    fn a_share_is_of_what_could_have_been_so() {
        let mut sum = Cell::default();
        sum.merge(&cell(at(450, Step::Rcpt), 1, ""));
        sum.merge(&cell(REFUSED, 2, ""));
        sum.merge(&cell(BETWEEN, 3, ""));
        for code in [250, 250, 250, 450] {
            sum.step(Step::Rcpt).reply(Code::new(code).unwrap(), Duration::ZERO);
        }
        sum.sessions.started = 8;
        sum.sessions.opened = 2;
        let mut throttling = Throttling::default();
        throttling.fold(&second(0, 1.0, 1, vec![(0, sum.clone())]));

        let figures = throttling.figures(OPEN, Duration::ZERO, &sum).unwrap();

        let shares: Vec<(u64, u64, Option<f64>)> =
            figures.signs.iter().map(|row| (row.count, row.of, row.share)).collect();
        // Three sessions of which only two were opened in this phase say nothing of a share.
        assert_eq!(shares, [(3, 2, None), (2, 8, Some(0.25)), (1, 4, Some(0.25))]);
    }

    #[test]
    fn the_messages_that_sessions_were_allowed_are_a_range_over_all_cells() {
        let mut one = Cell::default();
        one.throttled(BETWEEN, Some(10), String::new);
        one.throttled(BETWEEN, None, String::new);
        let mut other = Cell::default();
        other.throttled(BETWEEN, Some(3), || "closed".to_owned());

        one.merge(&other);

        let row = increments(&one.throttles)["closed"];
        assert_eq!((row.count, row.allowed), (3, Some(Allowed { min: 3, max: 10 })));
    }

    #[test]
    fn a_row_of_the_series_names_sign_and_step() {
        assert_eq!(at(421, Step::EndOfData).to_string(), "421/end_of_data");
        assert_eq!(BETWEEN.to_string(), "closed");
    }
}
