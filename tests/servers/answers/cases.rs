//! V1-V5 and V9: what a server does → what a run says of it.

use std::time::Duration;

use super::numbered::Numbered;
use super::{Run, Sink, judge, row};

/// Takes so long for a text, and stands still for a second of each ten.
///
/// Behind a stall a server must open and serve all sessions that came meanwhile, which no formula
/// has in it: some 60 µs each of two cores. So the rates of these cases are lower than in virtual
/// time; those of V3 and V4 do not depend on them.
fn stalling(service_ms: u32) -> String {
    format!(
        "service = {{ dist = \"constant\", mean = \"{service_ms}ms\" }}\n\
         stall = {{ every = \"10s\", for = \"1s\" }}"
    )
}

/// Two periods of the stalling server, whichever moment of its period comes first.
fn two_periods(
    case: &str,
    (sink, client): (&str, &str),
    rate: u32,
    expected: &[(&str, f64)],
) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let sink = Sink::start(folder.path(), sink);
    let figures = Run::begin(&sink.address, (rate, 20), client).figures()?;
    let is = |&(name, expected): &(&str, f64)| figures.is_behind(1000.0, case, name, expected);
    expected.iter().try_for_each(is)
}

#[test]
#[ignore = "takes 5 s of a quiet machine"]
fn v1_a_constant_server_has_the_same_percentile_everywhere() {
    judge("V1", || {
        // The embedded server's timers tick at 1 ms, so that it answers up to 2 ms late.
        let server = Numbered::start(|_| Some(Duration::from_millis(20)));
        let figures = Run::begin(server.address(), (200, 5), "").figures()?;
        let names = ["response_ms p50", "response_ms p90", "service_ms p50", "service_ms p90"];
        names.iter().try_for_each(|name| figures.is("V1", name, 20.0))
    });
}

#[test]
#[ignore = "takes 20 s of a quiet machine"]
fn v2_one_slow_reply_in_a_hundred_lies_above_p99() {
    judge("V2", || {
        let slow =
            |n: u64| Some(Duration::from_millis(if n.is_multiple_of(100) { 200 } else { 5 }));
        let server = Numbered::start(slow);
        let figures = Run::begin(server.address(), (500, 20), "").figures()?;
        let expected = [("p50", 5.0), ("p999", 200.0), ("mean", 6.95)];
        let is = |(name, expected)| figures.is("V2", &format!("response_ms {name}"), expected);
        expected.into_iter().try_for_each(is)?;
        // One in twenty meets whatever else runs, but is far from the slow replies.
        figures.is_within("V2", "response_ms p95", 5.0, 200.0)
    });
}

#[test]
#[ignore = "takes 20 s of a quiet machine"]
fn v3_a_stall_shows_in_every_percentile_above_its_share() {
    let expected =
        [("response_ms p50", 1.0), ("response_ms p95", 501.0), ("response_ms p99", 901.0)];
    // The sessions that came meanwhile take some 130 µs each behind the stall: few of them do not
    // move the percentile.
    judge("V3", || two_periods("V3", (&stalling(1), ""), 100, &expected));
}

#[test]
#[ignore = "takes 40 s of a quiet machine"]
fn v4_what_queues_behind_a_stall_shows_too() {
    let sink = format!("servers = 1\n{}", stalling(2));
    for (case, rate, [p90, p95, p99]) in
        [("V4 ρ 0.5", 250, [502.0, 752.0, 952.0]), ("V4 ρ 0.8", 400, [802.0, 902.0, 982.0])]
    {
        let expected =
            [("response_ms p90", p90), ("response_ms p95", p95), ("response_ms p99", p99)];
        judge(case, || two_periods(case, (&sink, ""), rate, &expected));
    }
}

#[test]
#[ignore = "takes 20 s of a quiet machine"]
fn v5_waiting_for_a_connection_counts_as_response_and_not_as_service() {
    let expected = [
        ("response_ms p50", 1.0),
        // The n-th message behind a stall of 1 s waits s + S - n/λ + n·s/10.
        ("response_ms p95", 511.0),
        ("response_ms p99", 903.0),
        ("service_ms p50", 1.0),
        ("service_ms p95", 1.0),
    ];
    let sink = stalling(1);
    judge("V5", || two_periods("V5", (&sink, "max_connections = 10"), 200, &expected));
}

#[test]
#[ignore = "takes 20 s of a quiet machine"]
fn v9_what_is_never_answered_is_counted_exactly_and_the_tail_is_at_least_the_timeout() {
    judge("V9", || {
        let server = Numbered::start(|n| (!n.is_multiple_of(100)).then_some(Duration::ZERO));
        let figures = Run::begin(server.address(), (500, 20), "").figures()?;
        let count = |kind: &str| figures.number(&format!("messages {kind}"));
        row(
            "V9",
            "ambiguous",
            "100 of 10000",
            &format!("{} of {}", count("ambiguous"), count("started")),
        );
        let exact = |kind| figures.0["all"]["messages"][kind].as_u64();
        assert_eq!([exact("accepted"), exact("ambiguous")], [Some(9900), Some(100)]);
        let bound = figures.number("response_ms p999_at_least");
        row("V9", "response p999", "≥ 5000 ms", &format!("≥ {bound:.0} ms"));
        // The bound is the lower end of a bucket; deadlines are looked at 20 times a second.
        let fits = (4990.0..5250.0).contains(&bound) && figures.number("response_ms p999").is_nan();
        fits.then_some(()).ok_or_else(|| format!("p99.9 is at least {bound}"))
    });
}
