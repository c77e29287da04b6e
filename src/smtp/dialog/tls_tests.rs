//! Dialogs that ask for TLS, against a server that is the test.

use super::tests::{Wire, manners};
use super::*;
use crate::smtp::{Handshake, TlsMode};

fn with(tls: TlsMode) -> Wire {
    Wire::with(Manners { tls: Some(tls), pipelining: Pipelining::Auto, ..manners() })
}

/// STARTTLS is asked for, and the server has not yet answered.
fn asked() -> Wire {
    let mut wire = with(TlsMode::Starttls);
    wire.says("220 hi\r\n");
    wire.sends("EHLO me.test\r\n");
    wire.says("250-hi\r\n250-PIPELINING\r\n250 STARTTLS\r\n");
    wire.sends("STARTTLS\r\n");
    wire
}

/// What was refused or never answered, by step.
fn unanswered(wire: &Wire) -> Vec<Step> {
    let steps = wire.events.iter().filter_map(|event| match event {
        Event::Unanswered { step, .. } => Some(*step),
        _ => None,
    });
    steps.collect()
}

#[test]
fn starttls_is_followed_by_a_second_ehlo_and_what_was_offered_in_clear_is_forgotten() {
    let mut wire = asked();
    wire.says("220 go\r\n");
    assert_eq!(wire.act, Act::StartTls);
    assert!(wire.out.is_empty(), "nothing more goes in clear");
    wire.on(Input::Flushed);
    wire.wait(7);
    wire.on(Input::TlsReady(Handshake::Full));
    wire.sends("EHLO me.test\r\n");
    wire.says("250 hi\r\n");

    let secured = Event::Secured { step: Step::Tls, took: std::time::Duration::from_millis(7) };
    assert!(wire.events.contains(&secured), "{:?}", wire.events);
    assert!(wire.dialog.is_idle());
    wire.begin(&["b@x"], &[]);
    assert_eq!(wire.out, b"MAIL FROM:<a@x>\r\n", "groups were offered in clear alone");
}

#[test]
fn starttls_is_asked_for_once_however_often_it_is_offered() {
    let mut wire = asked();
    wire.says("220 go\r\n");
    wire.on(Input::Flushed);
    wire.on(Input::TlsReady(Handshake::Resumed));
    wire.sends("EHLO me.test\r\n");
    wire.says("250-hi\r\n250 STARTTLS\r\n");

    assert!(wire.dialog.is_idle());
    assert!(wire.out.is_empty());
}

#[test]
fn with_implicit_tls_the_handshake_comes_before_the_greeting() {
    let mut wire = with(TlsMode::Implicit);
    assert_eq!(wire.act, Act::StartTls);
    wire.on(Input::Flushed);
    assert_eq!(wire.dialog.awaited(), Some(Step::Tls));
    wire.on(Input::TlsReady(Handshake::Full));
    assert_eq!(wire.dialog.awaited(), Some(Step::Greeting));
    wire.wait(3);
    wire.says("220 hi\r\n");
    wire.sends("EHLO me.test\r\n");
    wire.says("250-hi\r\n250 STARTTLS\r\n");

    assert!(wire.dialog.is_idle());
    let greeting = wire.events.iter().find_map(|event| match event {
        Event::Replied { step: Step::Greeting, took, .. } => Some(took.as_millis()),
        _ => None,
    });
    assert_eq!(greeting, Some(3), "from the end of the handshake");
}

#[test]
fn where_starttls_is_not_offered_the_session_ends_and_never_goes_on_in_clear() {
    let mut wire = with(TlsMode::Starttls);
    wire.says("220 hi\r\n");
    wire.sends("EHLO me.test\r\n");
    wire.says("250 hi\r\n");

    assert_eq!(wire.ends(), [(Outcome::Tls, Step::Starttls, None)]);
    assert!(wire.events.contains(&Event::Lacking("the server offers no STARTTLS")));
    wire.sends("QUIT\r\n");
    wire.says("221 bye\r\n");
    assert_eq!(wire.act, Act::Close);
}

