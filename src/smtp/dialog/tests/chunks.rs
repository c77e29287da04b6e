//! Text by BDAT: one chunk for each message, several messages in flight.

use super::*;

const OFFERED: &str = "250-PIPELINING\r\n250 CHUNKING\r\n";
const GROUP: &str = "MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nBDAT 4 LAST\r\nhi\r\n";
const OKS: &str = "250 ok\r\n250 ok\r\n250 taken\r\n";

fn manners(pipelining: Pipelining, chunking: Chunking) -> Manners {
    Manners { pipelining, chunking, ..Manners::of("me.test".parse().unwrap()) }
}

fn ready(pipelining: Pipelining) -> Wire {
    Wire::ready_as(manners(pipelining, Chunking::Auto), OFFERED)
}

/// So many messages in flight, all written.
fn in_flight(messages: usize) -> Wire {
    let mut wire = ready(Pipelining::Full);
    for _ in 0..messages {
        wire.begin(&["b@x"], &[]);
        wire.chunk();
    }
    let behind = format!("RSET\r\n{GROUP}").repeat(messages - 1);
    wire.sends(&format!("{GROUP}{behind}"));
    wire
}

#[test]
fn a_message_is_one_write_and_one_round_trip() {
    let mut wire = ready(Pipelining::Auto);
    wire.begin(&["b@x"], &[]);
    wire.chunk();
    wire.sends(GROUP);
    assert!(!wire.dialog.has_room(), "only `full` has several in flight");
    wire.wait(3);
    wire.says(OKS);

    assert_eq!(wire.ends(), [(Outcome::Accepted, Step::Bdat, Some(250))]);
    assert_eq!(wire.codes(Step::Bdat), [250]);
    assert_eq!(wire.recipients(), [RecipientEnd::Accepted]);
    assert!(wire.dialog.is_idle());
}

#[test]
fn lock_step_sends_the_chunk_with_its_command_when_recipients_are_accepted() {
    let mut wire = ready(Pipelining::Never);
    wire.begin(&["b@x"], &[]);
    wire.sends("MAIL FROM:<a@x>\r\n");
    wire.says("250 ok\r\n");
    wire.sends("RCPT TO:<b@x>\r\n");
    wire.says("250 ok\r\n");
    wire.chunk();
    wire.sends("BDAT 4 LAST\r\nhi\r\n");
    wire.says("250 taken\r\n");

    assert_eq!(wire.ends(), [(Outcome::Accepted, Step::Bdat, Some(250))]);
}

#[test]
fn data_serves_where_chunking_is_not_offered_unless_the_client_is_rude() {
    for (chunking, command) in [(Chunking::Auto, "DATA\r\n"), (Chunking::Always, "BDAT 4 LAST\r\n")]
    {
        let manners = manners(Pipelining::Auto, chunking);
        let mut wire = Wire::ready_as(manners, "250 PIPELINING\r\n");
        wire.begin(&["b@x"], &[]);

        wire.sends(&format!("MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\n{command}"));
    }
}

#[test]
fn several_messages_are_in_flight_and_each_reply_ends_its_own() {
    let mut wire = in_flight(3);
    assert!(wire.dialog.has_room());
    wire.begin(&["b@x"], &[]);
    wire.chunk();
    assert!(!wire.dialog.has_room(), "four at most");
    wire.sends(&format!("RSET\r\n{GROUP}"));
    wire.says(OKS);
    assert_eq!(wire.ends().len(), 1);
    assert!(wire.dialog.has_room());
    wire.says(&format!("250 ok\r\n250 ok\r\n250 ok\r\n552 full\r\n250 ok\r\n{OKS}250 ok\r\n{OKS}"));

    let accepted = (Outcome::Accepted, Step::Bdat, Some(250));
    assert_eq!(
        wire.ends(),
        [accepted, (Outcome::Permanent, Step::Bdat, Some(552)), accepted, accepted]
    );
    assert_eq!(wire.codes(Step::Rset), [250; 3]);
    assert!(wire.dialog.is_idle());
}

#[test]
fn a_message_behind_a_refused_one_begins_anew() {
    let mut wire = in_flight(2);
    wire.says("250 ok\r\n550 no\r\n554 no valid recipients\r\n");
    assert_eq!(wire.ends(), [(Outcome::Permanent, Step::Rcpt, Some(550))]);
    assert_eq!(wire.out, b"", "the RSET of the next message is on its way");
    wire.says("250 reset\r\n");
    wire.says(OKS);

    assert_eq!(wire.ends()[1], (Outcome::Accepted, Step::Bdat, Some(250)));
    assert!(wire.dialog.is_idle());
}

