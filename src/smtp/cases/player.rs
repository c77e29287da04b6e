//! One case as it is played: replies and ends of the connection in, octets and a cue out.
//!
//! The machine is of the shape of [`Dialog`](super::super::Dialog): it does no I/O and knows no
//! clock. Replies that come before a play asks for them are kept for those that follow, so that
//! it makes no difference how fast a server is. The first play that goes wrong ends the case.

use std::collections::VecDeque;

use super::super::{Code, Input, Reply};
use super::case::{Case, CaseEnd, Judgement, Patience, Piece, Play};

/// More replies than this that no play asks for are not kept.
const KEPT: usize = 256;

/// What the transport does next; what is in `out` is written first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cue {
    /// Reads on.
    Read,
    /// Ends the writing half, tells it as [`Input::Flushed`], and reads on.
    ShutdownWrite,
    /// Closes the connection.
    Close,
    /// Resets the connection.
    Reset,
}

/// What the recorder is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CaseEvent {
    /// A reply was judged, or stood in the way of the point.
    Replied(Code),
    /// The case has come to its end.
    Ended(Ending),
}

/// The end of a case.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ending {
    /// How.
    pub end: CaseEnd,
    /// What was wrong, with the reply; empty where all was right. Not escaped.
    pub words: String,
}

/// One case in one session.
#[derive(Debug)]
pub struct Player<'a> {
    plays: std::vec::IntoIter<&'static Play>,
    name: &'a str,
    now: Stage,
    early: VecDeque<(Code, String)>,
    worst: Ending,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Opening,
    Reach(super::case::Codes),
    Judge(Judgement, u16),
    Pause(u16),
    ShutDown,
    Over,
}

impl<'a> Player<'a> {
    /// A case that is about to be played by a client of this name.
    pub fn new(case: &Case, name: &'a str) -> Self {
        Self {
            plays: case.plays().collect::<Vec<_>>().into_iter(),
            name,
            now: Stage::Opening,
            early: VecDeque::new(),
            worst: Ending { end: CaseEnd::Right, words: String::new() },
        }
    }

    /// For how long the next thing is waited for.
    pub fn patience(&self) -> Patience {
        match self.now {
            Stage::Judge(judgement, _) => judgement.patience,
            Stage::Pause(millis) => Patience::Millis(millis),
            Stage::Opening | Stage::Reach(_) | Stage::ShutDown | Stage::Over => Patience::Reply,
        }
    }

    /// Whether the case has ended.
    pub fn is_over(&self) -> bool {
        matches!(self.now, Stage::Over)
    }

    /// Takes what happened.
    pub fn on(&mut self, input: Input<'_>, out: &mut Vec<u8>, events: &mut Vec<CaseEvent>) -> Cue {
        match (input, self.now) {
            (_, Stage::Over) => Cue::Close,
            (Input::Opened, Stage::Opening) | (Input::Flushed, Stage::ShutDown) => {
                self.go_on(out, events)
            }
            // Cases are played in clear: nothing of TLS is ever asked for.
            (Input::Opened | Input::Flushed | Input::TlsReady(_), _) => Cue::Read,
            (Input::Reply(reply), _) => self.reply(&reply, out, events),
            (Input::Illegal, _) => {
                self.end(CaseEnd::Finding, "what came is no legal reply".to_owned(), events)
            }
            (Input::Eof | Input::TlsFailed, now) => self.closed(now, events),
            (Input::Deadline, now) => self.silence(now, out, events),
            (Input::Cut, _) => self.cut(out, events),
        }
    }

    /// Ends a case that the plan cuts off while it waits.
    pub fn cut(&mut self, out: &mut Vec<u8>, events: &mut Vec<CaseEvent>) -> Cue {
        let cue = self.on(Input::Deadline, out, events);
        if self.is_over() {
            return cue;
        }
        self.end(CaseEnd::Local, "its phase was over before its end".to_owned(), events)
    }

    fn reply(&mut self, reply: &Reply<'_>, out: &mut Vec<u8>, events: &mut Vec<CaseEvent>) -> Cue {
        if self.early.len() == KEPT {
            let words = format!("replies without end, such as {}", reply.text());
            return self.end(CaseEnd::Finding, words, events);
        }
        self.early.push_back((reply.code(), reply.text()));
        match self.now {
            Stage::Reach(_) | Stage::Judge(..) => self.consume(out, events),
            Stage::Opening | Stage::Pause(_) | Stage::ShutDown | Stage::Over => Cue::Read,
        }
    }

