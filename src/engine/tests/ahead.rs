//! Messages that are built apart: a slow builder is lag, and nothing is lost by it.

use super::*;
use crate::message::SizeSpec;
use crate::plan::{MessageId, Weighted};

/// Runs a plan whose first message is large, and takes so long to be built.
async fn run_building(mut plan: Plan, each: f64, orders: Vec<(Duration, Change)>) -> Outcomes {
    plan.messages[0].size = Some(SizeSpec::Fixed(33 << 10));
    let server = Server::new(&plan.sink, plan.seed).unwrap();
    let dialer = Pipes { server, made: Rc::default(), panics_at: None };
    LocalSet::new().run_until(run_slowly(plan, orders, dialer, seconds(each))).await
}

/// A plan of one open phase, whose client sends a large message and a small one in equal shares.
fn mixed(per_second: f64, length: f64) -> Plan {
    let mut plan = plan(vec![phase("a", rate(per_second), Some(length))], 0.0);
    plan.messages.push(plan.messages[0].clone());
    plan.clients[0].messages = Weighted { choices: vec![(MessageId(0), 1.0), (MessageId(1), 1.0)] };
    plan
}

fn lag_ms(outcomes: &Outcomes, percent: f64) -> f64 {
    outcomes.phase(0).lag.percentile(percent).unwrap().least()
}

#[tokio::test(start_paused = true)]
async fn what_is_built_in_time_is_no_lag() {
    let plan = plan(vec![phase("a", rate(20.0), Some(5.0))], 0.0);

    // The builder is at it for 96 % of the time, and one mail takes nearly a start's whole gap.
    let outcomes = run_building(plan, 0.048, Vec::new()).await;

    assert_eq!(outcomes.ended(0, Outcome::Accepted), 100);
    assert_eq!(outcomes.phase(0).octets.sent / (33 << 10), 100);
    assert!(outcomes.phase(0).lag.measured().unwrap().max() <= 2000);
}

