//! A sum of cells → [`Figures`].

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use super::{
    Cell, ErrorRow, Figures, MessageCounts, MessageFigures, OctetFigures, RecipientFigures,
    SessionFigures, SpanEnd, StepCell, StepFigures, as_float, ratio,
};
use crate::smtp::{Outcome, RecipientEnd, Step};

/// A part of a run: what was counted, and the time it is divided by.
#[derive(Clone, Debug)]
pub struct Portion {
    /// All that was counted in it.
    pub cell: Cell,
    /// The most sessions that were open at a time.
    pub peak_open: u64,
    /// How long its phases were in force, time that they share counted once.
    pub length: Duration,
    /// What ended them.
    pub end: SpanEnd,
}

impl Portion {
    /// Acceptances inside the own durations of their phases, by the time that these cover. None
    /// where there was no time, or where a count ended them before the first acceptance came: the
    /// time to start so many messages says nothing of what the server takes.
    pub fn accepted_per_s(&self) -> Option<f64> {
        let messages = &self.cell.messages;
        let too_short = match self.end {
            SpanEnd::Count => messages.accepted_in_time == 0 && messages.of(Outcome::Accepted) > 0,
            SpanEnd::Time => false,
        };
        (!self.length.is_zero() && !too_short)
            .then(|| as_float(messages.accepted_in_time) / self.length.as_secs_f64())
    }

    /// The row of the results.
    pub fn figures(&self) -> Figures {
        let cell = &self.cell;
        Figures {
            messages: message_figures(&cell.messages),
            errors_share: cell.messages.errors_share().unwrap_or(0.0),
            recipients: recipient_figures(cell),
            sessions: self.session_figures(),
            accepted_per_s: self.accepted_per_s(),
            octets: OctetFigures { sent: cell.octets.sent, received: cell.octets.received },
            tls: cell.tls.figures(),
            auth: cell.auth.figures(),
            response_ms: cell.response.figures(),
            service_ms: cell.service.figures(),
            lag_ms: cell.lag.figures(),
            wait_ms: cell.wait.figures(),
            rendering_ms: cell.rendering.figures(),
            session_ms: cell.session.figures(),
            steps: step_figures(cell),
            codes: by_name(&cell.codes),
            enhanced: by_name(&cell.enhanced),
            errors: error_rows(cell),
            cases: super::cases::figures(&cell.cases),
        }
    }

    fn session_figures(&self) -> SessionFigures {
        let sessions = &self.cell.sessions;
        SessionFigures {
            planned: sessions.started,
            started: sessions.started,
            dropped: 0,
            opened: sessions.opened,
            reused: sessions.reused,
            stale: sessions.stale,
            failed: sessions.failed,
            peak_open: self.peak_open,
        }
    }
}

impl MessageCounts {
    /// How many ended, in whatever way.
    pub fn ended(&self) -> u64 {
        self.ended.iter().sum()
    }

    /// Those whose end was neither the plan's cut nor the tester's failure.
    pub fn answerable(&self) -> u64 {
        let ours = self.of(Outcome::Local) + self.of(Outcome::Interrupted);
        self.started.saturating_sub(ours)
    }

    /// How many ended in a way that counts as an error of the target.
    pub fn errors(&self) -> u64 {
        Outcome::ALL.into_iter().filter(|end| end.is_error()).map(|end| self.of(end)).sum()
    }

    /// Errors as a share of started − local − interrupted; none where that is 0.
    pub fn errors_share(&self) -> Option<f64> {
        ratio(self.errors(), self.answerable())
    }
}

/// A sum that does not come out.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Broken {
    /// planned ≠ started + dropped.
    #[error("{planned} planned, but {started} started and {dropped} dropped")]
    Planned {
        /// Came due.
        planned: u64,
        /// Began.
        started: u64,
        /// Never began.
        dropped: u64,
    },
    /// started ≠ the sum of the outcomes.
    #[error("{started} started, but {ended} ended")]
    Started {
        /// Began.
        started: u64,
        /// The sum of all outcomes.
        ended: u64,
    },
}

/// Checks that no start was lost or counted twice: planned = started + dropped, and started =
/// the sum of the outcomes; of malformed starts likewise. All hold at the end of a run, however it
/// ended.
pub fn conserved(figures: &Figures) -> Result<(), Broken> {
    let messages = figures.messages;
    let MessageFigures { planned, started, dropped, .. } = messages;
    if planned != started + dropped {
        return Err(Broken::Planned { planned, started, dropped });
    }
    let ended = messages.ended();
    if started != ended {
        return Err(Broken::Started { started, ended });
    }
    figures.cases.values().try_for_each(super::CaseFigures::conserved)
}