#[test]
fn a_refused_chunk_is_followed_by_rset() {
    let mut wire = ready(Pipelining::Auto);
    wire.begin(&["b@x"], &[]);
    wire.chunk();
    wire.sends(GROUP);
    wire.says("250 ok\r\n550 no\r\n503 no recipients\r\n");

    assert_eq!(wire.ends(), [(Outcome::Permanent, Step::Rcpt, Some(550))]);
    wire.sends("RSET\r\n");
    wire.says("250 ok\r\n");
    assert!(wire.dialog.is_idle());
}

#[test]
fn a_refused_rset_does_not_touch_the_messages_in_flight() {
    let mut wire = in_flight(2);
    wire.says(OKS);
    wire.says(&format!("502 what\r\n{OKS}"));

    let accepted = (Outcome::Accepted, Step::Bdat, Some(250));
    assert_eq!(wire.ends(), [accepted, accepted]);
    assert!(wire.dialog.is_idle());
}

#[test]
fn commands_may_be_answered_while_their_chunk_is_being_written() {
    let mut wire = ready(Pipelining::Auto);
    wire.begin(&["b@x"], &[]);
    wire.chunk();
    wire.dialog.written(Mark::Commands, wire.now);
    wire.wait(4);
    wire.says("250 ok\r\n250 ok\r\n");
    assert_eq!(wire.ends(), []);
    wire.wait(1);
    wire.dialog.written(Mark::Text, wire.now);
    wire.on(Input::Flushed);
    wire.wait(2);
    wire.says("250 taken\r\n");

    assert_eq!(wire.ends(), [(Outcome::Accepted, Step::Bdat, Some(250))]);
    let times: Vec<u128> = wire
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Replied { took, .. } => Some(took.as_millis()),
            Event::Ended(end) => end.service.map(|service| service.as_millis()),
            _ => None,
        })
        .collect();
    assert_eq!(times, [4, 0, 2, 7], "the service counts from the first octet of MAIL");
}

#[test]
fn a_reply_to_a_chunk_that_is_not_yet_sent_is_a_protocol_error() {
    let mut wire = ready(Pipelining::Auto);
    wire.begin(&["b@x"], &[]);
    wire.chunk();
    wire.dialog.written(Mark::Commands, wire.now);
    wire.says(OKS);

    assert_eq!(wire.ends(), [(Outcome::Protocol, Step::Bdat, None)]);
}

#[test]
fn what_was_handed_over_whole_is_ambiguous_and_what_was_not_is_lost() {
    let mut wire = ready(Pipelining::Full);
    wire.begin(&["b@x"], &[]);
    wire.chunk();
    wire.begin(&["b@x"], &[]);
    wire.chunk();
    for mark in [Mark::Commands, Mark::Text, Mark::Commands] {
        wire.dialog.written(mark, wire.now);
    }
    wire.says("250 ok\r\n");
    wire.on(Input::Eof);

    let ends = [(Outcome::Ambiguous, Step::Rcpt, None), (Outcome::Disconnected, Step::Mail, None)];
    assert_eq!(wire.ends(), ends);
}

#[test]
fn an_illegal_reply_decides_its_own_message_and_leaves_open_what_stands_behind() {
    let mut wire = in_flight(2);
    wire.says("250 ok\r\n250 ok\r\n354 what\r\n");

    let ends: Vec<_> = wire.ends().iter().map(|(outcome, _, code)| (*outcome, *code)).collect();
    assert_eq!(ends, [(Outcome::Protocol, Some(354)), (Outcome::Ambiguous, None)]);
    assert_eq!(wire.act, Act::Close);
}

#[test]
fn a_421_ends_the_session_and_leaves_open_what_stands_behind() {
    let mut wire = in_flight(3);
    wire.says("250 ok\r\n421 bye\r\n");

    let open = (Outcome::Ambiguous, Step::Mail, None);
    let step = |n: usize| (wire.ends()[n].0, wire.ends()[n].2);
    assert_eq!(wire.ends()[0], (Outcome::Temporary, Step::Rcpt, Some(421)));
    assert_eq!([step(1), step(2)], [(open.0, open.2); 2]);
    assert_eq!(wire.ends().len(), 3);
    assert_eq!(wire.act, Act::Close);
}

