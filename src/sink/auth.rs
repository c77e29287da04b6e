//! The users of a sink → who is let in: the server's side of AUTH (RFC 4954), as a value.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use crate::draw::Draw;
use crate::smtp::{Keys, Login, Mechanism, Secret, attribute, cram_md5, encode, nonce};

/// What RFC 7677 asks for at least.
const ITERATIONS: NonZeroU32 = NonZeroU32::MIN.saturating_add(4095);

/// What a bearer token that is no good is answered with (RFC 7628 3.2.2).
const BAD_TOKEN: &[u8] = br#"{"status":"invalid_token","schemes":"bearer"}"#;

/// What comes next in a login.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// The client must answer this.
    Challenge(Vec<u8>),
    /// It is who it says.
    Accepted,
    /// It is not.
    Refused,
    /// What it says is not of the mechanism.
    Malformed,
}

/// One login on its way.
#[derive(Debug)]
pub(super) struct Exchange {
    mechanism: Mechanism,
    awaits: Awaits,
}

#[derive(Debug)]
enum Awaits {
    /// The first response.
    First,
    /// LOGIN: the password of this user.
    Password(String),
    /// CRAM-MD5: the digest of this challenge.
    Digest(String),
    /// SCRAM: the proof.
    Proof(Proving),
    /// SCRAM: anything behind the server's own proof.
    End,
    /// Anything behind the words about a bad token.
    Dismissal,
}

/// What SCRAM's proof is checked against.
#[derive(Debug)]
struct Proving {
    user: String,
    nonce: String,
    /// The client's first message without its header, and the server's.
    messages: String,
}

/// Those who may log in.
#[derive(Debug)]
pub(super) struct Users {
    passwords: BTreeMap<Arc<str>, Secret>,
    /// SCRAM's keys, made at a user's first login.
    keys: BTreeMap<Arc<str>, Keys>,
    draw: Draw,
    challenges: u64,
}

impl Users {
    pub(super) fn new(logins: &[Login], draw: Draw) -> Self {
        let passwords =
            logins.iter().map(|login| (Arc::clone(&login.user), login.password.clone()));
        Self { passwords: passwords.collect(), keys: BTreeMap::new(), draw, challenges: 0 }
    }

    /// A login begins, with the initial response if there is one.
    pub(super) fn begin(
        &mut self,
        mechanism: Mechanism,
        initial: Option<&[u8]>,
    ) -> (Exchange, Verdict) {
        let mut exchange = Exchange { mechanism, awaits: Awaits::First };
        let verdict = match (mechanism, initial) {
            (Mechanism::CramMd5, Some(_)) => Verdict::Malformed,
            (Mechanism::CramMd5, None) => {
                let challenge = format!("<{}@sink.invalid>", self.fresh());
                exchange.awaits = Awaits::Digest(challenge.clone());
                Verdict::Challenge(challenge.into_bytes())
            }
            (_, Some(response)) => self.hear(&mut exchange, response),
            (Mechanism::Login, None) => Verdict::Challenge(b"Username:".to_vec()),
            (_, None) => Verdict::Challenge(Vec::new()),
        };
        (exchange, verdict)
    }

    /// The next response.
    pub(super) fn hear(&mut self, exchange: &mut Exchange, response: &[u8]) -> Verdict {
        let awaits = std::mem::replace(&mut exchange.awaits, Awaits::End);
        let Ok(text) = std::str::from_utf8(response) else { return Verdict::Malformed };
        match (awaits, exchange.mechanism) {
            (Awaits::First, Mechanism::Plain) => self.plain(text),
            (Awaits::First, Mechanism::Login) => {
                exchange.awaits = Awaits::Password(text.to_owned());
                Verdict::Challenge(b"Password:".to_vec())
            }
            (Awaits::First, Mechanism::ScramSha256) => self.greet(exchange, text),
            (Awaits::First, Mechanism::Xoauth2 | Mechanism::Oauthbearer) => {
                self.bearer(exchange, text)
            }
            // Its first challenge is the server's.
            (Awaits::First, Mechanism::CramMd5) => Verdict::Malformed,
            (Awaits::Password(user), _) => self.judge(&user, text),
            (Awaits::Digest(challenge), _) => self.digest(&challenge, text),
            (Awaits::Proof(proving), _) => self.proof(exchange, &proving, text),
            (Awaits::End, _) => Verdict::Accepted,
            (Awaits::Dismissal, _) => Verdict::Refused,
        }
    }

