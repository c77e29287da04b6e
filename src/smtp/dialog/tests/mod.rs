//! Dialogs against a server that is the test.

mod chunks;
mod introduction;
mod lmtp;
mod login;
mod opening;
mod throttling;

use std::time::Duration;

use super::super::{Protocol, RecipientEnd, Xclient};
use super::*;

/// A dialog whose server is the test.
pub(super) struct Wire {
    pub(super) dialog: Dialog,
    now: Instant,
    pub(super) out: Vec<u8>,
    pub(super) events: Vec<Event>,
    pub(super) act: Act,
}

/// Those of a client that sends in clear and does not group.
pub(super) fn manners() -> Manners {
    Manners { pipelining: Pipelining::Never, ..Manners::of("me.test".parse().unwrap()) }
}

impl Wire {
    fn connect(pipelining: Pipelining) -> Self {
        Self::with(Manners { pipelining, ..manners() })
    }

    pub(super) fn with(manners: Manners) -> Self {
        let mut wire = Self {
            dialog: Dialog::new(Rc::new(manners)),
            now: Instant::now(),
            out: Vec::new(),
            events: Vec::new(),
            act: Act::Flush,
        };
        wire.on(Input::Opened);
        wire
    }

    fn ready(pipelining: Pipelining) -> Self {
        let mut wire = Self::connect(pipelining);
        wire.says("220 hi\r\n");
        wire.sends("EHLO me.test\r\n");
        wire.says("250-hi\r\n250 PIPELINING\r\n");
        wire.events.clear();
        wire
    }

    /// A session that is ready for MAIL, with these lines behind the first of the EHLO reply.
    fn ready_as(manners: Manners, offered: &str) -> Self {
        let mut wire = Self::with(manners);
        wire.says("220 hi\r\n");
        wire.out.clear();
        wire.on(Input::Flushed);
        wire.says(&format!("250-hi\r\n{offered}"));
        wire.events.clear();
        assert!(wire.dialog.is_idle());
        wire
    }

    pub(super) fn on(&mut self, input: Input<'_>) {
        self.act = self.dialog.on(input, self.now, &mut self.out, &mut self.events);
    }

    pub(super) fn says(&mut self, text: &str) {
        let mut rest = text.as_bytes();
        while let Some((reply, length)) = Reply::parse(rest).unwrap() {
            self.on(Input::Reply(reply));
            rest = &rest[length..];
        }
        assert!(rest.is_empty());
    }

    pub(super) fn sends(&mut self, text: &str) {
        assert_eq!(String::from_utf8_lossy(&self.out), text);
        self.out.clear();
        self.on(Input::Flushed);
    }

    pub(super) fn wait(&mut self, milliseconds: u64) {
        self.now += Duration::from_millis(milliseconds);
    }

    pub(super) fn begin(&mut self, recipients: &[&str], expect: &[(Step, &str)]) {
        let to: Vec<String> = recipients.iter().map(|to| (*to).to_owned()).collect();
        let (eight_bit, utf8) = (false, false);
        let envelope = Envelope { id: 1, from: "a@x", to: &to, size: 4, eight_bit, utf8 };
        let expect =
            Expectations::new(expect.iter().map(|(step, code)| (*step, code.parse().unwrap())));
        self.act = self.dialog.begin(&envelope, Some(Rc::new(expect)), &mut self.out);
    }

    fn text(&mut self) {
        assert_eq!(self.act, Act::Text);
        self.out.extend_from_slice(b"hi\r\n.\r\n");
    }

    /// The text goes as a chunk behind what is in `out`; then the message may be written to here.
    fn chunk(&mut self) {
        assert_eq!(self.act, Act::Chunk);
        self.out.extend_from_slice(b"hi\r\n");
    }

    /// The codes of one step in the order in which they came.
    fn codes(&self, step: Step) -> Vec<u16> {
        let codes = self.events.iter().filter_map(|event| match event {
            Event::Replied { step: at, code, .. } if *at == step => Some(code.number()),
            _ => None,
        });
        codes.collect()
    }

    fn recipients(&self) -> Vec<RecipientEnd> {
        let ends = self.events.iter().filter_map(|event| match event {
            Event::Recipient(end) => Some(*end),
            _ => None,
        });
        ends.collect()
    }

    pub(super) fn ends(&self) -> Vec<(Outcome, Step, Option<u16>)> {
        let ends = self.events.iter().filter_map(|event| match event {
            Event::Ended(end) => Some((end.outcome, end.step, end.code.map(Code::number))),
            _ => None,
        });
        ends.collect()
    }
}

