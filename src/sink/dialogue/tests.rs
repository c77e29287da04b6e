//! Octets of a client → the replies of one session.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::plan::{Delay, SinkLimits, SinkPlan, SinkReject, SinkReply, SinkStep, SinkTls};
use crate::sink::tally::{SinkCounters, Tally};
use crate::smtp::{Code, Login, Secret};

fn plan() -> SinkPlan {
    SinkPlan::default()
}

fn always(step: SinkStep, code: u16, text: &str) -> SinkPlan {
    let code = Code::new(code).unwrap();
    let reply = SinkReply { code, enhanced: None, text: text.to_owned() };
    SinkPlan { replies: vec![(step, vec![(reply, 1.0)])], ..plan() }
}

/// The replies to octets that arrive in the given pieces, the last act, and the counts.
fn converse(plan: &SinkPlan, pieces: &[&[u8]]) -> (String, Act, SinkCounters) {
    let tally = Arc::new(Tally::new());
    let mut behaviour = Behaviour::new(plan, 1, tally);
    let mut dialogue = Dialogue::new(&behaviour, None);
    let mut out = Vec::new();
    let (_, mut act) = dialogue.on(b"", Duration::ZERO, &mut behaviour, &mut out);
    for piece in pieces {
        let mut used = 0;
        while used < piece.len() && !matches!(act, Act::Close(_)) {
            let (more, next) =
                dialogue.on(&piece[used..], Duration::ZERO, &mut behaviour, &mut out);
            assert!(more > 0, "{next:?} uses nothing");
            (used, act) = (used + more, next);
        }
    }
    (String::from_utf8(out).unwrap(), act, behaviour.tally.counters())
}

/// The codes of all replies, one for each line.
fn codes(plan: &SinkPlan, octets: &[u8]) -> Vec<u16> {
    let (replies, _, _) = converse(plan, &[octets]);
    replies.lines().map(|line| line.get(..3).unwrap().parse().unwrap()).collect()
}

const HELLO: &[u8] = b"HELO a\r\n";

fn after_hello(octets: &[u8]) -> Vec<u16> {
    codes(&plan(), &[HELLO, octets].concat()).split_off(2)
}

#[test]
fn a_session_with_two_messages_is_counted() {
    let octets = b"EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nDATA\r\n\
        Subject: x\r\n\r\n..y\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<c@d>\r\nDATA\r\n.\r\nQUIT\r\n";

    let (replies, act, counters) = converse(&plan(), &[octets]);

    assert_eq!(
        replies,
        "220 sink.invalid ESMTP mailquake\r\n250-sink.invalid\r\n250-PIPELINING\r\n\
         250-8BITMIME\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n250-DSN\r\n250-SIZE 52428800\r\n250 ENHANCEDSTATUSCODES\r\n\
         250 2.1.0 sender ok\r\n250 2.1.5 recipient ok\r\n250 2.1.5 recipient ok\r\n\
         354 end with a dot\r\n250 2.0.0 accepted\r\n250 2.1.0 sender ok\r\n\
         250 2.1.5 recipient ok\r\n354 end with a dot\r\n250 2.0.0 accepted\r\n\
         221 2.0.0 bye\r\n"
    );
    assert_eq!(act, Act::Close(Ending::Quit));
    assert_eq!((counters.messages, counters.recipients, counters.commands), (2, 3, 9));
    assert_eq!(counters.octets, "Subject: x\r\n\r\n.y\r\n".len() as u64);
    assert!(counters.refused.is_empty());
}

