//! XCLIENT before the first message.

use super::*;

fn manners() -> Manners {
    let addr = Some("198.18.0.0/24".parse().unwrap());
    let xclient = Xclient { addr, login: Some("a=b".to_owned()), ..Xclient::default() };
    Manners { xclient: Some(xclient), ..Manners::of("me.test".parse().unwrap()) }
}

/// The seventh session of its client, greeted.
fn greeted() -> Wire {
    let mut wire = Wire::with(manners());
    wire.dialog = Dialog::new(Rc::new(manners())).numbered(7);
    wire.on(Input::Opened);
    wire.says("220 hi\r\n");
    wire.sends("EHLO me.test\r\n");
    wire
}

#[test]
fn a_session_says_whom_it_stands_for_and_begins_anew() {
    let mut wire = greeted();
    wire.says("250-hi\r\n250-XCLIENT NAME ADDR LOGIN\r\n250 PIPELINING\r\n");
    wire.sends("XCLIENT ADDR=198.18.0.7 LOGIN=a+3Db\r\n");
    assert!(!wire.events.contains(&Event::Ready));
    wire.says("220 hi again\r\n");
    wire.sends("EHLO me.test\r\n");
    wire.says("250-hi\r\n250 XCLIENT NAME ADDR LOGIN\r\n");

    assert!(wire.events.contains(&Event::Ready));
    assert_eq!(wire.codes(Step::Xclient), [220]);
    assert_eq!(wire.codes(Step::Ehlo), [250, 250]);
    assert!(wire.dialog.is_idle());
    wire.begin(&["b@x"], &[]);
    assert_eq!(wire.out, b"MAIL FROM:<a@x>\r\n", "what was offered before counts no more");
}

#[test]
fn there_is_no_session_where_an_attribute_is_not_offered() {
    for says in ["250 hi\r\n", "250-hi\r\n250 XCLIENT ADDR\r\n"] {
        let mut wire = greeted();
        wire.says(says);

        assert_eq!(wire.ends(), [(Outcome::Unconnected, Step::Ehlo, None)], "{says}");
        assert!(wire.events.iter().any(|event| matches!(event, Event::Lacking(_))));
        wire.sends("QUIT\r\n");
    }
}

#[test]
fn helo_offers_no_xclient() {
    let mut wire = greeted();
    wire.says("502 what\r\n");
    wire.sends("HELO me.test\r\n");
    wire.says("250 hi\r\n");

    assert_eq!(wire.ends(), [(Outcome::Unconnected, Step::Ehlo, None)]);
}

#[test]
fn a_refusal_is_that_of_its_own_step() {
    for (says, outcome, code) in [
        ("550 5.7.0 insufficient authorization\r\n", Outcome::Permanent, 550),
        ("421 bye\r\n", Outcome::Temporary, 421),
        ("250 ok\r\n", Outcome::Protocol, 250),
    ] {
        let mut wire = greeted();
        wire.says("250-hi\r\n250 XCLIENT ADDR LOGIN\r\n");
        wire.sends("XCLIENT ADDR=198.18.0.7 LOGIN=a+3Db\r\n");
        wire.says(says);

        assert_eq!(wire.ends(), [(outcome, Step::Xclient, Some(code))], "{says}");
    }
}