    /// Gives the replies that are there to the plays that ask for them.
    fn consume(&mut self, out: &mut Vec<u8>, events: &mut Vec<CaseEvent>) -> Cue {
        let Some((code, text)) = self.early.pop_front() else { return Cue::Read };
        match self.now {
            Stage::Reach(codes) if codes.hold(code) => self.go_on(out, events),
            Stage::Reach(_) => {
                events.push(CaseEvent::Replied(code));
                let words = format!("the case did not come to its point: {text}");
                self.end(CaseEnd::Tolerated, words, events)
            }
            Stage::Judge(judgement, left) => {
                events.push(CaseEvent::Replied(code));
                self.judged(&judgement, code, &text);
                if !self.worst.end.goes_on() || code == Code::CLOSING {
                    self.finish(events)
                } else if left > 1 {
                    self.now = Stage::Judge(judgement, left - 1);
                    self.consume(out, events)
                } else {
                    self.go_on(out, events)
                }
            }
            Stage::Opening | Stage::Pause(_) | Stage::ShutDown | Stage::Over => Cue::Read,
        }
    }

    fn judged(&mut self, judgement: &Judgement, code: Code, text: &str) {
        let end = judgement.of(code);
        let words = match end {
            CaseEnd::Finding => format!("{}: {text}", judgement.finding),
            CaseEnd::Right
            | CaseEnd::Tolerated
            | CaseEnd::Disconnect
            | CaseEnd::Hang
            | CaseEnd::Local => text.to_owned(),
        };
        self.worsen(end, words);
    }

    /// Plays on up to the next play that waits for something.
    fn go_on(&mut self, out: &mut Vec<u8>, events: &mut Vec<CaseEvent>) -> Cue {
        loop {
            match self.plays.next() {
                None | Some(Play::Close) => return self.finish(events),
                Some(Play::Send(pieces)) => self.send(pieces, out),
                Some(Play::Reach(codes)) => {
                    self.now = Stage::Reach(*codes);
                    return self.consume(out, events);
                }
                Some(Play::Judge(judgement)) => {
                    self.now = Stage::Judge(*judgement, judgement.times);
                    return self.consume(out, events);
                }
                Some(Play::Wait(millis)) => {
                    self.now = Stage::Pause(*millis);
                    return Cue::Read;
                }
                Some(Play::HalfClose) => {
                    self.now = Stage::ShutDown;
                    return Cue::ShutdownWrite;
                }
                Some(Play::Reset) => {
                    self.finish(events);
                    return Cue::Reset;
                }
            }
        }
    }

    fn send(&self, pieces: &[Piece], out: &mut Vec<u8>) {
        for piece in pieces {
            piece.write(self.name, out);
        }
    }

    fn closed(&mut self, now: Stage, events: &mut Vec<CaseEvent>) -> Cue {
        let end = match now {
            Stage::Judge(judgement, _) => judgement.closed,
            Stage::Opening | Stage::Reach(_) | Stage::Pause(_) | Stage::ShutDown | Stage::Over => {
                CaseEnd::Disconnect
            }
        };
        self.end(end, "the server closed the connection without a reply".to_owned(), events)
    }

    fn silence(&mut self, now: Stage, out: &mut Vec<u8>, events: &mut Vec<CaseEvent>) -> Cue {
        let end = match now {
            Stage::Pause(_) => return self.go_on(out, events),
            Stage::Judge(judgement, _) => judgement.silent,
            Stage::Opening | Stage::Reach(_) | Stage::ShutDown | Stage::Over => CaseEnd::Hang,
        };
        if end == CaseEnd::Right {
            return self.go_on(out, events);
        }
        self.end(end, "no reply in time".to_owned(), events)
    }

    fn worsen(&mut self, end: CaseEnd, words: String) {
        if end > self.worst.end {
            self.worst = Ending { end, words };
        }
    }

    fn end(&mut self, end: CaseEnd, words: String, events: &mut Vec<CaseEvent>) -> Cue {
        self.worsen(end, words);
        self.finish(events)
    }

    fn finish(&mut self, events: &mut Vec<CaseEvent>) -> Cue {
        self.now = Stage::Over;
        events.push(CaseEvent::Ended(self.worst.clone()));
        Cue::Close
    }
}