#[test]
fn commands_out_of_their_turn_are_refused() {
    assert_eq!(codes(&plan(), b"MAIL FROM:<a@b>\r\n"), [220, 503]);
    assert_eq!(codes(&plan(), b"RCPT TO:<a@b>\r\nDATA\r\n"), [220, 503, 503]);
    for (octets, expected) in [
        (&b"RCPT TO:<a@b>\r\n"[..], &[503][..]),
        (b"DATA\r\n", &[503]),
        (b"MAIL FROM:<a@b>\r\nDATA\r\n", &[250, 503]),
        (b"MAIL FROM:<a@b>\r\nMAIL FROM:<a@b>\r\n", &[250, 503]),
        (b"MAIL FROM:<a@b>\r\nRSET\r\nRCPT TO:<a@b>\r\n", &[250, 250, 503]),
        (b"MAIL FROM:<a@b>\r\nHELO x\r\nRCPT TO:<a@b>\r\n", &[250, 250, 503]),
        (b"NOOP\r\nVRFY x\r\nRSET\r\nXYZZY\r\n", &[250, 252, 250, 500]),
    ] {
        assert_eq!(after_hello(octets), expected, "{}", String::from_utf8_lossy(octets));
    }
}

#[test]
fn a_group_whose_recipients_are_all_refused_gets_no_354() {
    let plan = always(Step::Rcpt, 450, "4.7.1 later");
    let group = b"HELO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nRSET\r\n";

    assert_eq!(codes(&plan, group), [220, 250, 250, 450, 554, 250]);
}

#[test]
fn a_message_beyond_the_size_is_refused_at_mail_and_at_its_end() {
    assert_eq!(after_hello(b"MAIL FROM:<a@b> SIZE=52428800\r\n"), [250]);
    assert_eq!(after_hello(b"MAIL FROM:<a@b> SIZE=52428801\r\n"), [552]);

    let begin = b"HELO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n";
    let line = [&[b'x'; 1022][..], b"\r\n"].concat();
    for (lines, code) in [(51_200, "250"), (51_201, "552")] {
        let pieces: Vec<&[u8]> = [&begin[..]]
            .into_iter()
            .chain(std::iter::repeat_n(&line[..], lines))
            .chain([&b".\r\n"[..]])
            .collect();
        let (replies, _, _) = converse(&plan(), &pieces);
        let last = replies.lines().last().unwrap();
        assert!(last.starts_with(code), "{lines} KiB: {last}");
    }
}

#[test]
fn a_line_feed_alone_ends_no_text_and_refuses_it() {
    let octets = b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\n.\nMAIL FROM:<e@f>\r\n.\r\n";

    assert_eq!(after_hello(octets), [250, 250, 354, 550]);
}

#[test]
fn an_international_address_needs_smtputf8() {
    for (mail, expected) in [("", [250, 553]), (" SMTPUTF8", [250, 250])] {
        let octets = format!("MAIL FROM:<a@b>{mail}\r\nRCPT TO:<ä@b>\r\n");
        assert_eq!(after_hello(octets.as_bytes()), expected, "{mail}");
    }
}

#[test]
fn a_421_is_the_last_reply() {
    for step in [Step::Greeting, Step::Ehlo, Step::Mail, Step::Rcpt, Step::Data, Step::Rset] {
        let plan = always(step, 421, "4.3.2 going down");
        let octets = b"EHLO a\r\nRSET\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n.\r\n";
        let (replies, act, _) = converse(&plan, &[octets]);
        assert_eq!(act, Act::Close(Ending::Closing), "{step}");
        assert!(replies.ends_with("421 4.3.2 going down\r\n"), "{step}: {replies}");
    }
}

#[test]
fn behind_a_refused_greeting_only_quit_is_obeyed() {
    let plan = always(Step::Greeting, 554, "no");

    assert_eq!(codes(&plan, b"EHLO a\r\nNOOP\r\nQUIT\r\nNOOP\r\n"), [554, 503, 503, 221]);
}

#[test]
fn a_client_can_fall_back_to_helo() {
    let plan = always(Step::Ehlo, 502, "5.5.1 no EHLO");

    assert_eq!(codes(&plan, b"EHLO a\r\nHELO a\r\nMAIL FROM:<a@b>\r\n"), [220, 502, 250, 250]);
}

