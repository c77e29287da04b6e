//! A client's octets → the server's replies, and when to go on: one SMTP session without I/O.
//!
//! Commands are obeyed one after another. One whose answer is not due yet stops the dialogue; what
//! was read behind it is handed in again when the time has come. So the answers keep their order,
//! and a message enters the queue of the servers at the moment when it arrives there.

use std::rc::Rc;
use std::time::Duration;

use super::behaviour::Behaviour;
use super::command::{Alphabet, Command, Commands, Objection, not_ascii};
use super::text::Text;
use crate::smtp::Step;

/// The largest text that is accepted, as EHLO says (RFC 1870).
const LARGEST_TEXT: u64 = 52_428_800;

const GREETING: &[u8] = b"220 sink.invalid ESMTP mailquake\r\n";
const EHLO: &[u8] = b"250-sink.invalid\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n\
    250-SIZE 52428800\r\n250 ENHANCEDSTATUSCODES\r\n";
const HELO: &[u8] = b"250 sink.invalid\r\n";
const SENDER_OK: &[u8] = b"250 2.1.0 sender ok\r\n";
const RECIPIENT_OK: &[u8] = b"250 2.1.5 recipient ok\r\n";
const SEND_TEXT: &[u8] = b"354 end with a dot\r\n";
const ACCEPTED: &[u8] = b"250 2.0.0 accepted\r\n";
const DONE: &[u8] = b"250 2.0.0 ok\r\n";
const UNVERIFIED: &[u8] = b"252 2.0.0 not verified\r\n";
const BYE: &[u8] = b"221 2.0.0 bye\r\n";
const TOO_LARGE: &[u8] = b"552 5.3.4 message too large\r\n";
const LONE_FEED: &[u8] = b"550 5.6.0 a line feed without carriage return\r\n";
const HELLO_FIRST: &[u8] = b"503 5.5.1 EHLO first\r\n";
const MAIL_FIRST: &[u8] = b"503 5.5.1 MAIL first\r\n";
const RCPT_FIRST: &[u8] = b"503 5.5.1 RCPT first\r\n";
const NESTED_MAIL: &[u8] = b"503 5.5.1 one MAIL at a time\r\n";
const NO_RECIPIENTS: &[u8] = b"554 5.5.1 no valid recipients\r\n";
const NO_SERVICE: &[u8] = b"503 5.5.1 no service here\r\n";

/// What the dialogue waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Act {
    /// More octets of the client.
    Read,
    /// The time at which the next answer is due, counted from the server's start.
    Wait(Duration),
    /// Nothing: the replies are the last ones.
    Close(Ending),
}

/// Why the server closes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ending {
    /// The client said QUIT.
    Quit,
    /// A 421.
    Closing,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// The greeting is not said.
    Opening,
    /// The greeting was a refusal: only QUIT is obeyed (RFC 5321 3.1).
    Turned,
    /// No EHLO or HELO yet.
    AwaitHello,
    /// Between transactions.
    AwaitMail,
    /// In a transaction.
    AwaitData(Envelope),
    /// Behind a 354.
    AwaitDot(Envelope, Text),
    /// The last reply is given.
    Over(Ending),
}

#[derive(Clone, Copy, Debug)]
struct Envelope {
    alphabet: Alphabet,
    recipients: u64,
    refused: u64,
}

/// One reply on its way.
#[derive(Debug)]
struct Answer {
    step: Option<Step>,
    words: Words,
    /// Recipients and octets of the message that it answers, where it accepts one.
    message: Option<(u64, u64)>,
}

#[derive(Debug)]
enum Words {
    Fixed(&'static [u8]),
    Planned(Rc<[u8]>),
}

impl Words {
    fn octets(&self) -> &[u8] {
        match self {
            Self::Fixed(octets) => octets,
            Self::Planned(octets) => octets,
        }
    }

    fn code(&self) -> u16 {
        self.octets().iter().take(3).fold(0, |code, digit| code * 10 + u16::from(digit & 15))
    }
}

/// Whether a step had the success that lets the session go on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Granted {
    Yes,
    No,
}

