//! AUTH: who may send, where the server has users (RFC 4954).

use super::{Answer, Dialogue, Granted, Stage, Turn, Words, plain, replies};
use crate::sink::auth::{Exchange, Verdict};
use crate::sink::command::{NOT_OFFERED, Response};
use crate::smtp::{Mechanism, Step, decode, encode};

const STEP: Step = Step::Auth;

/// Whether a session is logged in.
#[derive(Debug, Default)]
pub(super) struct Login {
    exchange: Option<Exchange>,
    is_in: bool,
}

impl Dialogue {
    /// Whether mail is not yet taken from the session.
    pub(super) fn must_log_in(&self, turn: &Turn<'_>) -> bool {
        turn.behaviour.users.is_some() && !self.login.is_in
    }

    pub(super) fn auth(&mut self, turn: &mut Turn<'_>) {
        let refusal = match self.stage {
            _ if turn.behaviour.users.is_none() => NOT_OFFERED,
            Stage::AwaitMail if self.login.is_in => replies::LOGGED_IN_BEFORE,
            Stage::AwaitMail => return self.begin_login(turn),
            Stage::AwaitData(_) => replies::WITHIN_TRANSACTION,
            Stage::AwaitHeader
            | Stage::Opening
            | Stage::Turned
            | Stage::AwaitHello
            | Stage::AwaitHandshake(_)
            | Stage::AwaitResponse
            | Stage::AwaitDot(..)
            | Stage::AwaitChunk(_)
            | Stage::Delivering(_)
            | Stage::Over(_) => replies::HELLO_FIRST,
        };
        self.object(Some(STEP), refusal, turn);
    }

    /// `AUTH MECHANISM [INITIAL-RESPONSE]`.
    fn begin_login(&mut self, turn: &mut Turn<'_>) {
        let argument = self.commands.take_argument();
        let mut words = argument.split(|octet| *octet == b' ').filter(|word| !word.is_empty());
        let mechanism = words.next().and_then(Mechanism::named);
        let initial = words.next().map(|word| match word {
            b"=" => Some(Vec::new()),
            _ => decode(word),
        });
        let (mechanism, initial) = match (mechanism, initial, words.next()) {
            (None, _, _) => return self.object(Some(STEP), replies::UNKNOWN_MECHANISM, turn),
            (_, Some(None), _) | (_, _, Some(_)) => {
                return self.object(Some(STEP), replies::BAD_RESPONSE, turn);
            }
            (Some(mechanism), initial, None) => (mechanism, initial.flatten()),
        };
        let Some(users) = &mut turn.behaviour.users else { return };
        let (exchange, verdict) = users.begin(mechanism, initial.as_deref());
        self.login.exchange = Some(exchange);
        self.judge(verdict, turn);
    }

    pub(super) fn read_response(&mut self, rest: &[u8], turn: &mut Turn<'_>) -> usize {
        let (used, line) = self.commands.read_line(rest);
        let Some(line) = line else { return used };
        turn.behaviour.tally.command();
        let exchange = self.login.exchange.as_mut();
        let verdict = match (line, exchange, &mut turn.behaviour.users) {
            // RFC 4954 4: with `*`, which is no base64, the client cancels.
            (Response::Line(line), Some(exchange), Some(users)) => match decode(&line) {
                Some(response) => users.hear(exchange, &response),
                None => Verdict::Malformed,
            },
            (_, _, _) => Verdict::Malformed,
        };
        self.judge(verdict, turn);
        used
    }

    fn judge(&mut self, verdict: Verdict, turn: &mut Turn<'_>) {
        self.stage = Stage::AwaitMail;
        match verdict {
            Verdict::Challenge(challenge) => {
                self.stage = Stage::AwaitResponse;
                let line = format!("334 {}\r\n", encode(&challenge)).into_bytes();
                let words = Words::Planned(line.into());
                self.give(Answer { step: None, words, message: None }, turn);
            }
            Verdict::Accepted => {
                let granted = self.answer(STEP, replies::LOGGED_IN, turn);
                self.login.is_in = granted == Granted::Yes;
                turn.behaviour.tally.login(granted);
            }
            Verdict::Refused => {
                turn.behaviour.tally.login(Granted::No);
                self.give(plain(Some(STEP), replies::WRONG_CREDENTIALS), turn);
            }
            Verdict::Malformed => self.object(Some(STEP), replies::BAD_RESPONSE, turn),
        }
    }
}