#[test]
fn what_stands_behind_a_delayed_answer_is_left_for_later() {
    let ms = Duration::from_millis;
    let latency = vec![(Step::Rcpt, Delay::Constant(ms(20)))];
    let plan = SinkPlan { latency, ..plan() };
    let mut behaviour = Behaviour::new(&plan, 1, Arc::new(Tally::new()));
    let mut dialogue = Dialogue::new(&behaviour, None);
    let mut out = Vec::new();
    let group = b"HELO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n";

    let first = dialogue.on(group, ms(5), &mut behaviour, &mut out);
    let early = dialogue.on(b"DATA\r\n", ms(24), &mut behaviour, &mut Vec::new());
    let mut later = Vec::new();
    let second = dialogue.on(b"DATA\r\n", ms(25), &mut behaviour, &mut later);

    assert_eq!(first, (group.len() - 6, Act::Wait(ms(25))));
    assert_eq!(early, (0, Act::Wait(ms(25))));
    assert_eq!(second, (6, Act::Read));
    assert_eq!(
        String::from_utf8(later).unwrap(),
        "250 2.1.5 recipient ok\r\n354 end with a dot\r\n"
    );
}

/// Behind HELO, MAIL and an accepted RCPT.
fn after_rcpt(octets: &[u8]) -> Vec<u16> {
    after_hello(&[b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n", octets].concat()).split_off(2)
}

#[test]
fn a_text_in_chunks_is_taken_with_the_last_one() {
    let octets = b"HELO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 9\r\n.\r\nQUIT\r\nBDAT 3\r\n\
        abcBDAT 0 LAST\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 4 LAST\r\n\r\n.\rQUIT\r\n";

    let (replies, act, counters) = converse(&plan(), &[octets]);

    let expected = "250 2.0.0 chunk taken\r\n250 2.0.0 chunk taken\r\n250 2.0.0 accepted\r\n";
    assert!(replies.contains(expected), "{replies}");
    assert_eq!(act, Act::Close(Ending::Quit));
    assert_eq!((counters.messages, counters.octets, counters.chunks), (2, 16, 4));
}

#[test]
fn chunks_out_of_their_turn_are_refused_and_used_up() {
    assert_eq!(codes(&plan(), b"BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n"), [220, 503, 250]);
    assert_eq!(after_hello(b"BDAT 6\r\nQUIT\r\nBDAT 0 LAST\r\nNOOP\r\n"), [503, 503, 250]);
    let without_rcpt = b"MAIL FROM:<a@b>\r\nBDAT 6\r\nQUIT\r\nRSET\r\n";
    assert_eq!(after_hello(without_rcpt), [250, 503, 250]);
    let turned = always(Step::Greeting, 554, "no");
    assert_eq!(codes(&turned, b"BDAT 6\r\nQUIT\r\nQUIT\r\n"), [554, 503, 221]);
}

#[test]
fn chunks_and_data_do_not_mix() {
    for (octets, expected) in [
        (&b"BDAT 2\r\nxyDATA\r\nRSET\r\nDATA\r\n"[..], &[250, 503, 250, 503][..]),
        (b"BDAT 2\r\nxyRCPT TO:<e@f>\r\nBDAT 0 LAST\r\n", &[250, 503, 250]),
        (b"BDAT 2\r\nxyMAIL FROM:<a@b>\r\nBDAT 0 LAST\r\n", &[250, 503, 250]),
        (b"BDAT 0 LAST\r\nBDAT 0 LAST\r\n", &[250, 503]),
        (b"BDAT two\r\nDATA\r\n.\r\n", &[501, 354, 250]),
    ] {
        assert_eq!(after_rcpt(octets), expected, "{}", String::from_utf8_lossy(octets));
    }
}

#[test]
fn behind_a_refused_chunk_the_rest_is_refused_and_the_last_one_ends_the_transaction() {
    let plan = always(Step::Bdat, 452, "4.3.1 full");
    let group = b"HELO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 2\r\nxyBDAT 1 LAST\r\nzMAIL FROM:<>\r\n";
    assert_eq!(codes(&plan, group), [220, 250, 250, 250, 452, 503, 250]);

    let refusing = always(Step::Rcpt, 450, "4.7.1 later");
    let flight = b"HELO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 1 LAST\r\nzMAIL FROM:<>\r\n";
    assert_eq!(codes(&refusing, flight), [220, 250, 250, 450, 554, 250]);
}

#[test]
fn chunks_beyond_the_size_are_refused_whatever_they_say() {
    let huge = b"BDAT 99999999999999999999\r\nNOOP\r\n";
    assert_eq!(after_rcpt(huge), Vec::<u16>::new(), "they are still to come");
    let line = vec![b'x'; 50 << 20];
    let octets = [b"BDAT 52428800\r\n", &line[..], b"BDAT 1\r\nxRSET\r\n"].concat();
    assert_eq!(after_rcpt(&octets), [250, 552, 250]);
}

#[test]
fn a_text_with_words_of_the_plan_is_refused_at_its_end_and_the_next_is_not() {
    let reply = |code| SinkReply {
        code: Code::new(code).unwrap(),
        enhanced: None,
        text: "5.7.1 no".to_owned(),
    };
    let reject =
        |contains: &str, code| SinkReject { contains: contains.to_owned(), reply: reply(code) };
    let rejects = vec![reject("Subject: spam", 554), reject("buy", 550)];
    let plan = SinkPlan { rejects, ..plan() };
    let envelope = "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n";
    for (text, code) in [
        ("DATA\r\nSubject: spam\r\n\r\nbuy\r\n.\r\n", 554),
        ("DATA\r\nSubject: x\r\n\r\nbuy\r\n.\r\n", 550),
        ("DATA\r\nSubject: x\r\n\r\nby\r\n.\r\n", 250),
        ("BDAT 2\r\nbuBDAT 1 LAST\r\ny", 550),
        ("BDAT 2\r\nbuBDAT 1 LAST\r\nx", 250),
    ] {
        let clean = format!("{envelope}BDAT 3 LAST\r\nyes");
        let octets = format!("HELO a\r\n{envelope}{text}{clean}QUIT\r\n");
        let pieces: Vec<&[u8]> = octets.as_bytes().chunks(1).collect();

        let (replies, _, counters) = converse(&plan, &pieces);

        let refused = u64::from(code != 250);
        assert_eq!(counters.messages, 2 - refused, "{text}: {replies}");
        let line = format!("\r\n{code} ");
        assert!(replies.contains(&line), "{text}: {replies}");
        assert_eq!(counters.refused.len() as u64, refused, "{text}");
    }
}

fn lmtp() -> SinkPlan {
    SinkPlan { protocol: Protocol::Lmtp, ..plan() }
}

#[test]
fn in_lmtp_each_recipient_has_a_reply_to_the_text() {
    let envelope = "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nRCPT TO:<>\r\n";
    let octets =
        format!("LHLO a\r\n{envelope}DATA\r\nx\r\n.\r\n{envelope}BDAT 1 LAST\r\nxQUIT\r\n");

    let (replies, act, counters) = converse(&lmtp(), &[octets.as_bytes()]);

    assert!(replies.starts_with("220 sink.invalid LMTP mailquake\r\n250-sink.invalid\r\n"));
    assert_eq!(replies.matches("250 2.0.0 accepted\r\n").count(), 4, "{replies}");
    assert_eq!((counters.messages, counters.recipients, counters.octets), (2, 4, 4));
    assert_eq!(act, Act::Close(Ending::Quit));
}

#[test]
fn in_lmtp_recipients_are_refused_each_for_itself() {
    let code = Code::new(452).unwrap();
    let reply = SinkReply { code, enhanced: None, text: "4.2.2 full".to_owned() };
    let replies = vec![(Step::EndOfData, vec![(reply, 0.5)])];
    let plan = SinkPlan { replies, ..lmtp() };
    let rcpt = "RCPT TO:<c@d>\r\n".repeat(1000);
    let octets = format!("LHLO a\r\nMAIL FROM:<a@b>\r\n{rcpt}DATA\r\n.\r\n");

    let (_, _, counters) = converse(&plan, &[octets.as_bytes()]);

    assert_eq!((counters.messages, counters.recipients), (1, 500));
    assert_eq!(counters.refused["end_of_data"]["452"], 500);
}

#[test]
fn lmtp_and_smtp_know_only_their_own_hello() {
    assert_eq!(codes(&lmtp(), b"EHLO a\r\nHELO a\r\nMAIL FROM:<>\r\n"), [220, 500, 500, 503]);
    assert_eq!(codes(&plan(), b"LHLO a\r\nMAIL FROM:<>\r\n"), [220, 500, 503]);
}

#[test]
fn requests_for_notifications_are_checked() {
    let good =
        b"MAIL FROM:<a@b> RET=HDRS ENVID=1\r\nRCPT TO:<c@d> NOTIFY=DELAY ORCPT=rfc822;c@d\r\n";
    assert_eq!(after_hello(good), [250, 250]);
    let bad = b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d> NOTIFY=SOON\r\n";
    assert_eq!(after_hello(bad), [250, 501]);
}

#[test]
fn the_limits_on_connections_are_told_in_the_greeting() {
    let limits = SinkLimits { connections_per_address: Some(1), ..SinkLimits::default() };
    let plan = SinkPlan { limits, ..plan() };
    let mut behaviour = Behaviour::new(&plan, 1, Arc::default());
    let mut greeted = |last: u8| {
        let mut dialogue = Dialogue::new(&behaviour, Some(IpAddr::from([127, 0, 0, last])));
        let mut out = Vec::new();
        let (_, act) = dialogue.on(b"", Duration::ZERO, &mut behaviour, &mut out);
        (dialogue, String::from_utf8(out).unwrap(), act)
    };

    let (first, said, act) = greeted(1);
    assert_eq!((said.as_str(), act), ("220 sink.invalid ESMTP mailquake\r\n", Act::Read));
    let (_, said, act) = greeted(1);
    assert_eq!(said, "421 4.7.0 too many connections from your address\r\n");
    assert_eq!(act, Act::Close(Ending::Closing));
    assert_eq!(greeted(2).2, Act::Read);
    drop(first);
    assert_eq!(greeted(1).2, Act::Read);
    let counters = behaviour.tally.counters();
    assert_eq!(counters.limited.connections_per_address, 1);
    assert_eq!(counters.refused["greeting"]["421"], 1);
}

#[test]
fn the_limits_on_messages_are_told_at_mail() {
    let limits = SinkLimits { messages_per_connection: Some(1), ..SinkLimits::default() };
    let plan = SinkPlan { limits, ..plan() };
    let octets = b"HELO a\r\nMAIL FROM:<a@b>\r\nRSET\r\nMAIL FROM:<a@b>\r\nNOOP\r\n";

    let (replies, act, counters) = converse(&plan, &[octets]);

    assert!(
        replies.ends_with("250 2.0.0 ok\r\n421 4.7.0 too many messages on this connection\r\n")
    );
    assert_eq!(act, Act::Close(Ending::Closing));
    assert_eq!(counters.limited.messages_per_connection, 1);
}

#[test]
fn a_header_comes_before_all_and_its_address_is_counted() {
    let limits = SinkLimits { connections_per_address: Some(1), ..SinkLimits::default() };
    let plan = SinkPlan { proxy: true, limits, ..plan() };
    let mut behaviour = Behaviour::new(&plan, 1, Arc::default());
    let proxy = Some(IpAddr::from([127, 0, 0, 1]));
    let mut begun = |header: &[u8]| {
        let mut dialogue = Dialogue::new(&behaviour, proxy);
        let mut out = Vec::new();
        let (used, act) = dialogue.on(header, Duration::ZERO, &mut behaviour, &mut out);
        (dialogue, used, act, String::from_utf8(out).unwrap())
    };

    let header = |last: u8| format!("PROXY TCP4 198.18.0.{last} 127.0.0.1 4000 25\r\nNOOP\r\n");
    let (_first, used, act, said) = begun(header(1).as_bytes());
    assert_eq!((used, act), (header(1).len(), Act::Read));
    assert_eq!(said, "220 sink.invalid ESMTP mailquake\r\n250 2.0.0 ok\r\n");
    assert_eq!(begun(header(2).as_bytes()).2, Act::Read);
    assert_eq!(begun(header(1).as_bytes()).2, Act::Close(Ending::Closing));
    let (_, _, act, said) = begun(b"EHLO a\r\n");
    assert_eq!((act, said.as_str()), (Act::Close(Ending::Unannounced), ""));
}

#[test]
fn behind_a_header_implicit_tls_begins_with_what_is_left() {
    let plan = SinkPlan { proxy: true, ..offering(TlsMode::Implicit) };
    let mut behaviour = Behaviour::new(&plan, 1, Arc::default());
    let mut dialogue = Dialogue::new(&behaviour, None);
    let octets = b"PROXY UNKNOWN\r\n\x16\x03\x01";

    let read = dialogue.on(octets, Duration::ZERO, &mut behaviour, &mut Vec::new());

    assert_eq!(read, (octets.len() - 3, Act::StartTls));
}

#[test]
fn xclient_begins_the_session_anew() {
    let plan = SinkPlan { xclient: true, ..plan() };
    let (replies, _, _) =
        converse(&plan, &[b"EHLO a\r\nXCLIENT ADDR=198.18.0.1\r\nMAIL FROM:<>\r\n"]);
    assert!(replies.contains("250-XCLIENT NAME ADDR PORT PROTO HELO LOGIN\r\n"), "{replies}");
    assert!(replies.ends_with("220 sink.invalid ESMTP mailquake\r\n503 5.5.1 EHLO first\r\n"));
    let within = b"HELO a\r\nMAIL FROM:<>\r\nXCLIENT ADDR=198.18.0.1\r\nXCLIENT\r\n";
    assert_eq!(codes(&plan, within), [220, 250, 250, 503, 501]);
    assert_eq!(after_hello(b"XCLIENT ADDR=198.18.0.1\r\n"), [502]);
}

fn offering(mode: TlsMode) -> SinkPlan {
    SinkPlan { tls: Some(SinkTls { mode, identity: None }), ..plan() }
}

/// A session behind a handshake that was asked for by STARTTLS; `out` holds what was said after it.
fn secured(behaviour: &mut Behaviour, out: &mut Vec<u8>) -> Dialogue {
    let mut dialogue = Dialogue::new(behaviour, None);
    let asked = b"EHLO a\r\nSTARTTLS\r\n";
    let (used, act) = dialogue.on(asked, Duration::ZERO, behaviour, out);
    assert_eq!((used, act), (asked.len(), Act::StartTls));
    assert!(out.ends_with(b"220 2.0.0 ready for TLS\r\n"));
    out.clear();
    dialogue.secured();
    dialogue
}

#[test]
fn starttls_is_offered_in_clear_alone_and_the_dialogue_begins_anew_behind_it() {
    let mut behaviour = Behaviour::new(&offering(TlsMode::Starttls), 1, Arc::default());
    let mut out = Vec::new();
    let mut dialogue = secured(&mut behaviour, &mut out);

    let octets = b"MAIL FROM:<a@b>\r\nEHLO a\r\nMAIL FROM:<a@b>\r\nSTARTTLS\r\n";
    let (_, act) = dialogue.on(octets, Duration::ZERO, &mut behaviour, &mut out);

    let said = String::from_utf8(out).unwrap();
    assert!(said.starts_with("503 5.5.1 EHLO first\r\n250-sink.invalid\r\n"), "{said}");
    assert!(!said.contains("STARTTLS"), "{said}");
    assert!(said.ends_with("250 2.1.0 sender ok\r\n503 5.5.1 the session is encrypted\r\n"));
    assert_eq!(act, Act::Read);
}

#[test]
fn what_stands_behind_starttls_is_left_to_the_handshake() {
    let mut behaviour = Behaviour::new(&offering(TlsMode::Starttls), 1, Arc::default());
    let mut dialogue = Dialogue::new(&behaviour, None);
    let octets = b"EHLO a\r\nSTARTTLS\r\nMAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\n";
    let mut out = Vec::new();

    let (used, act) = dialogue.on(octets, Duration::ZERO, &mut behaviour, &mut out);

    assert_eq!((&octets[used..used + 4], act), (&b"MAIL"[..], Act::StartTls));
    assert_eq!(behaviour.tally.counters().commands, 2);
}

#[test]
fn starttls_has_its_place() {
    let plan = offering(TlsMode::Starttls);
    for (octets, expected) in [
        (&b"STARTTLS\r\n"[..], &[220, 503][..]),
        (b"HELO a\r\nMAIL FROM:<a@b>\r\nSTARTTLS\r\n", &[220, 250, 250, 503]),
        (b"HELO a\r\nSTARTTLS now\r\n", &[220, 250, 501]),
    ] {
        assert_eq!(codes(&plan, octets), expected, "{}", String::from_utf8_lossy(octets));
    }
    assert_eq!(after_hello(b"STARTTLS\r\n"), [502]);
    let refusing = SinkPlan { tls: plan.tls, ..always(Step::Starttls, 454, "4.7.0 no") };
    assert_eq!(codes(&refusing, b"HELO a\r\nSTARTTLS\r\nNOOP\r\n"), [220, 250, 454, 250]);
}

#[test]
fn implicit_tls_comes_before_the_greeting() {
    let mut behaviour = Behaviour::new(&offering(TlsMode::Implicit), 1, Arc::default());
    let mut dialogue = Dialogue::new(&behaviour, None);
    let mut out = Vec::new();

    assert_eq!(dialogue.on(b"", Duration::ZERO, &mut behaviour, &mut out), (0, Act::StartTls));
    assert_eq!(out, b"");
    dialogue.secured();
    assert_eq!(dialogue.on(b"", Duration::ZERO, &mut behaviour, &mut out), (0, Act::Read));
    assert!(out.starts_with(b"220 "));
}

/// Octets that are commands, texts, and what is neither.
fn wire() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        &b"EHLO a\r\n"[..],
        b"LHLO a\r\n",
        b"MAIL FROM:<a@b>\r\n",
        b"RCPT TO:<c@d>\r\n",
        b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\n",
        b"DATA\r\n",
        b"RSET\r\n",
        b"BDAT 0 LAST\r\n",
        b"BDAT 6\r\ntext\r\n",
        b"BDAT 700 LAST\r\n",
        b"QUIT\r\n",
        b"\r\n.\r\n",
        b".\r\n",
        b"..",
        b"\r",
        b"\n",
        b"text\r\n",
        &[b'x'; 600],
    ]);
    let noise = prop::collection::vec(any::<u8>(), 0..40);
    let either = prop_oneof![8 => pieces.prop_map(<[u8]>::to_vec), 1 => noise];
    prop::collection::vec(either, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_octets_get_the_same_replies_however_they_are_split(
        octets in wire(),
        protocol in prop::sample::select(vec![Protocol::Smtp, Protocol::Lmtp]),
        lengths in prop::collection::vec(1_usize..50, 1..40),
    ) {
        let mut pieces = Vec::new();
        let mut rest = &octets[..];
        for length in lengths.iter().cycle().take(octets.len()) {
            let (piece, behind) = rest.split_at((*length).min(rest.len()));
            pieces.push(piece);
            rest = behind;
        }

        let plan = SinkPlan { protocol, ..plan() };
        let whole = converse(&plan, &[&octets]);
        let split = converse(&plan, &pieces);

        prop_assert_eq!(whole, split);
    }
}

