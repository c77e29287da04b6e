//! A login and a server's challenges → the responses of AUTH (RFC 4954), as values without I/O.
//!
//! Whoever carries octets knows nothing of mechanisms: an [`Exchange`] is asked for its initial
//! response and for the response to each challenge, both before base64. Passwords are [`Secret`]s,
//! and a [`Veil`] takes them out of what a server says before that is kept anywhere.

mod cram;
mod exchange;
mod login;
mod mechanism;
mod scram;
mod secret;
mod veil;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub use cram::cram_md5;
pub use exchange::{Breach, Exchange};
pub use login::{Attempt, Auth, Login, Proof};
pub use mechanism::{Mechanism, Mechanisms};
pub use scram::{Keyring, Keys, NONCE_LENGTH, attribute, nonce};
pub use secret::Secret;
pub use veil::Veil;

/// Octets as they stand on the wire.
pub fn encode(octets: &[u8]) -> String {
    STANDARD.encode(octets)
}

/// Octets in lower-case hexadecimal digits.
fn hex(octets: &[u8]) -> String {
    let digits: Vec<String> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    digits.concat()
}

/// What a line of base64 holds; none where it is no base64.
pub fn decode(line: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode(line.trim_ascii()).ok()
}

#[cfg(test)]
mod tests;
