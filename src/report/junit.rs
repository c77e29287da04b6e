//! The result → `junit.xml`: what a CI system shows as tests.
//!
//! A suite for the whole run, with a case for the verdict, and one for each phase; a case for each
//! threshold. A threshold that only warns is a pass with its words as output. Where the figures
//! describe the tester, or there is no verdict, every suite has an error: nothing of such a run may
//! be read as a pass.

use std::collections::BTreeMap;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::text::{fitness_sentence, outcome, verdict_word};
use crate::format;
use crate::record::{PhaseResult, Summary, ThresholdRow, VerdictName};
use crate::verdict::times;

/// The file could not be put together: a mistake of the program.
#[derive(Debug, thiserror::Error)]
#[error("junit.xml can't be made")]
pub struct JunitError(#[from] quick_junit::SerializeError);

/// The name of the suite of the whole run, which no phase has: names of phases have no space.
const WHOLE_RUN: &str = "whole run";

/// The file.
pub fn junit(summary: &Summary) -> Result<String, JunitError> {
    let mut report = Report::new(format::escape(&summary.plan.name));
    report.set_time(seconds(summary.duration_s));
    report.add_test_suite(whole_run(summary));
    for phase in &summary.phases {
        report.add_test_suite(of_phase(phase, summary));
    }
    Ok(report.to_string()?)
}

fn whole_run(summary: &Summary) -> TestSuite {
    let mut suite = TestSuite::new(WHOLE_RUN);
    suite.set_time(seconds(summary.duration_s));
    suite.timestamp = summary.started_at.parse().ok();
    let mut verdict = TestCase::new("verdict", verdict_status(summary));
    verdict.set_classname(WHOLE_RUN);
    verdict.set_system_out(format::escape(&summary.reason));
    suite.add_test_case(verdict);
    add_error(&mut suite, WHOLE_RUN, summary);
    let own = |row: &&ThresholdRow| match &row.phase {
        None => true,
        // One of a phase that did not begin has no suite of its own.
        Some(name) => summary.phases.iter().all(|phase| phase.name != *name),
    };
    add_thresholds(&mut suite, WHOLE_RUN, summary.thresholds.iter().filter(own));
    suite
}

fn of_phase(phase: &PhaseResult, summary: &Summary) -> TestSuite {
    let name = format::escape(&phase.name);
    let mut suite = TestSuite::new(name.clone());
    suite.set_time(seconds(phase.duration_s));
    add_error(&mut suite, &name, summary);
    let own = |row: &&ThresholdRow| row.phase.as_deref() == Some(phase.name.as_str());
    add_thresholds(&mut suite, &name, summary.thresholds.iter().filter(own));
    suite
}

/// An error where nothing may be read as a pass.
fn add_error(suite: &mut TestSuite, name: &str, summary: &Summary) {
    let message = match summary.verdict {
        VerdictName::Pass | VerdictName::Fail => return,
        VerdictName::Invalid => fitness_sentence(&summary.fitness),
        VerdictName::None => summary.reason.clone(),
    };
    let status = status(NonSuccessKind::Error, verdict_word(summary), &message);
    let mut case = TestCase::new("the figures can be trusted", status);
    case.set_classname(name);
    suite.add_test_case(case);
}

fn verdict_status(summary: &Summary) -> TestCaseStatus {
    let kind = match summary.verdict {
        VerdictName::Pass => return TestCaseStatus::success(),
        VerdictName::Fail => NonSuccessKind::Failure,
        VerdictName::Invalid | VerdictName::None => NonSuccessKind::Error,
    };
    status(kind, verdict_word(summary), &summary.reason)
}

fn add_thresholds<'a>(
    suite: &mut TestSuite,
    class: &str,
    rows: impl Iterator<Item = &'a ThresholdRow>,
) {
    // A CI system tells cases apart by their names, and the same check may stand twice.
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for row in rows {
        let check = format::escape(&format!("{}{}", row.check, times(row)));
        let count = seen.entry(check.clone()).or_default();
        *count += 1;
        let name = if *count > 1 { format!("{check} ({count})") } else { check };
        let mut case = TestCase::new(name, threshold_status(row));
        case.set_classname(class);
        if row.holds {
            case.set_system_out(format::escape(&outcome(row)));
        } else if row.action == "warn" {
            let words = format!("warning: {} does not hold: {}", row.check, outcome(row));
            case.set_system_out(format::escape(&words));
        }
        suite.add_test_case(case);
    }
}

