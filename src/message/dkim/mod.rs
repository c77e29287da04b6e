//! A built message → the same with a DKIM signature (RFC 6376, RFC 8463).
//!
//! A message is signed as its receiver has it: the canonical forms are made of the text without
//! its stuffed dots, after it was padded, and the field stands in front of all others.

mod canonical;
mod key;
mod signer;

use std::time::Duration;

pub use canonical::Canonicalization;
pub use key::{KeyError, SigningKey};
pub(crate) use signer::Signer;

/// The fields that are signed by default, as far as a message has them (RFC 6376 5.4.1).
pub const USUAL_FIELDS: [&str; 10] = [
    "From",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Reply-To",
];

/// How the messages of a recipe are signed.
#[derive(Clone, Debug, PartialEq)]
pub struct Dkim {
    /// The domain that signs; see [`is_domain`].
    pub domain: String,
    /// Below which name the domain has the public key; see [`is_domain`].
    pub selector: String,
    /// The private key.
    pub key: SigningKey,
    /// The names of the fields that are signed where a message has them; From always is.
    pub fields: Vec<String>,
    /// The canonical form of the fields.
    pub header: Canonicalization,
    /// The canonical form of the body.
    pub body: Canonicalization,
    /// After what time the signature is void, in whole seconds; never where it is not set.
    pub expire: Option<Duration>,
}

/// Whether a text is a domain, or a part of one, as RFC 5321 4.1.2 writes it.
pub fn is_domain(text: &str) -> bool {
    let is_inner = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
    text.len() <= 253
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(is_inner)
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_has_labels_of_letters_digits_and_inner_hyphens() {
        let long = "a".repeat(63);
        for name in ["load.test", "a", "xn--kln-sna.test", "2026-11.s1", long.as_str()] {
            assert!(is_domain(name), "{name}");
        }
        let (label, name) = ("a".repeat(64), [long.as_str(); 4].join("."));
        let wrong = ["", ".", "a..b", "a.", "-a", "a-", "a b", "a;b", "köln.test", "a_b"];
        for name in wrong.into_iter().chain([label.as_str(), name.as_str()]) {
            assert!(!is_domain(name), "{name}");
        }
    }
}
