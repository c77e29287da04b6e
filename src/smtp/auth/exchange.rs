//! One session's login: the client's side of a mechanism, challenge by challenge.

use std::num::NonZeroU32;
use std::rc::Rc;

use super::scram::{Keyring, Keys, MOST_ITERATIONS, attribute};
use super::{Attempt, Mechanism, Proof, Secret, Veil, cram_md5, decode, encode};

/// Why an exchange can't go on: the server does not keep to the mechanism.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}", self.text())]
pub enum Breach {
    /// A challenge that is no base64.
    NotBase64,
    /// More challenges than the mechanism has.
    OneTooMany,
    /// A challenge that the mechanism does not have in this place.
    Strange,
    /// SCRAM: not the nonce that was sent.
    Nonce,
    /// SCRAM: too many iterations.
    Iterations,
    /// SCRAM: a wrong signature, or none.
    Unproven,
}

impl Breach {
    /// The same in words.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::NotBase64 => "the server's challenge is no base64",
            Self::OneTooMany => "the server asks for more than the mechanism has",
            Self::Strange => "the server's challenge is not of the mechanism",
            Self::Nonce => "the server does not give the client's nonce back",
            Self::Iterations => {
                "the server asks for more than 100,000 iterations, which would hold the tester up"
            }
            Self::Unproven => "the server did not prove that it knows the password",
        }
    }
}

/// Where an exchange stands.
#[derive(Clone, Debug)]
enum State {
    /// Nothing was said.
    Begin,
    /// LOGIN: the user was said.
    UserSaid,
    /// SCRAM: the first message was sent, with this nonce.
    Greeted(String),
    /// SCRAM: the proof was sent; the server's signature must be this.
    Proving([u8; 32]),
    /// All was said.
    Said,
    /// SCRAM: the server proved itself, too.
    Proven,
    /// A bearer token was refused, or SCRAM's proof: only the final reply is to come.
    Refused,
}

/// The client's side of one login.
#[derive(Debug)]
pub struct Exchange {
    attempt: Attempt,
    password: Secret,
    nonce: String,
    keyring: Rc<Keyring>,
    state: State,
    /// What was sent, in the clear, for the veil.
    sent: Vec<Secret>,
}

impl Exchange {
    /// A login that is about to begin; `nonce` is SCRAM's.
    pub fn new(attempt: Attempt, nonce: String, keyring: Rc<Keyring>) -> Self {
        let password = attempt.password();
        Self { attempt, password, nonce, keyring, state: State::Begin, sent: Vec::new() }
    }

    /// How.
    pub fn mechanism(&self) -> Mechanism {
        self.attempt.mechanism
    }

    /// With which password.
    pub fn proof(&self) -> Proof {
        self.attempt.proof
    }

    /// What is sent with the command, or to a first empty challenge; none where the server speaks
    /// first.
    pub fn initial(&mut self) -> Option<Vec<u8>> {
        let (user, password) = (&*self.attempt.login.user, self.password.expose());
        let response = match self.attempt.mechanism {
            Mechanism::Login | Mechanism::CramMd5 => return None,
            Mechanism::Plain => format!("\0{user}\0{password}"),
            Mechanism::Xoauth2 => format!("user={user}\x01auth=Bearer {password}\x01\x01"),
            Mechanism::Oauthbearer => {
                format!("n,a={},\x01auth=Bearer {password}\x01\x01", saslname(user))
            }
            Mechanism::ScramSha256 => format!("n,,{}", self.first_message()),
        };
        self.state = match self.attempt.mechanism {
            Mechanism::ScramSha256 => State::Greeted(self.first_message()),
            _ => State::Said,
        };
        Some(self.send(response))
    }

    /// The response to a challenge, both before base64.
    pub fn answer(&mut self, challenge: &[u8]) -> Result<Vec<u8>, Breach> {
        let state = std::mem::replace(&mut self.state, State::Said);
        let response = match (self.attempt.mechanism, state) {
            (Mechanism::Login, State::Begin) => {
                self.state = State::UserSaid;
                self.attempt.login.user.to_string()
            }
            (Mechanism::Login, State::UserSaid) => self.password.expose().to_owned(),
            (Mechanism::CramMd5, State::Begin) => {
                let digest = cram_md5(self.password.expose(), challenge).ok_or(Breach::Strange)?;
                format!("{} {digest}", self.attempt.login.user)
            }
            (Mechanism::ScramSha256, State::Greeted(first)) => self.prove(&first, challenge)?,
            (Mechanism::ScramSha256, State::Proving(signature)) => {
                return self.hear_verdict(challenge, &signature);
            }
            // The error in words: an answer without meaning lets the final reply come.
            (Mechanism::Xoauth2, State::Said) => {
                self.state = State::Refused;
                String::new()
            }
            // RFC 7628 3.2.3.
            (Mechanism::Oauthbearer, State::Said) => {
                self.state = State::Refused;
                "\x01".to_owned()
            }
            (
                _,
                State::Begin
                | State::UserSaid
                | State::Greeted(_)
                | State::Proving(_)
                | State::Said
                | State::Proven
                | State::Refused,
            ) => return Err(Breach::OneTooMany),
        };
        Ok(self.send(response))
    }

