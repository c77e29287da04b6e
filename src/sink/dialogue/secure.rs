//! STARTTLS, and where a session goes on behind a handshake.

use super::login::Login;
use super::{Dialogue, Granted, Stage, Turn, replies};
use crate::sink::capabilities::Security;
use crate::sink::command::{Commands, NOT_OFFERED};
use crate::smtp::{Step, TlsMode};

/// Where a session goes on behind a handshake.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Afterwards {
    /// With the greeting.
    Greet,
    /// With EHLO: what was said before is forgotten (RFC 3207 4.2).
    Hello,
}

impl Dialogue {
    pub(super) fn starttls(&mut self, turn: &mut Turn<'_>) {
        const STEP: Step = Step::Starttls;
        let refusal = match (self.stage, turn.behaviour.tls) {
            (_, Some(TlsMode::Implicit) | None) => NOT_OFFERED,
            (_, Some(TlsMode::Starttls)) if self.security == Security::Encrypted => {
                replies::ENCRYPTED
            }
            (Stage::AwaitMail, Some(TlsMode::Starttls)) => {
                if self.answer(STEP, replies::READY_FOR_TLS, turn) == Granted::Yes {
                    self.stay(Stage::AwaitHandshake(Afterwards::Hello));
                }
                return;
            }
            (Stage::AwaitData(_), Some(TlsMode::Starttls)) => replies::WITHIN_TRANSACTION,
            (_, Some(TlsMode::Starttls)) => replies::HELLO_FIRST,
        };
        self.object(Some(STEP), refusal, turn);
    }

    /// The handshake is done.
    pub(in crate::sink) fn secured(&mut self) {
        self.security = Security::Encrypted;
        self.commands = Commands::default();
        self.login = Login::default();
        if let Stage::AwaitHandshake(afterwards) = self.stage {
            self.stage = match afterwards {
                Afterwards::Greet => Stage::Opening,
                Afterwards::Hello => Stage::AwaitHello,
            };
        }
    }
}