const GROUP: &str = "MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n";

#[test]
fn lock_step_sends_one_command_for_each_reply() {
    let mut wire = Wire::ready(Pipelining::Never);
    wire.begin(&["b@x", "c@x"], &[]);
    wire.sends("MAIL FROM:<a@x>\r\n");
    wire.says("250 ok\r\n");
    wire.sends("RCPT TO:<b@x>\r\n");
    wire.says("550 no\r\n");
    wire.sends("RCPT TO:<c@x>\r\n");
    wire.says("250 ok\r\n");
    wire.sends("DATA\r\n");
    wire.says("354 go\r\n");
    wire.text();
    wire.sends("hi\r\n.\r\n");
    wire.says("250 taken\r\n");

    assert_eq!(wire.ends(), [(Outcome::Accepted, Step::EndOfData, Some(250))]);
    assert!(wire.dialog.is_idle());
}

#[test]
fn a_group_is_one_write_and_its_times_do_not_hold_the_waiting_for_others() {
    let mut wire = Wire::ready(Pipelining::Auto);
    wire.begin(&["b@x"], &[]);
    wire.sends(GROUP);
    wire.wait(5);
    wire.says("250 ok\r\n");
    wire.wait(2);
    wire.says("250 ok\r\n354 go\r\n");

    let times: Vec<u128> = wire
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Replied { took, .. } => Some(took.as_millis()),
            _ => None,
        })
        .collect();
    assert_eq!(times, [5, 2, 0]);
    wire.text();
    assert!(!wire.dialog.may_ride());
}

#[test]
fn one_round_trip_carries_the_text_and_the_next_group() {
    let mut wire = Wire::ready(Pipelining::Full);
    wire.begin(&["b@x"], &[]);
    wire.sends(GROUP);
    wire.says("250 ok\r\n250 ok\r\n354 go\r\n");
    wire.text();
    assert!(wire.dialog.may_ride());
    wire.begin(&["b@x"], &[]);
    wire.sends(&format!("hi\r\n.\r\n{GROUP}"));
    wire.wait(3);
    wire.says("250 taken\r\n");
    wire.wait(4);
    wire.says("250 ok\r\n250 ok\r\n354 go\r\n");
    wire.text();
    wire.sends("hi\r\n.\r\n");
    wire.says("250 taken\r\n");

    let services: Vec<u128> = wire
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Ended(end) => end.service.map(|service| service.as_millis()),
            _ => None,
        })
        .collect();
    assert_eq!(services, [3, 4], "the second counts from the first one's final reply");
}

#[test]
fn the_first_refused_step_decides_and_what_follows_counts_in_steps_alone() {
    let mut wire = Wire::ready(Pipelining::Auto);
    wire.begin(&["b@x"], &[]);
    wire.sends(GROUP);
    wire.says("452 4.3.1 full\r\n503 no\r\n503 no\r\n");

    assert_eq!(wire.ends(), [(Outcome::Temporary, Step::Mail, Some(452))]);
    assert!(wire.dialog.is_idle(), "no transaction is open, so no RSET is needed");
}

#[test]
fn a_lone_dot_answers_a_354_without_recipients() {
    let mut wire = Wire::ready(Pipelining::Auto);
    wire.begin(&["b@x"], &[]);
    wire.sends(GROUP);
    wire.says("250 ok\r\n550 no\r\n354 go\r\n");
    wire.sends(".\r\n");
    wire.says("554 no recipients\r\n");

    assert_eq!(wire.ends(), [(Outcome::Permanent, Step::Rcpt, Some(550))]);
    assert!(wire.dialog.is_idle());
}

#[test]
fn a_refused_message_is_reset_before_the_next() {
    let mut wire = Wire::ready(Pipelining::Never);
    wire.begin(&["b@x"], &[]);
    wire.sends("MAIL FROM:<a@x>\r\n");
    wire.says("250 ok\r\n");
    wire.sends("RCPT TO:<b@x>\r\n");
    wire.says("450 4.7.1 later\r\n");
    wire.sends("RSET\r\n");
    assert!(!wire.dialog.is_idle());
    wire.says("250 ok\r\n");

    assert_eq!(wire.ends(), [(Outcome::Temporary, Step::Rcpt, Some(450))]);
    assert!(wire.dialog.is_idle());
}