    fn judge(&self, user: &str, password: &str) -> Verdict {
        let known = self.passwords.get(user).is_some_and(|known| known.expose() == password);
        if known { Verdict::Accepted } else { Verdict::Refused }
    }

    /// RFC 4616: on whose behalf, who, and the password.
    fn plain(&self, text: &str) -> Verdict {
        let parts: Vec<&str> = text.split('\0').collect();
        match parts.as_slice() {
            [behalf, user, password] if behalf.is_empty() || behalf == user => {
                self.judge(user, password)
            }
            [_, _, _] => Verdict::Refused,
            _ => Verdict::Malformed,
        }
    }

    fn digest(&self, challenge: &str, text: &str) -> Verdict {
        let Some((user, digest)) = text.rsplit_once(' ') else { return Verdict::Malformed };
        let known = self.passwords.get(user);
        let right = known.and_then(|known| cram_md5(known.expose(), challenge.as_bytes()));
        if right.as_deref() == Some(digest) { Verdict::Accepted } else { Verdict::Refused }
    }

    /// `user=NAME^Aauth=Bearer TOKEN^A^A`, or `n,a=NAME,^Aauth=Bearer TOKEN^A^A`.
    fn bearer(&self, exchange: &mut Exchange, text: &str) -> Verdict {
        let mut parts = text.split('\x01');
        let head = parts.next().unwrap_or_default();
        let user = match exchange.mechanism {
            Mechanism::Xoauth2 => head.strip_prefix("user=").map(str::to_owned),
            _ => head.strip_prefix("n,a=").and_then(|rest| rest.strip_suffix(',')).map(unescaped),
        };
        let token = parts.find_map(|part| part.strip_prefix("auth=Bearer "));
        let (Some(user), Some(token)) = (user, token) else { return Verdict::Malformed };
        match self.judge(&user, token) {
            Verdict::Refused => {
                exchange.awaits = Awaits::Dismissal;
                Verdict::Challenge(BAD_TOKEN.to_vec())
            }
            verdict => verdict,
        }
    }

    /// SCRAM: `n,,n=USER,r=NONCE` → nonce, salt and iterations. One who is not known is asked
    /// as any other, so that nobody learns who is.
    fn greet(&mut self, exchange: &mut Exchange, text: &str) -> Verdict {
        let Some(first) = text.strip_prefix("n,,") else { return Verdict::Malformed };
        let mut parts = first.split(',');
        let mut next = |name| parts.next().and_then(|part| attribute(part, name));
        let (Some(user), Some(theirs)) = (next('n'), next('r')) else { return Verdict::Malformed };
        let user = unescaped(user);
        let nonce = format!("{theirs}{}", self.fresh());
        let salt = encode(self.salt(&user).as_bytes());
        let reply = format!("r={nonce},s={salt},i={ITERATIONS}");
        let messages = format!("{first},{reply}");
        exchange.awaits = Awaits::Proof(Proving { user, nonce, messages });
        Verdict::Challenge(reply.into_bytes())
    }

