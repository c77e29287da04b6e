//! Probes that are appended while a worker runs.

use super::*;
use crate::plan::{Search, SearchId};

const SEARCH: SearchId = SearchId(0);

/// A search of three probes of two seconds, with a phase behind it.
fn searching(from: Load, to: Load) -> Plan {
    let probe = |name: &str| Phase { begin: Begin::Asked(SEARCH), ..phase(name, to, Some(2.0)) };
    let behind = Phase { begin: Begin::Behind(SEARCH), ..phase("behind", steady(1.0), Some(1.0)) };
    let phases = vec![phase("find/1", from, Some(2.0)), probe("find/2"), probe("find/3"), behind];
    let mut plan = plan(phases, 0.1);
    for phase in &mut plan.phases[..3] {
        phase.kind = PhaseKind::Search;
    }
    plan.searches.push(Search {
        name: "find".to_owned(),
        first: PhaseId(0),
        max_probes: 3,
        from: 1.0,
        to: 100.0,
        settle: Duration::ZERO,
        precision: 0.05,
        conditions: Vec::new(),
    });
    plan
}

/// An order to begin the second probe.
fn append(plan: &Plan, level: f64) -> Change {
    Change::Append(Timeline::new(plan).probe(plan, PhaseId(1), level))
}

#[tokio::test(start_paused = true)]
async fn a_rate_that_is_appended_is_carried_out_to_the_start() {
    let plan = searching(rate(10.0), rate(100.0));
    let orders =
        vec![(seconds(4.0), append(&plan, 25.0)), (seconds(8.0), Change::EndSearch(SEARCH))];
    let outcomes = run_with(plan, orders).await;

    assert_eq!(outcomes.ended(0, Outcome::Accepted), 20);
    assert_eq!(outcomes.ended(1, Outcome::Accepted), 50);
    assert_eq!(outcomes.phase(1).lag.largest().unwrap().known(), Some(0.0));
    assert!(!outcomes.phases.contains_key(&PhaseId(2)), "nobody asked for it");
    assert_eq!(
        outcomes.levels,
        [vec![10.0, 10.0, 0.0], vec![25.0, 25.0, 0.0], vec![], vec![1.0, 0.0]]
    );
    // What follows lasts a second from the end of the search, and its last message a little more.
    assert_eq!(outcomes.ended(3, Outcome::Accepted), 10);
    assert!(outcomes.took >= seconds(9.0) && outcomes.took < seconds(9.5), "{:?}", outcomes.took);
}

#[tokio::test(start_paused = true)]
async fn connections_that_are_appended_open_all_at_once() {
    let plan = searching(steady(1.0), steady(9.0));
    let orders =
        vec![(seconds(4.0), append(&plan, 4.0)), (seconds(8.0), Change::EndSearch(SEARCH))];
    let outcomes = run_with(plan, orders).await;

    assert_eq!(outcomes.peaks, [1, 4, 0, 1]);
    assert_eq!(outcomes.ended(0, Outcome::Accepted), 20);
    assert_eq!(outcomes.ended(1, Outcome::Accepted), 80);
}

#[tokio::test(start_paused = true)]
async fn a_search_that_ends_the_plan_ends_the_run() {
    let mut plan = searching(rate(10.0), rate(100.0));
    plan.phases.truncate(3);
    let outcomes = run_with(plan, vec![(seconds(4.0), Change::EndSearch(SEARCH))]).await;

    assert_eq!(outcomes.ended(0, Outcome::Accepted), 20);
    assert!(outcomes.took < seconds(5.0), "{:?}", outcomes.took);
}

#[tokio::test(start_paused = true)]
async fn after_an_order_to_drain_no_probe_begins() {
    let plan = searching(rate(10.0), rate(100.0));
    let orders = vec![(seconds(1.0), Change::Drain), (seconds(4.0), append(&plan, 25.0))];
    let outcomes = run_with(plan, orders).await;

    assert_eq!(outcomes.ended(0, Outcome::Accepted), 10);
    assert_eq!(outcomes.phases.len(), 1);
}
