//! The mechanisms of AUTH, their names, and sets of them.

/// How a client proves who it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Mechanism {
    /// User and password in one response (RFC 4616).
    Plain = 1,
    /// The same in two responses.
    Login = 2,
    /// A keyed digest of a challenge (RFC 2195).
    CramMd5 = 4,
    /// Salted challenge and response, in which the server proves itself too (RFC 7677).
    ScramSha256 = 8,
    /// A bearer token, in the form of Google and Microsoft.
    Xoauth2 = 16,
    /// A bearer token (RFC 7628).
    Oauthbearer = 32,
}

impl Mechanism {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Plain,
        Self::Login,
        Self::CramMd5,
        Self::ScramSha256,
        Self::Xoauth2,
        Self::Oauthbearer,
    ];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::CramMd5 => "CRAM-MD5",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::Xoauth2 => "XOAUTH2",
            Self::Oauthbearer => "OAUTHBEARER",
        }
    }

    /// The mechanism of a name, in any case.
    pub fn named(name: &[u8]) -> Option<Self> {
        let is = |mechanism: &Self| name.eq_ignore_ascii_case(mechanism.name().as_bytes());
        Self::ALL.into_iter().find(is)
    }

    /// What is said of a server that does not offer it.
    pub(crate) const fn lacking(self) -> &'static str {
        match self {
            Self::Plain => "the server does not offer AUTH PLAIN",
            Self::Login => "the server does not offer AUTH LOGIN",
            Self::CramMd5 => "the server does not offer AUTH CRAM-MD5",
            Self::ScramSha256 => "the server does not offer AUTH SCRAM-SHA-256",
            Self::Xoauth2 => "the server does not offer AUTH XOAUTH2",
            Self::Oauthbearer => "the server does not offer AUTH OAUTHBEARER",
        }
    }
}

/// A set of mechanisms.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Mechanisms(u8);

impl Mechanisms {
    /// The known mechanisms among the words of an EHLO line.
    pub fn of<'a>(words: impl Iterator<Item = &'a [u8]>) -> Self {
        let known = words.filter_map(Mechanism::named);
        Self(known.fold(0, |all, mechanism| all | mechanism as u8))
    }

    /// These and others.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether one of them is this.
    pub const fn hold(self, mechanism: Mechanism) -> bool {
        self.0 & mechanism as u8 != 0
    }
}
