//! V7 and V8: a server that stands still is the server's stall; a tester that does is no result.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{Run, Sink, judge, row};

const STOP: Duration = Duration::from_millis(1400);

#[test]
#[ignore = "takes 14 s of a quiet machine"]
fn v7_a_stopped_server_shows_as_one_stall() {
    judge("V7 server", || {
        let folder = tempfile::tempdir().unwrap();
        let sink = Sink::start(folder.path(), "");
        let run = Run::begin(&sink.address, (100, 14), "");
        sleep(Duration::from_secs(5));
        let stopped = Instant::now();
        sink.process.signal(Signal::STOP);
        sleep(STOP);
        sink.process.signal(Signal::CONT);
        // A busy machine sleeps longer than it was told.
        let stop = stopped.elapsed().as_secs_f64() * 1000.0;
        let figures = run.figures()?;
        // s + max(0, S - P(1-p)), with the run as its period.
        let expected = [("p50", 0.0), ("p95", stop - 700.0), ("p99", stop - 140.0), ("max", stop)];
        expected.into_iter().try_for_each(|(name, expected)| {
            figures.is_behind(stop, "V7 server", &format!("response_ms {name}"), expected)
        })
    });
}

#[test]
#[ignore = "takes 6 s"]
fn v7_a_stopped_tester_makes_the_run_invalid() {
    let folder = tempfile::tempdir().unwrap();
    let sink = Sink::start(folder.path(), "");
    let run = Run::begin(&sink.address, (500, 6), "");
    sleep(Duration::from_secs(2));
    run.process.signal(Signal::STOP);
    sleep(STOP);
    run.process.signal(Signal::CONT);

    is_invalid("V7 tester", run);
}

#[test]
#[ignore = "takes 6 s"]
fn v8_a_tester_with_a_tenth_of_a_core_is_invalid() {
    let folder = tempfile::tempdir().unwrap();
    let sink = Sink::start(folder.path(), "");
    let run = Run::begin(&sink.address, (500, 6), "");
    let (end, ended) = channel::<()>();
    let pid = Pid::from_child(&run.process.0);
    let squeezer = std::thread::spawn(move || squeeze(pid, &ended));
    // Before it is waited for, so that no signal goes to another process of the same number.
    sleep(Duration::from_secs(5));
    drop(end);
    squeezer.join().unwrap();

    is_invalid("V8", run);
}

/// Lets a process run for 10 ms of each 100, until it is told to stop.
fn squeeze(pid: Pid, ended: &Receiver<()>) {
    while ended.recv_timeout(Duration::from_millis(10)) == Err(RecvTimeoutError::Timeout) {
        kill_process(pid, Signal::STOP).unwrap();
        sleep(Duration::from_millis(90));
        kill_process(pid, Signal::CONT).unwrap();
    }
}

/// The tester's own stop is nobody else's latency: no clean report, and the sentence says so.
fn is_invalid(case: &str, run: Run) {
    let (code, summary) = run.end();
    let reason = summary["reason"].as_str().unwrap();
    row(
        case,
        "verdict",
        "INVALID, exit 6",
        &format!("{}, exit {code}: {reason}", summary["verdict"]),
    );
    assert_eq!((summary["verdict"].as_str(), code), (Some("invalid"), 6), "{summary:#}");
    assert!(reason.starts_with("The tester began messages of `a` up to "), "{reason}");
}
