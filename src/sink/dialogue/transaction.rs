//! Transactions: MAIL, RCPT, DATA and the text, until the mail is taken or given up.

use super::{Answer, Dialogue, Granted, Stage, Turn, Words, replies};
use crate::sink::capabilities::LARGEST_TEXT;
use crate::sink::command::{Alphabet, not_ascii};
use crate::sink::text::Text;
use crate::smtp::Step;

#[derive(Clone, Copy, Debug)]
pub(super) struct Envelope {
    pub(super) alphabet: Alphabet,
    recipients: u64,
    refused: u64,
}

impl Dialogue {
    pub(super) fn mail(&mut self, size: Option<u64>, alphabet: Alphabet, turn: &mut Turn<'_>) {
        const STEP: Step = Step::Mail;
        match self.stage {
            Stage::AwaitMail if size.is_some_and(|size| size > LARGEST_TEXT) => {
                self.object(Some(STEP), replies::TOO_LARGE, turn);
            }
            Stage::AwaitMail => {
                if self.answer(STEP, replies::SENDER_OK, turn) == Granted::Yes {
                    self.stage = Stage::AwaitData(Envelope { alphabet, recipients: 0, refused: 0 });
                }
            }
            Stage::AwaitData(_) => self.object(Some(STEP), replies::NESTED_MAIL, turn),
            Stage::AwaitHello
            | Stage::Opening
            | Stage::Turned
            | Stage::AwaitHandshake(_)
            | Stage::AwaitDot(..)
            | Stage::Over(_) => self.object(Some(STEP), replies::HELLO_FIRST, turn),
        }
    }

    pub(super) fn rcpt(&mut self, alphabet: Alphabet, turn: &mut Turn<'_>) {
        const STEP: Step = Step::Rcpt;
        let Stage::AwaitData(mut envelope) = self.stage else {
            return self.object(Some(STEP), replies::MAIL_FIRST, turn);
        };
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
        if envelope.recipients == 0 {
            let reply =
                if envelope.refused > 0 { replies::NO_RECIPIENTS } else { replies::RCPT_FIRST };
            return self.object(Some(STEP), reply, turn);
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
        match end {
            None => self.stage = Stage::AwaitDot(envelope, text),
            Some(_) => self.end_of_data(envelope, text, turn),
        }
        end.unwrap_or(rest.len())
    }

    pub(super) fn end_of_data(&mut self, envelope: Envelope, text: Text, turn: &mut Turn<'_>) {
        const STEP: Step = Step::EndOfData;
        self.stage = Stage::AwaitMail;
        let fault = if text.octets() > LARGEST_TEXT {
            Some(Words::Fixed(replies::TOO_LARGE))
        } else if text.has_lone_feeds() {
            Some(Words::Fixed(replies::LONE_FEED))
        } else {
            turn.behaviour.fault(STEP).map(Words::Planned)
        };
        let words = fault.unwrap_or(Words::Fixed(replies::ACCEPTED));
        let message = (words.code() / 100 == 2).then_some((envelope.recipients, text.octets()));
        self.give(Answer { step: Some(STEP), words, message }, turn);
    }

    /// Ends the transaction, if there is one.
    pub(super) fn reset(&mut self) {
        if let Stage::AwaitData(_) = self.stage {
            self.stage = Stage::AwaitMail;
        }
    }
}
