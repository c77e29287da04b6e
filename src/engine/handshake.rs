//! A session's TLS handshake: begun when the dialog asks for it, told to the dialog and the books.

use std::io;

use tokio::time::Instant;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::{CipherSuite, HandshakeKind, ProtocolVersion};

use super::dialer::Dialer;
use super::session::{Flow, Session};
use super::tls::is_of_tls;
use crate::record::Negotiated;
use crate::smtp::{Handshake, Input};

/// What a handshake came to.
#[derive(Clone, Copy)]
pub(super) struct Agreed {
    pub(super) kind: Handshake,
    pub(super) negotiated: Negotiated,
}

impl Agreed {
    /// What stands in a connection whose handshake is done.
    pub(super) fn of<C>(stream: &TlsStream<C>) -> Self {
        let (_, connection) = stream.get_ref();
        let kind = match connection.handshake_kind() {
            Some(HandshakeKind::Resumed) => Handshake::Resumed,
            Some(HandshakeKind::Full | HandshakeKind::FullWithHelloRetryRequest) | None => {
                Handshake::Full
            }
        };
        let version = connection.protocol_version().map_or("unknown", version_name);
        let suite = connection.negotiated_cipher_suite();
        let cipher = suite.map_or("unknown", |suite| suite_name(suite.suite()));
        Self { kind, negotiated: Negotiated { version, cipher } }
    }
}

fn version_name(version: ProtocolVersion) -> &'static str {
    match version {
        ProtocolVersion::TLSv1_2 => "TLSv1.2",
        ProtocolVersion::TLSv1_3 => "TLSv1.3",
        other => other.as_str().unwrap_or("unknown"),
    }
}

/// The names of RFC 8446 B.4; those of TLS 1.2 rustls spells as they are.
fn suite_name(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        other => other.as_str().unwrap_or("unknown"),
    }
}

impl<D: Dialer> Session<D> {
    /// Begins the handshake, unless something came in clear behind the last reply: whoever put it
    /// there would speak for the server (RFC 3207 6).
    pub(super) fn secure(&mut self, left_in_clear: &[u8], now: Instant) -> Flow {
        if !left_in_clear.is_empty() {
            self.text.because("octets in clear behind the reply to STARTTLS");
            return self.take(Input::Illegal, None, now);
        }
        let Some(connector) = &self.worker.sender(self.handle.client).tls else {
            // The dialog asks only where the plan does, and so there is a connector.
            self.text.because("TLS is not set up");
            return self.take(Input::TlsFailed, None, now);
        };
        let name = connector.name(self.worker.server(&self.handle));
        self.connection.secure(connector.connector(), name);
        self.dialog.on(Input::Flushed, now, self.out.commands(), &mut self.events);
        Flow::On
    }

    /// The handshake has come to its end.
    pub(super) fn shaken(&mut self, agreed: io::Result<Agreed>, now: Instant) -> Flow {
        let flow = match agreed {
            Ok(Agreed { kind, negotiated }) => {
                self.worker.books.count(self.key, |cell| cell.tls.add(negotiated));
                self.take(Input::TlsReady(kind), None, now)
            }
            Err(error) => self.ended(Some(error), now),
        };
        self.await_reply(now);
        flow
    }

    /// The connection ended by an error, or orderly.
    pub(super) fn ended(&mut self, error: Option<io::Error>, now: Instant) -> Flow {
        let of_tls = error.as_ref().is_some_and(is_of_tls);
        let closed = || "the server closed the connection".to_owned();
        let text = match error {
            Some(error) if error.kind() != io::ErrorKind::UnexpectedEof => error.to_string(),
            Some(_) | None => closed(),
        };
        self.text.because(text);
        self.take(if of_tls { Input::TlsFailed } else { Input::Eof }, None, now)
    }
}
