//! Servers that are absent, forbidden, broken or rude → how a run counts that.

use std::net::{Ipv4Addr, TcpListener};

use serde_json::{Value, json};

use crate::program::{Desk, SinkProcess, number};
use crate::server::{Answer, Heard, Server, verb, well};
use crate::throttling;

const THREE: &str = r#"
[[phases]]
name = "three"
kind = "steady"
connections = 1
count = 3
"#;

/// What three messages came to at a server.
fn three(script: impl Fn(Heard<'_>) -> Answer + Send + Sync + 'static) -> Value {
    let server = Server::start(script);
    let desk = Desk::with_plan(THREE);
    desk.run(&["--no-thresholds", "--target", &server.address()]).ended(0)
}

/// Answers well, but this command.
fn but(command: &'static str, answer: Answer) -> impl Fn(Heard<'_>) -> Answer + Send + Sync {
    move |heard| match heard {
        Heard::Command(line) if verb(line) == command => answer.clone(),
        Heard::Command(_) | Heard::Connection | Heard::Text(_) => well(heard),
    }
}

/// All three messages ended in this way; the row of the error.
fn all_ended(summary: &Value, outcome: &str) -> Value {
    let pointer = format!("/all/messages/{outcome}");
    assert_eq!(number(summary, &pointer), 3, "{:#}", summary["all"]["messages"]);
    let rows = summary["all"]["errors"].as_array().unwrap();
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!((&rows[0]["outcome"], number(&rows[0], "/count")), (&json!(outcome), 3));
    rows[0].clone()
}

#[test]
fn a_polite_server_accepts_all() {
    let summary = three(well);

    assert_eq!(number(&summary, "/all/messages/accepted"), 3);
    assert_eq!(summary["all"]["codes"], json!({ "250": 3 }));
    assert_eq!(number(&summary, "/all/sessions/opened"), 1);
}

#[test]
fn what_is_no_reply_is_a_fault_of_the_protocol() {
    let row = all_ended(&three(but("MAIL", Answer::Say("hello there\r\n"))), "protocol");

    assert_eq!((&row["step"], &row["code"]), (&json!("mail"), &Value::Null));
}

#[test]
fn a_greeting_that_refuses_leaves_the_message_unconnected() {
    let summary = three(|heard| match heard {
        Heard::Connection => Answer::Leave("554 5.3.2 go away\r\n"),
        Heard::Command(_) | Heard::Text(_) => well(heard),
    });

    let row = all_ended(&summary, "unconnected");
    assert_eq!((&row["step"], &row["code"]), (&json!("greeting"), &json!(554)));
    assert_eq!(row["example"], "554 5.3.2 go away");
    assert_eq!(number(&summary, "/all/sessions/failed"), 3);
}

#[test]
fn a_421_in_mid_transaction_is_temporary() {
    let summary = three(but("RCPT", Answer::Leave("421 4.3.2 shutting down\r\n")));

    let row = all_ended(&summary, "temporary");
    assert_eq!((&row["step"], &row["code"]), (&json!("rcpt"), &json!(421)));
}

#[test]
fn a_421_between_messages_costs_no_message() {
    let summary = three(|heard| match heard {
        Heard::Text(_) => Answer::Leave("250 2.0.0 queued\r\n421 4.3.2 that was all\r\n"),
        Heard::Connection | Heard::Command(_) => well(heard),
    });

    assert_eq!(number(&summary, "/all/messages/accepted"), 3, "{:#}", summary["all"]["messages"]);
    assert_eq!(number(&summary, "/all/sessions/opened"), 3);
    assert_eq!(number(&summary, "/all/sessions/stale"), 3);
}

#[test]
fn a_session_that_is_closed_between_messages_costs_no_message() {
    let server = Server::start(|heard| match heard {
        Heard::Text(_) => Answer::Leave("250 2.0.0 queued\r\n"),
        Heard::Connection | Heard::Command(_) => well(heard),
    });
    let desk = Desk::with_plan(THREE);
    let thinking = ["--no-thresholds", "--set", "clients.app.think=200ms"];

    let summary = desk.run(&[&thinking[..], &["--target", &server.address()]].concat()).ended(0);

    assert_eq!(number(&summary, "/all/messages/accepted"), 3, "{:#}", summary["all"]["messages"]);
    assert!(number(&summary, "/all/sessions/stale") >= 2, "{:#}", summary["all"]["sessions"]);
}

#[test]
fn a_server_that_closes_in_mid_transaction_disconnects() {
    let row = all_ended(&three(but("RCPT", Answer::Leave(""))), "disconnected");

    assert_eq!(row["step"], "rcpt");
}

#[test]
fn a_server_that_closes_after_the_dot_leaves_it_ambiguous() {
    let summary = three(|heard| match heard {
        Heard::Text(_) => Answer::Leave(""),
        Heard::Connection | Heard::Command(_) => well(heard),
    });

    assert_eq!(all_ended(&summary, "ambiguous")["step"], "end_of_data");
}

#[test]
fn a_silent_server_is_given_up() {
    let server = Server::start(but("MAIL", Answer::Say("")));
    let desk = Desk::with_plan(THREE);
    let limits = ["--no-thresholds", "--set", "target.timeouts.reply=100ms"];

    let summary = desk.run(&[&limits[..], &["--target", &server.address()]].concat()).ended(0);

    let row = all_ended(&summary, "timed_out");
    assert_eq!(row["step"], "mail");
    assert_eq!(number(&summary, "/all/response_ms/censored"), 3);
}

#[test]
fn a_refused_recipient_is_temporary_and_has_an_example() {
    let desk = Desk::with_plan(&format!(
        "{THREE}[sink]\nreplies = {{ rcpt = {{ \"450 4.7.1 greylisted\" = 1.0 }} }}\n"
    ));

    let summary = desk.run(&[]).ended(5);

    let row = all_ended(&summary, "temporary");
    assert_eq!((&row["code"], &row["example"]), (&json!(450), &json!("450 4.7.1 greylisted")));
    assert_eq!(summary["all"]["enhanced"], json!({ "4.7.1": 3 }));
    assert_eq!(number(&summary, "/environment/sink/messages"), 0);
    assert_eq!(number(&summary, "/environment/sink/refused/rcpt/450"), 3);
}

#[test]
fn a_refusal_that_the_plan_names_is_expected() {
    let desk = Desk::with_plan(&format!(
        "{THREE}[sink]\nreplies = {{ rcpt = {{ \"550 5.1.1 unknown\" = 1.0 }} }}\n"
    ));

    let expecting = ["--set", "clients.app.expect={ rcpt = \"550\" }"];
    let summary = desk.run(&expecting).ended(0);

    assert_eq!(number(&summary, "/all/messages/expected"), 3);
    assert_eq!(number(&summary, "/all/recipients/expected"), 3);
    assert_eq!(summary["all"]["errors"], json!([]));
}

#[test]
fn an_acceptance_where_a_refusal_must_come_is_unexpected() {
    let desk = Desk::with_plan(THREE);

    let summary = desk.run(&["--set", "clients.app.expect={ rcpt = \"550\" }"]).ended(5);

    assert_eq!(all_ended(&summary, "unexpected")["step"], "rcpt");
}

/// An address at which nobody listens.
fn deserted() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().to_string()
}

