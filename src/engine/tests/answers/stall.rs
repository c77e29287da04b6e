//! V3, V4, V5: a server that takes 1 ms and stands still for 1 s of every 10 s.
//!
//! Starts come at whole steps of the rate, so the n-th worst of a period is known to the
//! millisecond. The formulas are those of a continuum; the grids of these rates hit them exactly.

use super::*;
use crate::plan::Service;

/// How long a period of the server is, in milliseconds.
const PERIOD: f64 = 10_000.0;

/// Takes 1 ms for a text, and stands still in the last second of each period.
fn stalling(servers: Option<u32>) -> SinkPlan {
    let stall = Stall { every: ms(PERIOD), length: ms(1000.0) };
    let service = Some(Service::Constant(ms(1.0)));
    SinkPlan { servers, service, stall: Some(stall), ..SinkPlan::default() }
}

#[tokio::test(start_paused = true)]
async fn v3_a_stall_shows_in_every_percentile_above_its_share() {
    let answers = measure(case(open(500.0, 2.0 * PERIOD), stalling(None))).await;

    // s + max(0, S - P(1-p)).
    let expected = [(50.0, 1.0), (89.0, 1.0), (95.0, 501.0), (99.0, 901.0), (99.9, 991.0)];
    answers.are("V3", Side::Response, &expected);
    // s + S²/2P; a grid of 2 ms adds half a step to a tenth of the messages.
    answers.mean_is("V3", 51.1);
    answers.were_never_late();
}

#[tokio::test(start_paused = true)]
async fn v3_a_closed_loop_hides_the_same_stall() {
    let answers = measure(case(closed(1.0, 2.0 * PERIOD), stalling(None))).await;

    // Two messages of some 18,000 met a stall: nobody asked while the server stood still.
    let asked = answers.figures.messages.accepted;
    assert!((17_990..=18_010).contains(&asked), "{asked}");
    answers.are("V3 closed", Side::Response, &[(50.0, 1.0), (99.0, 1.0), (99.9, 1.0)]);
}

#[tokio::test(start_paused = true)]
async fn v4_what_queues_behind_a_stall_shows_too() {
    for (case_name, per_second, expected) in [
        ("V4 0.5", 500.0, [(90.0, 501.0), (95.0, 751.0), (99.0, 951.0)]),
        ("V4 0.8", 800.0, [(90.0, 801.0), (95.0, 901.0), (99.0, 981.0)]),
    ] {
        let answers = measure(case(open(per_second, 2.0 * PERIOD), stalling(Some(1)))).await;

        // s + max(0, S - (1-ρ)P(1-p)).
        answers.are(case_name, Side::Response, &expected);
        answers.were_never_late();
    }
}

#[tokio::test(start_paused = true)]
async fn v5_waiting_for_a_connection_counts_as_response_and_not_as_service() {
    let mut plan = case(open(500.0, 2.0 * PERIOD), stalling(None));
    plan.clients[0].max_connections = Some(10);

    let answers = measure(plan).await;

    answers.are("V5", Side::Response, &[(50.0, 1.0), (95.0, 526.0), (99.0, 906.0)]);
    answers.are("V5", Side::Service, &[(50.0, 1.0), (95.0, 1.0), (99.0, 1.0)]);
    assert_eq!(answers.figures.sessions.peak_open, 10);
    answers.were_never_late();
}
