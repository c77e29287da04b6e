//! SCRAM-SHA-256 (RFC 5802, RFC 7677): a password and a server's salt → keys, proofs, signatures.
//!
//! The salted password is made once for each user, salt and number of iterations: it is by far
//! the most that a login costs, and a server has the same salt for all of a user's sessions.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::Arc;

use ring::{digest, hmac, pbkdf2};

use super::Secret;
use crate::draw::Draw;

/// More iterations are refused: they would hold the worker, and with it all of its sessions.
pub(super) const MOST_ITERATIONS: u32 = 100_000;

/// How many characters a nonce of ours has.
pub const NONCE_LENGTH: usize = 32;

/// What a hash is as long as.
type Hash = [u8; 32];

/// A nonce that is unlike those of other draws. A server's own nonce keeps an exchange from being
/// repeated, so this one need not be a surprise.
pub fn nonce(draw: Draw) -> String {
    format!("{:016x}{:016x}", draw.at(0).bits(), draw.at(1).bits())
}

/// The value of an attribute such as `r=`, if that is what the text begins with.
pub fn attribute(text: &str, name: char) -> Option<&str> {
    text.strip_prefix(name)?.strip_prefix('=')
}

/// What follows from a password, a salt and a number of iterations.
#[derive(Clone)]
pub struct Keys {
    client: Hash,
    stored: Hash,
    server: Hash,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}

impl Keys {
    /// The keys of a password; slow by design.
    pub fn derive(password: &Secret, salt: &[u8], iterations: NonZeroU32) -> Self {
        let mut salted = [0; 32];
        let password = password.expose().as_bytes();
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, password, &mut salted);
        Self::of(&salted)
    }

    /// The keys of a salted password.
    pub(super) fn of(salted: &Hash) -> Self {
        let client = sign(salted, b"Client Key");
        let stored = digest::digest(&digest::SHA256, &client);
        let server = sign(salted, b"Server Key");
        Self { client, stored: hash(stored.as_ref()), server }
    }

    /// What a client proves itself with.
    pub fn proof(&self, auth_message: &str) -> [u8; 32] {
        xor(&self.client, &sign(&self.stored, auth_message.as_bytes()))
    }

    /// Whether a proof is that of these keys, as a server finds out.
    pub fn proven_by(&self, proof: &[u8], auth_message: &str) -> bool {
        let Ok(proof) = Hash::try_from(proof) else { return false };
        let client = xor(&proof, &sign(&self.stored, auth_message.as_bytes()));
        digest::digest(&digest::SHA256, &client).as_ref() == self.stored
    }

    /// What a server proves itself with.
    pub fn signature(&self, auth_message: &str) -> [u8; 32] {
        sign(&self.server, auth_message.as_bytes())
    }
}

fn sign(key: &Hash, message: &[u8]) -> Hash {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hash(hmac::sign(&key, message).as_ref())
}

/// A SHA-256 hash has 32 octets.
fn hash(octets: &[u8]) -> Hash {
    Hash::try_from(octets).unwrap_or_default()
}

fn xor(a: &Hash, b: &Hash) -> Hash {
    let mut result = *a;
    for (octet, other) in result.iter_mut().zip(b) {
        *octet ^= other;
    }
    result
}

/// The keys of one client's users, in one worker.
#[derive(Debug, Default)]
pub struct Keyring {
    by_user: RefCell<BTreeMap<Arc<str>, Salted>>,
}

/// A user's keys, and what they were made with.
#[derive(Debug)]
struct Salted {
    salt: Vec<u8>,
    iterations: NonZeroU32,
    keys: Rc<Keys>,
}

impl Keyring {
    /// The keys of a user, made where salt or iterations are new.
    pub(super) fn keys(
        &self,
        user: &Arc<str>,
        password: &Secret,
        (salt, iterations): (&[u8], NonZeroU32),
    ) -> Rc<Keys> {
        let mut by_user = self.by_user.borrow_mut();
        if let Some(known) = by_user.get(user)
            && (known.salt.as_slice(), known.iterations) == (salt, iterations)
        {
            return Rc::clone(&known.keys);
        }
        let keys = Rc::new(Keys::derive(password, salt, iterations));
        let salted = Salted { salt: salt.to_vec(), iterations, keys: Rc::clone(&keys) };
        by_user.insert(Arc::clone(user), salted);
        keys
    }
}
