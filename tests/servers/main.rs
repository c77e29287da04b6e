//! Real servers × the real program → whether both count the same, and whether times are right.
//!
//! They are ignored by default because they need Postfix (with its `smtp-sink`), Dovecot,
//! Python, dkimpy and the rights of root:
//! `cargo test --test servers -- --ignored`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at what it cannot do"
)]
#![expect(clippy::print_stdout, reason = "the table of docs/servers.md is printed by a test")]

mod answers;
mod certificate;
mod content;
mod dkim;
mod dovecot;
mod forms;
mod kinds;
mod maildir;
mod matrix;
mod postfix;
mod process;
mod run;
mod smtp_sink;
#[path = "../cli/sums.rs"]
mod sums;

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use postfix::Postfix;
use run::{Summary, command, summary};
use serde_json::Value;
use smtp_sink::SmtpSink;

/// What a closed and an open phase send together.
const COUNTED: u64 = 700;

/// A plan whose messages are counted; recipients differ, because Postfix drops doubles.
const COUNTED_PLAN: &str = r#"
version = 1
name = "counted"
seed = 7
[target]
address = "127.0.0.1:25"
[clients.app]
messages = "note"
messages_per_connection = { min = 1, max = 9 }
[messages.note]
from = "from@load.test"
to = ["a{{ seq }}@example.test", "b{{ seq }}@example.test"]
subject = "Note {{ seq }}"
text = "One of many."
[[phases]]
name = "closed"
kind = "steady"
connections = 10
count = 500
[[phases]]
name = "open"
kind = "steady"
rate = "100/s"
count = 200
arrival = "even"
"#;

/// A plan in whose second phase the server goes away and comes back.
const BROKEN_PLAN: &str = r#"
version = 1
name = "broken"
seed = 7
[target]
address = "127.0.0.1:25"
[clients.app]
messages = "note"
[messages.note]
from = "from@load.test"
to = "to@example.test"
subject = "Note"
text = "One of many."
[[phases]]
name = "before"
kind = "steady"
connections = 5
duration = "2s"
[[phases]]
name = "break"
kind = "steady"
connections = 5
duration = "6s"
[[phases]]
name = "after"
kind = "steady"
connections = 5
duration = "8s"
"#;

fn quickstart(target: SocketAddr) -> Summary {
    let folder = tempfile::tempdir().unwrap();
    let plan = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/quickstart.toml");
    let mut command = command(&plan, &folder.path().join("results"));
    let summary = summary(
        &command
            .args(["--target", &target.to_string()])
            .args(["--time-scale", "0.2"])
            .output()
            .unwrap(),
    );
    assert!(summary.count("/all/messages/accepted") > 0);
    assert_eq!(summary.0.pointer("/all/errors_share"), Some(&Value::from(0.0)), "{summary}");
    summary
}

fn counted(target: SocketAddr) -> Summary {
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.toml");
    std::fs::write(&plan, COUNTED_PLAN).unwrap();
    let mut command = command(&plan, &folder.path().join("results"));
    summary(&command.args(["--no-thresholds", "--target", &target.to_string()]).output().unwrap())
}

fn send_with_smtp_source(target: SocketAddr, messages: u64) {
    let status = Command::new("smtp-source")
        .args(["-s", "4", "-m", &messages.to_string()])
        .args(["-f", "from@load.test", "-t", "to@example.test", &target.to_string()])
        .status()
        .expect("smtp-source is installed");
    assert!(status.success());
}

#[test]
#[ignore = "needs smtp-sink and Postfix"]
fn the_servers_count_what_another_program_sends() {
    let (sink, postfix) = (SmtpSink::start(), Postfix::start());

    send_with_smtp_source(sink.address(), 40);
    send_with_smtp_source(postfix.address(), 40);

    assert_eq!(sink.took(40), 40);
    assert_eq!(postfix.took(40), 40);
}

#[test]
#[ignore = "needs smtp-sink"]
fn smtp_sink_takes_the_quickstart() {
    let sink = SmtpSink::start();

    let summary = quickstart(sink.address());

    let accepted = summary.count("/all/messages/accepted");
    assert_eq!(sink.took(accepted), accepted);
}

#[test]
#[ignore = "needs Postfix"]
fn postfix_takes_the_quickstart() {
    let postfix = Postfix::start();

    let summary = quickstart(postfix.address());

    let accepted = summary.count("/all/messages/accepted");
    assert_eq!(postfix.took(accepted), accepted);
}

#[test]
#[ignore = "needs smtp-sink"]
fn smtp_sink_receives_each_counted_message() {
    let sink = SmtpSink::start();

    let summary = counted(sink.address());

    assert_eq!(summary.count("/all/messages/accepted"), COUNTED);
    assert_eq!(sink.took(COUNTED), COUNTED);
}

#[test]
#[ignore = "needs Postfix"]
fn postfix_delivers_each_counted_message() {
    let postfix = Postfix::start();

    let summary = counted(postfix.address());

    assert_eq!(summary.count("/all/messages/accepted"), COUNTED);
    assert_eq!(summary.count("/all/recipients/accepted"), 2 * COUNTED);
    assert_eq!(postfix.took(COUNTED), COUNTED);
}

/// The code of the reply to a login by PLAIN (RFC 4954).
fn login(postfix: &Postfix, user: &str, password: &str) -> String {
    let mut stream = TcpStream::connect(postfix.ports().login).unwrap();
    let initial = BASE64_STANDARD.encode(format!("\0{user}\0{password}"));
    // In lock-step: what comes before the greeting would be refused.
    let mut replies = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
    replies.next();
    write!(stream, "EHLO load.test\r\n").unwrap();
    replies.find(|line| line.starts_with("250 ")).unwrap();
    write!(stream, "AUTH PLAIN {initial}\r\n").unwrap();
    replies.next().unwrap().chars().take(3).collect()
}

#[test]
#[ignore = "needs Postfix and Dovecot"]
fn dovecot_checks_the_logins_of_postfix() {
    let postfix = Postfix::start();

    assert_eq!(login(&postfix, "user1@example.test", "secret1"), "235");
    assert_eq!(login(&postfix, "user20@example.test", "secret20"), "235");
    assert_eq!(login(&postfix, "user1@example.test", "secret2"), "535");
}

#[test]
#[ignore = "needs smtp-sink"]
fn load_returns_when_the_server_does() {
    let sink = SmtpSink::start();
    let address = sink.address();
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.toml");
    std::fs::write(&plan, BROKEN_PLAN).unwrap();
    let mut command = command(&plan, &folder.path().join("results"));
    let run: Child = command
        .args(["--no-thresholds", "--target", &address.to_string()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();

    // The program's own clock decides which phase it is, so the break has room on both sides.
    std::thread::sleep(Duration::from_secs(4));
    drop(sink);
    std::thread::sleep(Duration::from_secs(1));
    let _again = SmtpSink::start_at(address);
    let summary = summary(&run.wait_with_output().unwrap());

    let messages = |phase: usize, kind: &str| {
        summary.count(&format!("/phases/{phase}/figures/messages/{kind}"))
    };
    let broken = ["unconnected", "disconnected", "ambiguous"].map(|kind| messages(1, kind));
    assert!(broken.iter().sum::<u64>() > 0, "{summary}");
    assert!(messages(2, "accepted") > 0, "{summary}");
    assert_eq!(messages(2, "accepted"), messages(2, "started"), "{summary}");
}
