//! What searches found → a sentence for each, and what it means for the verdict.
//!
//! A search asks for a number and not for a judgement, so one that found its answer changes no
//! verdict. Where a condition broke at the lowest level that the plan names, it does not hold at
//! all: the run fails. Where the tester's own limit ended the search, its question has no answer:
//! the run is invalid.

use super::{ExitCode, Verdict, measured};
use crate::format;
use crate::record::{SearchEnd, SearchResult, ThresholdRow, VerdictName};

/// The verdict on a run with what its searches found; `on_threshold` as for [`super::decide`].
pub fn with_searches(
    verdict: Verdict,
    searches: &[SearchResult],
    thresholds: &[ThresholdRow],
    on_threshold: ExitCode,
) -> Verdict {
    let gravest = match verdict.name {
        VerdictName::None | VerdictName::Invalid => None,
        VerdictName::Fail => first(searches, SearchEnd::TesterLimit),
        VerdictName::Pass => first(searches, SearchEnd::TesterLimit)
            .or_else(|| first(searches, SearchEnd::LowerBound)),
    };
    match gravest {
        Some(search) if search.ended == SearchEnd::TesterLimit => {
            let (name, exit) = (VerdictName::Invalid, ExitCode::INVALID);
            Verdict { name, exit, reason: told(search) }
        }
        Some(search) => {
            let name = VerdictName::Fail;
            Verdict { name, exit: on_threshold, reason: told(search) }
        }
        None => told_with(verdict, searches, thresholds),
    }
}

/// A plan without thresholds but with a search has asked for the search alone.
fn told_with(
    mut verdict: Verdict,
    searches: &[SearchResult],
    thresholds: &[ThresholdRow],
) -> Verdict {
    if verdict.name == VerdictName::Pass && !searches.is_empty() {
        let sentences = searches.iter().map(told);
        let reason = Some(verdict.reason).filter(|_| !thresholds.is_empty());
        let all: Vec<String> = reason.into_iter().chain(sentences).collect();
        verdict.reason = all.join(" ");
    }
    verdict
}

/// The sentence by itself.
fn told(search: &SearchResult) -> String {
    let sentence = search_sentence(search);
    let capital = sentence.strip_prefix('c').map(|rest| format!("C{rest}"));
    format!("{}.", capital.unwrap_or(sentence))
}

fn first(searches: &[SearchResult], ended: SearchEnd) -> Option<&SearchResult> {
    searches.iter().find(|search| search.ended == ended)
}

/// What a search found, as part of a sentence: `capacity of `find`: 412/s (from 11 probes; ...)`.
pub fn search_sentence(search: &SearchResult) -> String {
    let name = &search.name;
    let found = match (search.capacity, search.ended) {
        (Some(level), SearchEnd::Found) => search_level(level, &search.unit),
        (Some(level), _) => format!("at least {}", search_level(level, &search.unit)),
        (None, SearchEnd::LowerBound) => {
            let from = search.broke_at.unwrap_or_default();
            format!("below {}, the lowest level of the search", search_level(from, &search.unit))
        }
        (None, _) => "not known".to_owned(),
    };
    let why = match search.ended {
        SearchEnd::Found | SearchEnd::LowerBound => None,
        SearchEnd::UpperBound => Some("all of its conditions hold at its highest level".to_owned()),
        SearchEnd::TesterLimit => Some(tester_limit(search)),
        SearchEnd::MaxProbes => Some("which is as many as it may have".to_owned()),
        SearchEnd::Interrupted => Some("then the run ended".to_owned()),
    };
    let broke = search.broke_first.as_ref().zip(search.broke_at).map(|(check, level)| {
        format!("at {} `{check}` broke first", search_level(level, &search.unit))
    });
    let probes = search.probes.iter().filter(|probe| probe.held.is_some()).count();
    let probes = match probes {
        1 => "from 1 probe".to_owned(),
        probes => format!("from {probes} probes"),
    };
    let told: Vec<String> = [Some(probes), why, broke].into_iter().flatten().collect();
    format!("capacity of `{name}`: {found} ({})", told.join("; "))
}

fn tester_limit(search: &SearchResult) -> String {
    let unfit = search.probes.iter().rev().find_map(|probe| Some((probe, probe.unfit.as_ref()?)));
    let Some((probe, row)) = unfit else { return "the tester reached its own limit".to_owned() };
    let level = search_level(probe.level, &search.unit);
    format!("at {level} the tester reached its own limit: {}", measured(row))
}