impl Broken {
    /// By how many messages the sum is off.
    pub const fn difference(self) -> u64 {
        match self {
            Self::Planned { planned, started, dropped } => planned.abs_diff(started + dropped),
            Self::Started { started, ended } => started.abs_diff(ended),
        }
    }
}

impl MessageFigures {
    /// How many ended with an outcome.
    pub const fn of(&self, outcome: Outcome) -> u64 {
        match outcome {
            Outcome::Accepted => self.accepted,
            Outcome::Expected => self.expected,
            Outcome::Unexpected => self.unexpected,
            Outcome::Temporary => self.temporary,
            Outcome::Permanent => self.permanent,
            Outcome::TimedOut => self.timed_out,
            Outcome::Disconnected => self.disconnected,
            Outcome::Unconnected => self.unconnected,
            Outcome::Tls => self.tls,
            Outcome::Protocol => self.protocol,
            Outcome::Ambiguous => self.ambiguous,
            Outcome::Interrupted => self.interrupted,
            Outcome::Local => self.local,
        }
    }

    /// How many ended, in whatever way.
    pub fn ended(&self) -> u64 {
        Outcome::ALL.into_iter().map(|outcome| self.of(outcome)).sum()
    }

    /// How many ended in a way that counts as an error of the target.
    pub fn errors(&self) -> u64 {
        let errors = Outcome::ALL.into_iter().filter(|outcome| outcome.is_error());
        errors.map(|outcome| self.of(outcome)).sum()
    }
}

fn message_figures(counts: &MessageCounts) -> MessageFigures {
    MessageFigures {
        planned: counts.planned,
        started: counts.started,
        dropped: counts.dropped,
        accepted: counts.of(Outcome::Accepted),
        expected: counts.of(Outcome::Expected),
        unexpected: counts.of(Outcome::Unexpected),
        temporary: counts.of(Outcome::Temporary),
        permanent: counts.of(Outcome::Permanent),
        timed_out: counts.of(Outcome::TimedOut),
        disconnected: counts.of(Outcome::Disconnected),
        unconnected: counts.of(Outcome::Unconnected),
        tls: counts.of(Outcome::Tls),
        protocol: counts.of(Outcome::Protocol),
        ambiguous: counts.of(Outcome::Ambiguous),
        interrupted: counts.of(Outcome::Interrupted),
        local: counts.of(Outcome::Local),
    }
}

fn recipient_figures(cell: &Cell) -> RecipientFigures {
    let of = |end: RecipientEnd| cell.recipients.ended[end as usize];
    RecipientFigures {
        accepted: of(RecipientEnd::Accepted),
        expected: of(RecipientEnd::Expected),
        temporary: of(RecipientEnd::Temporary),
        permanent: of(RecipientEnd::Permanent),
    }
}

fn step_figures(cell: &Cell) -> BTreeMap<String, StepFigures> {
    Step::ALL
        .into_iter()
        .filter_map(|step| {
            let counted: &StepCell = cell.steps[step.index()].as_deref()?;
            let figures = StepFigures {
                ok: counted.ok,
                refused: counted.refused,
                codes: by_name(&counted.codes),
                time: counted.time.figures().unwrap_or_default(),
            };
            Some((step.name().to_owned(), figures))
        })
        .collect()
}

fn by_name<K: Display>(counts: &BTreeMap<K, u64>) -> BTreeMap<String, u64> {
    counts.iter().map(|(key, count)| (key.to_string(), *count)).collect()
}

