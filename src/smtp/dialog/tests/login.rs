//! AUTH before the first message.

use super::super::super::auth::{Attempt, Login, Mechanism, Proof, Secret, encode};
use super::super::super::{Exchange, event::LoginEnd};
use super::*;

fn exchange(mechanism: Mechanism, password: &str, proof: Proof) -> Exchange {
    let login = Login { user: "tim".into(), password: Secret::new(password) };
    Exchange::new(Attempt { mechanism, login, proof }, "nonce".to_owned(), Rc::default())
}

/// A session that was greeted and is offered these mechanisms.
fn offered(exchange: Exchange, expect: Option<&str>, mechanisms: &str) -> Wire {
    let mut wire = Wire::with(manners());
    let expect = expect.map(|codes| codes.parse().unwrap());
    wire.dialog = Dialog::new(Rc::new(manners())).logging_in(exchange, expect);
    wire.on(Input::Opened);
    wire.says("220 hi\r\n");
    wire.sends("EHLO me.test\r\n");
    wire.says(&format!("250-hi\r\n250 {mechanisms}\r\n"));
    wire
}

fn plain(expect: Option<&str>, proof: Proof) -> Wire {
    offered(exchange(Mechanism::Plain, "tanstaaf", proof), expect, "AUTH LOGIN PLAIN")
}

fn logins(wire: &Wire) -> Vec<LoginEnd> {
    let ends = wire.events.iter().filter_map(|event| match event {
        Event::LoggedIn(end) => Some(*end),
        _ => None,
    });
    ends.collect()
}

#[test]
fn a_session_is_ready_when_it_is_logged_in() {
    let mut wire = plain(None, Proof::Right);
    wire.sends("AUTH PLAIN AHRpbQB0YW5zdGFhZg==\r\n");
    assert!(!wire.events.contains(&Event::Ready));
    wire.says("235 2.7.0 welcome\r\n");

    assert!(wire.events.contains(&Event::Ready));
    assert!(wire.dialog.is_idle());
    assert_eq!(logins(&wire), [LoginEnd::Accepted]);
}

#[test]
fn all_rounds_are_one_step() {
    let exchange = exchange(Mechanism::Login, "tanstaaf", Proof::Right);
    let mut wire = offered(exchange, None, "AUTH LOGIN");
    for (sends, says) in [
        ("AUTH LOGIN\r\n", "334 VXNlcm5hbWU6\r\n"),
        ("dGlt\r\n", "334 UGFzc3dvcmQ6\r\n"),
        ("dGFuc3RhYWY=\r\n", "235 ok\r\n"),
    ] {
        wire.sends(sends);
        wire.wait(5);
        wire.says(says);
    }

    assert_eq!(wire.codes(Step::Auth), [235]);
    let took = wire.events.iter().find_map(|event| match event {
        Event::Replied { step: Step::Auth, took, .. } => Some(took.as_millis()),
        _ => None,
    });
    assert_eq!(took, Some(15));
}

#[test]
fn a_refusal_ends_the_session_as_its_code_says() {
    let wrong = Proof::Wrong(1);
    let table = [
        (None, Proof::Right, "535 5.7.8 no", Outcome::Permanent, LoginEnd::Refused),
        (None, Proof::Right, "454 4.7.0 later", Outcome::Temporary, LoginEnd::Refused),
        (None, Proof::Right, "421 4.7.0 bye", Outcome::Temporary, LoginEnd::Refused),
        (None, wrong, "535 5.7.8 no", Outcome::Expected, LoginEnd::RefusedOnPurpose),
        (None, wrong, "235 2.7.0 in", Outcome::Unexpected, LoginEnd::Accepted),
        (None, wrong, "454 4.7.0 later", Outcome::Temporary, LoginEnd::RefusedOnPurpose),
        (Some("535"), Proof::Right, "535 5.7.8 no", Outcome::Expected, LoginEnd::Refused),
        (Some("535"), Proof::Right, "235 2.7.0 in", Outcome::Unexpected, LoginEnd::Accepted),
        (Some("421"), wrong, "421 4.7.0 bye", Outcome::Expected, LoginEnd::RefusedOnPurpose),
        (Some("421"), wrong, "535 5.7.8 no", Outcome::Unexpected, LoginEnd::RefusedOnPurpose),
    ];
    for (expect, proof, says, outcome, end) in table {
        let mut wire = plain(expect, proof);
        wire.out.clear();
        wire.on(Input::Flushed);
        wire.says(&format!("{says}\r\n"));

        let code = says.get(..3).unwrap().parse().unwrap();
        assert_eq!(wire.ends(), [(outcome, Step::Auth, Some(code))], "{expect:?} {says}");
        assert_eq!(logins(&wire), [end], "{says}");
        let last = if code == 421 { "" } else { "QUIT\r\n" };
        assert_eq!(String::from_utf8_lossy(&wire.out), last, "{says}");
        assert!(!wire.events.contains(&Event::Ready), "{says}");
    }
}