#[test]
fn a_server_that_knows_only_helo_offers_no_starttls() {
    let mut wire = with(TlsMode::Starttls);
    wire.says("220 hi\r\n");
    wire.sends("EHLO me.test\r\n");
    wire.says("502 what\r\n");
    wire.sends("HELO me.test\r\n");
    wire.says("250 hi\r\n");

    assert_eq!(wire.ends(), [(Outcome::Tls, Step::Starttls, None)]);
    wire.sends("QUIT\r\n");
}

#[test]
fn a_refused_starttls_ends_the_session_with_its_code() {
    let table = [
        ("454 4.7.0 not now\r\n", Outcome::Tls),
        ("502 what\r\n", Outcome::Tls),
        ("250 fine\r\n", Outcome::Protocol),
    ];
    for (says, outcome) in table {
        let mut wire = asked();
        wire.says(says);
        assert_eq!(wire.ends().len(), 1, "{says}");
        let code = says.get(..3).and_then(|code| code.parse().ok());
        assert_eq!(wire.ends()[0], (outcome, Step::Starttls, code), "{says}");
        wire.sends("QUIT\r\n");
    }
}

#[test]
fn a_421_to_starttls_closes_at_once() {
    let mut wire = asked();
    wire.says("421 4.3.2 bye\r\n");

    assert_eq!(wire.ends(), [(Outcome::Temporary, Step::Starttls, Some(421))]);
    assert_eq!(wire.act, Act::Close);
    assert!(wire.out.is_empty());
}

#[test]
fn octets_in_clear_behind_the_reply_to_starttls_are_a_protocol_error_of_that_step() {
    let mut wire = asked();
    wire.says("220 go\r\n");
    assert_eq!(wire.act, Act::StartTls);
    wire.on(Input::Illegal);

    assert_eq!(wire.ends(), [(Outcome::Protocol, Step::Starttls, None)]);
    assert_eq!(unanswered(&wire), [], "there was no handshake");
    assert_eq!(wire.act, Act::Close);
}

#[test]
fn a_handshake_may_fail_be_too_slow_or_be_cut_off() {
    let table = [
        (Input::TlsFailed, Outcome::Tls),
        (Input::Deadline, Outcome::TimedOut),
        (Input::Eof, Outcome::Disconnected),
    ];
    for (input, outcome) in table {
        let mut wire = with(TlsMode::Implicit);
        wire.on(Input::Flushed);
        wire.on(input);
        assert_eq!(wire.ends(), [(outcome, Step::Tls, None)]);
        assert_eq!(unanswered(&wire), [Step::Tls]);
        assert_eq!(wire.act, Act::Close);
        assert!(wire.out.is_empty(), "no QUIT in clear");
    }
}

#[test]
fn what_the_server_says_of_the_handshake_only_later_is_still_a_failure_of_tls() {
    let mut wire = with(TlsMode::Implicit);
    wire.on(Input::Flushed);
    wire.on(Input::TlsReady(Handshake::Full));
    wire.on(Input::TlsFailed);

    assert_eq!(wire.ends(), [(Outcome::Tls, Step::Tls, None)]);
    assert_eq!(unanswered(&wire), [Step::Greeting]);
}

#[test]
fn tls_that_breaks_in_a_message_is_a_lost_connection() {
    let mut wire = asked();
    wire.says("220 go\r\n");
    wire.on(Input::Flushed);
    wire.on(Input::TlsReady(Handshake::Full));
    wire.sends("EHLO me.test\r\n");
    wire.says("250 hi\r\n");
    wire.begin(&["b@x"], &[]);
    wire.sends("MAIL FROM:<a@x>\r\n");
    wire.on(Input::TlsFailed);

    assert_eq!(wire.ends(), [(Outcome::Disconnected, Step::Mail, None)]);
}
