//! Runs of a made-up server with known times and noise.

use std::time::Duration;

use super::*;
use crate::record::specimen::{self, OPEN, frame, key, plan};
use crate::record::{Cell, Extent, Results};
use crate::smtp::Outcome;

/// What a made-up server does.
#[derive(Clone, Copy)]
struct Server {
    /// Its usual time in microseconds.
    micros: u64,
    /// Of each 1,000 messages so many are refused.
    refused: u64,
    /// Accepted messages each second.
    rate: u64,
}

const SERVER: Server = Server { micros: 20_000, refused: 0, rate: 200 };

/// A run of ten seconds, each a little different by chance; `number` makes runs differ.
fn run(server: Server, number: u64) -> Sample {
    let plan = plan();
    let draw = crate::draw::Draw::new(number);
    let frames: Vec<_> = (10..20)
        .map(|second| {
            let draw = draw.at(second);
            let of_second = draw.within(0, 600);
            let mut cell = Cell::default();
            let count = server.rate + draw.at(1).within(0, 6);
            for message in 0..count {
                let own = draw.at(2).at(message);
                let tail = if own.below(50) == 0 { own.at(1).within(0, 8_000) } else { 0 };
                let micros = server.micros + of_second + own.at(2).within(0, 1_500) + tail;
                cell.response.record(Duration::from_micros(micros));
                let refused = own.at(3).below(1000) < server.refused;
                let outcome = if refused { Outcome::Permanent } else { Outcome::Accepted };
                cell.messages.ended[outcome.index()] += 1;
                cell.messages.accepted_in_time += u64::from(!refused);
            }
            cell.messages.planned = count;
            cell.messages.started = count;
            frame(second, vec![(key(OPEN, 0, 0), cell)])
        })
        .collect();
    let mut sample =
        Sample { phases: vec![sample::PhaseSample::new("open", 10.0, 10.0)], ..empty() };
    for frame in &frames {
        sample.fold(frame, &plan);
    }
    sample
}

fn empty() -> Sample {
    Sample {
        phases: Vec::new(),
        version: "1".to_owned(),
        cores: None,
        workers: None,
        warned: Vec::new(),
    }
}

fn words(comparison: &Comparison) -> Vec<(Figure, Word)> {
    comparison.phases[0].figures.iter().map(|change| (change.figure, change.word)).collect()
}

fn word(comparison: &Comparison, figure: Figure) -> Word {
    words(comparison).into_iter().find(|(own, _)| *own == figure).unwrap().1
}

#[test]
fn runs_that_are_alike_have_no_finding_in_20_tries() {
    for number in 0..20 {
        let comparison = compare(
            &[run(SERVER, 2 * number)],
            &[run(SERVER, 2 * number + 1)],
            Tolerance::default(),
        );

        assert!(words(&comparison).iter().all(|(_, word)| *word == Word::Same), "{comparison:?}");
        assert!(!comparison.regression);
    }
}

#[test]
fn twenty_two_milliseconds_in_place_of_twenty_are_found_in_20_tries() {
    let slower = Server { micros: 22_000, ..SERVER };
    for number in 0..20 {
        let comparison = compare(
            &[run(SERVER, 2 * number)],
            &[run(slower, 2 * number + 1)],
            Tolerance::default(),
        );

        assert_eq!(word(&comparison, Figure::P50), Word::Worse, "{comparison:?}");
        assert!(comparison.regression);
    }
}

#[test]
fn several_runs_on_each_side_find_it_too_and_the_other_way_it_is_better() {
    let slower = Server { micros: 22_000, ..SERVER };
    let runs =
        |server, from| (from..from + 3).map(|number| run(server, number)).collect::<Vec<_>>();

    let worse = compare(&runs(SERVER, 0), &runs(slower, 10), Tolerance::default());
    let better = compare(&runs(slower, 10), &runs(SERVER, 0), Tolerance::default());
    let same = compare(&runs(SERVER, 0), &runs(SERVER, 10), Tolerance::default());

    assert_eq!(word(&worse, Figure::P50), Word::Worse, "{worse:?}");
    assert_eq!((word(&better, Figure::P50), better.regression), (Word::Better, false));
    assert!(!same.regression, "{same:?}");
}

#[test]
fn a_change_below_the_tolerance_is_certain_and_all_the_same_no_finding() {
    let little = Server { micros: 20_600, ..SERVER };
    let (before, after) = ([run(SERVER, 1)], [run(little, 2)]);

    let usual = compare(&before, &after, Tolerance::default());
    let strict = compare(&before, &after, Tolerance { share: 0.01, ..Tolerance::default() });

    assert_eq!(word(&usual, Figure::P50), Word::Same);
    assert_eq!(word(&strict, Figure::P50), Word::Worse, "{strict:?}");
}

#[test]
fn lost_throughput_and_new_errors_are_regressions() {
    let fewer =
        compare(&[run(SERVER, 1)], &[run(Server { rate: 150, ..SERVER }, 2)], Tolerance::default());
    let errors = compare(
        &[run(SERVER, 1)],
        &[run(Server { refused: 30, ..SERVER }, 2)],
        Tolerance::default(),
    );

    assert_eq!(word(&fewer, Figure::AcceptedPerS), Word::Worse, "{fewer:?}");
    assert_eq!(word(&errors, Figure::ErrorsShare), Word::Worse, "{errors:?}");
}

#[test]
fn the_figures_are_those_of_the_summary() {
    let plan = plan();
    let cells = vec![(key(OPEN, 0, 0), specimen::messages(2_000, Outcome::Accepted, 20))];
    let ledger = specimen::ledger(&plan, cells.clone());
    let (spans, addresses) = (specimen::spans(), specimen::addresses());
    let results = Results { plan: &plan, ledger: &ledger, spans: &spans, addresses: &addresses };
    let figures = results.portion(Extent::Phase(OPEN), None).figures();
    let mut sample =
        Sample { phases: vec![sample::PhaseSample::new("open", 10.0, 10.0)], ..empty() };
    sample.fold(&frame(12, cells), &plan);

    let comparison = compare(&[sample.clone()], &[sample], Tolerance::default());

    let shown = |figure| {
        comparison.phases[0].figures.iter().find(|row| row.figure == figure).unwrap().baseline
    };
    assert_eq!(shown(Figure::AcceptedPerS), figures.accepted_per_s);
    assert_eq!(shown(Figure::P99), figures.response_ms.unwrap().p99);
    assert_eq!(shown(Figure::ErrorsShare), Some(figures.errors_share));
}

#[test]
fn what_one_side_does_not_know_is_said_to_be_unknown() {
    let mut silent = run(SERVER, 1);
    for block in &mut silent.phases[0].blocks {
        for _ in 0..300 {
            block.response.record_censored(Duration::from_secs(30));
        }
    }

    let comparison = compare(&[run(SERVER, 2)], &[silent], Tolerance::default());

    assert_eq!(word(&comparison, Figure::P95), Word::Unknown, "{comparison:?}");
    assert_eq!(comparison.phases[0].figures[3].candidate, None);
}

#[test]
fn a_phase_that_one_side_lacks_is_named() {
    let mut other = run(SERVER, 1);
    other.phases.push(sample::PhaseSample::new("more", 20.0, 5.0));

    let comparison = compare(&[run(SERVER, 2)], &[other], Tolerance::default());

    assert_eq!((comparison.phases.len(), comparison.unmatched), (1, vec!["more".to_owned()]));
}