/// One session of the server.
#[derive(Debug)]
pub(super) struct Dialogue {
    stage: Stage,
    commands: Commands,
    waiting: Option<(Duration, Answer)>,
}

/// Where one call stands: the whole server, the clock, and the replies so far.
struct Turn<'a> {
    behaviour: &'a mut Behaviour,
    now: Duration,
    out: &'a mut Vec<u8>,
}

impl Dialogue {
    /// A session whose greeting is due.
    pub(super) fn new() -> Self {
        Self { stage: Stage::Opening, commands: Commands::default(), waiting: None }
    }

    /// Goes on with the octets of one read, or with those that an earlier call left over; puts the
    /// replies that are due behind `out`. Gives how many octets were used, and what comes next.
    pub(super) fn on(
        &mut self,
        octets: &[u8],
        now: Duration,
        behaviour: &mut Behaviour,
        out: &mut Vec<u8>,
    ) -> (usize, Act) {
        let mut turn = Turn { behaviour, now, out };
        let mut used = 0;
        self.release(&mut turn);
        loop {
            if let Some((due, _)) = self.waiting {
                return (used, Act::Wait(due));
            }
            let rest = &octets[used..];
            match self.stage {
                Stage::Over(ending) => return (octets.len(), Act::Close(ending)),
                Stage::Opening => self.greet(&mut turn),
                _ if rest.is_empty() => return (used, Act::Read),
                Stage::AwaitDot(envelope, text) => {
                    used += self.read_text(rest, envelope, text, &mut turn);
                }
                Stage::Turned | Stage::AwaitHello | Stage::AwaitMail | Stage::AwaitData(_) => {
                    used += self.read_command(rest, &mut turn);
                }
            }
        }
    }

    fn release(&mut self, turn: &mut Turn<'_>) {
        if let Some((_, answer)) = self.waiting.take_if(|(due, _)| *due <= turn.now) {
            self.say(&answer, turn);
        }
    }

    fn greet(&mut self, turn: &mut Turn<'_>) {
        self.stage = Stage::AwaitHello;
        if self.answer(Step::Greeting, GREETING, turn) == Granted::No {
            self.stay(Stage::Turned);
        }
    }

    fn read_text(
        &mut self,
        rest: &[u8],
        envelope: Envelope,
        mut text: Text,
        turn: &mut Turn<'_>,
    ) -> usize {
        let end = text.read(rest);
        match end {
            None => self.stage = Stage::AwaitDot(envelope, text),
            Some(_) => self.end_of_data(envelope, text, turn),
        }
        end.unwrap_or(rest.len())
    }

    fn end_of_data(&mut self, envelope: Envelope, text: Text, turn: &mut Turn<'_>) {
        const STEP: Step = Step::EndOfData;
        self.stage = Stage::AwaitMail;
        let fault = if text.octets() > LARGEST_TEXT {
            Some(Words::Fixed(TOO_LARGE))
        } else if text.has_lone_feeds() {
            Some(Words::Fixed(LONE_FEED))
        } else {
            turn.behaviour.fault(STEP).map(Words::Planned)
        };
        let words = fault.unwrap_or(Words::Fixed(ACCEPTED));
        let message = (words.code() / 100 == 2).then_some((envelope.recipients, text.octets()));
        self.give(Answer { step: Some(STEP), words, message }, turn);
    }

    fn read_command(&mut self, rest: &[u8], turn: &mut Turn<'_>) -> usize {
        let (used, read) = self.commands.read(rest);
        if let Some(read) = read {
            turn.behaviour.tally.command();
            match (read, self.stage) {
                (Ok(Command::Quit), _) => self.quit(turn),
                (_, Stage::Turned) => self.object(None, NO_SERVICE, turn),
                (Ok(command), _) => self.obey(command, turn),
                (Err(objection), _) => self.refuse(objection, turn),
            }
        }
        used
    }

