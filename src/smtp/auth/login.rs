//! Who logs in: a client's users, and which of them a session is.

use std::sync::Arc;

use super::{Mechanism, Secret};
use crate::draw::{Draw, Purpose};

/// A user and what proves it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Login {
    /// The name.
    pub user: Arc<str>,
    /// The password, or the bearer token.
    pub password: Secret,
}

/// How the sessions of a client log in.
#[derive(Clone, Debug, PartialEq)]
pub struct Auth {
    /// How.
    pub mechanism: Mechanism,
    /// As whom, in turn; at least one.
    pub logins: Arc<[Login]>,
    /// The share of sessions that try a wrong password on purpose.
    pub failure_rate: f64,
}

/// Whether a session has its right password.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Proof {
    /// It has.
    Right,
    /// It tries a wrong one on purpose, made from these bits.
    Wrong(u64),
}

/// What one session tries.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Attempt {
    /// How.
    pub mechanism: Mechanism,
    /// As whom.
    pub login: Login,
    /// With which password.
    pub proof: Proof,
}

impl Auth {
    /// The login of the session with this number within its client: each user in turn.
    pub fn login(&self, number: u64) -> Option<&Login> {
        let place = number.checked_rem(self.logins.len() as u64)?;
        self.logins.get(usize::try_from(place).ok()?)
    }

    /// What that session tries; `draw` is its own.
    pub fn attempt(&self, number: u64, draw: Draw) -> Option<Attempt> {
        let login = self.login(number)?.clone();
        let draw = draw.of(Purpose::Password);
        let wrong = draw.at(0).unit() < self.failure_rate;
        let proof = if wrong { Proof::Wrong(draw.at(1).bits()) } else { Proof::Right };
        Some(Attempt { mechanism: self.mechanism, login, proof })
    }
}

impl Attempt {
    /// The password that is tried. A wrong one owes nothing to the right one, and differs from
    /// session to session, for servers count a repeated one but once.
    pub(super) fn password(&self) -> Secret {
        match self.proof {
            Proof::Right => self.login.password.clone(),
            Proof::Wrong(bits) => Secret::new(&format!("wrong-{bits:016x}")),
        }
    }
}