#[tokio::test(start_paused = true)]
async fn large_texts_arrive_whole_with_what_is_sent_around_them() {
    for pipelining in [Pipelining::Never, Pipelining::Auto, Pipelining::Full] {
        for chunking in [Chunking::Never, Chunking::Auto] {
            let mut counted = phase("a", steady(2.0), None);
            counted.count = Some(50);
            let mut plan = plan(vec![counted], 0.0);
            plan.clients[0].pipelining = pipelining;
            plan.clients[0].chunking = chunking;

            let outcomes = run_building(plan, 0.0, Vec::new()).await;

            assert_eq!(outcomes.ended(0, Outcome::Accepted), 50, "{pipelining:?} {chunking:?}");
            assert_eq!(outcomes.sink.octets, 50 * (33 << 10), "{pipelining:?} {chunking:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_builder_that_is_too_slow_is_lag_and_drops_nothing() {
    let plan = plan(vec![phase("a", rate(20.0), Some(5.0))], 0.0);

    // 100 mails take 10 s; the last is due at 5 s.
    let outcomes = run_building(plan, 0.1, Vec::new()).await;

    let messages = &outcomes.phase(0).messages;
    assert_eq!((messages.planned, messages.dropped), (100, 0));
    assert_eq!(messages.of(Outcome::Accepted), 100);
    let most = outcomes.phase(0).lag.measured().unwrap().max();
    assert!((4_900_000..5_200_000).contains(&most), "{most}");
}

#[tokio::test(start_paused = true)]
async fn others_do_not_wait_for_a_mail_that_is_still_being_built() {
    let outcomes = run_building(mixed(100.0, 2.0), 1.0, Vec::new()).await;

    let messages = &outcomes.phase(0).messages;
    assert_eq!((messages.planned, messages.of(Outcome::Accepted)), (200, 200));
    // Half of the starts are small, and none of these is late.
    assert!(lag_ms(&outcomes, 45.0) <= 2.0, "{}", lag_ms(&outcomes, 45.0));
    assert!(lag_ms(&outcomes, 55.0) > 1000.0);
}

#[tokio::test(start_paused = true)]
async fn what_was_built_for_starts_behind_the_end_is_booked_nowhere() {
    let plan = plan(vec![phase("a", rate(20.0), Some(60.0))], 0.0);

    let ends = vec![(seconds(2.01), Change::EndPhase(PhaseId(0)))];
    let outcomes = run_building(plan, 0.01, ends).await;

    assert_eq!(outcomes.phase(0).messages.planned, 40);
    assert_eq!(outcomes.ended(0, Outcome::Accepted), 40);
    assert!(outcomes.took < seconds(20.0), "{:?}", outcomes.took);
}

#[tokio::test(start_paused = true)]
async fn a_stop_loses_no_start_that_has_begun() {
    for at in [0.5, 1.0, 3.0] {
        let plan = plan(vec![phase("a", rate(50.0), Some(60.0))], 0.2);

        let outcomes = run_building(plan, 0.1, vec![(seconds(at), Change::Stop)]).await;

        // `run_building` has seen that what has started is the sum of the outcomes.
        assert!(outcomes.took <= seconds(at + 0.1), "{:?}", outcomes.took);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slot_has_its_next_message_built_while_it_sends_this_one() {
    let closed = || plan(vec![phase("a", steady(1.0), Some(10.0))], 0.1);

    let outcomes = run_building(closed(), 0.09, Vec::new()).await;

    // The server takes 100 ms for each; the first waits for its mail.
    assert_eq!(outcomes.ended(0, Outcome::Accepted), 100);
    let service = outcomes.phase(0).service.measured().unwrap();
    assert!(service.max() < 101_000, "{}", service.max());
}

#[tokio::test(start_paused = true)]
async fn slots_wait_for_their_mails_without_a_word_to_the_server() {
    let mut counted = phase("a", steady(40.0), None);
    counted.count = Some(200);

    let outcomes = run_building(plan(vec![counted], 0.0), 0.1, Vec::new()).await;

    // Ten are built in a second; at most 32 were begun early for starts that the count refused.
    assert_eq!(outcomes.ended(0, Outcome::Accepted), 200);
    assert!((20.0..24.0).contains(&outcomes.took.as_secs_f64()), "{:?}", outcomes.took);
    let service = outcomes.phase(0).service.measured().unwrap();
    assert!(service.max() < 2000, "{}", service.max());
}

#[tokio::test(start_paused = true)]
async fn a_message_that_its_phase_does_not_wait_for_is_the_testers_failure() {
    let mut first = phase("a", steady(3.0), Some(1.0));
    first.drain = seconds(2.0);
    let phases = vec![first, phase("b", steady(3.0), Some(40.0))];

    let outcomes = run_building(plan(phases, 0.0), 2.5, Vec::new()).await;

    assert_eq!(outcomes.ended(0, Outcome::Accepted), 1, "{:?}", outcomes.phase(0).messages);
    assert_eq!(outcomes.ended(0, Outcome::Local), 2, "{:?}", outcomes.phase(0).messages);
    assert!(outcomes.ended(1, Outcome::Accepted) >= 14, "{:?}", outcomes.phase(1).messages);
}

#[tokio::test(start_paused = true)]
async fn what_slots_waited_for_when_their_phase_was_cut_is_not_built() {
    let mut first = phase("a", steady(100.0), Some(0.5));
    first.drain = seconds(0.5);
    let second = phase("b", steady(1.0), Some(3.0));

    let outcomes = run_building(plan(vec![first, second], 0.0), 0.1, Vec::new()).await;

    // At 1 s ten of a hundred are built; the rest would take until 10 s.
    assert!(outcomes.ended(0, Outcome::Local) >= 80, "{:?}", outcomes.phase(0).messages);
    assert!(outcomes.ended(1, Outcome::Accepted) >= 15, "{:?}", outcomes.phase(1).messages);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_wants_any_more_is_not_built() {
    let mut first = phase("a", rate(32.0), Some(60.0));
    first.drain = seconds(100.0);
    let mut second = plan(vec![first, phase("b", rate(4.0), Some(1.0))], 0.0);
    second.phases[1].drain = seconds(100.0);

    // At 1 s the builder has 31 of 32 mails before it: those of the starts behind the end.
    let ends = vec![(seconds(1.0), Change::EndPhase(PhaseId(0)))];
    let outcomes = run_building(second, 0.03, ends).await;

    let lag = outcomes.phase(1).lag.measured().unwrap().max();
    assert_eq!(outcomes.ended(1, Outcome::Accepted), 4);
    assert!(lag <= 35_000, "{lag}");
}

#[tokio::test(start_paused = true)]
async fn only_messages_that_name_their_session_are_counted_as_rendered_late() {
    let mut plan = mixed(10.0, 2.0);
    plan.messages[1].form = Form::Raw { text: "Subject: {{ session }}\n\nx\n".into() };

    let outcomes = run_building(plan, 0.0, Vec::new()).await;

    assert_eq!(outcomes.ended(0, Outcome::Accepted), 20);
    let large = outcomes.phase(0).octets.sent / (33 << 10);
    assert!((5..15).contains(&large), "{large}");
    assert_eq!(outcomes.phase(0).rendering.count() + large, 20);
}
