//! LMTP: a reply for each accepted recipient.

use super::*;

const GROUP: &str = "MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nRCPT TO:<c@x>\r\nDATA\r\n";

fn manners(pipelining: Pipelining) -> Manners {
    let protocol = Protocol::Lmtp;
    Manners { pipelining, protocol, ..Manners::of("me.test".parse().unwrap()) }
}

fn ready(pipelining: Pipelining) -> Wire {
    Wire::ready_as(manners(pipelining), "250 PIPELINING\r\n")
}

/// A message to two recipients, both accepted, whose text was sent.
fn dotted() -> Wire {
    let mut wire = ready(Pipelining::Auto);
    wire.begin(&["b@x", "c@x"], &[]);
    wire.sends(GROUP);
    wire.says("250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n");
    wire.text();
    wire.sends("hi\r\n.\r\n");
    wire
}

#[test]
fn a_session_begins_with_lhlo_and_knows_no_helo() {
    let mut wire = Wire::with(manners(Pipelining::Auto));
    wire.says("220 hi\r\n");
    wire.sends("LHLO me.test\r\n");
    wire.says("502 what\r\n");

    assert_eq!(wire.ends(), [(Outcome::Permanent, Step::Ehlo, Some(502))]);
    wire.sends("QUIT\r\n");
}

#[test]
fn one_acceptance_makes_a_message_accepted_with_the_last_reply() {
    for (says, accepting) in
        [("250 b\r\n450 c\r\n", 250), ("550 b\r\n251 c\r\n", 251), ("250 b\r\n251 c\r\n", 250)]
    {
        let mut wire = dotted();
        wire.says(says.split_inclusive('\n').next().unwrap());
        assert_eq!(wire.ends(), [], "{says}");
        assert!(!wire.dialog.is_idle(), "{says}");
        wire.says(says.split_inclusive('\n').next_back().unwrap());

        assert_eq!(wire.ends(), [(Outcome::Accepted, Step::EndOfData, Some(accepting))], "{says}");
        assert!(wire.dialog.is_idle(), "{says}");
    }
}

#[test]
fn the_first_refusal_decides_where_all_are_refused() {
    let mut wire = dotted();
    wire.says("552 full\r\n450 later\r\n");

    assert_eq!(wire.ends(), [(Outcome::Permanent, Step::EndOfData, Some(552))]);
    assert_eq!(wire.recipients(), [RecipientEnd::Permanent, RecipientEnd::Temporary]);
    assert!(wire.dialog.is_idle(), "the text ends the transaction");
}

#[test]
fn recipients_count_by_their_own_reply_and_refused_ones_get_none() {
    let mut wire = ready(Pipelining::Auto);
    wire.begin(&["b@x", "c@x"], &[]);
    wire.sends(GROUP);
    wire.says("250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n");
    wire.text();
    wire.sends("hi\r\n.\r\n");
    wire.says("250 taken\r\n");

    assert_eq!(wire.recipients(), [RecipientEnd::Permanent, RecipientEnd::Accepted]);
    assert_eq!(wire.ends(), [(Outcome::Accepted, Step::EndOfData, Some(250))]);
    assert!(wire.dialog.is_idle());
}

#[test]
fn each_reply_is_timed_from_the_one_before_and_the_message_to_the_last() {
    let mut wire = dotted();
    wire.events.clear();
    wire.wait(5);
    wire.says("250 b\r\n");
    wire.wait(2);
    wire.says("250 c\r\n");

    let times: Vec<u128> = wire
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Replied { took, .. } => Some(took.as_millis()),
            Event::Ended(end) => end.service.map(|service| service.as_millis()),
            _ => None,
        })
        .collect();
    assert_eq!(times, [5, 2, 7]);
}

#[test]
fn an_acceptance_stands_when_the_other_replies_never_come() {
    for (says, outcome, code) in [
        ("", Outcome::Ambiguous, None),
        ("550 b\r\n", Outcome::Ambiguous, None),
        ("250 b\r\n", Outcome::Accepted, Some(250)),
    ] {
        for input in [Input::Eof, Input::Deadline] {
            let mut wire = dotted();
            wire.says(says);
            wire.on(input);

            assert_eq!(wire.ends(), [(outcome, Step::EndOfData, code)], "{says:?} {input:?}");
            assert_eq!(wire.act, Act::Close);
        }
    }
}

#[test]
fn a_421_among_the_replies_answers_for_all_that_are_left() {
    for (says, outcome, code) in [
        ("421 bye\r\n", Outcome::Temporary, 421),
        ("550 b\r\n421 bye\r\n", Outcome::Permanent, 550),
        ("250 b\r\n421 bye\r\n", Outcome::Accepted, 250),
    ] {
        let mut wire = dotted();
        wire.says(says);

        assert_eq!(wire.ends(), [(outcome, Step::EndOfData, Some(code))], "{says}");
        assert_eq!(wire.act, Act::Close);
    }
}

#[test]
fn data_without_recipients_is_refused_by_the_server() {
    let mut wire = ready(Pipelining::Auto);
    wire.begin(&["b@x", "c@x"], &[]);
    wire.sends(GROUP);
    wire.says("250 ok\r\n550 no\r\n450 no\r\n503 no recipients\r\n");

    assert_eq!(wire.ends(), [(Outcome::Permanent, Step::Rcpt, Some(550))]);
    wire.sends("RSET\r\n");
}

#[test]
fn a_354_without_recipients_ends_the_session_for_no_reply_would_come_to_a_dot() {
    let mut wire = ready(Pipelining::Auto);
    wire.begin(&["b@x", "c@x"], &[]);
    wire.sends(GROUP);
    wire.says("250 ok\r\n550 no\r\n450 no\r\n354 go\r\n");

    assert_eq!(wire.ends(), [(Outcome::Permanent, Step::Rcpt, Some(550))]);
    assert_eq!(wire.act, Act::Close);
}

#[test]
fn the_next_group_rides_behind_the_text_and_waits_for_all_its_replies() {
    let mut wire = ready(Pipelining::Full);
    wire.begin(&["b@x", "c@x"], &[]);
    wire.sends(GROUP);
    wire.says("250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n");
    wire.text();
    assert!(wire.dialog.may_ride());
    wire.begin(&["b@x", "c@x"], &[]);
    wire.sends(&format!("hi\r\n.\r\n{GROUP}"));
    wire.says("250 b\r\n550 c\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n");
    wire.text();
    wire.sends("hi\r\n.\r\n");
    wire.says("550 b\r\n550 c\r\n");

    let ends = [
        (Outcome::Accepted, Step::EndOfData, Some(250)),
        (Outcome::Permanent, Step::EndOfData, Some(550)),
    ];
    assert_eq!(wire.ends(), ends);
    assert!(wire.dialog.is_idle());
}

#[test]
fn an_expected_refusal_of_one_recipient_does_not_hide_the_acceptance_of_another() {
    let mut wire = ready(Pipelining::Auto);
    wire.begin(&["b@x", "c@x"], &[(Step::EndOfData, "550")]);
    wire.sends(GROUP);
    wire.says("250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n");
    wire.text();
    wire.sends("hi\r\n.\r\n");
    wire.says("550 b\r\n250 c\r\n");

    assert_eq!(wire.ends(), [(Outcome::Unexpected, Step::EndOfData, Some(250))]);
    assert_eq!(wire.recipients(), [RecipientEnd::Expected, RecipientEnd::Accepted]);
}
