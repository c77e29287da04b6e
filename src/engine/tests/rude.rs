//! Malformed clients against the embedded server, and beside ordinary ones.

use std::fmt::Write as _;

use expect_test::expect_file;

use super::*;
use crate::plan::Client;
use crate::smtp::{CaseEnd, CaseId};

/// The clients of the fixture, the last of which is malformed.
const RUDE: u16 = 3;

fn rude(mut plan: Plan, cases: Vec<CaseId>, think: f64) -> Plan {
    let client = &mut plan.clients[usize::from(RUDE)];
    let messages = crate::plan::Weighted { choices: Vec::new() };
    *client = Client {
        cases: Some(cases),
        messages,
        messages_per_connection: CountRange::exactly(1),
        think: seconds(think),
        ..client.clone()
    };
    plan
}

fn only_rude(mut phase: Phase) -> Phase {
    phase.mix = fixture::only(ClientId(RUDE));
    phase
}

fn assert_counted_apart(cell: &Cell) {
    assert_eq!((cell.messages.planned, cell.messages.ended.iter().sum::<u64>()), (0, 0));
    assert_eq!((cell.sessions.started, cell.sessions.failed, cell.sessions.opened), (0, 0, 0));
    assert!(cell.response.count() == 0 && cell.session.count() == 0);
    assert!(cell.steps.iter().all(Option::is_none) && cell.errors.is_empty());
    for (case, cell) in &cell.cases {
        let id = case.case().id;
        assert_eq!(cell.planned, cell.started + cell.dropped, "{id}");
        assert_eq!(cell.started, cell.ended.iter().sum::<u64>(), "{id}");
    }
}

fn ended_of_cases(cell: &Cell, end: CaseEnd) -> u64 {
    cell.cases.values().map(|case| case.of(end)).sum()
}

#[tokio::test(start_paused = true)]
async fn every_case_comes_to_its_end_at_the_embedded_server() {
    let all: Vec<CaseId> = CaseId::all().collect();
    let phase = Phase { count: Some(all.len() as u64), ..phase("a", steady(1.0), None) };
    let plan = rude(plan(vec![only_rude(phase)], 0.001), all.clone(), 1.0);

    let outcomes = run_with(plan, Vec::new()).await;

    let mut table = String::new();
    for (case, cell) in &outcomes.phase(0).cases {
        assert_eq!(cell.started, 1, "{}", case.case().id);
        let end = CaseEnd::ALL.into_iter().find(|end| cell.of(*end) > 0).unwrap();
        let replies: Vec<String> =
            cell.replies.iter().map(|(code, count)| format!("{code} x{count}")).collect();
        let (id, end) = (case.case().id, end.name());
        let line = format!("{id:<28} {end:<10} {}", replies.join(" "));
        writeln!(table, "{}", line.trim_end()).unwrap();
    }
    expect_file!["../../../tests/golden/cases-at-the-sink.txt"].assert_eq(&table);
    assert_counted_apart(outcomes.phase(0));
    let asked: u64 = outcomes.phase(0).cases.values().map(|case| case.alive).sum();
    assert!(asked >= all.len() as u64 - 5, "{asked} of {}", all.len());
    assert!(outcomes.phase(0).cases.values().all(|case| case.dead == 0));
}

#[tokio::test(start_paused = true)]
async fn cases_by_rate_are_played_evenly_beside_mail() {
    let cases = CaseId::named("order");
    let turns = cases.len() as u64;
    let mut phase = phase("a", rate(100.0), Some(40.0));
    phase.mix =
        crate::plan::Weighted { choices: vec![(ClientId(0), 90.0), (ClientId(RUDE), 10.0)] };

    let outcomes = run_with(rude(plan(vec![phase], 0.01), cases, 0.0), Vec::new()).await;

    let cell = outcomes.phase(0);
    assert_eq!(outcomes.ended(0, Outcome::Accepted), 3600);
    assert_eq!(cell.messages.planned, 3600);
    assert_eq!(cell.cases.values().map(|case| case.planned).sum::<u64>(), 400);
    for (case, cell) in &cell.cases {
        assert!(cell.started.abs_diff(400 / turns) <= 1, "{}: {}", case.case().id, cell.started);
    }
    assert_eq!(
        ended_of_cases(cell, CaseEnd::Right) + ended_of_cases(cell, CaseEnd::Tolerated),
        400
    );
    // Forty seconds, and once a second.
    let asked: u64 = cell.cases.values().map(|case| case.alive + case.dead).sum();
    assert!((34..=41).contains(&asked), "{asked}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_ends_with_the_reply_timeout() {
    let cases = CaseId::named("abort-silent");
    let phase = Phase { count: Some(3), ..phase("a", steady(1.0), None) };

    let outcomes = run_with(rude(plan(vec![only_rude(phase)], 0.001), cases, 0.0), vec![]).await;

    assert_eq!(ended_of_cases(outcomes.phase(0), CaseEnd::Right), 3);
    let limit = fixture::plan(Vec::new()).targets[0].timeouts.reply;
    assert!(outcomes.took >= 3 * limit && outcomes.took < 3 * limit + seconds(11.0));
}

#[tokio::test(start_paused = true)]
async fn cases_of_a_run_that_is_stopped_are_all_accounted_for() {
    let cases = CaseId::all().collect();
    let plan = rude(plan(vec![only_rude(phase("a", rate(50.0), Some(60.0)))], 0.5), cases, 0.0);

    let outcomes = run_with(plan, vec![(seconds(2.25), Change::Stop)]).await;

    let cell = outcomes.phase(0);
    assert_counted_apart(cell);
    assert!(ended_of_cases(cell, CaseEnd::Local) > 0);
    assert!(ended_of_cases(cell, CaseEnd::Right) > 0);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_no_longer_serves_is_seen_to_be_dead() {
    let cases = CaseId::named("order-quit-first");
    let phase = Phase { count: Some(3), ..phase("a", steady(1.0), None) };
    let mut plan = rude(plan(vec![only_rude(phase)], 0.001), cases, 1.0);
    let code = crate::smtp::Code::new(550).unwrap();
    let refusal = crate::plan::SinkReply { code, enhanced: None, text: "no".to_owned() };
    plan.sink.replies = vec![(Step::Ehlo, vec![(refusal, 1.0)])];

    let outcomes = run_with(plan, Vec::new()).await;

    let cell = outcomes.phase(0);
    assert_eq!(ended_of_cases(cell, CaseEnd::Right), 3);
    assert_eq!(cell.cases.values().map(|case| (case.alive, case.dead)).next(), Some((0, 3)));
}