fn threshold_status(row: &ThresholdRow) -> TestCaseStatus {
    if row.holds || row.action == "warn" {
        return TestCaseStatus::success();
    }
    let place = row.phase.as_deref().unwrap_or(WHOLE_RUN);
    let limit = format::value(row.limit, &row.unit);
    let check = format!("{}{}", row.check, times(row));
    let message = format!("{check} in {place}: {} (limit {limit})", value(row));
    let mut status = status(NonSuccessKind::Failure, "threshold", &message);
    status.set_description(format::escape(&outcome(row)));
    status
}

fn value(row: &ThresholdRow) -> String {
    let known = |value| format::value_beside(value, row.limit, &row.unit);
    row.value.map_or_else(|| "not known".to_owned(), known)
}

fn status(kind: NonSuccessKind, class: &str, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(class).set_message(format::escape(message));
    status
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::specimen::{phase, summary, threshold};

    /// Read back by the parser that comes with the crate: name of suite, of case, and its status.
    fn read(summary: &Summary) -> Vec<(String, String, TestCaseStatus)> {
        let text = junit(summary).unwrap();
        let report = Report::deserialize_from_str(&text).unwrap();
        let cases = report.test_suites.into_iter().flat_map(|suite| {
            let name = suite.name.to_string();
            suite
                .test_cases
                .into_iter()
                .map(move |case| (name.clone(), case.name.to_string(), case.status))
        });
        cases.collect()
    }

    fn kind(status: &TestCaseStatus) -> Option<NonSuccessKind> {
        match status {
            TestCaseStatus::NonSuccess { kind, .. } => Some(*kind),
            TestCaseStatus::Success { .. } | TestCaseStatus::Skipped { .. } => None,
        }
    }

    #[test]
    fn a_failing_threshold_names_phase_window_value_and_limit() {
        let mut summary = summary();
        summary.verdict = VerdictName::Fail;
        summary.thresholds = vec![
            ThresholdRow {
                phase: Some("steady".to_owned()),
                holds: false,
                window_s: Some(10),
                ..threshold("message.p99 < 500ms", 612.4, 500.0, "ms")
            },
            threshold("message.errors < 1%", 0.0, 0.01, "share"),
        ];

        let cases = read(&summary);

        let (suite, name, status) = &cases[2];
        assert_eq!((suite.as_str(), name.as_str()), ("steady", "message.p99 < 500ms over 10s"));
        let TestCaseStatus::NonSuccess { kind: NonSuccessKind::Failure, message, .. } = status
        else {
            panic!("{status:?}");
        };
        let message = message.as_ref().unwrap().to_string();
        assert_eq!(message, "message.p99 < 500ms over 10s in steady: 612 ms (limit 500 ms)");
        assert_eq!(kind(&cases[0].2), Some(NonSuccessKind::Failure), "the verdict itself");
        assert_eq!(kind(&cases[1].2), None, "{:?}", cases[1]);
    }

    #[test]
    fn a_warning_is_a_pass_that_says_so() {
        let mut summary = summary();
        summary.thresholds = vec![ThresholdRow {
            holds: false,
            action: "warn".to_owned(),
            ..threshold("message.p99 < 500ms", 612.4, 500.0, "ms")
        }];

        let text = junit(&summary).unwrap();

        assert!(text.contains("failures=\"0\" errors=\"0\""), "{text}");
        assert!(text.contains("warning: message.p99 &lt; 500ms does not hold"), "{text}");
    }

    #[test]
    fn nothing_of_a_run_without_trust_reads_as_a_pass() {
        for verdict in [VerdictName::Invalid, VerdictName::None] {
            let mut summary = summary();
            summary.verdict = verdict;
            summary.phases = vec![phase("steady", "open"), phase("bursts", "open")];

            let cases = read(&summary);

            for suite in [WHOLE_RUN, "steady", "bursts"] {
                let errors = cases.iter().filter(|(name, _, status)| {
                    name == suite && kind(status) == Some(NonSuccessKind::Error)
                });
                assert!(errors.count() > 0, "{verdict:?} {suite}: {cases:?}");
            }
        }
    }

    #[test]
    fn text_from_elsewhere_stays_text() {
        let mut summary = summary();
        summary.verdict = VerdictName::Fail;
        summary.reason = "\u{1b}[31m</testcase><x a='\"'> \u{2028}]]>".to_owned();

        let cases = read(&summary);

        let TestCaseStatus::NonSuccess { message, .. } = &cases[0].2 else { panic!("{cases:?}") };
        let message = message.as_ref().unwrap().to_string();
        assert_eq!(message, "\\u{1b}[31m</testcase><x a='\"'> \\u{2028}]]>");
    }
}
