//! What the sessions of a client have in common.

use super::super::{
    Chunking, Dsn, EhloName, Ending, Expectations, Pipelining, Protocol, TlsMode, Xclient,
};

/// What does not change from session to session.
#[derive(Clone, Debug)]
pub struct Manners {
    /// The name in EHLO.
    pub ehlo: EhloName,
    /// How commands are grouped.
    pub pipelining: Pipelining,
    /// When the session's TLS handshake is; none: everything goes in clear.
    pub tls: Option<TlsMode>,
    /// How the session is ended.
    pub ending: Ending,
    /// What the server speaks.
    pub protocol: Protocol,
    /// Whether text goes by BDAT.
    pub chunking: Chunking,
    /// The notifications that are asked for.
    pub dsn: Option<Dsn>,
    /// Whom the session stands for.
    pub xclient: Option<Xclient>,
    /// The replies that must come; of these the dialog itself looks at those to the opening, before
    /// any message is known.
    pub expect: Expectations,
}

impl Manners {
    /// Those of an ordinary SMTP client of this name.
    pub fn of(ehlo: EhloName) -> Self {
        Self {
            ehlo,
            pipelining: Pipelining::default(),
            tls: None,
            ending: Ending::default(),
            protocol: Protocol::default(),
            chunking: Chunking::default(),
            dsn: None,
            xclient: None,
            expect: Expectations::default(),
        }
    }
}