#[test]
fn a_target_that_is_not_there_is_told_before_anything_begins() {
    let address = deserted();
    let desk = Desk::with_plan(THREE);

    let ran = desk.run(&["--target", &address, "-q"]);

    assert_eq!((ran.code, ran.stdout.as_str()), (Some(4), ""));
    assert_eq!(
        ran.stderr.lines().collect::<Vec<_>>(),
        [
            format!(
                "error: no connection to target `default` at {address}: Connection refused \
                 (os error 111)"
            ),
            "help: is the server running there? `--sink` tries the plan with the embedded server"
                .to_owned(),
        ]
    );
    assert!(!desk.path("out").exists());
}

/// Public as far as the program knows; but it is multicast, so that the kernel itself refuses to
/// connect a TCP socket: no packet can leave this machine, even where the program is wrong.
const PUBLIC: &str = "239.1.2.3:25";

#[test]
fn an_address_that_is_not_loopback_needs_a_flag_that_is_named() {
    let desk = Desk::with_plan(THREE);
    let table: [(&[&str], _, _); 2] = [
        (&[], "239.1.2.3 (`239.1.2.3`) is not allowed", "`--allow 239.1.2.3/32`"),
        (&["--allow", "239.0.0.0/8"], "is a public address", "`--authorized 239.1.2.3`"),
    ];
    for (more, error, help) in table {
        let ran = desk.run(&[&["-q", "--target", PUBLIC], more].concat());

        assert_eq!((ran.code, ran.stdout.as_str()), (Some(4), ""), "{}", ran.stderr);
        assert!(ran.stderr.contains(error) && ran.stderr.contains(help), "{}", ran.stderr);
        assert!(!desk.path("out").exists());
    }
}

/// A server that is killed when the second phase begins, and started again with the third.
fn broken_in_the_middle(load: &str) {
    let sink_desk = Desk::with_plan(THREE);
    let sink = SinkProcess::start(&sink_desk);
    let address = sink.address.to_string();
    let phase = |name: &str, duration: &str| {
        format!(
            "[[phases]]\nname = \"{name}\"\nkind = \"steady\"\n{load}\nduration = \"{duration}\"\n"
        )
    };
    let phases = [phase("before", "700ms"), phase("broken", "800ms"), phase("after", "3s")];
    let desk = Desk::with_plan(&phases.join("\n"));
    let think = "clients.app.think=5ms";
    let mut running = desk.begin(&[
        "--no-thresholds",
        "--progress",
        "plain",
        "--target",
        &address,
        "--set",
        think,
    ]);

    running.wait_for("broken (2 of 3)");
    sink.kill();
    running.wait_for("after (3 of 3)");
    let again = SinkProcess::start_at(&sink_desk, &address);
    let summary = running.end().ended(0);

    let all = |kind: &str| number(&summary, &format!("/all/messages/{kind}"));
    let broken = ["unconnected", "disconnected", "ambiguous"].map(all);
    assert!(broken.iter().sum::<u64>() > 0, "{:#}", summary["all"]["messages"]);
    assert_eq!(all("started"), all("accepted") + broken.iter().sum::<u64>());
    let refused = throttling::row(&summary, 1, "refused");
    let attempts = number(&summary, "/phases/1/figures/steps/connect/refused");
    assert_eq!((&refused["step"], number(&refused, "/count")), (&json!("connect"), attempts));
    let began = throttling::events(&desk).into_iter().find(|it| it["sign"] == "refused").unwrap();
    assert_eq!((&began["phase"], &began["at_s"]), (&json!("broken"), &refused["begin_s"]));
    for phase in [0, 2] {
        let pointer = format!("/phases/{phase}/figures/messages/accepted");
        assert!(number(&summary, &pointer) > 0, "{phase}: {:#}", summary["all"]);
    }
    let taken = number(&again.counters(), "/messages");
    assert_eq!(taken, number(&summary, "/phases/2/figures/messages/accepted"));
}

#[test]
fn an_open_load_returns_when_the_server_does() {
    broken_in_the_middle("rate = \"80/s\"\narrival = \"even\"");
}

#[test]
fn a_closed_load_returns_when_the_server_does() {
    broken_in_the_middle("connections = 3");
}
