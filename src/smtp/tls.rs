//! When a session's TLS handshake is, and what kind it was. The handshake itself is the
//! transport's.

use super::Step;

/// When a session's TLS handshake is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TlsMode {
    /// Behind STARTTLS (RFC 3207).
    Starttls,
    /// Before the greeting (RFC 8314 3.3).
    Implicit,
}

/// What kind of handshake it was.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Handshake {
    /// With certificates and a new key exchange.
    Full,
    /// On the ground of an earlier session.
    Resumed,
}

impl Handshake {
    /// The step that it is timed and counted as.
    pub const fn step(self) -> Step {
        match self {
            Self::Full => Step::Tls,
            Self::Resumed => Step::TlsResumed,
        }
    }
}
