//! Thresholds, fitness and the course of the run → verdict, exit code and one sentence.
//!
//! Where several things are wrong, the one that makes the others meaningless is said: a tool that
//! failed, an interruption, a run that measured nothing, a tester that was not fit, and only then a
//! threshold. A run that could not start has no verdict: it is an error of the run.

use crate::format;
use crate::record::{Figures, FitnessRow, FitnessStatus, ThresholdRow, VerdictName};

use super::{ExitCode, words};

/// The verdict on a run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// In one word.
    pub name: VerdictName,
    /// In one sentence.
    pub reason: String,
    /// For the shell.
    pub exit: ExitCode,
}

/// How the run came to its end, apart from its figures.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Course {
    /// As planned.
    Complete,
    /// The tester failed: a panic, or results that cannot be written; why.
    ToolFailed(String),
    /// By a signal.
    Interrupted(Interruption),
    /// Its results folder was cut off, as by `kill -9`; how far it is known, as a sentence.
    CutOff(String),
}

/// The signal that ended a run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Interruption {
    /// SIGINT, or `q` on the live screen.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

/// Decides. `on_threshold` is the exit code for a threshold that does not hold, as a rule
/// [`ExitCode::THRESHOLD`]; `totals` are the figures without warm-ups.
pub fn decide(
    course: &Course,
    totals: &Figures,
    thresholds: &[ThresholdRow],
    fitness: &[FitnessRow],
    on_threshold: ExitCode,
) -> Verdict {
    match course {
        Course::ToolFailed(why) => {
            none(ExitCode::TOOL_FAILED, format!("The tester itself failed: {why}."))
        }
        Course::CutOff(sentence) => none(ExitCode::TOOL_FAILED, sentence.clone()),
        Course::Interrupted(signal) => none(signal.exit(), signal.reason().to_owned()),
        Course::Complete if !measured(totals) => none(
            ExitCode::NOTHING_MEASURED,
            "No message of a phase that counts came to an end that says anything about the target."
                .to_owned(),
        ),
        Course::Complete => judged(thresholds, fitness, on_threshold),
    }
}

fn judged(thresholds: &[ThresholdRow], fitness: &[FitnessRow], on_threshold: ExitCode) -> Verdict {
    if let Some(row) = fitness.iter().find(|row| row.status == FitnessStatus::Invalid) {
        let (name, exit) = (VerdictName::Invalid, ExitCode::INVALID);
        let ended = thresholds.iter().find(|row| row.aborted);
        let ended = ended.map(|row| format!(" {}.", words::aborted(row))).unwrap_or_default();
        return Verdict { name, reason: format!("{}{ended}", unfit(row)), exit };
    }
    let mut broken: Vec<&ThresholdRow> =
        thresholds.iter().filter(|row| !row.holds && row.decides()).collect();
    // The one that ended the run is said first.
    broken.sort_by_key(|row| !row.aborted);
    match broken.split_first() {
        Some((first, others)) => Verdict {
            name: VerdictName::Fail,
            reason: failed(first, others.len()),
            exit: on_threshold,
        },
        None => Verdict { name: VerdictName::Pass, reason: passed(thresholds), exit: ExitCode::OK },
    }
}

impl Interruption {
    /// The name of the signal.
    pub const fn signal(self) -> &'static str {
        match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        }
    }

    /// The interruption by a signal of this name.
    pub fn by(signal: &str) -> Option<Self> {
        [Self::Interrupt, Self::Terminate].into_iter().find(|known| known.signal() == signal)
    }

    const fn exit(self) -> ExitCode {
        match self {
            Self::Interrupt => ExitCode::INTERRUPTED,
            Self::Terminate => ExitCode::TERMINATED,
        }
    }

    const fn reason(self) -> &'static str {
        match self {
            Self::Interrupt => "The run was interrupted (SIGINT).",
            Self::Terminate => "The run was terminated (SIGTERM).",
        }
    }
}

/// Whether any message, or malformed case, of a phase that counts ended by the target's doing.
fn measured(totals: &Figures) -> bool {
    let messages = totals.messages;
    let mail = messages.started > messages.local + messages.interrupted;
    mail || totals.cases.values().any(|case| case.started > case.local)
}

fn none(exit: ExitCode, reason: String) -> Verdict {
    Verdict { name: VerdictName::None, reason, exit }
}