/// A level of a search with its unit.
pub fn search_level(level: f64, unit: &str) -> String {
    let number = format::level(level);
    match (unit, number.as_str()) {
        ("per_s", _) => format!("{number}/s"),
        (_, "1") => "1 connection".to_owned(),
        (_, _) => format!("{number} connections"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Condition, FitnessRow, FitnessStatus, Probe};

    fn probe(level: f64, held: Option<bool>) -> Probe {
        let condition = Condition {
            check: "message.p99 < 200ms".to_owned(),
            value: Some(100.0),
            limit: 200.0,
            unit: "ms".to_owned(),
            holds: held == Some(true),
            few_samples: false,
        };
        let conditions = if held.is_some() { vec![condition] } else { Vec::new() };
        Probe { name: "find/1".to_owned(), level, held, unfit: None, conditions }
    }

    fn unfit(level: f64) -> Probe {
        let row = FitnessRow {
            check: "lag_p99".to_owned(),
            phase: Some("find/2".to_owned()),
            status: FitnessStatus::Invalid,
            value: 30.0,
            limit: 10.0,
            unit: "ms".to_owned(),
        };
        Probe { unfit: Some(row), ..probe(level, Some(false)) }
    }

    fn searched(ended: SearchEnd, probes: Vec<Probe>) -> SearchResult {
        SearchResult::new("find".to_owned(), "per_s".to_owned(), ended, probes)
    }

    fn all() -> Vec<SearchResult> {
        let held = || probe(412.0, Some(true));
        let broke = |level| probe(level, Some(false));
        vec![
            searched(SearchEnd::Found, vec![held(), broke(433.0)]),
            searched(SearchEnd::UpperBound, vec![held()]),
            searched(SearchEnd::LowerBound, vec![broke(10.0)]),
            searched(SearchEnd::TesterLimit, vec![held(), unfit(824.0), unfit(824.0)]),
            searched(SearchEnd::MaxProbes, vec![held(), broke(824.0)]),
            searched(SearchEnd::Interrupted, vec![held(), probe(824.0, None)]),
        ]
    }

    #[test]
    fn a_sentence_says_what_the_capacity_is_worth() {
        let sentences: Vec<String> = all().iter().map(search_sentence).collect();

        assert_eq!(
            sentences,
            [
                "capacity of `find`: 412/s (from 2 probes; at 433/s `message.p99 < 200ms` broke \
                 first)",
                "capacity of `find`: at least 412/s (from 1 probe; all of its conditions hold at \
                 its highest level)",
                "capacity of `find`: below 10/s, the lowest level of the search (from 1 probe; at \
                 10/s `message.p99 < 200ms` broke first)",
                "capacity of `find`: at least 412/s (from 3 probes; at 824/s the tester reached \
                 its own limit: lag p99 30.0 ms (limit 10.0 ms))",
                "capacity of `find`: at least 412/s (from 2 probes; which is as many as it may \
                 have; at 824/s `message.p99 < 200ms` broke first)",
                "capacity of `find`: at least 412/s (from 1 probe; then the run ended)",
            ]
        );
    }

    #[test]
    fn connections_are_counted_in_words() {
        assert_eq!(search_level(1.0, "connections"), "1 connection");
        assert_eq!(search_level(250.0, "connections"), "250 connections");
    }

    #[test]
    fn only_a_search_without_an_answer_changes_the_verdict() {
        let pass = || Verdict {
            name: VerdictName::Pass,
            reason: "The threshold holds, and the tester was fit.".to_owned(),
            exit: ExitCode::OK,
        };
        let exits = all()
            .into_iter()
            .map(|search| with_searches(pass(), &[search], &[], ExitCode::THRESHOLD).exit.number());
        assert!(exits.eq([0, 0, 5, 6, 0, 0]));

        let fail = Verdict { name: VerdictName::Fail, exit: ExitCode::THRESHOLD, ..pass() };
        assert_eq!(with_searches(fail.clone(), &all(), &[], ExitCode::THRESHOLD).exit.number(), 6);
        assert_eq!(with_searches(fail.clone(), &all()[..3], &[], ExitCode::THRESHOLD), fail);
        let none = Verdict { name: VerdictName::None, exit: ExitCode::INTERRUPTED, ..pass() };
        assert_eq!(with_searches(none.clone(), &all(), &[], ExitCode::THRESHOLD), none);
    }

    #[test]
    fn a_run_that_passes_says_what_its_search_found() {
        let pass =
            Verdict { name: VerdictName::Pass, reason: "All hold.".into(), exit: ExitCode::OK };

        let row = ThresholdRow {
            check: "message.errors < 1%".to_owned(),
            phase: None,
            value: Some(0.0),
            limit: 0.01,
            unit: "share".to_owned(),
            holds: true,
            action: "fail".to_owned(),
            ..ThresholdRow::default()
        };
        let told = with_searches(pass.clone(), &all()[..1], &[], ExitCode::THRESHOLD);
        assert!(told.reason.starts_with("Capacity of"), "a search alone is all that was asked");

        let told = with_searches(pass, &all()[..1], &[row], ExitCode::THRESHOLD);

        assert_eq!(
            told.reason,
            "All hold. Capacity of `find`: 412/s (from 2 probes; at 433/s `message.p99 < \
             200ms` broke first)."
        );
    }
}