    fn obey(&mut self, command: Command, turn: &mut Turn<'_>) {
        match command {
            Command::Ehlo => self.ehlo(turn),
            Command::Helo => {
                self.stage = Stage::AwaitMail;
                self.give(plain(Some(Step::Ehlo), HELO), turn);
            }
            Command::Mail { size, alphabet } => self.mail(size, alphabet, turn),
            Command::Rcpt { alphabet } => self.rcpt(alphabet, turn),
            Command::Data => self.data(turn),
            Command::Rset => {
                if self.answer(Step::Rset, DONE, turn) == Granted::Yes {
                    self.reset();
                }
            }
            Command::Noop => self.give(plain(None, DONE), turn),
            Command::Verify => self.give(plain(None, UNVERIFIED), turn),
            Command::Quit => self.quit(turn),
        }
    }

    /// Planned replies hold for EHLO alone, so that a client can fall back to HELO.
    fn ehlo(&mut self, turn: &mut Turn<'_>) {
        if self.answer(Step::Ehlo, EHLO, turn) == Granted::Yes {
            self.stage = Stage::AwaitMail;
        }
    }

    fn mail(&mut self, size: Option<u64>, alphabet: Alphabet, turn: &mut Turn<'_>) {
        const STEP: Step = Step::Mail;
        match self.stage {
            Stage::AwaitMail if size.is_some_and(|size| size > LARGEST_TEXT) => {
                self.object(Some(STEP), TOO_LARGE, turn);
            }
            Stage::AwaitMail => {
                if self.answer(STEP, SENDER_OK, turn) == Granted::Yes {
                    self.stage = Stage::AwaitData(Envelope { alphabet, recipients: 0, refused: 0 });
                }
            }
            Stage::AwaitData(_) => self.object(Some(STEP), NESTED_MAIL, turn),
            Stage::AwaitHello
            | Stage::Opening
            | Stage::Turned
            | Stage::AwaitDot(..)
            | Stage::Over(_) => self.object(Some(STEP), HELLO_FIRST, turn),
        }
    }

    fn rcpt(&mut self, alphabet: Alphabet, turn: &mut Turn<'_>) {
        const STEP: Step = Step::Rcpt;
        let Stage::AwaitData(mut envelope) = self.stage else {
            return self.object(Some(STEP), MAIL_FIRST, turn);
        };
        let granted = if alphabet > envelope.alphabet {
            self.refuse(not_ascii(), turn);
            Granted::No
        } else {
            self.answer(STEP, RECIPIENT_OK, turn)
        };
        match granted {
            Granted::Yes => envelope.recipients += 1,
            Granted::No => envelope.refused += 1,
        }
        self.stay(Stage::AwaitData(envelope));
    }

    fn data(&mut self, turn: &mut Turn<'_>) {
        const STEP: Step = Step::Data;
        let Stage::AwaitData(envelope) = self.stage else {
            return self.object(Some(STEP), MAIL_FIRST, turn);
        };
        if envelope.recipients == 0 {
            let reply = if envelope.refused > 0 { NO_RECIPIENTS } else { RCPT_FIRST };
            return self.object(Some(STEP), reply, turn);
        }
        if self.answer(STEP, SEND_TEXT, turn) == Granted::Yes {
            self.stay(Stage::AwaitDot(envelope, Text::new()));
        }
    }

    fn quit(&mut self, turn: &mut Turn<'_>) {
        self.answer(Step::Quit, BYE, turn);
    }

    /// Ends the transaction, if there is one.
    fn reset(&mut self) {
        if let Stage::AwaitData(_) = self.stage {
            self.stage = Stage::AwaitMail;
        }
    }

    /// Moves on, unless a 421 has just ended the session.
    fn stay(&mut self, stage: Stage) {
        if !matches!(self.stage, Stage::Over(_)) {
            self.stage = stage;
        }
    }