    /// SCRAM: `c=biws,r=NONCE,p=PROOF` → the server's own proof.
    fn proof(&mut self, exchange: &mut Exchange, proving: &Proving, text: &str) -> Verdict {
        let Some((last, proof)) = text.rsplit_once(",p=") else { return Verdict::Malformed };
        if last != format!("c=biws,r={}", proving.nonce) {
            return Verdict::Malformed;
        }
        let Some(proof) = crate::smtp::decode(proof.as_bytes()) else { return Verdict::Malformed };
        let auth_message = format!("{},{last}", proving.messages);
        match self.keys(&proving.user) {
            Some(keys) if keys.proven_by(&proof, &auth_message) => {
                let signature = encode(&keys.signature(&auth_message));
                exchange.awaits = Awaits::End;
                Verdict::Challenge(format!("v={signature}").into_bytes())
            }
            Some(_) | None => Verdict::Refused,
        }
    }

    fn keys(&mut self, user: &str) -> Option<&Keys> {
        let (user, password) = self.passwords.get_key_value(user)?;
        let (user, password) = (Arc::clone(user), password.clone());
        let salt = self.salt(&user);
        let derived = || Keys::derive(&password, salt.as_bytes(), ITERATIONS);
        Some(self.keys.entry(user).or_insert_with(derived))
    }

    /// The same for all logins of a user.
    fn salt(&self, user: &str) -> String {
        let letters = user.bytes().map(u64::from);
        nonce(letters.fold(self.draw.at(1), Draw::at))
    }

    fn fresh(&mut self) -> String {
        self.challenges += 1;
        nonce(self.draw.at(0).at(self.challenges))
    }
}

/// RFC 5802 5.1.
fn unescaped(name: &str) -> String {
    name.replace("=2C", ",").replace("=3D", "=")
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::smtp::{Attempt, Exchange as Client, Proof};

    fn login() -> Login {
        Login { user: "a=b,c@load.test".into(), password: Secret::new("right") }
    }

    /// Lets our client log in; what the server says last.
    fn meet(mechanism: Mechanism, login: Login, proof: Proof) -> (Verdict, Client) {
        let mut users = Users::new(&[self::login()], Draw::new(1));
        let attempt = Attempt { mechanism, login, proof };
        let mut client = Client::new(attempt, "nonce".to_owned(), Rc::default());
        let initial = client.initial();
        let (mut exchange, mut verdict) = users.begin(mechanism, initial.as_deref());
        while let Verdict::Challenge(challenge) = &verdict {
            let response = client.answer(challenge).unwrap();
            verdict = users.hear(&mut exchange, &response);
        }
        (verdict, client)
    }

    #[test]
    fn every_mechanism_lets_the_right_password_in_and_no_other() {
        let stranger = Login { user: "nobody".into(), ..login() };
        let liar = Login { password: Secret::new("left"), ..login() };
        for mechanism in Mechanism::ALL {
            let (verdict, client) = meet(mechanism, login(), Proof::Right);
            assert_eq!((verdict, client.believes()), (Verdict::Accepted, Ok(())), "{mechanism:?}");
            for (login, proof) in [
                (stranger.clone(), Proof::Right),
                (liar.clone(), Proof::Right),
                (login(), Proof::Wrong(5)),
            ] {
                assert_eq!(meet(mechanism, login, proof).0, Verdict::Refused, "{mechanism:?}");
            }
        }
    }

    #[test]
    fn what_is_not_of_the_mechanism_is_malformed() {
        let table: [(Mechanism, &[u8]); 7] = [
            (Mechanism::Plain, b"user"),
            (Mechanism::Plain, b"\xff"),
            (Mechanism::CramMd5, b"initial"),
            (Mechanism::ScramSha256, b"p=tls-unique,,n=a,r=b"),
            (Mechanism::ScramSha256, b"n,,r=b"),
            (Mechanism::Xoauth2, b"user=a"),
            (Mechanism::Oauthbearer, b"y,,\x01auth=Bearer x\x01\x01"),
        ];
        for (mechanism, initial) in table {
            let mut users = Users::new(&[login()], Draw::new(1));
            let (_, verdict) = users.begin(mechanism, Some(initial));
            assert_eq!(verdict, Verdict::Malformed, "{mechanism:?} {initial:?}");
        }
    }
}
