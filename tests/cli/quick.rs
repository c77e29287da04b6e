//! `quick` → the plan that it makes, and the command lines that must run unchanged.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
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
    let table: [(&str, &[&str]); 5] = [
        ("default", &[]),
        ("bursts", &["--burst-mode", "-c", "40", "--message-size", "64KiB", "-d", "2m"]),
        ("slow", &["--slow-client", "--slow-delay", "0.25"]),
        ("rude", &["--use-tls", "--malformed"]),
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

/// A second of `quick` against a sink that offers STARTTLS; gives the summary and what the sink
/// counted.
fn against_a_sink(flags: &[&str]) -> (Value, Value) {
    let sink_desk = Desk::new();
    let offering = ["--tls", "starttls", "--certificate-out", "ca.pem"];
    let sink = SinkProcess::start_with(&sink_desk, &offering);
    let ca = sink_desk.path("ca.pem");
    let port = sink.address.port().to_string();
    let desk = Desk::new();
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    desk.write("other.pem", &other.cert.pem());
    let mut words = vec!["quick", "-d", "1", "-c", "10", "--ramp-up", "0", "-o", "result.json"];
    words.extend(["--host", "127.0.0.1", "-p", &port]);
    words.extend(flags.iter().map(|flag| if *flag == "CA" { ca.to_str().unwrap() } else { flag }));

    desk.mailquake(&words);

    let summary: Value = serde_json::from_str(&desk.read("result.json")).unwrap();
    sums::hold(&summary);
    (summary, sink.counters())
}

#[test]
fn with_use_tls_every_message_goes_through_a_handshake_first() {
    for flags in [&["--use-tls"][..], &["--use-tls", "--ca", "CA"]] {
        let (summary, sink) = against_a_sink(flags);

        let accepted = number(&summary, "/all/messages/accepted");
        assert!(accepted > 0 && number(&sink, "/messages") == accepted, "{flags:?}: {summary:#}");
        let shaken = number(&sink, "/tls/full") + number(&sink, "/tls/resumed");
        assert_eq!(shaken, number(&sink, "/connections") - 1, "all but the one that tried it");
    }
    let (_, sink) = against_a_sink(&[]);
    assert_eq!(sink.get("tls"), None, "in clear");
}

#[test]
fn with_another_ca_no_message_is_sent() {
    let (summary, sink) = against_a_sink(&["--use-tls", "--ca", "other.pem"]);

    assert!(number(&summary, "/all/messages/tls") > 0, "{summary:#}");
    assert_eq!(number(&sink, "/messages"), 0);
}

#[test]
fn with_malformed_one_connection_in_ten_plays_cases() {
    let (summary, sink) = against_a_sink(&["--malformed"]);

    let cases = summary["all"]["cases"].as_object().unwrap();
    let started: u64 = cases.values().map(|case| case["started"].as_u64().unwrap()).sum();
    assert!(started > 0, "{summary:#}");
    assert!(number(&summary, "/all/messages/accepted") > 0);
    assert!(number(&sink, "/connections") > 10);
    assert!(sink["refused"].as_object().is_some(), "{sink:#}");
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

/// What a client has said by the time at which a server that waits a while answers its MAIL.
fn said_before_mail_is_answered(flags: &[&str]) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            // The connection that only tries the server says nothing.
            if let Ok(heard) = stream.and_then(|stream| hear_mail(&stream)) {
                // A test that has heard enough does not wait for more.
                let _ = tell.send(heard);
            }
        }
    });
    let load = ["quick", "-c", "1", "--min-connections", "1", "--ramp-up", "0", "-d", "1"];
    let to = ["--host", "127.0.0.1", "--port", port.as_str()];

    Desk::new().mailquake(&[&load[..], &to, flags].concat());

    told.recv_timeout(Duration::from_secs(10)).unwrap()
}

fn hear_mail(mut stream: &TcpStream) -> io::Result<String> {
    stream.write_all(b"220 hi\r\n")?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while !line.starts_with("MAIL") {
        if line.starts_with("EHLO") {
            stream.write_all(b"250-hi\r\n250 PIPELINING\r\n")?;
        }
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    stream.set_read_timeout(Some(Duration::from_millis(300)))?;
    let mut heard = line.clone();
    // It ends with the time, an error.
    while reader.read_line(&mut heard).is_ok_and(|count| count > 0) {}
    Ok(heard)
}

#[test]
fn with_pipelining_a_group_is_on_the_wire_before_its_first_reply_and_else_one_command() {
    let alone = said_before_mail_is_answered(&[]);
    let group = said_before_mail_is_answered(&["--pipelining"]);

    assert_eq!(alone.lines().count(), 1, "{alone}");
    let verbs: Vec<&str> = group.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(verbs, ["MAIL", "RCPT", "DATA"], "{group}");
}
