//! V6: one server, exponential work, Poisson arrivals, 70 of 100 in a second.
//!
//! The response time of such a queue is exponential at rate 100/s - 70/s, so its p99 is ln 100 / 30 s.
//! Two million messages through whole sessions are minutes of processor without optimization, so
//! they go through what is ours of it: planned starts, recorder and percentiles. The whole stack
//! is measured with fewer, and there the 99th percentile of so few is by itself not known better.

use super::*;
use crate::draw::Draw;
use crate::plan::Service;
use crate::record::Latency;
use crate::timeline::Share;

/// ln 100 / 30 s, in milliseconds.
const P99: f64 = 153.506;
/// 1 / 30 s.
const MEAN: f64 = 33.333;

fn poisson(per_second: f64, messages: f64) -> Phase {
    let rate = Curve::Linear { from: per_second, to: per_second };
    let load = Load::Open { rate, arrival: Arrival::Poisson, max_in_flight: 10_000 };
    phase("a", load, Some(messages / per_second))
}

#[test]
fn v6_two_million_planned_starts_before_a_queue_have_the_known_tail() {
    let plan = case(poisson(70.0, 2_000_000.0), SinkPlan::default());
    let timeline = Timeline::new(&plan);
    let work = Draw::new(6);
    let mut times = Latency::default();
    let mut free_at = Duration::ZERO;
    for start in timeline.line(PhaseId(0)).starts(Share::ALL) {
        let service = Duration::from_secs_f64(work.at(start.n).exponential() / 100.0);
        free_at = start.at.max(free_at) + service;
        times.record(free_at.saturating_sub(start.at));
    }

    let count = times.count();
    assert!((1_990_000..2_010_000).contains(&count), "{count}");
    has_the_tail(&format!("V6, {count}"), &times, 1.0, 0.04);
}

/// A millisecond of this case is four of the clock, whose tick is then 0.8 % of the mean.
#[tokio::test(start_paused = true)]
async fn v6_whole_sessions_before_a_queue_have_the_known_tail() {
    let service = Some(Service::Exponential(seconds(0.04)));
    let sink = SinkPlan { servers: Some(1), service, ..SinkPlan::default() };

    let answers = measure(case(poisson(17.5, 60_000.0), sink)).await;

    let count = answers.figures.messages.accepted;
    assert_eq!(count, answers.figures.messages.planned);
    has_the_tail(&format!("V6, {count} by sessions"), &answers.cell.response, 4.0, 0.1);
}

fn has_the_tail(case: &str, times: &Latency, scale: f64, share: f64) {
    let percentile = times.percentile(99.0).and_then(Reading::known).unwrap();
    let mean = times.mean().and_then(Reading::known).unwrap();
    for (what, measured, expected) in [("p99", percentile, P99), ("mean", mean, MEAN)] {
        let measured = measured / scale;
        let bound = format!("{expected:.1} ms ± {:.0} %", share * 100.0);
        row(case, &format!("response {what}"), &bound, &format!("{measured:.1} ms"));
        assert!((measured / expected - 1.0).abs() < share, "{case}: {what} {measured}");
    }
}