/// The most frequent first; equally frequent ones in the order of outcome, step and code.
fn error_rows(cell: &Cell) -> Vec<ErrorRow> {
    let mut rows: Vec<ErrorRow> = cell
        .errors
        .iter()
        .map(|(key, error)| ErrorRow {
            outcome: key.outcome.name().to_owned(),
            step: key.step.name().to_owned(),
            code: key.code.map(crate::smtp::Code::number),
            count: error.count,
            example: error.example.clone(),
        })
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.count));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::ErrorKey;
    use crate::record::specimen::{both, messages};
    use crate::smtp::Code;

    fn portion(cell: Cell) -> Portion {
        Portion { cell, peak_open: 0, length: Duration::from_secs(10), end: SpanEnd::Time }
    }

    #[test]
    fn local_and_interrupted_messages_are_no_part_of_the_errors_share() {
        let mut cell = messages(6, Outcome::Accepted, 1);
        for (count, outcome) in
            [(2, Outcome::Temporary), (5, Outcome::Local), (7, Outcome::Interrupted)]
        {
            cell = both(cell, &messages(count, outcome, 1));
        }

        let figures = portion(cell).figures();

        assert!((figures.errors_share - 0.25).abs() < 1e-12, "{}", figures.errors_share);
        assert_eq!(figures.messages.started, 20);
    }

    #[test]
    fn the_errors_share_of_nothing_is_zero() {
        let figures = portion(messages(5, Outcome::Local, 1)).figures();

        assert!(figures.errors_share.abs() < f64::EPSILON);
    }

    #[test]
    fn acceptances_in_time_are_divided_by_the_length() {
        let mut cell = messages(30, Outcome::Accepted, 1);
        cell.messages.accepted_in_time = 20;

        assert_eq!(portion(cell).figures().accepted_per_s, Some(2.0));
    }

    #[test]
    fn a_count_that_is_reached_before_the_first_acceptance_tells_no_throughput() {
        let mut late = messages(30, Outcome::Accepted, 1);
        late.messages.accepted_in_time = 0;
        let refused = messages(30, Outcome::Permanent, 1);
        let table = [
            (&late, SpanEnd::Count, None),
            // What a whole planned time brought is known, and so is that nothing was accepted.
            (&late, SpanEnd::Time, Some(0.0)),
            (&refused, SpanEnd::Count, Some(0.0)),
            (&messages(30, Outcome::Accepted, 1), SpanEnd::Count, Some(3.0)),
        ];
        for (number, (cell, end, expected)) in table.into_iter().enumerate() {
            let portion = Portion { end, ..portion(cell.clone()) };
            assert_eq!(portion.accepted_per_s(), expected, "case {number}");
        }
    }

    #[test]
    fn where_there_was_no_time_there_is_no_throughput() {
        let nothing = Portion { length: Duration::ZERO, ..portion(Cell::default()) };

        assert_eq!(nothing.figures().accepted_per_s, None);
    }

    #[test]
    fn errors_stand_by_their_number() {
        let mut cell = Cell::default();
        let error = |code| ErrorKey {
            outcome: Outcome::Temporary,
            step: Step::Rcpt,
            code: Code::new(code),
        };
        cell.error(error(421), || "421 closing".to_owned());
        for _ in 0..3 {
            cell.error(error(450), || "450 later".to_owned());
        }

        let rows = portion(cell).figures().errors;

        let read: Vec<_> = rows.iter().map(|row| (row.code, row.count, &*row.example)).collect();
        assert_eq!(read, [(Some(450), 3, "450 later"), (Some(421), 1, "421 closing")]);
    }

    #[test]
    fn every_outcome_has_its_own_figure() {
        for outcome in Outcome::ALL {
            let figures = portion(messages(3, outcome, 1)).figures();
            assert_eq!(figures.messages.of(outcome), 3, "{outcome}");
            assert_eq!(figures.messages.ended(), 3, "{outcome}");
        }
    }

    #[test]
    fn a_step_shows_its_times_beside_its_counts() {
        let mut cell = Cell::default();
        let step = cell.step(Step::Mail);
        step.ok = 1;
        step.reply(Code::OK, Duration::from_millis(2));

        let json = serde_json::to_value(portion(cell).figures()).unwrap();

        let mail = &json["steps"]["mail"];
        assert_eq!((mail["ok"].as_u64(), mail["count"].as_u64()), (Some(1), Some(1)));
        assert_eq!(mail["codes"]["250"], 1);
        assert_eq!(mail["p99"], serde_json::Value::Null);
    }

    #[test]
    fn sums_that_do_not_come_out_are_found() {
        let mut figures = portion(messages(3, Outcome::Accepted, 1)).figures();
        assert_eq!(conserved(&figures), Ok(()));

        figures.messages.dropped = 2;
        let broken = Broken::Planned { planned: 3, started: 3, dropped: 2 };
        assert_eq!(conserved(&figures), Err(broken));
        assert_eq!(broken.difference(), 2);

        figures.messages.planned = 5;
        figures.messages.accepted = 2;
        assert_eq!(conserved(&figures), Err(Broken::Started { started: 3, ended: 2 }));
    }
}