fn with_users() -> SinkPlan {
    let login = Login { user: "tim".into(), password: Secret::new("tanstaaf") };
    SinkPlan { users: Some([login].into()), ..plan() }
}

#[test]
fn mail_is_taken_only_from_sessions_that_are_logged_in() {
    let table: [(&[u8], &[u16]); 11] = [
        (b"MAIL FROM:<a@b>\r\n", &[530]),
        (b"AUTH PLAIN AHRpbQB0YW5zdGFhZg==\r\nMAIL FROM:<a@b>\r\n", &[235, 250]),
        (b"auth plain\r\nAHRpbQB0YW5zdGFhZg==\r\nMAIL FROM:<a@b>\r\n", &[334, 235, 250]),
        (b"AUTH PLAIN AHRpbQB3cm9uZw==\r\nMAIL FROM:<a@b>\r\n", &[535, 530]),
        (b"AUTH LOGIN\r\ndGlt\r\ndGFuc3RhYWY=\r\n", &[334, 334, 235]),
        (b"AUTH LOGIN\r\n*\r\nNOOP\r\n", &[334, 501, 250]),
        (b"AUTH PLAIN\r\n!\r\n", &[334, 501]),
        (b"AUTH PLAIN !\r\nAUTH PLAIN = more\r\nAUTH\r\nAUTH NTLM\r\n", &[501, 501, 504, 504]),
        (b"AUTH PLAIN =\r\n", &[501]),
        (b"AUTH PLAIN AHRpbQB0YW5zdGFhZg==\r\nAUTH PLAIN AHRpbQB0YW5zdGFhZg==\r\n", &[235, 503]),
        (b"AUTH PLAIN AHRpbQB0YW5zdGFhZg==\r\nMAIL FROM:<a@b>\r\nAUTH PLAIN\r\n", &[235, 250, 503]),
    ];
    for (octets, expected) in table {
        let codes = codes(&with_users(), &[HELLO, octets].concat()).split_off(2);
        assert_eq!(codes, expected, "{}", String::from_utf8_lossy(octets));
    }
    assert_eq!(codes(&with_users(), b"AUTH PLAIN\r\n"), [220, 503]);
    assert_eq!(after_hello(b"AUTH PLAIN\r\n"), [502]);
}