    /// Answers a step with its success, or as the plan wants.
    fn answer(&mut self, step: Step, success: &'static [u8], turn: &mut Turn<'_>) -> Granted {
        let words = turn.behaviour.fault(step).map_or(Words::Fixed(success), Words::Planned);
        let wanted = if step == Step::Data { 3 } else { 2 };
        let granted = if words.code() / 100 == wanted { Granted::Yes } else { Granted::No };
        self.give(Answer { step: Some(step), words, message: None }, turn);
        granted
    }

    fn refuse(&mut self, objection: Objection, turn: &mut Turn<'_>) {
        self.object(objection.step, objection.reply, turn);
    }

    fn object(&mut self, step: Option<Step>, reply: &'static [u8], turn: &mut Turn<'_>) {
        self.give(plain(step, reply), turn);
    }

    fn give(&mut self, answer: Answer, turn: &mut Turn<'_>) {
        let due = turn.behaviour.due(answer.step, turn.now);
        if due > turn.now {
            self.waiting = Some((due, answer));
        } else {
            self.say(&answer, turn);
        }
    }

    fn say(&mut self, answer: &Answer, turn: &mut Turn<'_>) {
        turn.out.extend_from_slice(answer.words.octets());
        let code = answer.words.code();
        if let Some((recipients, octets)) = answer.message {
            turn.behaviour.tally.accept(recipients, octets);
        } else if code >= 400 {
            turn.behaviour.tally.refuse(answer.step, code);
        }
        match (answer.step, code) {
            (Some(Step::Quit), 200..=299) => self.stage = Stage::Over(Ending::Quit),
            (_, 421) => self.stage = Stage::Over(Ending::Closing),
            _ => {}
        }
    }
}

fn plain(step: Option<Step>, reply: &'static [u8]) -> Answer {
    Answer { step, words: Words::Fixed(reply), message: None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::{Delay, SinkPlan, SinkReply, SinkRole, SinkStep};
    use crate::sink::tally::{SinkCounters, Tally};
    use crate::smtp::Code;

    fn plan() -> SinkPlan {
        SinkPlan {
            listen: None,
            role: SinkRole::Target,
            latency: Vec::new(),
            replies: Vec::new(),
            servers: None,
            service: None,
            stall: None,
        }
    }

    fn always(step: SinkStep, code: u16, text: &str) -> SinkPlan {
        let code = Code::new(code).unwrap();
        let reply = SinkReply { code, enhanced: None, text: text.to_owned() };
        SinkPlan { replies: vec![(step, vec![(reply, 1.0)])], ..plan() }
    }

    /// The replies to octets that arrive in the given pieces, the last act, and the counts.
    fn converse(plan: &SinkPlan, pieces: &[&[u8]]) -> (String, Act, SinkCounters) {
        let tally = std::sync::Arc::new(Tally::new());
        let mut behaviour = Behaviour::new(plan, 1, tally);
        let mut dialogue = Dialogue::new();
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
             250-8BITMIME\r\n250-SMTPUTF8\r\n250-SIZE 52428800\r\n250 ENHANCEDSTATUSCODES\r\n\
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
        let mut behaviour = Behaviour::new(&plan, 1, std::sync::Arc::new(Tally::new()));
        let mut dialogue = Dialogue::new();
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

    /// Octets that are commands, texts, and what is neither.
    fn wire() -> impl Strategy<Value = Vec<u8>> {
        let pieces = prop::sample::select(vec![
            &b"EHLO a\r\n"[..],
            b"MAIL FROM:<a@b>\r\n",
            b"RCPT TO:<c@d>\r\n",
            b"DATA\r\n",
            b"RSET\r\n",
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
            lengths in prop::collection::vec(1_usize..50, 1..40),
        ) {
            let mut pieces = Vec::new();
            let mut rest = &octets[..];
            for length in lengths.iter().cycle().take(octets.len()) {
                let (piece, behind) = rest.split_at((*length).min(rest.len()));
                pieces.push(piece);
                rest = behind;
            }

            let whole = converse(&plan(), &[&octets]);
            let split = converse(&plan(), &pieces);

            prop_assert_eq!(whole, split);
        }
    }
}