    /// Whether a success may be believed: in SCRAM the server must have proved itself.
    pub fn believes(&self) -> Result<(), Breach> {
        match (self.attempt.mechanism, &self.state) {
            (Mechanism::ScramSha256, State::Proven) => Ok(()),
            (Mechanism::ScramSha256, _) => Err(Breach::Unproven),
            (_, _) => Ok(()),
        }
    }

    /// What must not be seen in anything that the server says.
    pub fn veil(&self) -> Veil {
        let known = [&self.attempt.login.password, &self.password].into_iter().chain(&self.sent);
        Veil::over(known.map(Secret::expose))
    }

    fn send(&mut self, response: String) -> Vec<u8> {
        let is_user = response == *self.attempt.login.user;
        if !is_user && !response.is_empty() {
            self.sent.push(Secret::new(&response));
            self.sent.push(Secret::new(&encode(response.as_bytes())));
            // The proof by itself.
            let words = response.rsplit([' ', ',']).next().unwrap_or_default();
            self.sent.push(Secret::new(words.strip_prefix("p=").unwrap_or(words)));
        }
        response.into_bytes()
    }

    fn first_message(&self) -> String {
        format!("n={},r={}", saslname(&self.attempt.login.user), self.nonce)
    }

    /// SCRAM: the server's salt → the client's proof.
    fn prove(&mut self, first: &str, challenge: &[u8]) -> Result<String, Breach> {
        let server_first = std::str::from_utf8(challenge).map_err(|_| Breach::Strange)?;
        let mut parts = server_first.split(',');
        let mut next = |name| parts.next().and_then(|part| attribute(part, name));
        let (Some(nonce), Some(salt), Some(rounds)) = (next('r'), next('s'), next('i')) else {
            return Err(Breach::Strange);
        };
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err(Breach::Nonce);
        }
        let salt = decode(salt.as_bytes()).ok_or(Breach::Strange)?;
        let rounds: NonZeroU32 = rounds.parse().map_err(|_| Breach::Strange)?;
        if rounds.get() > MOST_ITERATIONS {
            return Err(Breach::Iterations);
        }
        let keys = self.keys(&salt, rounds);
        // `biws` is `n,,`: no channel binding.
        let last = format!("c=biws,r={nonce}");
        let auth_message = format!("{first},{server_first},{last}");
        self.state = State::Proving(keys.signature(&auth_message));
        Ok(format!("{last},p={}", encode(&keys.proof(&auth_message))))
    }

    /// A wrong password costs nothing to salt: any octets are as wrong as others.
    fn keys(&self, salt: &[u8], rounds: NonZeroU32) -> Rc<Keys> {
        match self.attempt.proof {
            Proof::Right => {
                self.keyring.keys(&self.attempt.login.user, &self.password, (salt, rounds))
            }
            Proof::Wrong(bits) => {
                let mut salted = [0; 32];
                salted[..8].copy_from_slice(&bits.to_be_bytes());
                Rc::new(Keys::of(&salted))
            }
        }
    }

    /// SCRAM: what the server says of the proof, which is answered with nothing.
    fn hear_verdict(&mut self, challenge: &[u8], signature: &[u8; 32]) -> Result<Vec<u8>, Breach> {
        let verdict = std::str::from_utf8(challenge).map_err(|_| Breach::Strange)?;
        if attribute(verdict, 'e').is_some() {
            self.state = State::Refused;
            return Ok(Vec::new());
        }
        let theirs = verdict.split(',').next().and_then(|part| attribute(part, 'v'));
        let theirs = theirs.and_then(|text| decode(text.as_bytes())).ok_or(Breach::Strange)?;
        if theirs != signature {
            return Err(Breach::Unproven);
        }
        self.state = State::Proven;
        Ok(Vec::new())
    }
}

/// A name inside a list of attributes (RFC 5802 5.1).
fn saslname(user: &str) -> String {
    user.replace('=', "=3D").replace(',', "=2C")
}