#[test]
fn what_is_expected_and_comes_lets_the_session_go_on() {
    let mut wire = plain(Some("2xx"), Proof::Right);
    wire.sends("AUTH PLAIN AHRpbQB0YW5zdGFhZg==\r\n");
    wire.says("235 ok\r\n");

    assert!(wire.dialog.is_idle());
}

#[test]
fn a_mechanism_that_is_not_offered_makes_no_session() {
    for offers in ["PIPELINING", "AUTH LOGIN CRAM-MD5", "AUTHORITY PLAIN"] {
        let exchange = exchange(Mechanism::Plain, "tanstaaf", Proof::Right);
        let mut wire = offered(exchange, None, offers);

        assert_eq!(wire.ends(), [(Outcome::Unconnected, Step::Auth, None)], "{offers}");
        assert!(wire.events.contains(&Event::Lacking("the server does not offer AUTH PLAIN")));
        wire.sends("QUIT\r\n");
    }
}

#[test]
fn a_long_initial_response_waits_for_the_server() {
    let token = "t".repeat(600);
    let exchange = exchange(Mechanism::Oauthbearer, &token, Proof::Right);
    let mut wire = offered(exchange, None, "AUTH OAUTHBEARER");
    wire.sends("AUTH OAUTHBEARER\r\n");
    wire.says("334 \r\n");
    let response = format!("n,a=tim,\x01auth=Bearer {token}\x01\x01");
    wire.sends(&format!("{}\r\n", encode(response.as_bytes())));
    wire.says("334 eyJzdGF0dXMiOiI0MDEifQ==\r\n");
    wire.sends("AQ==\r\n");
    wire.says("535 5.7.8 no\r\n");

    assert_eq!(wire.ends(), [(Outcome::Permanent, Step::Auth, Some(535))]);
}

#[test]
fn a_challenge_that_cannot_be_answered_cancels_the_login() {
    for says in ["334 !\r\n", "334 cj1vdGhlcixzPVcyMlosaT00MDk2\r\n"] {
        let exchange = exchange(Mechanism::ScramSha256, "tanstaaf", Proof::Right);
        let mut wire = offered(exchange, None, "AUTH SCRAM-SHA-256");
        wire.sends("AUTH SCRAM-SHA-256 biwsbj10aW0scj1ub25jZQ==\r\n");
        wire.says(says);
        wire.sends("*\r\n");
        wire.says("501 cancelled\r\n");

        assert_eq!(wire.ends(), [(Outcome::Protocol, Step::Auth, None)], "{says}");
        wire.sends("QUIT\r\n");
    }
}

#[test]
fn a_success_without_the_servers_proof_is_a_breach() {
    let exchange = exchange(Mechanism::ScramSha256, "tanstaaf", Proof::Right);
    let mut wire = offered(exchange, None, "AUTH SCRAM-SHA-256");
    wire.sends("AUTH SCRAM-SHA-256 biwsbj10aW0scj1ub25jZQ==\r\n");
    wire.says("235 welcome\r\n");

    assert_eq!(wire.ends(), [(Outcome::Protocol, Step::Auth, None)]);
}

#[test]
fn xclient_comes_before_auth() {
    let mut manners = manners();
    manners.xclient = Some(Xclient { login: Some("a".to_owned()), ..Xclient::default() });
    let mut wire = Wire::with(manners.clone());
    let exchange = exchange(Mechanism::Plain, "tanstaaf", Proof::Right);
    wire.dialog = Dialog::new(Rc::new(manners)).logging_in(exchange, None);
    wire.on(Input::Opened);
    wire.says("220 hi\r\n");
    for (sends, says) in [
        ("EHLO me.test\r\n", "250-hi\r\n250 XCLIENT LOGIN\r\n"),
        ("XCLIENT LOGIN=a\r\n", "220 again\r\n"),
        ("EHLO me.test\r\n", "250-hi\r\n250 AUTH PLAIN\r\n"),
        ("AUTH PLAIN AHRpbQB0YW5zdGFhZg==\r\n", "235 ok\r\n"),
    ] {
        wire.sends(sends);
        wire.says(says);
    }

    assert!(wire.dialog.is_idle());
}