impl Piece {
    /// Its octets, sent by a client of this name.
    pub fn write(&self, name: &str, out: &mut Vec<u8>) {
        match *self {
            Self::Octets(octets) => out.extend_from_slice(octets),
            Self::Fill(octet, count) => {
                out.extend(std::iter::repeat_n(octet, usize::try_from(count).unwrap_or(0)));
            }
            Self::Lines(count, before, behind) => {
                for number in 1..=count {
                    out.extend_from_slice(format!("{before}{number}{behind}").as_bytes());
                }
            }
            Self::Name => out.extend_from_slice(name.as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::CaseId;
    use super::*;

    fn case(name: &str) -> &'static Case {
        CaseId::named(name)[0].case()
    }

    /// What happens to a player: a reply, or one of the inputs without one.
    #[derive(Clone, Debug)]
    enum Happens {
        Reply(String),
        Illegal,
        Flushed,
        Eof,
        Deadline,
    }

    fn feed(
        player: &mut Player<'_>,
        happens: &Happens,
        out: &mut Vec<u8>,
        events: &mut Vec<CaseEvent>,
    ) -> Cue {
        match happens {
            Happens::Reply(line) => {
                let line = format!("{line}\r\n");
                let (reply, _) = Reply::parse(line.as_bytes()).unwrap().unwrap();
                player.on(Input::Reply(reply), out, events)
            }
            Happens::Illegal => player.on(Input::Illegal, out, events),
            Happens::Flushed => player.on(Input::Flushed, out, events),
            Happens::Eof => player.on(Input::Eof, out, events),
            Happens::Deadline => player.on(Input::Deadline, out, events),
        }
    }

    /// Plays a case to replies and then an end of the connection or silence.
    fn played(name: &str, replies: &[&str], then: &Happens) -> (CaseEnd, String) {
        let mut player = Player::new(case(name), "tester");
        let (mut out, mut events) = (Vec::new(), Vec::new());
        let mut cue = player.on(Input::Opened, &mut out, &mut events);
        for reply in replies {
            if cue == Cue::ShutdownWrite {
                feed(&mut player, &Happens::Flushed, &mut out, &mut events);
            }
            cue = feed(&mut player, &Happens::Reply((*reply).to_owned()), &mut out, &mut events);
        }
        if cue == Cue::ShutdownWrite {
            feed(&mut player, &Happens::Flushed, &mut out, &mut events);
        }
        if !player.is_over() {
            feed(&mut player, then, &mut out, &mut events);
        }
        match events.pop() {
            Some(CaseEvent::Ended(ending)) => (ending.end, ending.words),
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn replies_are_right_tolerated_or_findings() {
        let table: [(&str, &[&str], CaseEnd); 13] = [
            ("syntax-nul", &["220 a", "250 a", "250 ok", "221 bye"], CaseEnd::Tolerated),
            ("syntax-unknown-verb", &["220 a", "250 a", "500 no", "221 bye"], CaseEnd::Right),
            ("syntax-unknown-verb", &["220 a", "250 a", "502 no", "221 bye"], CaseEnd::Tolerated),
            ("syntax-unknown-verb", &["220 a", "250 a", "421 bye"], CaseEnd::Tolerated),
            ("syntax-unknown-verb", &["220 a", "250 a", "250 ok"], CaseEnd::Finding),
            ("syntax-unknown-verb", &["220 a", "250 a", "500 no", "500 no"], CaseEnd::Finding),
            ("syntax-bare-lf", &["220 a", "250 a", "250 ok", "250 ok"], CaseEnd::Tolerated),
            ("syntax-bare-cr", &["220 a", "250 a", "250 ok", "250 ok"], CaseEnd::Finding),
            ("order-rcpt-first", &["220 a", "250 a", "250 ok"], CaseEnd::Finding),
            ("order-second-mail", &["220 a", "250 a", "450 later"], CaseEnd::Tolerated),
            ("order-second-mail", &["554 go away"], CaseEnd::Tolerated),
            (
                "data-end-lf-dot-lf",
                &["220 a", "250 a", "250 a", "250 a", "354 a", "250 taken", "221 bye"],
                CaseEnd::Right,
            ),
            (
                "data-end-lf-dot-lf",
                &["220 a", "250 a", "250 a", "250 a", "354 a", "250 taken", "250 reset"],
                CaseEnd::Finding,
            ),
        ];
        for (name, replies, expected) in table {
            let (end, words) = played(name, replies, &Happens::Eof);
            assert_eq!(end, expected, "{name} {replies:?}: {words}");
        }
    }

    #[test]
    fn silence_hangs_and_an_end_disconnects_where_a_reply_is_due() {
        let hello = ["220 a", "250 a"];
        let data = ["220 a", "250 a", "250 a", "250 a", "354 a"];
        let table: [(&str, &[&str], Happens, CaseEnd); 9] = [
            ("order-rcpt-first", &[], Happens::Deadline, CaseEnd::Hang),
            ("order-rcpt-first", &[], Happens::Eof, CaseEnd::Disconnect),
            ("order-rcpt-first", &hello, Happens::Deadline, CaseEnd::Hang),
            ("order-rcpt-first", &hello, Happens::Eof, CaseEnd::Disconnect),
            ("order-rcpt-first", &hello, Happens::Illegal, CaseEnd::Finding),
            ("abort-silent", &["220 a"], Happens::Deadline, CaseEnd::Right),
            ("abort-silent", &["220 a"], Happens::Eof, CaseEnd::Tolerated),
            ("abort-fin-in-data", &data, Happens::Eof, CaseEnd::Right),
            ("abort-fin-in-data", &data, Happens::Deadline, CaseEnd::Hang),
        ];
        for (name, replies, then, expected) in table {
            let (end, words) = played(name, replies, &then);
            assert_eq!(end, expected, "{name} {replies:?} {then:?}: {words}");
        }
    }

    #[test]
    fn a_finding_says_what_it_is_and_shows_the_reply() {
        let (_, words) = played(
            "order-second-mail",
            &["220 a", "250 a", "250 a", "250 2.1.0 ok"],
            &Happens::Eof,
        );

        assert_eq!(words, "a second sender is taken in an open transaction: 250 2.1.0 ok");
    }

    #[test]
    fn a_hundred_recipients_are_judged_apart_from_the_last_one() {
        let answers = |hundredth, last| {
            let mut replies = vec!["220 a", "250 a", "250 a"];
            replies.extend(["250 ok"; 99]);
            replies.extend([hundredth, last, "221 bye"]);
            played("parameters-101-recipients", &replies, &Happens::Eof).0
        };

        assert_eq!(answers("250 ok", "452 too many"), CaseEnd::Right);
        assert_eq!(answers("452 too many", "452 too many"), CaseEnd::Finding);
        // What Postfix says to strangers by default says nothing of the number.
        let relay = "454 4.7.1 Relay access denied";
        assert_eq!(answers(relay, relay), CaseEnd::Tolerated);
    }

    #[test]
    fn what_a_case_that_is_cut_off_waits_for_decides_how_it_ends() {
        for (name, replies, expected) in [
            ("abort-silent", &["220 a"][..], CaseEnd::Right),
            ("order-rcpt-first", &["220 a"], CaseEnd::Hang),
        ] {
            let mut player = Player::new(case(name), "tester");
            let (mut out, mut events) = (Vec::new(), Vec::new());
            player.on(Input::Opened, &mut out, &mut events);
            for reply in replies {
                let reply = Happens::Reply((*reply).to_owned());
                feed(&mut player, &reply, &mut out, &mut events);
            }
            player.cut(&mut out, &mut events);
            let Some(CaseEvent::Ended(ending)) = events.pop() else { panic!("{name} goes on") };
            assert_eq!(ending.end, expected, "{name}");
        }
    }

    fn happens() -> impl Strategy<Value = Happens> {
        let code = prop::sample::select(vec![
            "220", "250", "250", "250", "354", "221", "421", "450", "500", "503", "552",
        ]);
        prop_oneof![
            12 => code.prop_map(|code| Happens::Reply(format!("{code} x"))),
            1 => Just(Happens::Illegal),
            3 => Just(Happens::Flushed),
            1 => Just(Happens::Eof),
            2 => Just(Happens::Deadline),
        ]
    }

    proptest! {
        #[test]
        fn any_case_ends_once_whatever_the_server_does(
            which in any::<prop::sample::Index>(),
            script in prop::collection::vec(happens(), 0..300),
        ) {
            let cases: Vec<CaseId> = CaseId::all().collect();
            let mut player = Player::new(which.get(&cases).case(), "tester");
            let (mut out, mut events) = (Vec::new(), Vec::new());
            player.on(Input::Opened, &mut out, &mut events);
            for happens in &script {
                feed(&mut player, happens, &mut out, &mut events);
            }
            // No case has more plays that wait than this.
            for _ in 0..20 {
                feed(&mut player, &Happens::Flushed, &mut out, &mut events);
                feed(&mut player, &Happens::Deadline, &mut out, &mut events);
            }

            prop_assert!(player.is_over());
            let ends = events.iter().filter(|event| matches!(event, CaseEvent::Ended(_)));
            prop_assert_eq!(ends.count(), 1);
        }
    }
}