#[test]
fn a_421_to_the_rset_between_two_messages_loses_none_of_them() {
    let mut wire = in_flight(2);
    wire.says(OKS);
    wire.says("421 bye\r\n");

    assert_eq!(wire.ends().len(), 2);
    assert_eq!(wire.ends()[1].0, Outcome::Ambiguous);
}

#[test]
fn silence_behind_a_chunk_is_ambiguous() {
    let mut wire = in_flight(1);
    wire.says("250 ok\r\n250 ok\r\n");
    wire.on(Input::Deadline);

    assert_eq!(wire.ends(), [(Outcome::Ambiguous, Step::Bdat, None)]);
}

#[test]
fn a_chunk_in_lmtp_has_a_reply_for_each_accepted_recipient() {
    let group = "MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nRCPT TO:<c@x>\r\nRCPT TO:<d@x>\r\nBDAT 4 LAST\r\nhi\r\n";
    for pipelining in [Pipelining::Never, Pipelining::Auto] {
        let manners = Manners { protocol: Protocol::Lmtp, ..manners(pipelining, Chunking::Auto) };
        let mut wire = Wire::ready_as(manners, OFFERED);
        wire.begin(&["b@x", "c@x", "d@x"], &[]);
        if pipelining == Pipelining::Auto {
            wire.chunk();
            wire.sends(group);
            wire.says("250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n");
        } else {
            for reply in ["250 ok\r\n", "250 ok\r\n", "550 no\r\n", "250 ok\r\n"] {
                wire.out.clear();
                wire.on(Input::Flushed);
                wire.says(reply);
            }
            wire.chunk();
            wire.sends("BDAT 4 LAST\r\nhi\r\n");
        }
        wire.says("450 b\r\n");
        assert_eq!(wire.ends(), []);
        wire.says("250 d\r\n");

        assert_eq!(wire.ends(), [(Outcome::Accepted, Step::Bdat, Some(250))], "{pipelining:?}");
        assert_eq!(wire.codes(Step::Bdat), [450, 250]);
        assert!(wire.dialog.is_idle());
    }
}

#[test]
fn a_chunk_in_lmtp_without_recipients_has_one_refusal() {
    let manners = Manners { protocol: Protocol::Lmtp, ..manners(Pipelining::Auto, Chunking::Auto) };
    let mut wire = Wire::ready_as(manners, OFFERED);
    wire.begin(&["b@x", "c@x"], &[]);
    wire.chunk();
    wire.out.clear();
    wire.on(Input::Flushed);
    wire.says("250 ok\r\n550 no\r\n550 no\r\n503 no recipients\r\n");

    assert_eq!(wire.ends(), [(Outcome::Permanent, Step::Rcpt, Some(550))]);
    assert_eq!(wire.recipients(), [RecipientEnd::Permanent; 2]);
    wire.sends("RSET\r\n");
}

#[test]
fn what_a_message_needs_must_be_offered_for_chunks_and_lmtp_too() {
    let to = ["b@x".to_owned()];
    let plain = Envelope { id: 1, from: "a@x", to: &to, size: 4, eight_bit: false, utf8: false };
    let eight_bit = Envelope { eight_bit: true, ..plain };
    for protocol in [Protocol::Smtp, Protocol::Lmtp] {
        let manners = || Manners { protocol, ..manners(Pipelining::Auto, Chunking::Auto) };
        let without = Wire::ready_as(manners(), OFFERED);
        let mut with =
            Wire::ready_as(manners(), "250-8BITMIME\r\n250-PIPELINING\r\n250 CHUNKING\r\n");

        assert!(without.dialog.lacks(&eight_bit).unwrap().contains("8BITMIME"));
        assert_eq!(without.dialog.lacks(&plain), None);
        assert_eq!(with.dialog.lacks(&eight_bit), None);
        let utf8 = with.dialog.lacks(&Envelope { utf8: true, ..plain });
        assert!(utf8.unwrap().contains("SMTPUTF8"));
        with.act = with.dialog.begin(&eight_bit, None, &mut with.out);
        with.chunk();
        with.sends("MAIL FROM:<a@x> BODY=8BITMIME\r\nRCPT TO:<b@x>\r\nBDAT 4 LAST\r\nhi\r\n");
    }
}
