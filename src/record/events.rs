//! What happens once, as a line of `events.ndjson`.

use serde::{Deserialize, Serialize};

use super::{Probe, SearchResult, ThresholdRow};

/// One line of `events.ndjson`; times are in seconds of the run's clock.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// A phase is in force from now on.
    PhaseBegan {
        /// When.
        at_s: f64,
        /// Its name.
        phase: String,
    },
    /// A phase is no longer in force; what it started may still drain.
    PhaseEnded {
        /// When.
        at_s: f64,
        /// Its name.
        phase: String,
    },
    /// The process was signalled.
    Signal {
        /// When.
        at_s: f64,
        /// `SIGINT` or `SIGTERM`.
        signal: String,
    },
    /// The run was told to change its course.
    Order {
        /// When it takes effect.
        at_s: f64,
        /// What changes.
        change: Change,
    },
    /// A search tries a level.
    ProbeOrdered {
        /// When the probe begins.
        at_s: f64,
        /// The name of its phase.
        phase: String,
        /// Its level: messages per second or connections.
        level: f64,
    },
    /// All that a probe started has ended, and it was judged.
    ProbeJudged {
        /// When.
        at_s: f64,
        /// The name of the search.
        search: String,
        /// What its levels count, as in its result.
        unit: String,
        /// What came out.
        probe: Probe,
    },
    /// A search has its answer, or no further probe; what follows it begins.
    SearchEnded {
        /// When what follows begins.
        at_s: f64,
        /// What it found.
        result: SearchResult,
    },
    /// Each row of a feed that stops was used: nothing starts any more.
    FeedUsedUp {
        /// When a message found no row.
        at_s: f64,
        /// The phase of that message.
        phase: String,
        /// The name of the feed.
        feed: String,
        /// How many rows it has.
        rows: usize,
    },
    /// An error that this phase and client had not seen before.
    FirstError {
        /// When.
        at_s: f64,
        /// The phase in which the message started.
        phase: String,
        /// The client that sent it.
        client: String,
        /// How the message ended.
        outcome: String,
        /// At which step.
        step: String,
        /// The code that decided, where there was a reply.
        code: Option<u16>,
        /// The reply, or the system's words.
        example: String,
        /// The last of what was said for this message, and before a session's first one to open
        /// it: each command behind `> ` with its reply behind `< `. A reply stands in full where
        /// it refused something, else by its code; the text and credentials are left out. Empty
        /// where no session carried the message.
        transcript: Vec<String>,
    },
    /// The first second of a phase that holds this sign of throttling.
    Throttled {
        /// When that second began.
        at_s: f64,
        /// The phase in which the message started.
        phase: String,
        /// A reply code, `refused` or `closed`.
        sign: String,
        /// Where; none: between messages.
        step: Option<String>,
        /// The planned connections, or messages per second, at the end of that second.
        level: f64,
        /// The most sessions that were open at a time in it.
        open_sessions: u32,
        /// How often it came in it.
        count: u64,
        /// The first reply, or the system's words.
        example: String,
    },
    /// A threshold does not hold; of one that is judged while the run goes on, as soon as it is
    /// broken.
    ThresholdBroken {
        /// When that was known.
        at_s: f64,
        /// How it stands then, as in the summary.
        #[serde(flatten)]
        row: ThresholdRow,
    },
    /// A threshold that was broken holds again, which changes nothing of the verdict.
    ThresholdRecovered {
        /// When that was known.
        at_s: f64,
        /// The check as the plan writes it.
        check: String,
        /// The phase; none: the whole run.
        phase: Option<String>,
        /// The length of the window in seconds, where it has one.
        window_s: Option<u64>,
        /// The value, where there is one.
        value: Option<f64>,
    },
    /// The watched process has ended.
    WatchedGone {
        /// When that was seen.
        at_s: f64,
        /// Its number.
        pid: u32,
    },
    /// The watched process is there again, found by its name.
    WatchedBack {
        /// When that was seen.
        at_s: f64,
        /// Its number, which is another one now.
        pid: u32,
    },
    /// A task of the tester panicked; its message counts as `local`.
    Panic {
        /// When.
        at_s: f64,
        /// What it said.
        text: String,
    },
}

impl Event {
    /// When it was, in seconds of the run's clock.
    pub const fn at_s(&self) -> f64 {
        match self {
            Self::PhaseBegan { at_s, .. }
            | Self::PhaseEnded { at_s, .. }
            | Self::Signal { at_s, .. }
            | Self::Order { at_s, .. }
            | Self::ProbeOrdered { at_s, .. }
            | Self::ProbeJudged { at_s, .. }
            | Self::SearchEnded { at_s, .. }
            | Self::FeedUsedUp { at_s, .. }
            | Self::FirstError { at_s, .. }
            | Self::Throttled { at_s, .. }
            | Self::WatchedGone { at_s, .. }
            | Self::WatchedBack { at_s, .. }
            | Self::ThresholdBroken { at_s, .. }
            | Self::ThresholdRecovered { at_s, .. }
            | Self::Panic { at_s, .. } => *at_s,
        }
    }
}

/// A change of the run's course.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Nothing starts any more; what has started runs to its end.
    Drain,
    /// Everything ends now.
    Stop,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_told_apart_by_its_kind_and_reads_back() {
        let event = Event::Order { at_s: 2.5, change: Change::Drain };

        let line = serde_json::to_string(&event).unwrap();

        assert_eq!(line, r#"{"kind":"order","at_s":2.5,"change":"drain"}"#);
        assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), event);
    }
}