#[test]
fn only_the_named_refusal_is_expected() {
    for (says, outcome) in [("550 no\r\n", Outcome::Expected), ("450 no\r\n", Outcome::Unexpected)]
    {
        let mut wire = Wire::ready(Pipelining::Never);
        wire.begin(&["b@x"], &[(Step::Rcpt, "550")]);
        wire.sends("MAIL FROM:<a@x>\r\n");
        wire.says("250 ok\r\n");
        wire.sends("RCPT TO:<b@x>\r\n");
        wire.says(says);
        assert_eq!(wire.ends().len(), 1);
        assert_eq!(wire.ends()[0].0, outcome, "{says}");
    }
}

#[test]
fn an_acceptance_that_was_not_expected_is_an_error_though_the_message_goes_on() {
    let mut wire = Wire::ready(Pipelining::Auto);
    wire.begin(&["b@x"], &[(Step::Rcpt, "550")]);
    wire.sends(GROUP);
    wire.says("250 ok\r\n250 ok\r\n354 go\r\n");
    wire.text();
    wire.sends("hi\r\n.\r\n");
    wire.says("250 taken\r\n");

    assert_eq!(wire.ends(), [(Outcome::Unexpected, Step::Rcpt, Some(250))]);
}

#[test]
fn an_end_after_the_final_dot_is_ambiguous_and_before_it_a_disconnection() {
    for (flushed, outcome) in [(true, Outcome::Ambiguous), (false, Outcome::Disconnected)] {
        let mut wire = Wire::ready(Pipelining::Auto);
        wire.begin(&["b@x"], &[]);
        wire.sends(GROUP);
        wire.says("250 ok\r\n250 ok\r\n354 go\r\n");
        wire.text();
        if flushed {
            wire.sends("hi\r\n.\r\n");
        }
        wire.on(Input::Eof);
        assert_eq!(wire.ends(), [(outcome, Step::EndOfData, None)]);
        assert_eq!(wire.act, Act::Close);
    }
}

#[test]
fn a_421_ends_message_and_session_at_any_moment() {
    let mut wire = Wire::ready(Pipelining::Auto);
    wire.begin(&["b@x"], &[]);
    wire.sends(GROUP);
    wire.says("250 ok\r\n421 4.3.2 bye\r\n");

    assert_eq!(wire.ends(), [(Outcome::Temporary, Step::Rcpt, Some(421))]);
    assert_eq!(wire.act, Act::Close);
}

#[test]
fn a_reply_to_something_not_yet_sent_is_a_protocol_error() {
    let mut wire = Wire::ready(Pipelining::Never);
    wire.begin(&["b@x"], &[]);
    wire.sends("MAIL FROM:<a@x>\r\n");
    wire.says("250 ok\r\n250 more\r\n");

    assert_eq!(wire.ends(), [(Outcome::Protocol, Step::Rcpt, None)]);
}

#[test]
fn a_greeting_other_than_220_means_no_session() {
    let mut wire = Wire::connect(Pipelining::Auto);
    wire.says("554 5.7.1 go away\r\n");

    assert_eq!(wire.ends(), [(Outcome::Unconnected, Step::Greeting, Some(554))]);
    assert_eq!(wire.act, Act::Close);
}

#[test]
fn helo_is_tried_where_ehlo_is_refused() {
    let mut wire = Wire::connect(Pipelining::Auto);
    wire.says("220 hi\r\n");
    wire.sends("EHLO me.test\r\n");
    wire.says("502 what\r\n");
    wire.sends("HELO me.test\r\n");
    wire.says("250 hi\r\n");

    assert!(wire.dialog.is_idle());
    wire.begin(&["b@x"], &[]);
    assert_eq!(wire.out, b"MAIL FROM:<a@x>\r\n", "no group was offered");
}

#[test]
fn waiting_too_long_is_told_from_a_lost_connection() {
    let mut wire = Wire::ready(Pipelining::Auto);
    wire.begin(&["b@x"], &[]);
    wire.sends(GROUP);
    wire.says("250 ok\r\n");
    wire.on(Input::Deadline);

    assert_eq!(wire.ends(), [(Outcome::TimedOut, Step::Rcpt, None)]);
    let unanswered: Vec<&Event> =
        wire.events.iter().filter(|event| matches!(event, Event::Unanswered { .. })).collect();
    assert_eq!(unanswered.len(), 2);
}

#[test]
fn a_session_ends_with_quit_and_its_reply() {
    let mut wire = Wire::ready(Pipelining::Auto);
    let act = wire.dialog.leave(&mut wire.out);
    assert_eq!(act, Act::Flush);
    wire.sends("QUIT\r\n");
    wire.says("221 bye\r\n");

    assert_eq!(wire.act, Act::Close);
    assert_eq!(wire.ends(), []);
}
