//! Transactions: MAIL, RCPT, DATA, the text and the replies to it, until the mail is taken or given up.

use std::time::Duration;

use super::{Answer, Dialogue, Granted, Stage, Taken, Turn, Words, replies};
use crate::sink::capabilities::LARGEST_TEXT;
use crate::sink::command::{Alphabet, not_ascii};
use crate::sink::limits::Limit;
use crate::sink::text::Text;
use crate::smtp::{Protocol, Step};

/// A transaction's sender and recipients, and the text so far where it comes in chunks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Envelope {
    pub(super) alphabet: Alphabet,
    recipients: u64,
    refused: u64,
    text: Chunked,
}

/// What came of the text by BDAT so far.
#[derive(Clone, Copy, Debug)]
enum Chunked {
    /// Nothing came.
    None,
    /// So many octets.
    Octets(u64),
    /// A chunk was refused, so that the text can't be whole any more.
    Spoilt,
}

impl Envelope {
    const fn new(alphabet: Alphabet) -> Self {
        Self { alphabet, recipients: 0, refused: 0, text: Chunked::None }
    }

    /// The octets of its chunks.
    pub(super) const fn chunked(self) -> u64 {
        match self.text {
            Chunked::None | Chunked::Spoilt => 0,
            Chunked::Octets(octets) => octets,
        }
    }

    /// Whether a chunk was refused.
    pub(super) const fn is_spoilt(self) -> bool {
        matches!(self.text, Chunked::Spoilt)
    }

    /// The same with so many octets in chunks.
    pub(super) const fn with_chunks(self, octets: u64) -> Self {
        Self { text: Chunked::Octets(octets), ..self }
    }

    /// The same without a hope to get the whole text.
    pub(super) const fn without_rest(self) -> Self {
        Self { text: Chunked::Spoilt, ..self }
    }

    /// The refusal of a text that is for nobody.
    pub(super) const fn nobody(self) -> Option<&'static [u8]> {
        match (self.recipients, self.refused) {
            (0, 0) => Some(replies::RCPT_FIRST),
            (0, _) => Some(replies::NO_RECIPIENTS),
            (_, _) => None,
        }
    }
}

/// The replies to a text that are still to be given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delivery {
    step: Step,
    verdict: Verdict,
    /// For how many recipients each reply stands.
    recipients: u64,
    replies: u64,
    /// Whether one of them has accepted the message.
    taken: bool,
}

/// What is said to a text.
#[derive(Clone, Copy, Debug)]
pub(super) enum Verdict {
    /// It is taken, with so many octets, unless the plan wants otherwise.
    Taken(u64),
    /// It is not legal.
    Illegal(&'static [u8]),
    /// It has the words of this rule of the plan in it.
    Rejected(usize),
}

impl Dialogue {
    pub(super) fn mail(&mut self, size: Option<u64>, alphabet: Alphabet, turn: &mut Turn<'_>) {
        const STEP: Step = Step::Mail;
        match self.stage {
            Stage::AwaitMail if self.must_log_in(turn) => {
                self.object(Some(STEP), replies::LOG_IN_FIRST, turn);
            }
            Stage::AwaitMail if size.is_some_and(|size| size > LARGEST_TEXT) => {
                self.object(Some(STEP), replies::TOO_LARGE, turn);
            }
            Stage::AwaitMail => {
                if let Err(limit) = self.may_begin(turn) {
                    return self.limit(STEP, limit, turn);
                }
                if self.answer(STEP, replies::SENDER_OK, turn) == Granted::Yes {
                    self.messages = self.messages.saturating_add(1);
                    self.search.clear();
                    self.stage = Stage::AwaitData(Envelope::new(alphabet));
                }
            }
            Stage::AwaitData(_) => self.object(Some(STEP), replies::NESTED_MAIL, turn),
            Stage::AwaitHello
            | Stage::AwaitHeader
            | Stage::Opening
            | Stage::Turned
            | Stage::AwaitHandshake(_)
            | Stage::AwaitResponse
            | Stage::AwaitDot(..)
            | Stage::AwaitChunk(_)
            | Stage::Delivering(_)
            | Stage::Over(_) => self.object(Some(STEP), replies::HELLO_FIRST, turn),
        }
    }

    fn may_begin(&self, turn: &mut Turn<'_>) -> Result<(), Limit> {
        let limits = turn.behaviour.limits.as_mut();
        limits.map_or(Ok(()), |limits| limits.begin(self.messages, turn.now))
    }

    pub(super) fn rcpt(&mut self, alphabet: Alphabet, turn: &mut Turn<'_>) {
        const STEP: Step = Step::Rcpt;
        let Stage::AwaitData(mut envelope) = self.stage else {
            return self.object(Some(STEP), replies::MAIL_FIRST, turn);
        };
        if !matches!(envelope.text, Chunked::None) {
            return self.object(Some(STEP), replies::CHUNKS_BEGUN, turn);
        }
        let granted = if alphabet > envelope.alphabet {
            self.refuse(not_ascii(), turn);
            Granted::No
        } else {
            self.answer(STEP, replies::RECIPIENT_OK, turn)
        };
        match granted {
            Granted::Yes => envelope.recipients += 1,
            Granted::No => envelope.refused += 1,
        }
        self.stay(Stage::AwaitData(envelope));
    }

