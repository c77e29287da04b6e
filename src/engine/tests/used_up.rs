//! Feeds that stop: so many rows, so many messages, and nothing of them behind that.

use super::*;
use crate::message::{FeedOrder, FeedSpec, Recipients, SizeSpec, Table, WhenExhausted};
use crate::plan::{MessageId, Weighted};

/// Messages whose recipient is the row of a feed of so many rows.
fn fed(mut plan: Plan, rows: u64) -> Plan {
    let row = |n| serde_json::Map::from_iter([("n".to_owned(), serde_json::Value::from(n))]);
    let rows: Vec<_> = (0..rows).map(row).collect();
    plan.feeds = vec![FeedSpec {
        name: "people".into(),
        rows: Table::of_rows(&rows),
        order: FeedOrder::Sequential,
        when_exhausted: WhenExhausted::Stop,
    }];
    plan.messages[0].to = Recipients::Each(vec!["u{{ feed.people.n }}@example.test".into()]);
    plan
}

fn sums(outcomes: &Outcomes) -> [u64; 3] {
    let sum = |of: fn(&Cell) -> u64| outcomes.phases.values().map(of).sum();
    [
        sum(|cell| cell.messages.planned),
        sum(|cell| cell.messages.started),
        sum(|cell| cell.messages.of(Outcome::Accepted)),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_closed_phase_starts_as_many_messages_as_there_are_rows() {
    for connections in [1.0, 7.0] {
        let phases =
            vec![phase("a", steady(connections), Some(60.0)), phase("b", steady(1.0), Some(60.0))];

        let outcomes = run(fed(plan(phases, 0.05), 100)).await;

        assert_eq!(sums(&outcomes), [100; 3], "{connections}");
        assert_eq!(outcomes.phases.keys().collect::<Vec<_>>(), [&PhaseId(0)]);
        assert_eq!(outcomes.used_up.unwrap().phase, PhaseId(0));
        assert!(outcomes.took < seconds(12.0), "{:?}", outcomes.took);
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_phase_starts_as_many_messages_as_there_are_rows() {
    let phases = vec![phase("a", rate(10.0), Some(2.0)), phase("b", rate(20.0), Some(60.0))];

    let outcomes = run(fed(plan(phases, 0.05), 50)).await;

    assert_eq!(sums(&outcomes), [50; 3]);
    assert_eq!(outcomes.ended(1, Outcome::Accepted), 30);
    let used_up = outcomes.used_up.unwrap();
    // The 31st of the second phase finds none.
    assert_eq!((used_up.feed, used_up.phase), (0, PhaseId(1)));
    assert_eq!(used_up.at, seconds(2.0 + 31.0 / 20.0));
}

#[tokio::test(start_paused = true)]
async fn messages_that_are_built_apart_use_each_row_and_no_more() {
    for load in [steady(4.0), rate(50.0)] {
        let mut plan = fed(plan(vec![phase("a", load, Some(60.0))], 0.0), 40);
        plan.messages[0].size = Some(SizeSpec::Fixed(33 << 10));
        let server = Server::new(&plan.sink, plan.seed).unwrap();
        let dialer = Pipes { server, made: Rc::default(), panics_at: None };
        let slowly = run_slowly(plan, Vec::new(), dialer, seconds(0.01));

        let outcomes = LocalSet::new().run_until(slowly).await;

        assert_eq!(sums(&outcomes), [40; 3], "{load:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_starts_behind_the_end_of_a_feed_that_only_some_messages_read() {
    for load in [steady(5.0), rate(100.0)] {
        let mut plan = fed(plan(vec![phase("a", load, Some(60.0))], 0.05), 20);
        let without_feed = crate::message::Recipe {
            to: Recipients::Each(vec!["user@example.test".into()]),
            ..plan.messages[0].clone()
        };
        plan.messages.push(without_feed);
        plan.clients[0].messages =
            Weighted { choices: vec![(MessageId(0), 1.0), (MessageId(1), 3.0)] };

        let outcomes = run(plan).await;

        let [planned, started, accepted] = sums(&outcomes);
        assert_eq!((planned, started), (accepted, accepted), "{load:?}");
        let used_up = outcomes.used_up.unwrap();
        assert!(accepted >= 20, "{load:?}: {accepted}");
        assert!(outcomes.took < used_up.at + seconds(6.0), "{load:?}: {:?}", outcomes.took);
        // In the open model each number up to the end was due, and no other.
        if !matches!(load, Load::Closed { .. }) {
            assert_eq!(seconds(as_seconds(accepted + 1) / 100.0), used_up.at);
        }
    }
}

fn as_seconds(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_count_takes_no_row_beyond_itself() {
    let mut first = phase("a", steady(3.0), None);
    first.count = Some(60);
    let phases = vec![first, phase("b", steady(3.0), Some(60.0))];

    let outcomes = run(fed(plan(phases, 0.05), 100)).await;

    assert_eq!(outcomes.ended(0, Outcome::Accepted), 60);
    assert_eq!(outcomes.ended(1, Outcome::Accepted), 40);
}