#[test]
fn logins_are_offered_and_counted() {
    let plan = SinkPlan { replies: always(Step::Auth, 454, "4.7.0 later").replies, ..with_users() };
    let octets = b"EHLO a\r\nAUTH PLAIN AHRpbQB0YW5zdGFhZg==\r\nAUTH PLAIN AHRpbQB3cm9uZw==\r\n";

    let (replies, _, counters) = converse(&with_users(), &[octets]);
    assert!(replies.contains("-AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256 XOAUTH2 OAUTHBEARER\r\n"));
    assert_eq!((counters.auth_accepted, counters.auth_refused), (Some(1), Some(0)));

    let (replies, _, counters) = converse(&plan, &[octets]);
    assert!(replies.ends_with("454 4.7.0 later\r\n535 5.7.8 wrong credentials\r\n"), "{replies}");
    assert_eq!((counters.auth_accepted, counters.auth_refused), (Some(0), Some(2)));
    assert_eq!(converse(&self::plan(), &[]).2.auth_accepted, None);
}

#[test]
fn a_response_may_be_long_but_not_without_end() {
    for (length, code) in [(12_288, 501), (12_289, 501), (100_000, 501)] {
        let line = [&b"A".repeat(length)[..], b"\r\nNOOP\r\n"].concat();
        let octets = [&b"HELO a\r\nAUTH PLAIN\r\n"[..], &line].concat();
        assert_eq!(codes(&with_users(), &octets).split_off(2), [334, code, 250], "{length}");
    }
}
