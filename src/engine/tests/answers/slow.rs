//! V1 and V2: every reply takes the same time, and every hundredth takes longer.

use super::silence::{Numbered, Silence};
use super::*;

#[tokio::test(start_paused = true)]
async fn v1_a_constant_server_has_the_same_percentile_everywhere() {
    let latency = vec![(Step::EndOfData, Delay::Constant(ms(20.0)))];
    let sink = SinkPlan { latency, ..SinkPlan::default() };

    let answers = measure(case(open(500.0, 5_000.0), sink)).await;

    let all = [0.1, 50.0, 90.0, 95.0, 99.0, 99.9, 100.0].map(|percent| (percent, 20.0));
    answers.are("V1", Side::Response, &all);
    answers.are("V1", Side::Service, &all);
    answers.mean_is("V1", 20.0);
    answers.were_never_late();
}

#[tokio::test(start_paused = true)]
async fn v2_one_slow_reply_in_a_hundred_begins_at_p99() {
    let plan = case(open(500.0, 20_000.0), SinkPlan::default());
    let slow = |n: u64| Some(if n.is_multiple_of(100) { ms(200.0) } else { ms(5.0) });

    let answers = measure_at(plan, Numbered::answering(Silence::AtTheEnd, slow)).await;

    assert_eq!(answers.figures.messages.accepted, 10_000);
    let expected = [(50.0, 5.0), (98.9, 5.0), (99.0, 5.0), (99.1, 200.0), (99.9, 200.0)];
    answers.are("V2", Side::Response, &expected);
    answers.mean_is("V2", 0.99 * 5.0 + 0.01 * 200.0);
    answers.were_never_late();
}
