//! Servers that throttle → what the summary, the events and the series say of it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use serde_json::{Value, json};

use crate::program::{Desk, number};
use crate::server::{Answer, Heard, Server, verb, well};

fn lines(desk: &Desk, name: &str) -> Vec<Value> {
    desk.read(name).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The events that tell of throttling.
pub(crate) fn events(desk: &Desk) -> Vec<Value> {
    let mut events = lines(desk, "out/events.ndjson");
    events.retain(|event| event["kind"] == "throttled");
    events
}

/// The row of a sign in a phase.
pub(crate) fn row(summary: &Value, phase: usize, sign: &str) -> Value {
    let rows = summary["phases"][phase]["throttled"]["signs"].as_array().expect("no throttling");
    rows.iter().find(|row| row["sign"] == sign).expect(sign).clone()
}

#[test]
fn replies_that_put_off_agree_with_what_the_server_counted() {
    let desk = Desk::with_plan(
        "[[phases]]\nname = \"a\"\nkind = \"steady\"\nconnections = 3\ncount = 300\n\
         [sink]\nreplies = { mail = { \"421 4.7.0 slow down\" = 0.1 }, \
         rcpt = { \"450 4.7.1 later\" = 0.1 } }\n",
    );

    let ran = desk.run(&["--no-thresholds", "--progress", "plain"]);
    let summary = ran.ended(0);

    for (sign, step) in [("421", "mail"), ("450", "rcpt")] {
        let row = row(&summary, 0, sign);
        let refused = number(&summary, &format!("/environment/sink/refused/{step}/{sign}"));
        let asked: u64 = summary["phases"][0]["figures"]["steps"][step]["codes"]
            .as_object()
            .unwrap()
            .values()
            .map(|count| count.as_u64().unwrap())
            .sum();
        assert!(refused > 0);
        assert_eq!((&row["step"], number(&row, "/count")), (&json!(step), refused));
        assert_eq!(number(&row, "/of"), asked);
        assert!(row["example"].as_str().unwrap().starts_with(sign), "{row}");
        let increments: Vec<Value> = lines(&desk, "out/series.ndjson");
        let pointer = format!("/throttled/{sign}~1{step}/count");
        let series = increments.iter().filter_map(|row| row.pointer(&pointer)?.as_u64());
        assert_eq!(series.sum::<u64>(), refused);
    }
    let events = events(&desk);
    let told: Vec<&Value> = events.iter().map(|event| &event["sign"]).collect();
    assert_eq!(told, ["421", "450"], "each once");
    for event in &events {
        let row = row(&summary, 0, event["sign"].as_str().unwrap());
        assert_eq!((&event["at_s"], &event["level"]), (&row["begin_s"], &row["level"]));
        assert_eq!((&event["phase"], &event["level"]), (&json!("a"), &json!(3.0)));
        assert_eq!(event["example"], row["example"]);
    }
    let told = "a: the server throttles at 3 connections: 421 at mail ×";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
}

#[test]
fn a_server_that_closes_after_two_messages_is_told_with_that_number() {
    let closed = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&closed);
    let server = Server::start_each(move || {
        let (mut taken, counted) = (0, Arc::clone(&counted));
        Box::new(move |heard| match heard {
            Heard::Text(_) => {
                taken += 1;
                if taken == 2 {
                    counted.fetch_add(1, Ordering::SeqCst);
                    Answer::Leave("250 2.0.0 queued\r\n")
                } else {
                    well(heard)
                }
            }
            Heard::Connection | Heard::Command(_) => well(heard),
        })
    });
    let desk = Desk::with_plan(
        "[[phases]]\nname = \"a\"\nkind = \"steady\"\nconnections = 1\ncount = 9\n",
    );
    let thinking = ["--no-thresholds", "--set", "clients.app.think=100ms"];

    let summary = desk.run(&[&thinking[..], &["--target", &server.address()]].concat()).ended(0);

    assert_eq!(number(&summary, "/all/messages/accepted"), 9, "{:#}", summary["all"]["messages"]);
    let row = row(&summary, 0, "closed");
    assert_eq!(number(&row, "/count"), closed.load(Ordering::SeqCst));
    assert_eq!((number(&row, "/count"), number(&row, "/of")), (4, 5));
    assert_eq!((&row["step"], &row["allowed"]), (&Value::Null, &json!({ "min": 2, "max": 2 })));
}

#[test]
fn a_server_that_takes_all_does_not_throttle() {
    let desk = Desk::with_plan(
        "[[phases]]\nname = \"a\"\nkind = \"steady\"\nconnections = 1\ncount = 3\n",
    );

    let summary = desk.run(&[]).ended(0);

    assert_eq!(summary["phases"][0].get("throttled"), Some(&Value::Null));
    assert_eq!(events(&desk), [] as [Value; 0]);
}

/// How a client that had sent mail left a server.
fn departure(end: &str) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (tell, told) = channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let tell = tell.clone();
            thread::spawn(move || attend(&stream, &tell));
        }
    });
    let desk = Desk::with_plan(
        "[[phases]]\nname = \"a\"\nkind = \"steady\"\nconnections = 1\ncount = 1\n",
    );
    let end = format!("clients.app.end={end}");

    desk.run(&["--no-thresholds", "--set", &end, "--target", &address]).ended(0);

    told.recv().unwrap()
}

/// Serves a connection, and tells how it ended once a message was taken.
fn attend(mut stream: &TcpStream, tell: &Sender<String>) {
    let mut reader = BufReader::new(stream);
    let (mut heard, mut in_text, mut taken) = (Heard::Connection, false, false);
    let mut line;
    loop {
        let (Answer::Say(answer) | Answer::Leave(answer)) = well(heard);
        if !in_text && stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
        in_text |= answer.starts_with("354");
        line = String::new();
        let left = match reader.read_line(&mut line) {
            Ok(0) => Some("closed".to_owned()),
            Ok(_) if verb(line.trim_end()) == "QUIT" => Some("QUIT".to_owned()),
            Ok(_) => None,
            Err(error) => Some(error.kind().to_string()),
        };
        if let Some(left) = left {
            if taken {
                let _ = tell.send(left);
            }
            return;
        }
        heard = if in_text { Heard::Text(&line) } else { Heard::Command(line.trim_end()) };
        if line == ".\r\n" {
            (in_text, taken) = (false, true);
        }
    }
}

#[test]
fn a_session_ends_on_the_wire_as_the_plan_says() {
    for (end, seen) in [("quit", "QUIT"), ("close", "closed"), ("reset", "connection reset")] {
        assert_eq!(departure(end), seen, "{end}");
    }
}
