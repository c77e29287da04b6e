//! `run --prometheus` and `report --prometheus` → what a scraper reads.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::program::{Desk, Running, number};

/// Long, so that a signal ends it.
const LONG: &str = r#"
[[phases]]
name = "long"
kind = "steady"
rate = "100/s"
arrival = "even"
duration = "10m"

[sink]
latency = { end_of_data = "5ms" }
replies = { rcpt = { "450 4.7.1 greylisted" = 0.2 } }
"#;

/// The values as they are written, by name with labels.
type Samples = BTreeMap<String, String>;

struct Answer {
    head: String,
    body: String,
}

fn ask(address: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").expect(&text);
    Answer { head: head.to_owned(), body: body.to_owned() }
}

fn get(address: SocketAddr, path: &str, more: &str) -> Answer {
    ask(address, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n"))
}

/// Every line is a comment or a sample whose family was described before it.
fn samples(text: &str) -> Samples {
    let mut described = "";
    let mut samples = Samples::new();
    for line in text.lines() {
        if let Some(words) = line.strip_prefix("# TYPE ") {
            described = words.split(' ').next().unwrap();
        } else if !line.starts_with('#') {
            let (name, value) = line.rsplit_once(' ').expect(line);
            assert_eq!(name.split('{').next(), Some(described), "{line}");
            assert!(value.parse::<f64>().is_ok_and(f64::is_finite), "{line}");
            assert!(samples.insert(name.to_owned(), value.to_owned()).is_none(), "twice: {line}");
        }
    }
    samples
}

fn scrape(address: SocketAddr) -> Samples {
    let answer = get(address, "/metrics", "");
    assert!(answer.head.starts_with("HTTP/1.1 200 OK\r\n"), "{}", answer.head);
    let kind = "content-type: text/plain; version=0.0.4; charset=utf-8";
    assert!(answer.head.contains(kind), "{}", answer.head);
    samples(&answer.body)
}

fn count(samples: &Samples, name: &str) -> u64 {
    samples.get(name).expect(name).parse().expect(name)
}

fn gauge(samples: &Samples, name: &str) -> f64 {
    samples.get(name).expect(name).parse().expect(name)
}

/// Scrapes until more messages were accepted than so many.
fn scrape_more_than(address: SocketAddr, before: u64) -> Samples {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let found = scrape(address);
        if found.contains_key(&accepted()) && count(&found, &accepted()) > before {
            return found;
        }
        assert!(Instant::now() < deadline, "no more was accepted");
        thread::sleep(Duration::from_millis(20));
    }
}

fn of_phase(name: &str, more: &str) -> String {
    format!("mailquake_{name}{{phase=\"long\",client=\"app\"{more}}}")
}

fn accepted() -> String {
    of_phase("messages_total", ",outcome=\"accepted\"")
}

fn begin(desk: &Desk) -> (Running, SocketAddr) {
    let mut running =
        desk.begin(&["--progress", "plain", "--no-thresholds", "--prometheus", "127.0.0.1:0"]);
    let line = running.wait_for("figures: http://");
    let address = line.trim().strip_prefix("figures: http://").unwrap();
    let address = address.strip_suffix("/metrics").unwrap().parse().expect(&line);
    (running, address)
}

#[test]
fn a_scrape_while_running_counts_up_to_what_the_summary_says() {
    let desk = Desk::with_plan(LONG);
    let (running, address) = begin(&desk);

    let one = scrape_more_than(address, 0);
    let other = scrape_more_than(address, count(&one, &accepted()));
    running.signal(Signal::INT);
    let summary = running.end().ended(130);
    let after = desk.mailquake(&["report", "out", "--prometheus", "-"]);

    assert_eq!(after.code, Some(0), "{}", after.stderr);
    let after = samples(&after.stdout);
    for (earlier, later) in [(&one, &other), (&other, &after)] {
        for name in earlier.keys().filter(|name| name.contains("_total{")) {
            let (before, now) = (count(earlier, name), count(later, name));
            assert!(now >= before, "{name}: {before} and then {now}");
        }
    }
    assert_eq!(one["mailquake_planned_messages_per_second{phase=\"long\"}"], "100.0");
    assert_eq!(one["mailquake_phase_in_force{phase=\"long\"}"], "1.0");
    assert!(gauge(&one, "mailquake_newest_response_seconds{quantile=\"0.5\"}") >= 0.005);
    assert!(other.contains_key("mailquake_process_memory_bytes{process=\"tool\"}"));
    is_the_summary(&after, &summary);
}

/// The exposition of a folder says what its summary does.
fn is_the_summary(samples: &Samples, summary: &Value) {
    let told = |pointer: &str| number(summary, &format!("/phases/0/clients/app{pointer}"));
    for outcome in ["accepted", "temporary", "permanent", "ambiguous"] {
        let name = of_phase("messages_total", &format!(",outcome=\"{outcome}\""));
        assert_eq!(count(samples, &name), told(&format!("/messages/{outcome}")), "{outcome}");
    }
    assert!(told("/messages/temporary") > 0);
    for (name, more, pointer) in [
        ("replies_total", ",code=\"250\"", "/codes/250"),
        ("replies_total", ",code=\"450\"", "/codes/450"),
        ("messages_started_total", "", "/messages/started"),
        ("responses_total", "", "/response_ms/count"),
        ("smtp_bytes_total", ",direction=\"sent\"", "/octets/sent"),
        ("sessions_total", ",event=\"opened\"", "/sessions/opened"),
    ] {
        assert_eq!(count(samples, &of_phase(name, more)), told(pointer), "{pointer}");
    }
    let p50 = summary.pointer("/phases/0/clients/app/response_ms/p50").unwrap().as_f64().unwrap();
    let shown = gauge(samples, &of_phase("response_seconds", ",quantile=\"0.5\""));
    assert!((shown * 1e3 - p50).abs() < 1e-3, "{shown} s of {p50} ms");
    assert_eq!(samples["mailquake_verdict{verdict=\"none\"}"], "1.0");
    assert!(!samples.contains_key("mailquake_open_sessions"), "it is over");
}

#[test]
fn only_the_figures_are_served_and_only_for_reading() {
    let desk = Desk::with_plan(LONG);
    let (running, address) = begin(&desk);

    let open = get(address, "/metrics", "Accept: application/openmetrics-text;version=1.0.0\r\n");
    let other = get(address, "/", "");
    let write = ask(address, "POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    let nonsense = ask(address, "EHLO client.test\r\n\r\n");
    running.signal(Signal::INT);
    running.signal(Signal::INT);
    running.end().ended(130);

    assert!(open.head.contains("application/openmetrics-text; version=1.0.0"), "{}", open.head);
    assert!(open.body.ends_with("# EOF\n"), "{}", open.body);
    assert!(other.head.starts_with("HTTP/1.1 404 "), "{}", other.head);
    assert!(write.head.starts_with("HTTP/1.1 405 "), "{}", write.head);
    assert!(write.head.contains("allow: GET, HEAD"), "{}", write.head);
    assert!(nonsense.head.starts_with("HTTP/1.1 400 "), "{}", nonsense.head);
}

#[test]
fn a_port_in_use_is_told_before_anything_is_sent() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let desk = Desk::with_plan(LONG);

    let ran = desk.run(&["--prometheus", &address]);

    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    let told = format!("the figures can't be served at {address}");
    assert!(ran.stderr.contains(&told), "{}", ran.stderr);
    assert!(!desk.path("out").exists());
}