fn unfit(row: &FitnessRow) -> String {
    let phase = row.phase.as_deref().unwrap_or("the run");
    let value = format::value_beside(row.value, row.limit, &row.unit);
    let limit = format::value(row.limit, &row.unit);
    match (row.check.as_str(), row.check.strip_prefix("lag_")) {
        (_, Some(percentile)) => format!(
            "The tester began messages of `{phase}` up to {value} late ({percentile}; limit \
             {limit}): lower the rate, or give it more processor."
        ),
        ("worker_busy", None) => format!(
            "A worker was over its processor limit in {value} of the seconds of `{phase}`: lower \
             the rate, or add workers."
        ),
        (check, None) => format!("The tester missed its limit `{check}` in `{phase}`."),
    }
}

fn failed(first: &ThresholdRow, others: usize) -> String {
    let said = if first.aborted { words::aborted(first) } else { words::broken(first) };
    let more = match others {
        0 => String::new(),
        1 if first.broken_at_s.is_some() => ", and one other does not hold".to_owned(),
        others if first.broken_at_s.is_some() => format!(", and {others} others do not hold"),
        1 => ", nor does one other".to_owned(),
        others => format!(", nor do {others} others"),
    };
    format!("{said}{more}.")
}

fn passed(thresholds: &[ThresholdRow]) -> String {
    let unmet: Vec<&ThresholdRow> = thresholds.iter().filter(|row| !row.holds).collect();
    match (thresholds.len(), unmet.as_slice()) {
        (0, _) => "There are no thresholds, and the tester was fit.".to_owned(),
        (1, []) => "The threshold holds, and the tester was fit.".to_owned(),
        (all, []) => format!("All {all} thresholds hold, and the tester was fit."),
        (_, [first, others @ ..]) => {
            let more = match others.len() {
                0 => String::new(),
                1 => ", and one other".to_owned(),
                others => format!(", and {others} others"),
            };
            let broken = words::broken(first);
            format!("What decides holds, and the tester was fit. Only a warning: {broken}{more}.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `message.p99 < 500ms`, with this value.
    fn threshold(value: f64, action: &str) -> ThresholdRow {
        ThresholdRow {
            check: "message.p99 < 500ms".to_owned(),
            phase: Some("soak".to_owned()),
            value: Some(value),
            limit: 500.0,
            unit: "ms".to_owned(),
            holds: value < 500.0,
            action: action.to_owned(),
            ..ThresholdRow::default()
        }
    }

    fn lag(status: FitnessStatus) -> FitnessRow {
        FitnessRow {
            check: "lag_p99".to_owned(),
            phase: Some("soak".to_owned()),
            status,
            value: 30.0,
            limit: 10.0,
            unit: "ms".to_owned(),
        }
    }

    fn totals(started: u64) -> Figures {
        let mut figures = Figures::default();
        figures.messages.started = started;
        figures
    }

    fn decided(
        course: &Course,
        started: u64,
        fitness: FitnessStatus,
        value: f64,
    ) -> (VerdictName, u8) {
        let thresholds = [threshold(212.4, "fail"), threshold(value, "fail")];
        let verdict =
            decide(course, &totals(started), &thresholds, &[lag(fitness)], ExitCode::THRESHOLD);
        (verdict.name, verdict.exit.number())
    }

    #[test]
    fn the_gravest_of_several_decides() {
        let (ok, bad) = (FitnessStatus::Warn, FitnessStatus::Invalid);
        let failed = Course::ToolFailed("panic".to_owned());
        let interrupt = Course::Interrupted(Interruption::Interrupt);
        let terminate = Course::Interrupted(Interruption::Terminate);
        let table = [
            (&failed, 0, bad, 612.4, (VerdictName::None, 1)),
            (&interrupt, 0, bad, 612.4, (VerdictName::None, 130)),
            (&terminate, 0, bad, 612.4, (VerdictName::None, 143)),
            (&Course::Complete, 0, bad, 612.4, (VerdictName::None, 7)),
            (&Course::Complete, 1, bad, 612.4, (VerdictName::Invalid, 6)),
            (&Course::Complete, 1, ok, 612.4, (VerdictName::Fail, 5)),
            (&Course::Complete, 1, ok, 212.4, (VerdictName::Pass, 0)),
        ];
        for (course, started, fitness, value, expected) in table {
            let case = format!("{course:?}, {started} started, {fitness:?}, p99 {value}");
            assert_eq!(decided(course, started, fitness, value), expected, "{case}");
        }
    }

    #[test]
    fn messages_that_the_plan_or_the_tester_ended_measure_nothing() {
        let mut figures = totals(5);
        figures.messages.local = 2;
        figures.messages.interrupted = 3;

        let verdict = decide(&Course::Complete, &figures, &[], &[], ExitCode::THRESHOLD);

        assert_eq!(verdict.exit, ExitCode::NOTHING_MEASURED);
    }

    #[test]
    fn malformed_cases_that_were_played_measure_something() {
        let decided = |local| {
            let mut figures = totals(0);
            let row = crate::record::CaseFigures { started: 5, local, ..Default::default() };
            figures.cases.insert("order-rcpt-first".to_owned(), row);
            decide(&Course::Complete, &figures, &[], &[], ExitCode::THRESHOLD).exit
        };

        assert_eq!(decided(4), ExitCode::OK);
        assert_eq!(decided(5), ExitCode::NOTHING_MEASURED);
    }

    #[test]
    fn a_threshold_that_only_warns_fails_nothing() {
        let rows = [threshold(612.4, "warn")];

        let verdict = decide(&Course::Complete, &totals(1), &rows, &[], ExitCode::THRESHOLD);

        assert_eq!((verdict.name, verdict.exit), (VerdictName::Pass, ExitCode::OK));
    }

    #[test]
    fn the_exit_code_of_a_threshold_may_be_chosen() {
        let rows = [threshold(612.4, "fail")];

        let verdict = decide(&Course::Complete, &totals(1), &rows, &[], ExitCode::chosen(99));

        assert_eq!((verdict.name, verdict.exit.number()), (VerdictName::Fail, 99));
    }

    #[test]
    fn a_reason_never_shows_a_better_value_than_the_limit_allows() {
        let errors = |value| ThresholdRow {
            check: "message.errors <= 1%".to_owned(),
            value: Some(value),
            limit: 0.01,
            unit: "share".to_owned(),
            holds: false,
            ..threshold(612.4, "fail")
        };

        let verdict =
            decide(&Course::Complete, &totals(1), &[errors(0.010_000_4)], &[], ExitCode::THRESHOLD);

        assert_eq!(verdict.reason, "`message.errors <= 1%` does not hold in `soak` (1.00004 %).");
    }

    #[test]
    fn the_reason_names_the_percentile_that_was_compared() {
        let unfit = [FitnessRow { check: "lag_p90".to_owned(), ..lag(FitnessStatus::Invalid) }];

        let verdict = decide(&Course::Complete, &totals(1), &[], &unfit, ExitCode::THRESHOLD);

        assert_eq!(
            verdict.reason,
            "The tester began messages of `soak` up to 30.0 ms late (p90; limit 10.0 ms): lower \
             the rate, or give it more processor."
        );
    }

    #[test]
    fn the_reason_names_phase_window_value_and_time_of_what_broke() {
        let windowed = |value| ThresholdRow {
            window_s: Some(10),
            broken_at_s: Some(80.0),
            ..threshold(value, "fail")
        };
        let aborted = ThresholdRow {
            action: "abort".to_owned(),
            for_s: Some(90),
            aborted: true,
            ..windowed(612.4)
        };
        let never_full =
            ThresholdRow { value: None, broken_at_s: None, holds: false, ..windowed(1.0) };
        let unfit = lag(FitnessStatus::Invalid);
        let table = [
            (
                vec![windowed(612.4)],
                vec![],
                "`message.p99 < 500ms` over 10s broke in `soak` at 1:20 (612 ms).",
            ),
            (
                vec![threshold(900.0, "fail"), aborted.clone()],
                vec![],
                "The run was aborted at 1:20: `message.p99 < 500ms` over 10s for 1m30s broke in \
                 `soak` (612 ms), and one other does not hold.",
            ),
            (
                vec![never_full],
                vec![],
                "`message.p99 < 500ms` over 10s does not hold in `soak` (its window was never \
                 full).",
            ),
            (
                vec![aborted],
                vec![unfit],
                "The tester began messages of `soak` up to 30.0 ms late (p99; limit 10.0 ms): \
                 lower the rate, or give it more processor. The run was aborted at 1:20: \
                 `message.p99 < 500ms` over 10s for 1m30s broke in `soak` (612 ms).",
            ),
        ];
        for (rows, fitness, reason) in table {
            let verdict =
                decide(&Course::Complete, &totals(1), &rows, &fitness, ExitCode::THRESHOLD);
            assert_eq!(verdict.reason, reason);
        }
    }

    #[test]
    fn the_reason_names_what_failed_and_its_value() {
        let rows = [threshold(612.4, "fail"), threshold(612.4, "fail")];

        let failed = decide(&Course::Complete, &totals(1), &rows, &[], ExitCode::THRESHOLD);
        let unfit = [lag(FitnessStatus::Invalid)];
        let invalid = decide(&Course::Complete, &totals(1), &rows, &unfit, ExitCode::THRESHOLD);

        assert_eq!(
            failed.reason,
            "`message.p99 < 500ms` does not hold in `soak` (612 ms), nor does one other."
        );
        assert_eq!(
            invalid.reason,
            "The tester began messages of `soak` up to 30.0 ms late (p99; limit 10.0 ms): lower \
             the rate, or give it more processor."
        );
    }
}
