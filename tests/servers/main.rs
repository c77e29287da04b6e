//! Real servers × the real program → whether both count the same.
//!
//! They are ignored by default because they need `smtp-sink` and Postfix and the rights of root:
//! `cargo test --test servers -- --ignored`.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at what it cannot do")]

mod process;

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use process::{Postfix, SmtpSink};
use serde_json::Value;

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

fn command(plan: &Path, target: SocketAddr, results: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailquake"));
    command.arg("run").arg(plan).arg("--target").arg(target.to_string());
    command.arg("--out").arg(results).args(["--format", "json", "--progress", "none"]);
    command
}

/// The summary of a run that ended with exit 0.
fn summary(output: &Output) -> Value {
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
    serde_json::from_slice(&output.stdout).expect("stdout is the summary")
}

fn count(summary: &Value, pointer: &str) -> u64 {
    summary.pointer(pointer).and_then(Value::as_u64).expect(pointer)
}

fn quickstart(target: SocketAddr) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let plan = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/quickstart.toml");
    let mut command = command(&plan, target, &folder.path().join("results"));
    let summary = summary(&command.args(["--time-scale", "0.2"]).output().unwrap());
    assert!(count(&summary, "/all/messages/accepted") > 0);
    assert_eq!(summary.pointer("/all/errors_share"), Some(&Value::from(0.0)), "{summary:#}");
    summary
}

fn counted(target: SocketAddr) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.toml");
    std::fs::write(&plan, COUNTED_PLAN).unwrap();
    let mut command = command(&plan, target, &folder.path().join("results"));
    summary(&command.arg("--no-thresholds").output().unwrap())
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

    assert_eq!(sink.messages(), 40);
    assert_eq!(postfix.delivered(), 40);
}

#[test]
#[ignore = "needs smtp-sink"]
fn smtp_sink_takes_the_quickstart() {
    let sink = SmtpSink::start();

    let summary = quickstart(sink.address());

    assert_eq!(count(&summary, "/all/messages/accepted"), sink.messages());
}

#[test]
#[ignore = "needs Postfix"]
fn postfix_takes_the_quickstart() {
    let postfix = Postfix::start();

    let summary = quickstart(postfix.address());

    assert_eq!(count(&summary, "/all/messages/accepted"), postfix.delivered());
}

#[test]
#[ignore = "needs smtp-sink"]
fn smtp_sink_receives_each_counted_message() {
    let sink = SmtpSink::start();

    let summary = counted(sink.address());

    assert_eq!(count(&summary, "/all/messages/accepted"), COUNTED);
    assert_eq!(sink.messages(), COUNTED);
}

#[test]
#[ignore = "needs Postfix"]
fn postfix_delivers_each_counted_message() {
    let postfix = Postfix::start();

    let summary = counted(postfix.address());

    assert_eq!(count(&summary, "/all/messages/accepted"), COUNTED);
    assert_eq!(count(&summary, "/all/recipients/accepted"), 2 * COUNTED);
    assert_eq!(postfix.delivered(), COUNTED);
}

#[test]
#[ignore = "needs smtp-sink"]
fn load_returns_when_the_server_does() {
    let sink = SmtpSink::start();
    let address = sink.address();
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.toml");
    std::fs::write(&plan, BROKEN_PLAN).unwrap();
    let mut command = command(&plan, address, &folder.path().join("results"));
    let run: Child = command
        .arg("--no-thresholds")
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
        count(&summary, &format!("/phases/{phase}/figures/messages/{kind}"))
    };
    let broken = ["unconnected", "disconnected", "ambiguous"].map(|kind| messages(1, kind));
    assert!(broken.iter().sum::<u64>() > 0, "{summary:#}");
    assert!(messages(2, "accepted") > 0, "{summary:#}");
    assert_eq!(messages(2, "accepted"), messages(2, "started"), "{summary:#}");
}
