//! A private key in PEM → what signs.

use std::fmt;
use std::sync::Arc;

use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::rsa::KeyPair as RsaKeyPair;
use ring::signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject as _};

/// A private key; cheap to clone. What it holds is never shown.
#[derive(Clone)]
pub struct SigningKey(Arc<Pair>);

enum Pair {
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// Why a key can't sign. Nothing of the key is in it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyError {
    /// There is no section of a private key; an encrypted one is none.
    #[error("holds no private key in PEM (PKCS#8, or PKCS#1 of RSA, not encrypted)")]
    NoKey,
    /// It is not in PEM.
    #[error("can't be read as PEM")]
    NoPem,
    /// A key of another kind.
    #[error("holds a key that is neither RSA nor Ed25519, or is broken")]
    OtherKind,
    /// RFC 8301 3.2 has 1024 bits as the least; the library signs with 2048 and more, and says
    /// the same of an exponent that is too small.
    #[error(
        "holds an RSA key that is too short: it needs 2048 to 4096 bits, and an exponent of 65537"
    )]
    TooShort,
    /// Verifiers need not take it (RFC 6376 3.3.3).
    #[error("holds an RSA key that is too long: it needs 2048 to 4096 bits")]
    TooLong,
    /// The key is broken, for a reason that the library names.
    #[error("holds a key that can't sign: {0}")]
    Rejected(String),
}

impl SigningKey {
    /// Reads the first private key of a text in PEM: RSA of 2048 to 4096 bits (PKCS#1, PKCS#8), or
    /// Ed25519 (PKCS#8).
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let der = PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
            PemError::NoItemsFound => KeyError::NoKey,
            _ => KeyError::NoPem,
        })?;
        let pair = match &der {
            PrivateKeyDer::Pkcs1(der) => Pair::rsa(RsaKeyPair::from_der(der.secret_pkcs1_der())),
            PrivateKeyDer::Pkcs8(der) => {
                let der = der.secret_pkcs8_der();
                // Without a public key beside it, as OpenSSL writes it, too.
                match Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
                    Ok(pair) => Ok(Pair::Ed25519(pair)),
                    Err(_) => Pair::rsa(RsaKeyPair::from_pkcs8(der)),
                }
            }
            _ => Err(KeyError::OtherKind),
        };
        Ok(Self(Arc::new(pair?)))
    }

    /// The name in the tag `a=`.
    pub(super) fn algorithm(&self) -> &'static str {
        match *self.0 {
            Pair::Rsa(_) => "rsa-sha256",
            Pair::Ed25519(_) => "ed25519-sha256",
        }
    }

    /// How many octets a signature has.
    pub(super) fn signature_len(&self) -> usize {
        match &*self.0 {
            Pair::Rsa(pair) => pair.public().modulus_len(),
            Pair::Ed25519(_) => 64,
        }
    }

    /// Signs; the same text always gets the same signature. None where the key does not fit
    /// together.
    pub(super) fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
        match &*self.0 {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                // PKCS#1 v1.5 draws nothing at random.
                let random = SystemRandom::new();
                pair.sign(&RSA_PKCS1_SHA256, &random, text, &mut signature).ok()?;
                Some(signature)
            }
            // RFC 8463 3: it is the hash that is signed.
            Pair::Ed25519(pair) => {
                Some(pair.sign(digest(&SHA256, text).as_ref()).as_ref().to_vec())
            }
        }
    }

    fn public(&self) -> &[u8] {
        match &*self.0 {
            Pair::Rsa(pair) => pair.public_key().as_ref(),
            Pair::Ed25519(pair) => pair.public_key().as_ref(),
        }
    }
}

impl Pair {
    fn rsa(read: Result<RsaKeyPair, ring::error::KeyRejected>) -> Result<Self, KeyError> {
        read.map(Self::Rsa).map_err(|rejected| match rejected.to_string().as_str() {
            "WrongAlgorithm" => KeyError::OtherKind,
            "TooSmall" => KeyError::TooShort,
            "TooLarge" => KeyError::TooLong,
            reason => KeyError::Rejected(reason.to_owned()),
        })
    }
}

impl PartialEq for SigningKey {
    fn eq(&self, other: &Self) -> bool {
        self.public() == other.public()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.algorithm())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    const ED25519_PEM: &[u8] = include_bytes!("../../../tests/keys/ed25519.pem");
    const RSA_PEM: &[u8] = include_bytes!("../../../tests/keys/rsa-2048.pem");
    const RSA_PKCS1_PEM: &[u8] = include_bytes!("../../../tests/keys/rsa-2048-pkcs1.pem");

    #[test]
    fn a_key_of_rsa_or_ed25519_says_its_algorithm_and_signs_by_it() {
        let rsa = SigningKey::from_pem(RSA_PEM).unwrap();
        let ed25519 = SigningKey::from_pem(ED25519_PEM).unwrap();
        assert_eq!(rsa, SigningKey::from_pem(RSA_PKCS1_PEM).unwrap());
        assert_ne!(rsa, ed25519);
        assert_eq!((rsa.algorithm(), ed25519.algorithm()), ("rsa-sha256", "ed25519-sha256"));

        let (by_rsa, by_ed25519) = (rsa.sign(b"text").unwrap(), ed25519.sign(b"text").unwrap());

        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, rsa.public());
        assert!(public.verify(b"text", &by_rsa).is_ok());
        let public = UnparsedPublicKey::new(&ED25519, ed25519.public());
        assert!(public.verify(digest(&SHA256, b"text").as_ref(), &by_ed25519).is_ok());
        assert_eq!((by_rsa.len(), by_ed25519.len()), (rsa.signature_len(), 64));
        assert_eq!(rsa.sign(b"text"), Some(by_rsa), "nothing is drawn at random");
    }

    #[test]
    fn what_can_not_sign_is_told_apart() {
        for (pem, error) in [
            (&include_bytes!("../../../tests/keys/rsa-1024.pem")[..], KeyError::TooShort),
            (include_bytes!("../../../tests/keys/ec.pem"), KeyError::OtherKind),
            (include_bytes!("../../../tests/keys/encrypted.pem"), KeyError::NoKey),
            (b"", KeyError::NoKey),
            (b"-----BEGIN PRIVATE KEY-----\nAAAA\n", KeyError::NoPem),
        ] {
            let told = SigningKey::from_pem(pem);
            assert_eq!(told, Err(error), "{}", String::from_utf8_lossy(pem));
        }
    }

    #[test]
    fn a_key_is_shown_by_its_algorithm_alone() {
        let key = SigningKey::from_pem(ED25519_PEM).unwrap();
        assert_eq!(format!("{key:?}"), "SigningKey(ed25519-sha256)");
    }
}
