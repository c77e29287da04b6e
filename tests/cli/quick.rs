//! `quick` → the plan that it makes, and the command lines that must run unchanged.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use expect_test::expect_file;
use serde_json::Value;

use crate::program::{Desk, SinkProcess, number};
use crate::server::{Heard, Server, well};
use crate::sums;

/// Each message takes a while, so that few connections are a small load.
const UNHURRIED: &str = "[[phases]]\nname = \"none\"\nkind = \"pause\"\nduration = \"1s\"\n\
                         [sink]\nlatency = { end_of_data = \"10ms\" }\n";

#[test]
fn the_plan_that_is_written_is_valid_and_stays_as_it_is() {
    let desk = Desk::new();
    let table: [(&str, &[&str]); 4] = [
        ("default", &[]),
        ("bursts", &["--burst-mode", "-c", "40", "--message-size", "64KiB", "-d", "2m"]),
        ("slow", &["--slow-client", "--slow-delay", "0.25"]),
        ("sink", &["--sink", "--no-connection-reuse", "--pipelining", "--no-monitor"]),
    ];
    for (name, flags) in table {
        let ran = desk.mailquake(&[&["quick", "--emit-plan", "-"], flags].concat());

        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{name}");
        expect_file![format!("../golden/cli/quick-{name}.toml")].assert_eq(&ran.stdout);
        desk.write("emitted.toml", &ran.stdout);
        let valid = desk.mailquake(&["validate", "emitted.toml"]);
        assert_eq!(valid.code, Some(0), "{name}: {}", valid.stderr);
    }
}

/// Runs a command line against a sink of its own; what both counted is the same.
fn unchanged(words: &[&str]) -> Value {
    let sink_desk = Desk::with_plan(UNHURRIED);
    let sink = SinkProcess::start(&sink_desk);
    let desk = Desk::new();
    let port = sink.address.port().to_string();
    let words: Vec<&str> =
        words.iter().map(|word| if *word == "PORT" { port.as_str() } else { word }).collect();

    // The tester's fitness is no subject here, so both its verdicts will do.
    let ran = desk.mailquake(&words);

    assert!(matches!(ran.code, Some(0 | 6)), "{}\n{}", ran.stdout, ran.stderr);
    let summary: Value = serde_json::from_str(&desk.read("result.json")).unwrap();
    sums::hold(&summary);
    let accepted = number(&summary, "/all/messages/accepted");
    assert!(accepted > 0, "{}", ran.stdout);
    assert_eq!(number(&sink.counters(), "/messages"), accepted);
    summary
}

#[test]
fn a_command_line_with_long_flags_runs_unchanged() {
    let summary = unchanged(&[
        "quick",
        "--duration",
        "1",
        "--max-connections",
        "4",
        "--min-connections",
        "1",
        "--ramp-up",
        "0.5",
        "--message-size",
        "2048",
        "--host",
        "127.0.0.1",
        "--port",
        "PORT",
        "--connection-reuse",
        "--messages-per-connection",
        "5",
        "--pipelining",
        "--output",
        "result.json",
    ]);

    assert_eq!(summary["phases"].as_array().unwrap().len(), 2, "a ramp and a steady phase");
    assert!(number(&summary, "/all/sessions/reused") > 0);
}

#[test]
fn a_command_line_with_short_flags_and_bursts_runs_unchanged() {
    let line = "quick -d 1 -c 4 -p PORT --ramp-up 0.3 --burst-mode --burst-interval 0.4 \
                --burst-duration 0.1 --no-connection-reuse --no-monitor -o result.json";

    let summary = unchanged(&line.split_whitespace().collect::<Vec<_>>());

    assert_eq!(number(&summary, "/all/sessions/reused"), 0);
    assert_eq!(summary["phases"][1]["kind"], "burst");
}

#[test]
fn a_public_server_is_not_loaded_by_a_short_command_line() {
    let desk = Desk::new();

    // Multicast: the kernel connects no TCP socket to it, whatever this program does.
    let ran = desk.mailquake(&["quick", "--host", "239.1.2.3", "-d", "1", "-q"]);

    assert_eq!(ran.code, Some(4));
    assert!(ran.stderr.contains("`--allow 239.1.2.3/32`"), "{}", ran.stderr);
}

#[test]
fn a_slow_client_pauses_before_each_command_on_the_wire() {
    let heard: Arc<Mutex<Vec<Vec<Instant>>>> = Arc::default();
    let log = Arc::clone(&heard);
    let server = Server::start_each(move || {
        let log = Arc::clone(&log);
        let at = {
            let mut all = log.lock().unwrap();
            all.push(Vec::new());
            all.len() - 1
        };
        Box::new(move |what| {
            if !matches!(what, Heard::Text(_)) {
                log.lock().unwrap()[at].push(Instant::now());
            }
            well(what)
        })
    });
    let address = server.address();
    let (host, port) = address.rsplit_once(':').unwrap();
    let load = ["quick", "-c", "1", "--min-connections", "1", "--ramp-up", "0", "-d", "2"];
    let slow = ["--slow-client", "--slow-delay", "0.15", "--host", host, "--port", port];

    let ran = Desk::new().mailquake(&[&load[..], &slow].concat());

    assert!(matches!(ran.code, Some(0 | 6)), "{}\n{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("quick in steady: "), "{}", ran.stdout);
    let heard = heard.lock().unwrap();
    let longest = heard.iter().max_by_key(|times| times.len()).unwrap();
    assert!(longest.len() >= 5, "{longest:?}");
    // The server notes a command before it answers, and the pause begins with the answer.
    for pair in longest.windows(2) {
        assert!(pair[1] - pair[0] >= Duration::from_millis(150), "{longest:?}");
    }
}