    pub(super) fn data(&mut self, turn: &mut Turn<'_>) {
        const STEP: Step = Step::Data;
        let Stage::AwaitData(envelope) = self.stage else {
            return self.object(Some(STEP), replies::MAIL_FIRST, turn);
        };
        if !matches!(envelope.text, Chunked::None) {
            return self.object(Some(STEP), replies::CHUNKS_BEGUN, turn);
        }
        if let Some(refusal) = envelope.nobody() {
            return self.object(Some(STEP), refusal, turn);
        }
        if self.answer(STEP, replies::SEND_TEXT, turn) == Granted::Yes {
            self.stay(Stage::AwaitDot(envelope, Text::new()));
        }
    }

    pub(super) fn read_text(
        &mut self,
        rest: &[u8],
        envelope: Envelope,
        mut text: Text,
        turn: &mut Turn<'_>,
    ) -> usize {
        let end = text.read(rest);
        self.search_in(rest.get(..end.unwrap_or(rest.len())).unwrap_or_default(), turn);
        match end {
            None => self.stage = Stage::AwaitDot(envelope, text),
            Some(_) => self.end_of_data(envelope, text, turn),
        }
        end.unwrap_or(rest.len())
    }

    fn end_of_data(&mut self, envelope: Envelope, text: Text, turn: &mut Turn<'_>) {
        let verdict = if text.octets() > LARGEST_TEXT {
            Verdict::Illegal(replies::TOO_LARGE)
        } else if text.has_lone_feeds() {
            Verdict::Illegal(replies::LONE_FEED)
        } else {
            Verdict::Taken(text.octets())
        };
        self.end_of_text(Step::EndOfData, envelope, verdict, turn);
    }

    /// Looks for the words that the plan refuses texts for.
    pub(super) fn search_in(&mut self, octets: &[u8], turn: &Turn<'_>) {
        if let Some(rejects) = &turn.behaviour.rejects {
            self.search.read(octets, rejects);
        }
    }

    /// The text is there, and what is to be said to it if it has none of the plan's words.
    pub(super) fn end_of_text(
        &mut self,
        step: Step,
        envelope: Envelope,
        verdict: Verdict,
        turn: &mut Turn<'_>,
    ) {
        let recipients = match turn.behaviour.protocol {
            // RFC 2033 4.2: each has its own reply.
            Protocol::Lmtp => 1,
            Protocol::Smtp => envelope.recipients,
        };
        let replies = envelope.recipients / recipients.max(1);
        let verdict = match (verdict, self.search.found()) {
            (Verdict::Taken(_), Some(rule)) => Verdict::Rejected(rule),
            (verdict, _) => verdict,
        };
        let delivery = Delivery { step, verdict, recipients, replies, taken: false };
        self.stage = Stage::AwaitMail;
        let due = turn.behaviour.done(step, turn.now);
        self.deliver(delivery, due, turn);
    }

    /// Gives the next of the replies to a text.
    fn deliver(&mut self, mut delivery: Delivery, due: Duration, turn: &mut Turn<'_>) {
        let Delivery { step, recipients, .. } = delivery;
        let mut message = None;
        let words = match delivery.verdict {
            Verdict::Illegal(refusal) => Words::Fixed(refusal),
            Verdict::Rejected(rule) => {
                let reply = turn.behaviour.rejects.as_ref().and_then(|rejects| rejects.reply(rule));
                reply.map_or(Words::Fixed(replies::REJECTED), Words::Planned)
            }
            Verdict::Taken(octets) => {
                let fault = turn.behaviour.fault(step).map(Words::Planned);
                let words = fault.unwrap_or(Words::Fixed(replies::ACCEPTED));
                if words.code() / 100 == 2 {
                    let first = (1, octets);
                    let (messages, octets) = if delivery.taken { (0, 0) } else { first };
                    message = Some(Taken { messages, recipients, octets });
                    delivery.taken = true;
                }
                words
            }
        };
        delivery.replies -= 1;
        self.give_at(due, Answer { step: Some(step), words, message }, turn);
        if delivery.replies > 0 {
            self.stay(Stage::Delivering(delivery));
        }
    }

    /// Gives what is left of the replies to a text: they follow the first at once.
    pub(super) fn deliver_next(&mut self, delivery: Delivery, turn: &mut Turn<'_>) {
        self.stage = Stage::AwaitMail;
        let due = turn.behaviour.due(None, turn.now);
        self.deliver(delivery, due, turn);
    }

    /// Ends the transaction, if there is one.
    pub(super) fn reset(&mut self) {
        if let Stage::AwaitData(_) = self.stage {
            self.stage = Stage::AwaitMail;
        }
    }
}
